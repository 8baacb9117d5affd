//! The points of a matrix beside each other.

use std::collections::BTreeSet;

use crate::folder::{Source, axes};
use crate::point::Point;
use crate::rows::Row;

/// One point.
pub(crate) struct Mark<'a> {
    pub point: &'a Point<'a>,
    /// Value of each axis, in the order of the axes; empty where the point does not have it.
    pub values: Vec<String>,
    pub row: Row,
    /// Right answers and answers, of each pin in the order of [`Matrix::pins`].
    pub pins: Vec<(usize, usize)>,
}

impl Mark<'_> {
    /// Returns `transition` of `level=transition`, where a word says enough; else `k=2` or `k=2,loss=all`.
    pub(crate) fn name(&self) -> &str {
        match self.values.as_slice() {
            [word] if word.starts_with(|c: char| c.is_ascii_alphabetic()) => word,
            _ => &self.point.label,
        }
    }
}

/// All points, in the order of the definition.
pub(crate) struct Matrix<'a> {
    pub axes: Vec<String>,
    pub pins: Vec<String>,
    pub marks: Vec<Mark<'a>>,
}

impl<'a> Matrix<'a> {
    /// Sets the points beside each other; `None` where there is one only.
    ///
    /// The first `detailed` of them have sections of their own.
    pub(crate) fn new(sources: &[Source<'_>], points: &'a [Point<'a>], detailed: usize) -> Option<Self> {
        if points.len() < 2 {
            return None;
        }
        let axes = axes(sources);
        let mut pins: Vec<String> = Vec::new();
        for pin in points.iter().flat_map(|point| point.pins.iter().flat_map(|pins| &pins.test)) {
            if !pins.contains(&pin.text()) {
                pins.push(pin.text());
            }
        }
        let marks = points.iter().enumerate().map(|(index, point)| {
            let value = |axis: &String| point.source.point.iter().find(|(name, _)| name == axis);
            let outcome = |pin: &String| {
                let pins = point.pins.iter().flat_map(|pins| &pins.test);
                pins.filter(|one| one.text() == *pin)
                    .map(|pin| (pin.right, pin.answers.len()))
                    .next()
                    .unwrap_or((0, 0))
            };
            Mark {
                values: axes
                    .iter()
                    .map(|axis| value(axis).map_or_else(String::new, |(_, value)| value.clone()))
                    .collect(),
                row: Row {
                    name: point.label.clone(),
                    link: (index < detailed).then(|| format!("#{}", point.id)),
                    ..point.row("")
                },
                pins: pins.iter().map(outcome).collect(),
                point,
            }
        });
        Some(Self { marks: marks.collect(), axes, pins })
    }

    /// Returns the values of an axis, in the order of the definition.
    pub(crate) fn values(&self, axis: usize) -> Vec<&str> {
        let mut seen = BTreeSet::new();
        self.marks.iter().map(|mark| mark.values[axis].as_str()).filter(|value| seen.insert(*value)).collect()
    }
}
