//! Shares against an axis of numbers: a line for each setting, the first of the others giving the colour, the second the stroke.

use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::number::share;
use crate::plot::{Axis, Panel, hundredths, label, level, mark, upright};
use crate::rows::{Dot, Marks, Row};

/// The points of one setting of the other axes.
pub(crate) struct Line<'a> {
    /// `loss answer, decay 1`; empty where there is one line only.
    pub setting: String,
    /// Which colour, and which stroke.
    pub style: (usize, usize),
    /// Value on the axis, ascending, and what came out there.
    pub places: Vec<(f64, &'a Row)>,
}

/// What the lines are drawn against.
pub(crate) struct Across<'a> {
    /// Name of the axis.
    pub name: &'a str,
    pub axis: Axis,
    /// The values that have a label.
    pub ticks: Vec<f64>,
}

impl<'a> Across<'a> {
    /// Returns the axis over all places of the lines; values that span orders of magnitude stand in a logarithm.
    pub(crate) fn of(name: &'a str, lines: &[Line<'_>]) -> Self {
        let mut values: Vec<f64> =
            lines.iter().flat_map(|line| line.places.iter().map(|(x, _)| *x)).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        let (low, high) = (values.first().copied().unwrap_or(0.0), values.last().copied().unwrap_or(1.0));
        let axis = Axis::over([low, high], low > 0.0 && high / low > 50.0);
        // Room for dots beside the first and the last place.
        let room = |ends: f64| {
            if axis.log { (axis.high / axis.low).powf(ends) } else { (axis.high - axis.low) * ends }
        };
        let axis = match axis.log {
            true => Axis { low: axis.low / room(0.05), high: axis.high * room(0.05), ..axis },
            false => Axis { low: axis.low - room(0.05), high: axis.high + room(0.05), ..axis },
        };
        // Labels that would touch on a narrow screen are left out.
        let mut free = f64::MIN;
        let ticks = values.into_iter().filter(|value| {
            let fits = axis.at(*value) >= free;
            if fits {
                free = axis.at(*value) + 3.5 + 2.4 * label(*value).len() as f64;
            }
            fits
        });
        Self { name, ticks: ticks.collect(), axis }
    }

    fn panel<'b>(&'b self, title: &'b str, about: &'b str, y_name: &'b str) -> Panel<'b> {
        Panel {
            title,
            about,
            x: self.axis,
            x_name: self.name,
            x_ticks: self.ticks.clone(),
            y: Axis::SHARE,
            y_name,
            height: 230.0,
        }
    }
}

/// What is drawn for seeds besides a dot each.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seeds {
    Dots,
    /// A thin line each, so that one sees which dots are of one seed.
    Lines,
}

