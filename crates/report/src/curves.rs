//! Learning curves of every seed, thinned to what a screen can show.

use std::collections::{BTreeMap, BTreeSet};

use artifact::tables::Training;
use serde::Serialize;

use crate::Error;
use crate::folder::Source;
use crate::number::{maybe_share, significant};

/// One seed's line: step, value, step, value, ...
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub seed: i32,
    pub xy: Vec<f64>,
}

/// One of the four pictures.
#[derive(Debug, Serialize)]
struct Panel {
    name: &'static str,
    loss: bool,
    /// U_best on the same rows, where it is known.
    ceiling: Option<f64>,
    lines: Vec<Line>,
}

/// The last logged values of a seed, for the table.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Last {
    seed: i32,
    step: i64,
    cells: [String; 4],
}

/// The section: the table stands in the page, the panels in its JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Section {
    panels: Vec<Panel>,
    #[serde(skip)]
    pub last: Vec<Last>,
    /// Logged and drawn points of the most thinned line.
    #[serde(skip)]
    pub thinned: Option<(usize, usize)>,
}

impl Section {
    /// Returns the seeds that were trained, ascending.
    pub(crate) fn seeds(&self) -> Vec<i32> {
        let lines = self.panels.iter().flat_map(|panel| panel.lines.iter().map(|line| line.seed));
        lines.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

type Pick = fn(&Training) -> Option<f32>;

const PANELS: [(&str, bool, Pick); 4] = [
    ("Accuracy, train", false, |row| row.train_accuracy),
    ("Accuracy, validation", false, |row| row.validation_accuracy),
    ("Loss, train", true, |row| row.train_loss),
    ("Loss, validation", true, |row| row.validation_loss),
];

/// Builds the section with at most `points` points a line; `None` without a training table. `ceiling` is U_best on
/// validation rows.
pub(crate) fn build(source: &Source, points: usize, ceiling: Option<f64>) -> Result<Option<Section>, Error> {
    let mut seeds = BTreeMap::<i32, Vec<Training>>::new();
    if !source.each("training", |row: Training| seeds.entry(row.seed).or_default().push(row))? {
        return Ok(None);
    }
    seeds.values_mut().for_each(|rows| rows.sort_by_key(|row| row.step));
    let mut thinned = None;
    let mut panels = Vec::new();
    for (name, loss, pick) in PANELS {
        let mut lines = Vec::new();
        for (&seed, rows) in &seeds {
            let all: Vec<(i64, f64)> = rows
                .iter()
                .filter_map(|row| Some((row.step, significant(f64::from(pick(row)?), 3)?)))
                .collect();
            let shown = thin(&all, points);
            if shown.len() < all.len() {
                thinned = thinned.max(Some((all.len(), shown.len())));
            }
            let xy = shown.iter().flat_map(|&(step, value)| [step as f64, value]).collect::<Vec<_>>();
            if !xy.is_empty() {
                lines.push(Line { seed, xy });
            }
        }
        let ceiling = ceiling.filter(|_| name == "Accuracy, validation");
        panels.push(Panel { name, loss, ceiling, lines });
    }
    panels.retain(|panel| !panel.lines.is_empty());
    let last = seeds.iter().filter_map(|(&seed, rows)| {
        let step = rows.last()?.step;
        let value = |(_, _, pick): &(&str, bool, Pick)| rows.iter().rev().find_map(pick).map(f64::from);
        Some(Last { seed, step, cells: PANELS.each_ref().map(|panel| maybe_share(value(panel))) })
    });
    Ok(Some(Section { panels, last: last.collect(), thinned }))
}

/// Picks at most `points` of `all`, evenly by index, the first and the last among them.
fn thin<T: Copy>(all: &[T], points: usize) -> Vec<T> {
    if all.len() <= points.max(2) {
        return all.to_vec();
    }
    let last = points.max(2) - 1;
    (0..=last).map(|index| all[index * (all.len() - 1) / last]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_both_ends() {
        let all: Vec<i64> = (0..1000).collect();
        let some = thin(&all, 100);
        assert_eq!((some.len(), some[0], some[99]), (100, 0, 999));
        assert!(some.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(thin(&all[..5], 100), all[..5]);
        assert_eq!(thin(&all, 0), [0, 999]);
    }
}
