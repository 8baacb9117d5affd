//! The points of a matrix beside each other: accuracy of every seed, the ceilings, and what became of the pins.

use serde::Serialize;

use crate::folder::{Source, axes};
use crate::number::significant;
use crate::point::Point;
use crate::verdict::Outcome;

/// One point, for the figure.
#[derive(Debug, Serialize)]
struct Mark {
    label: String,
    id: String,
    /// Value of each axis, in the order of the axes; empty where the point does not have it.
    values: Vec<String>,
    /// Accuracy in percent of the axis and the outcome, of each seed.
    seeds: Vec<(String, f64, Outcome)>,
    u_best: Option<f64>,
    s_best: Option<f64>,
    /// Right answers and answers, of each pin in the order of [`Figure::pins`].
    pins: Vec<(usize, usize)>,
}

/// The summary figure, for the script of the page.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    axes: Vec<String>,
    pins: Vec<String>,
    points: Vec<Mark>,
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
        let dots =
            strip.dots.into_iter().filter_map(|dot| Some((dot.label, significant(dot.at?, 4)?, dot.outcome)));
        let at = |mark: Option<(f64, String)>| mark.map(|(at, _)| at);
        let value = |axis: &String| {
            source.point.iter().find(|(name, _)| name == axis).map(|(_, value)| value.clone())
        };
        Mark {
            label: point.label.clone(),
            id: point.id.clone(),
            values: axes.iter().map(|axis| value(axis).unwrap_or_default()).collect(),
            seeds: dots.collect(),
            u_best: at(strip.u_best),
            s_best: at(strip.s_best),
            pins: pins.iter().map(|pin| outcome(point, pin)).collect(),
        }
    });
    Some(Figure { points: marks.collect(), axes, pins })
}

fn text(pin: &crate::pins::Pin) -> String {
    format!("{} {}", pin.context, pin.answer)
}

fn outcome(point: &Point, pin: &str) -> (usize, usize) {
    let pins = point.pins.iter().flat_map(|pins| &pins.test);
    let mut pins = pins.filter(|candidate| text(candidate) == pin);
    pins.next().map_or((0, 0), |pin| (pin.right, pin.answers.len()))
}
