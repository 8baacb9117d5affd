//! The points of a matrix beside each other: accuracy of every seed, the ceilings, and what became of the pins.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::folder::{Source, axes};
use crate::number::significant;
use crate::point::Point;
use crate::verdict::Outcome;

/// More points than a sentence can go through one by one.
const SENTENCE: usize = 6;

/// One point, for the figure.
#[derive(Debug, Serialize)]
pub(crate) struct Mark {
    pub label: String,
    pub id: String,
    /// Value of each axis, in the order of the axes; empty where the point does not have it.
    pub values: Vec<String>,
    /// Name of each seed, accuracy in percent of the axis and as text, and the outcome.
    pub seeds: Vec<(String, f64, String, Outcome)>,
    /// Over seeds: percent and text, and the ends of its interval in percent.
    pub mean: Option<(f64, String)>,
    /// What stands in its place where seeds disagree.
    pub counted: Option<String>,
    interval: Option<(f64, f64)>,
    /// Percent, text and name of the table.
    u_best: Option<(f64, String, String)>,
    u_union: Option<(f64, String, String)>,
    s_best: Option<(f64, String, String)>,
    /// What others got: percent and text.
    pub published: Vec<(f64, String)>,
    /// The verdict in two or three words, and the class of its colour.
    headline: String,
    tone: &'static str,
    /// Right answers and answers, of each pin in the order of [`Figure::pins`].
    pins: Vec<(usize, usize)>,
}

/// How the points are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Shape {
    /// Against an axis of numbers, a line for each setting of the others.
    Lines,
    /// Column by column along the longest axis, beside what look-up tables get.
    Bars,
    /// Two short axes of numbers, one down and one across.
    Grid,
}

/// The summary figure, for the script of the page.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    pub shape: Shape,
    /// Which of the axes runs across.
    pub main: usize,
    pub axes: Vec<String>,
    pins: Vec<String>,
    /// In the order of the definition.
    pub points: Vec<Mark>,
}

/// Builds the figure; `None` where there is one point only.
pub(crate) fn build(sources: &[Source], points: &[Point]) -> Option<Figure> {
    if points.len() < 2 {
        return None;
    }
    let axes = axes(sources);
    let pins_of =
        |point: &Point| point.pins.as_ref().map_or(Vec::new(), |pins| pins.test.iter().map(text).collect());
    let mut pins: Vec<String> = Vec::new();
    for pin in points.iter().flat_map(pins_of) {
        if !pins.contains(&pin) {
            pins.push(pin);
        }
    }
    let marks = sources.iter().zip(points).map(|(source, point)| {
        let strip = point.strip.clone().unwrap_or_default();
        let dots = strip
            .dots
            .into_iter()
            .filter_map(|dot| Some((dot.label, significant(dot.at?, 4)?, dot.share, dot.outcome)));
        let named = |mark: Option<(f64, String)>, name: String| mark.map(|(at, share)| (at, share, name));
        let value = |axis: &String| {
            source.point.iter().find(|(name, _)| name == axis).map(|(_, value)| value.clone())
        };
        Mark {
            label: point.label.clone(),
            id: point.id.clone(),
            values: axes.iter().map(|axis| value(axis).unwrap_or_default()).collect(),
            seeds: dots.collect(),
            counted: strip.counted,
            interval: strip.mean.as_ref().and_then(|mean| mean.low.zip(mean.high)),
            mean: strip.mean.and_then(|mean| Some((mean.at?, mean.share))),
            u_best: named(strip.u_best, strip.u_best_name),
            u_union: named(strip.u_union, String::new()),
            s_best: named(strip.s_best, strip.s_best_name),
            published: strip.published,
            headline: point.verdict.headline.clone(),
            tone: point.verdict.tone,
            pins: pins.iter().map(|pin| outcome(point, pin)).collect(),
        }
    });
    let points: Vec<Mark> = marks.collect();
    let values: Vec<Vec<&str>> = (0..axes.len()).map(|axis| distinct(&points, axis)).collect();
    let (shape, main) = shape(&values);
    Some(Figure { shape, main, points, axes, pins })
}

/// Returns the values of an axis, in the order of the definition.
fn distinct(points: &[Mark], axis: usize) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    points.iter().map(|point| point.values[axis].as_str()).filter(|value| seen.insert(*value)).collect()
}

/// Values of either axis of a grid.
const GRID: usize = 5;
/// Fewer values make no line.
const LINE: usize = 3;
/// More lines than that cannot be told apart; they have colours by one axis and strokes by another.
const COLOURS: usize = 5;
const STROKES: usize = 3;

