//! Picks rows of `scores` and `ceilings`: the last step of each model, by seed, split, task, slice and metric.

use std::collections::{BTreeMap, BTreeSet};

use artifact::tables::{Ceiling, Score};

use crate::Error;
use crate::folder::Source;

/// Share of rows whose greedy answer is right.
pub(crate) const ACCURACY: &str = "accuracy";
/// (accuracy - U_best) / (1 - U_best).
pub(crate) const RULE_INDEX: &str = "rule_index";
/// Accuracy on the rows that no memory baseline solves.
pub(crate) const BEYOND_MEMORY: &str = "beyond_memory";

/// The seed that stands for "over seeds".
pub(crate) const OVER_SEEDS: i32 = -1;

/// The rows of `scores` at the last step of each model and seed.
#[derive(Default)]
pub(crate) struct Scores(BTreeMap<Key, Score>);

/// Model, seed, split, task, slice, metric.
type Key = (String, i32, String, String, String, String);

impl Scores {
    /// Reads the table, `None` where there is none.
    pub(crate) fn read(source: &Source) -> Result<Option<Self>, Error> {
        Ok(source.read::<Score>("scores")?.map(Self::of))
    }

    fn of(rows: Vec<Score>) -> Self {
        let mut last = BTreeMap::<Key, Score>::new();
        for row in rows {
            let key = (
                row.model.clone(),
                row.seed,
                row.split.clone(),
                row.task.clone(),
                row.slice.clone(),
                row.metric.clone(),
            );
            if last.get(&key).is_none_or(|before| before.step <= row.step) {
                last.insert(key, row);
            }
        }
        Self(last)
    }

    /// Returns one row of all rows of a task (`""` = all tasks).
    pub(crate) fn get(
        &self,
        model: &str,
        seed: i32,
        split: &str,
        task: &str,
        metric: &str,
    ) -> Option<&Score> {
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
    ) -> Option<&Score> {
        let key =
            (model.to_owned(), seed, split.to_owned(), task.to_owned(), slice.to_owned(), metric.to_owned());
        self.0.get(&key)
    }

    /// Returns all picked rows.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Score> {
        self.0.values()
    }

    /// Returns the trained seeds, ascending.
    pub(crate) fn seeds(&self) -> Vec<i32> {
        let trained = self.rows().filter(|row| row.model == "trained" && row.seed >= 0);
        trained.map(|row| row.seed).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Returns the tasks that have a score of their own on `split`.
    pub(crate) fn tasks(&self, split: &str) -> Vec<String> {
        let rows = self.rows().filter(|row| row.split == split && !row.task.is_empty());
        rows.map(|row| row.task.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Returns the slices that `task` has on `split` beside `all`, `terms=4` before `terms=10`.
    pub(crate) fn slices(&self, split: &str, task: &str) -> Vec<String> {
        let rows = self.rows().filter(|row| row.split == split && row.task == task && row.slice != "all");
        let mut slices: Vec<_> =
            rows.map(|row| row.slice.clone()).collect::<BTreeSet<_>>().into_iter().collect();
        slices.sort_by_key(|slice| {
            let (name, value) = slice.split_once('=').unwrap_or((slice, ""));
            (name.to_owned(), value.parse::<i64>().unwrap_or(i64::MAX), value.to_owned())
        });
        slices
    }

    /// Returns the split that the page speaks of: test, or validation where nothing was scored on test.
    pub(crate) fn split(&self) -> &'static str {
        let has = |split: &str| self.rows().any(|row| row.split == split && row.metric == ACCURACY);
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

    fn score(seed: i32, step: i64, slice: &str, value: f64) -> Score {
        Score {
            model: "trained".into(),
            seed,
            step,
            split: "test".into(),
            task: String::new(),
            slice: slice.into(),
            metric: ACCURACY.into(),
            value: Some(value),
            low: None,
            high: None,
            n: 10,
        }
    }

    #[test]
    fn the_last_step_counts_and_slices_sort_as_numbers() {
        let rows = vec![score(0, 300, "all", 0.9), score(0, 100, "all", 0.1), score(-1, 300, "all", 0.9)];
        let slices = ["terms=10", "terms=4"].map(|slice| score(0, 300, slice, 0.5));
        let scores = Scores::of(rows.into_iter().chain(slices).collect());
        assert_eq!(scores.get("trained", 0, "test", "", ACCURACY).and_then(|row| row.value), Some(0.9));
        assert_eq!(scores.seeds(), [0]);
        assert_eq!(scores.slices("test", ""), ["terms=4", "terms=10"]);
        assert_eq!(scores.split(), "test");
    }
}
