//! What came out across a matrix: the verdicts, the figure that fits its axes, and the table of its points.

use maud::{Markup, html};

use crate::Error;
use crate::card::reached;
use crate::figure::{Csv, Figure, text};
use crate::grid;
use crate::lines::{self, Across, Line, Seeds};
use crate::matrix::{Mark, Matrix};
use crate::number::share;
use crate::point::{Answer, Point};
use crate::rows::{self, Marks, Row};
use crate::sections::learned;

/// More points than that are not set beside each other to see when they learned.
const COMPARED: usize = 4;

impl<'a> Matrix<'a> {
    /// Says what came out, the points that have the same verdict together.
    pub(crate) fn verdict(&self) -> Markup {
        let mut groups: Vec<Vec<&Mark<'_>>> = Vec::new();
        for mark in &self.marks {
            match groups.iter_mut().find(|group| group[0].row.headline == mark.row.headline) {
                Some(group) => group.push(mark),
                None => groups.push(vec![mark]),
            }
        }
        html! {
            section #verdict.verdict {
                h2 { "Verdict" }
                ul.tasks {
                    @for group in &groups {
                        li {
                            span class={ "tag " (group[0].row.tone) } { (group[0].row.headline) } " at "
                            @if group.len() > SENTENCE { (group.len()) " of " (self.marks.len()) " points" }
                            @else { @for (index, mark) in group.iter().enumerate() {
                                @if index > 0 { @if index + 1 == group.len() { " and " } @else { ", " } }
                                a href=[&mark.row.link] { (mark.name()) }
                            } }
                            (scores(group))
                        }
                    }
                }
                (reached(&self.marks[0].point.verdict("")))
            }
        }
    }

    /// Returns the figure that answers the matrix's question.
    pub(crate) fn figure(&self, points: &'a [Point<'a>]) -> Result<Markup, Error> {
        let figures = points[0].figures;
        let learned = points.iter().any(|point| point.answer == Answer::Learned) && points.len() <= COMPARED;
        let learned = if learned { learned::compared(points, learned::POINTS)? } else { None };
        Ok(html! { @if let Some(figure) = learned { (figures.show(figure)) } (figures.show(self.by_axes())) })
    }

    fn by_axes(&self) -> Figure {
        let values: Vec<Vec<&str>> = (0..self.axes.len()).map(|axis| self.values(axis)).collect();
        match shape(&values) {
            Shape::Grid { across, down } => Figure {
                kind: "grid",
                caption: html! {
                    "Held-out rows answered right by " b { (self.axes[down]) } " and " b { (self.axes[across]) } ": over seeds, and beneath it the least and the greatest of the seeds."
                },
                picture: grid::picture(self, across, down),
                legend: Vec::new(),
                data: self.data(),
            },
            Shape::Lines(main) => self.lines(main),
            Shape::Rows => {
                let rows: Vec<Row> = self.marks.iter().map(|mark| mark.row.clone()).collect();
                let axes = self.axes.join(" and ");
                Figure {
                    kind: "rows",
                    caption: html! {
                        "Held-out rows answered right by " b { (axes) } ": every seed beside what look-up tables get (shaded, up to the heavy line: what the best of them gets)."
                    },
                    picture: rows::picture(
                        &rows,
                        &format!("Share of held-out rows answered right by {axes}"),
                    ),
                    legend: rows::legend(&rows),
                    data: self.data(),
                }
            }
        }
    }

    fn lines(&self, main: usize) -> Figure {
        let varied: Vec<usize> =
            (0..self.axes.len()).filter(|&axis| axis != main && self.values(axis).len() > 1).collect();
        let setting = |mark: &Mark<'_>| {
            let words: Vec<_> =
                varied.iter().map(|&axis| format!("{} {}", self.axes[axis], mark.values[axis])).collect();
            words.join(", ")
        };
        let place = |axis: Option<&usize>, mark: &Mark<'_>| {
            axis.and_then(|&axis| self.values(axis).iter().position(|value| *value == mark.values[axis]))
                .unwrap_or(0)
        };
        let mut groups: Vec<(String, (usize, usize), Vec<&Mark<'_>>)> = Vec::new();
        for mark in &self.marks {
            let words = setting(mark);
            match groups.iter_mut().find(|(other, ..)| *other == words) {
                Some((.., marks)) => marks.push(mark),
                None => groups.push((
                    words,
                    (place(varied.first(), mark), place(varied.get(1), mark)),
                    vec![mark],
                )),
            }
        }
        let at = |mark: &Mark<'_>| mark.values[main].parse::<f64>().unwrap_or(0.0);
        groups.iter_mut().for_each(|(.., marks)| marks.sort_by(|a, b| at(a).total_cmp(&at(b))));
        let lines: Vec<Line<'_>> = groups
            .iter()
            .map(|(words, style, marks)| Line {
                setting: words.clone(),
                style: *style,
                places: marks.iter().map(|mark| (at(mark), &mark.row)).collect(),
            })
            .collect();
        let across = Across::of(&self.axes[main], &lines);
        let asked = |pin: usize| {
            groups
                .iter()
                .map(|(.., marks)| marks.iter().map(|mark| mark.pins[pin]).collect())
                .collect::<Vec<_>>()
        };
        Figure {
            kind: "lines",
            caption: html! {
                "Held-out rows answered right against " b { (self.axes[main]) }
                @if !self.pins.is_empty() { ", and how many seeds infer the pinned row" @if self.pins.len() > 1 { "s" } }
                "; a mean stands only where seeds agree."
            },
            picture: html! {
                div class=[(!self.pins.is_empty()).then_some("panels")] {
                    (lines::accuracy(&lines, &across, &Marks::default(), Seeds::Dots))
                    @for (index, pin) in self.pins.iter().enumerate().filter(|(index, _)| self.marks.iter().any(|mark| mark.pins[*index].1 > 0)) {
                        (lines::counts(&format!("Seeds that infer {pin}"), &lines, &across, &asked(index)))
                    }
                }
            },
            legend: lines::legend(&lines, &Marks::default()),
            data: self.data(),
        }
    }

    /// Returns a line for every seed, mean and mark of every point, and for every pin.
    fn data(&self) -> Csv {
        let columns: Vec<&str> = self.axes.iter().map(String::as_str).chain(rows::COLUMNS).collect();
        let mut csv = Csv::new(&columns);
        for mark in &self.marks {
            rows::record(&mut csv, &mark.values, &mark.row);
            for (pin, (right, all)) in self.pins.iter().zip(&mark.pins).filter(|(_, (_, all))| *all > 0) {
                let rest = [
                    text(&format!("share of seeds that infer {pin}")),
                    String::new(),
                    (*right as f64 / *all as f64).to_string(),
                    String::new(),
                    String::new(),
                ];
                csv.line(mark.values.iter().map(|value| text(value)).chain(rest));
            }
        }
        csv
    }

    /// Returns the table of the points.
    pub(crate) fn table(&self) -> Markup {
        let pinned = !self.pins.is_empty();
        let of = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), share);
        html! {
            details {
                summary { "The " (self.marks.len()) " points as a table" }
                p.note { "U" sub { "best" } ": the best single look-up table; U" sub { "union" } ": rows that any of them gets; S" sub { "best" } ": the best shallow table, which combines single pieces. What tables get are plain shares, without intervals." }
                div.scroll { table.matrix {
                    thead { tr {
                        th scope="col" { "Point" } th scope="col" { "Verdict" } th.n scope="col" { "Over seeds [95 %]" }
                        th.n scope="col" { "U" sub { "best" } } th.n scope="col" { "U" sub { "union" } } th.n scope="col" { "S" sub { "best" } }
                        @if pinned { th scope="col" { "Pinned rows inferred" } }
                    } }
                    tbody { @for mark in &self.marks { tr {
                        th scope="row" { a href=[&mark.row.link] { (mark.point.label) } }
                        td { span class={ "tag " (mark.row.tone) } { (mark.row.headline) } }
                        td.n { (mark.row.text()) }
                        td.n { (of(mark.row.marks.u_best.as_ref().map(|(value, _)| *value))) }
                        td.n { (of(mark.row.marks.u_union)) }
                        td.n { (of(mark.row.marks.s_best.as_ref().map(|(value, _)| *value))) }
                        @if pinned { td { @for (pin, (right, all)) in self.pins.iter().zip(&mark.pins) { div { (pin) ": " @if *all > 0 { (right) " of " (all) " seeds" } @else { "not asked" } } } } }
                    } } }
                } }
            }
        }
    }
}

