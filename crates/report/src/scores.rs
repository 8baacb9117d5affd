//! Picks rows of `scores`, `seed_scores`, `controls` and `ceilings`, by model, seed, split, task, slice and metric.

use std::collections::{BTreeMap, BTreeSet};

use artifact::tables::{Ceiling, Control, Score, SeedScore};

use crate::Error;
use crate::folder::Source;
use crate::number::with_interval;

/// Share of rows whose greedy answer is right.
pub(crate) const ACCURACY: &str = "accuracy";
/// (accuracy - U_best) / (1 - U_best).
pub(crate) const RULE_INDEX: &str = "rule_index";
/// Accuracy on the rows that no memory baseline solves.
pub(crate) const BEYOND_MEMORY: &str = "beyond_memory";

/// The seed that stands for "over seeds".
pub(crate) const OVER_SEEDS: i32 = -1;

/// What was measured: a row of `scores`, `seed_scores` or `controls`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Estimate {
    pub value: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub n: i64,
    /// How many clusters of equal size the rows count as.
    pub n_eff: Option<f64>,
}

impl Estimate {
    /// Returns `0.998 [0.995, 0.999]`.
    pub(crate) fn text(&self) -> String {
        with_interval(self.value, self.low, self.high)
    }
}

/// The rows of `scores`, `seed_scores` and `controls`.
#[derive(Default)]
pub(crate) struct Scores(BTreeMap<Key, Estimate>);

/// Model, seed, split, task, slice, metric.
type Key = (String, i32, String, String, String, String);

macro_rules! row {
    ($row:expr, $seed:expr) => {{
        let row = $row;
        let estimate =
            Estimate { value: row.value, low: row.low, high: row.high, n: row.n, n_eff: row.n_eff };
        ((row.model, $seed, row.split, row.task, row.slice, row.metric), estimate)
    }};
}

impl Scores {
    /// Reads the tables, `None` where there are none.
    pub(crate) fn read(source: &Source) -> Result<Option<Self>, Error> {
        let Some(over) = source.read::<Score>("scores")? else { return Ok(None) };
        let seeds = source.read::<SeedScore>("seed_scores")?.unwrap_or_default();
        let controls = source.read::<Control>("controls")?.unwrap_or_default();
        let over = over.into_iter().map(|row| row!(row, OVER_SEEDS));
        let seeds = seeds.into_iter().map(|row| {
            let seed = row.seed;
            row!(row, seed)
        });
        let controls = controls.into_iter().map(|row| row!(row, OVER_SEEDS));
        Ok(Some(Self(over.chain(seeds).chain(controls).collect())))
    }

    /// Returns one row of all rows of a task (`""` = all tasks).
    pub(crate) fn get(
        &self,
        model: &str,
        seed: i32,
        split: &str,
        task: &str,
        metric: &str,
    ) -> Option<&Estimate> {
        self.slice(model, seed, split, task, "all", metric)
    }

    /// Returns one row of a slice.
    pub(crate) fn slice(
        &self,
        model: &str,
        seed: i32,
        split: &str,
        task: &str,
        slice: &str,
        metric: &str,
    ) -> Option<&Estimate> {
        let key =
            (model.to_owned(), seed, split.to_owned(), task.to_owned(), slice.to_owned(), metric.to_owned());
        self.0.get(&key)
    }

    fn keys(&self) -> impl Iterator<Item = &Key> {
        self.0.keys()
    }

    /// Returns the trained seeds, ascending.
    pub(crate) fn seeds(&self) -> Vec<i32> {
        let trained = self.keys().filter(|(model, seed, ..)| model == "trained" && *seed >= 0);
        trained.map(|(_, seed, ..)| *seed).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Returns the tasks that have a score of their own on `split`.
    pub(crate) fn tasks(&self, split: &str) -> Vec<String> {
        let keys = self.keys().filter(|(_, _, of, task, ..)| of == split && !task.is_empty());
        keys.map(|(_, _, _, task, ..)| task.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Returns the slices that `task` has on `split` beside `all`, `terms=4` before `terms=10`.
    pub(crate) fn slices(&self, split: &str, task: &str) -> Vec<String> {
        let keys =
            self.keys().filter(|(_, _, of, tasks, slice, _)| of == split && tasks == task && slice != "all");
        let mut slices: Vec<_> =
            keys.map(|(.., slice, _)| slice.clone()).collect::<BTreeSet<_>>().into_iter().collect();
        slices.sort_by_key(|slice| {
            let (name, value) = slice.split_once('=').unwrap_or((slice, ""));
            (name.to_owned(), value.parse::<i64>().unwrap_or(i64::MAX), value.to_owned())
        });
        slices
    }

    /// Returns the numbers of terms that have a score of their own, with the names of their slices, ascending.
    pub(crate) fn terms(&self, split: &str) -> Vec<(i64, String)> {
        let slices = self.slices(split, "").into_iter();
        slices.filter_map(|slice| Some((slice.strip_prefix("terms=")?.parse().ok()?, slice))).collect()
    }

    /// Returns the split that the page speaks of: test, or validation where nothing was scored on test.
    pub(crate) fn split(&self) -> &'static str {
        let has = |split: &str| self.keys().any(|(_, _, of, .., metric)| of == split && metric == ACCURACY);
        if has("test") || !has("validation") { "test" } else { "validation" }
    }
}

/// What memorising alone gets on one split and task.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Ceilings {
    /// Best single memory baseline, and its name.
    pub u_best: Option<(f64, String)>,
    /// Share of rows that at least one memory baseline solves.
    pub u_union: Option<f64>,
    /// Best shallow baseline, and its name.
    pub s_best: Option<(f64, String)>,
}

impl Ceilings {
    /// Picks the rows of `split` and `task` (`""` = all tasks).
    pub(crate) fn pick(rows: &[Ceiling], split: &str, task: &str) -> Self {
        let of = |metric: &str| {
            let mut rows = rows.iter().filter(|row| row.split == split && row.task == task);
            rows.find(|row| row.metric == metric && row.value.is_finite())
        };
        let named = |metric: &str| of(metric).map(|row| (row.value, name_of(&row.memorizer, &row.view)));
        Self { u_best: named("u_best"), u_union: of("u_union").map(|row| row.value), s_best: named("s_best") }
    }
}

/// Returns a memoriser's name as a person writes it, with the view that it answers in.
pub(crate) fn name_of(memorizer: &str, view: &str) -> String {
    let name = memorizer.replace('_', " ");
    if view.is_empty() { name } else { format!("{name}, {view}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_sort_as_numbers_and_seeds_are_those_of_the_trained_model() {
        let key = |model: &str, seed: i32, slice: &str| {
            (model.into(), seed, "test".into(), String::new(), slice.into(), ACCURACY.into())
        };
        let estimate = |value| Estimate { value: Some(value), n: 10, ..Estimate::default() };
        let scores = Scores(BTreeMap::from([
            (key("trained", OVER_SEEDS, "all"), estimate(0.9)),
            (key("trained", 3, "all"), estimate(0.8)),
            (key("trained", OVER_SEEDS, "terms=10"), estimate(0.5)),
            (key("trained", OVER_SEEDS, "terms=4"), estimate(0.5)),
            (key("untrained", OVER_SEEDS, "all"), estimate(0.1)),
        ]));
        assert_eq!(scores.get("trained", 3, "test", "", ACCURACY).and_then(|row| row.value), Some(0.8));
        assert_eq!(scores.seeds(), [3]);
        assert_eq!(scores.slices("test", ""), ["terms=4", "terms=10"]);
        assert_eq!(scores.split(), "test");
    }
}