/// Chooses the figure for axes with these values, and which axis runs across.
fn shape(values: &[Vec<&str>]) -> (Shape, usize) {
    let is_numeric = |axis: &usize| values[*axis].iter().all(|value| value.parse::<f64>().is_ok());
    let varied: Vec<usize> = (0..values.len()).filter(|&axis| values[axis].len() > 1).collect();
    // The first of the longest.
    let longest = |axes: &[usize]| axes.iter().copied().rev().max_by_key(|&axis| values[axis].len());
    if let [one, other] = *varied
        && varied.iter().all(|axis| is_numeric(axis) && values[*axis].len() <= GRID)
    {
        return (Shape::Grid, if values[one].len() >= values[other].len() { one } else { other });
    }
    let numeric: Vec<usize> = varied.iter().copied().filter(is_numeric).collect();
    if let Some(main) = longest(&numeric).filter(|&axis| values[axis].len() >= LINE) {
        let others = varied.iter().filter(|&&axis| axis != main).map(|&axis| values[axis].len());
        let fits = match *others.collect::<Vec<_>>() {
            [] => true,
            [colours] => colours <= COLOURS,
            [colours, strokes] => colours <= COLOURS && strokes <= STROKES,
            _ => false,
        };
        if fits {
            return (Shape::Lines, main);
        }
    }
    (Shape::Bars, longest(&varied).unwrap_or(0))
}

fn text(pin: &crate::pins::Pin) -> String {
    format!("{} {}", pin.context, pin.answer)
}

fn outcome(point: &Point, pin: &str) -> (usize, usize) {
    let pins = point.pins.iter().flat_map(|pins| &pins.test);
    let mut pins = pins.filter(|candidate| text(candidate) == pin);
    pins.next().map_or((0, 0), |pin| (pin.right, pin.answers.len()))
}

impl Mark {
    /// Returns `transition` of `level=transition`, where a word says enough; else `k=2` or `k=2,loss=all`.
    fn name(&self) -> &str {
        match self.values.as_slice() {
            [word] if word.starts_with(|c: char| c.is_ascii_alphabetic()) => word,
            _ => &self.label,
        }
    }
}

impl Figure {
    /// Returns the values of an axis, in the order of the definition.
    pub(crate) fn values(&self, axis: usize) -> Vec<&str> {
        distinct(&self.points, axis)
    }

    /// Says in one sentence what the points show, in their order, those that have the same verdict together; `None` where they
    /// are too many, or some have no scores or no look-up tables.
    pub(crate) fn finding(&self) -> Option<String> {
        let complete = self.points.iter().all(|point| point.u_best.is_some() && !point.seeds.is_empty());
        if self.points.len() > SENTENCE || !complete {
            return None;
        }
        let alike = self.points.chunk_by(|a, b| a.headline == b.headline);
        let clauses = alike.map(|marks| {
            let list = |text: &dyn Fn(&Mark) -> &str| and(&marks.iter().map(text).collect::<Vec<_>>());
            // Seeds that disagree are counted.
            let seeds = match marks.iter().any(|mark| mark.counted.is_some()) {
                true => list(&|mark| mark.counted.as_deref().unwrap_or("")),
                false => {
                    format!("the model {}", list(&|mark| mark.mean.as_ref().map_or("", |(_, share)| share)))
                }
            };
            let tables = list(&|mark| mark.u_best.as_ref().map_or("", |(_, share, _)| share));
            let names = list(&Mark::name);
            format!("{} at {names} ({seeds}, the best look-up table {tables})", lower(&marks[0].headline))
        });
        let text = clauses.collect::<Vec<_>>().join("; ");
        Some(format!("Share of held-out rows answered right: {text}."))
    }
}

fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// Returns `a`, `a and b`, `a, b and c`.
fn and(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
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
            (vec![decay.clone(), k.clone(), loss.clone()], (Shape::Lines, 1)),
            (vec![k.clone()], (Shape::Lines, 0)),
            (vec![k.clone(), vec!["all"]], (Shape::Lines, 0)),
            (vec![k.clone(), decay.clone()], (Shape::Lines, 0)),
            (vec![k.clone(), decay.clone(), loss.clone(), layers.clone()], (Shape::Bars, 0)),
            (vec![heads.clone(), layers.clone()], (Shape::Grid, 0)),
            (vec![decay.clone(), layers], (Shape::Grid, 1)),
            (vec![heads, level.clone()], (Shape::Lines, 0)),
            (vec![decay], (Shape::Bars, 0)),
            (vec![loss, level], (Shape::Bars, 1)),
        ];
        for (values, expected) in cases {
            assert_eq!(shape(&values), expected, "{values:?}");
        }
    }
}