/// Returns the picture of the accuracy; `levels` are the same at every place.
pub(crate) fn accuracy(lines: &[Line<'_>], across: &Across<'_>, levels: &Marks, seeds: Seeds) -> Markup {
    let about = format!(
        "Share of held-out rows answered right against {}; the same figures stand in its CSV",
        across.name
    );
    let panel = across.panel("Held-out rows answered right", &about, "share of rows");
    let ends = panel.ends();
    let ceilings = ceilings(lines, &panel);
    panel.draw(&html! {
        @for (class, value, words) in levels.all() {
            g data-tip={ (words) ": " (share(value)) } {
                (level(class, (0.0, 100.0), panel.down(value))) (level("hit", (0.0, 100.0), panel.down(value)))
            }
        }
        (panel.lines(&html! {
            @for (class, path, _) in &ceilings { path class={ "ceiling " (class) } d=(path) {} }
            @for (index, line) in lines.iter().enumerate() {
                @let means = line.places.iter().filter_map(|(x, row)| Some((*x, row.mean.as_ref()?.value)));
                path class={ "over " (style(line)) } d=(panel.path(means)) transform={ "translate(" (shift(index, lines.len())) " 0)" } {}
                @if seeds == Seeds::Lines { @for (number, path) in of_seeds(line, &panel).iter().enumerate() {
                    path class="over thin" d=(path) transform={ "translate(" (hundredths(spread(number, line.places[0].1.dots.len()))) " 0)" } {}
                } }
            }
        }))
        @for (_, _, tips) in &ceilings {
            @for (x, y, class, said) in tips { (mark(0, *x, *y, &format!("ceiling {class}"), said)) }
        }
        @for (index, line) in lines.iter().enumerate() {
            @for (x, row) in &line.places {
                @let at = hundredths(across.axis.at(*x) + shift(index, lines.len()));
                @for (number, seed) in row.dots.iter().enumerate() {
                    @let beside = at + spread(number, row.dots.len());
                    (mark(0, hundredths(beside), panel.down(seed.value), &format!("small {}", style(line)), &said(across.name, *x, line, seed)))
                }
                @if let Some(mean) = &row.mean {
                    @if let Some((low, high)) = mean.interval {
                        (upright(&format!("spread {}", style(line)), at, (panel.down(high), panel.down(low))))
                    }
                    (mark(line.style.0, at, panel.down(mean.value), &format!("over {}", style(line)), &said(across.name, *x, line, mean)))
                }
            }
        }
        @for (_, row) in lines.iter().flat_map(|line| line.places.first()) {
            @for value in &row.marks.published { (level("published", (0.0, 100.0), panel.down(*value))) }
        }
        (level("frame", (0.0, 100.0), ends.1))
    })
}

/// Returns the picture of how many seeds get one row: right answers and answers of each line's places.
pub(crate) fn counts(
    title: &str,
    lines: &[Line<'_>],
    across: &Across<'_>,
    counts: &[Vec<(usize, usize)>],
) -> Markup {
    let about = format!("{title}, against {}", across.name);
    let panel = across.panel(title, &about, "share of seeds");
    let shares = |line: usize| {
        let places = lines[line].places.iter().zip(&counts[line]);
        places
            .filter(|(_, (_, all))| *all > 0)
            .map(|((x, _), &(right, all))| (*x, right as f64 / all as f64, right, all))
    };
    panel.draw(&html! {
        (panel.lines(&html! {
            @for (index, line) in lines.iter().enumerate() {
                path class={ "over " (style(line)) } d=(panel.path(shares(index).map(|(x, value, ..)| (x, value)))) transform={ "translate(" (shift(index, lines.len())) " 0)" } {}
            }
        }))
        @for (index, line) in lines.iter().enumerate() {
            @for (x, value, right, all) in shares(index) {
                @let at = hundredths(across.axis.at(x) + shift(index, lines.len()));
                @let said = format!("{} {}{}: {right} of {all} seeds", across.name, label(x), behind(&line.setting));
                (mark(line.style.0, at, panel.down(value), &format!("over {}", style(line)), &said))
                @if lines.len() == 1 {
                    text.middle x={ (at) "%" } y=(panel.down(value) + if value > 0.9 { 18.0 } else { -9.0 }) { (right) "/" (all) }
                }
            }
        }
    })
}

/// Returns the keys of the lines and of what stands beside them.
pub(crate) fn legend(lines: &[Line<'_>], levels: &Marks) -> Vec<(Markup, String)> {
    let rows = || lines.iter().flat_map(|line| line.places.iter().map(|(_, row)| *row));
    let mut legend: Vec<(Markup, String)> = Vec::new();
    if rows().any(|row| row.mean.is_some()) || lines.len() > 1 {
        for line in lines {
            let key = html! {
                line class={ "over " (style(line)) } x1="0" x2="100%" y1="7" y2="7" {}
                (mark(line.style.0, 50.0, 7.0, &format!("over {}", style(line)), ""))
            };
            let words = if line.setting.is_empty() { "over seeds" } else { &line.setting };
            legend.push((key, words.to_owned()));
        }
        legend.push((upright("spread", 50.0, (0.0, 14.0)), "95 % interval over seeds".to_owned()));
    }
    legend.push((mark(0, 50.0, 7.0, "small", ""), "one seed".to_owned()));
    for (class, words) in [("u-best", "best look-up table, U_best"), ("s-best", "best shallow table, S_best")]
    {
        if rows().any(|row| row.marks.all().iter().any(|(of, ..)| *of == class)) {
            legend.push((level(class, (0.0, 100.0), 7.0), words.to_owned()));
        }
    }
    if rows().any(|row| !row.marks.published.is_empty()) {
        legend.push((level("published", (0.0, 100.0), 7.0), "published by others".to_owned()));
    }
    let of_all = levels.all().into_iter().map(|(class, value, words)| {
        (level(class, (0.0, 100.0), 7.0), format!("{words}, all rows: {}", share(value)))
    });
    legend.into_iter().chain(of_all).collect()
}

/// Class, path, and the marks of a ceiling: place, class and words.
type Ceiling = (&'static str, String, Vec<(f64, f64, &'static str, String)>);

/// Returns the ceilings of the lines, those that are the same once.
fn ceilings(lines: &[Line<'_>], panel: &Panel<'_>) -> Vec<Ceiling> {
    let mut drawn: Vec<Ceiling> = Vec::new();
    for class in ["u-best", "s-best"] {
        for line in lines {
            let of = |row: &Row| row.marks.all().into_iter().find(|(of, ..)| *of == class);
            let known: Vec<_> = line.places.iter().filter_map(|(x, row)| Some((*x, of(row)?))).collect();
            let path = panel.path(known.iter().map(|(x, (_, value, _))| (*x, *value)));
            if path.is_empty() || drawn.iter().any(|(of, other, _)| *of == class && *other == path) {
                continue;
            }
            let tips = known.into_iter().map(|(x, (_, value, words))| {
                let said = format!("{} {}, {words}: {}", panel.x_name, label(x), share(value));
                (panel.x.at(x), panel.down(value), class, said)
            });
            drawn.push((class, path, tips.collect()));
        }
    }
    drawn
}

/// Returns a path for each seed, through the places where it has a dot.
fn of_seeds(line: &Line<'_>, panel: &Panel<'_>) -> Vec<String> {
    let dots = line.places.iter().flat_map(|(_, row)| &row.dots);
    let seeds: BTreeSet<i32> = dots.map(|dot| dot.seed).collect();
    let of_seed = |seed: i32| {
        let dot = |row: &Row| row.dots.iter().find(|dot| dot.seed == seed).map(|dot| dot.value);
        panel.path(line.places.iter().filter_map(|(x, row)| Some((*x, dot(row)?))))
    };
    seeds.into_iter().map(of_seed).collect()
}

fn style(line: &Line<'_>) -> String {
    format!("colour-{} stroke-{}", line.style.0, line.style.1)
}

/// Returns by how many percent a line is moved aside, so that lines that meet stay apart.
fn shift(index: usize, lines: usize) -> f64 {
    hundredths((index as f64 - (lines as f64 - 1.0) / 2.0) * (4.0 / lines as f64).min(1.2))
}

/// Returns by how many percent the dot of a seed is moved aside, so that equal ones do not hide each other.
fn spread(index: usize, seeds: usize) -> f64 {
    (index as f64 - (seeds as f64 - 1.0) / 2.0) * (3.6 / seeds as f64).min(0.8)
}

fn said(name: &str, x: f64, line: &Line<'_>, dot: &Dot) -> String {
    format!("{name} {}{}, {}: {}", label(x), behind(&line.setting), dot.label, dot.text)
}

fn behind(setting: &str) -> String {
    if setting.is_empty() { String::new() } else { format!(", {setting}") }
}