/// Says what the points of one verdict got, and on what it rests.
fn scores(group: &[&Mark<'_>]) -> Markup {
    let of_model = |mark: &&Mark<'_>| match (&mark.row.counted, &mark.row.mean) {
        // Seeds that disagree are counted: `1 of 4 seeds have the rule`.
        (Some(counted), _) => Some((counted.split(' ').next()?.parse().ok()?, counted.clone())),
        (None, mean) => mean.as_ref().map(|mean| (mean.value, share(mean.value))),
    };
    let of_table =
        |mark: &&Mark<'_>| mark.row.marks.u_best.as_ref().map(|(value, _)| (*value, share(*value)));
    let models: Vec<(f64, String)> = group.iter().filter_map(of_model).collect();
    let tables: Vec<(f64, String)> = group.iter().filter_map(of_table).collect();
    let counted = group.iter().any(|mark| mark.row.counted.is_some());
    let rests: Vec<String> = group.iter().map(|mark| mark.point.verdict("").denominators).collect();
    html! {
        @if !models.is_empty() { ": " @if !counted { "the model " } (and(models)) }
        @if !tables.is_empty() { ", the best look-up table " (and(tables)) }
        @if !rests[0].is_empty() {
            " " small { (rests[0]) @if rests.iter().any(|other| *other != rests[0]) { " at " (group[0].name()) } }
        }
    }
}

/// Names or values that a sentence goes through one by one.
const SENTENCE: usize = 6;

/// Returns `a`, `a and b`, `a, b and c`; of many the least and the greatest.
fn and(mut words: Vec<(f64, String)>) -> String {
    let Some((_, first)) = words.first().cloned() else { return String::new() };
    if words.iter().all(|(_, word)| *word == first) {
        return first;
    }
    if words.len() > SENTENCE {
        words.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let (least, greatest) = (&words[0].1, &words[words.len() - 1].1);
        // `0 to 4 of 10 seeds have the rule`
        return format!("{} to {greatest}", least.split(" of ").next().unwrap_or(least));
    }
    let last = words.pop().map_or_else(String::new, |(_, word)| word);
    format!("{} and {last}", words.into_iter().map(|(_, word)| word).collect::<Vec<_>>().join(", "))
}

/// How the points are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Against an axis of numbers, a line for each setting of the others.
    Lines(usize),
    /// Line by line.
    Rows,
    /// Two short axes of numbers.
    Grid { across: usize, down: usize },
}

/// Values of either axis of a grid.
const GRID: usize = 5;
/// Fewer values make no line.
const LINE: usize = 3;
/// More lines than that cannot be told apart; they have colours by one axis and strokes by another.
const COLOURS: usize = 5;
const STROKES: usize = 3;

/// Chooses the figure for axes with these values.
fn shape(values: &[Vec<&str>]) -> Shape {
    let is_numeric = |axis: &usize| values[*axis].iter().all(|value| value.parse::<f64>().is_ok());
    let varied: Vec<usize> = (0..values.len()).filter(|&axis| values[axis].len() > 1).collect();
    if let [one, other] = *varied
        && varied.iter().all(|axis| is_numeric(axis) && values[*axis].len() <= GRID)
    {
        let wider = values[one].len() >= values[other].len();
        let (across, down) = if wider { (one, other) } else { (other, one) };
        return Shape::Grid { across, down };
    }
    let numeric = varied.iter().copied().filter(is_numeric);
    // The first of the longest.
    let main =
        numeric.rev().max_by_key(|&axis| values[axis].len()).filter(|&axis| values[axis].len() >= LINE);
    let others: Vec<usize> =
        varied.iter().filter(|&&axis| Some(axis) != main).map(|&axis| values[axis].len()).collect();
    match (main, others.as_slice()) {
        (Some(main), []) => Shape::Lines(main),
        (Some(main), [colours]) if *colours <= COLOURS => Shape::Lines(main),
        (Some(main), [colours, strokes]) if *colours <= COLOURS && *strokes <= STROKES => Shape::Lines(main),
        _ => Shape::Rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_make_lines_and_two_short_axes_of_them_a_grid() {
        let k = vec!["2", "5", "8", "10", "12", "15", "20", "30"];
        let (loss, decay) = (vec!["all", "answer"], vec!["0.01", "1"]);
        let (layers, heads) = (vec!["0", "1", "2"], vec!["1", "2", "4"]);
        let level = vec!["random", "window", "transition", "step"];
        let cases = [
            (vec![decay.clone(), k.clone(), loss.clone()], Shape::Lines(1)),
            (vec![k.clone()], Shape::Lines(0)),
            (vec![k.clone(), vec!["all"]], Shape::Lines(0)),
            (vec![k.clone(), decay.clone()], Shape::Lines(0)),
            (vec![k.clone(), decay.clone(), loss.clone(), layers.clone()], Shape::Rows),
            (vec![heads.clone(), layers.clone()], Shape::Grid { across: 0, down: 1 }),
            (vec![decay.clone(), layers], Shape::Grid { across: 1, down: 0 }),
            (vec![heads, level.clone()], Shape::Lines(0)),
            (vec![decay], Shape::Rows),
            (vec![loss, level], Shape::Rows),
        ];
        for (values, expected) in cases {
            assert_eq!(shape(&values), expected, "{values:?}");
        }
    }

    #[test]
    fn many_numbers_are_said_by_their_ends() {
        let words = |words: &[&str]| {
            and((0..).map(f64::from).zip(words.iter().map(|word| (*word).to_owned())).collect())
        };
        assert_eq!([words(&[]), words(&["a"]), words(&["a", "b", "c"])], ["", "a", "a, b and c"]);
        assert_eq!(words(&["0.5", "0.5"]), "0.5");
        assert_eq!(words(&["<0.001", "0.2", "0.3", "0.4", "0.5", "0.6", ">0.999"]), "<0.001 to >0.999");
        let counted = [
            "0 of 4 seeds",
            "1 of 4 seeds",
            "1 of 4 seeds",
            "1 of 4 seeds",
            "1 of 4 seeds",
            "1 of 4 seeds",
            "3 of 4 seeds",
        ];
        assert_eq!(words(&counted), "0 to 3 of 4 seeds");
    }
}
