//! What memorising alone scores: the ceilings that every score is read beside.

use std::collections::{BTreeMap, BTreeSet};

use artifact::tables::{Ceiling, Memorizer};

/// Returns `u_best`, `u_union` and `s_best` for every split, over all tasks and task by task.
///
/// `tasks` gives the task of (split, example_id). Of equal baselines the first by name, then by view, is named.
pub(crate) fn of(rows: &[Memorizer], tasks: &BTreeMap<(String, i64), String>) -> Vec<Ceiling> {
    let mut groups: BTreeMap<(&str, &str), Group<'_>> = BTreeMap::new();
    for row in rows {
        let key = (row.split.clone(), row.example_id);
        let task = tasks.get(&key).map_or("", String::as_str);
        for task in BTreeSet::from(["", task]) {
            groups.entry((&row.split, task)).or_default().add(row);
        }
    }
    groups.iter().flat_map(|((split, task), group)| group.ceilings(split, task)).collect()
}

#[derive(Default)]
struct Group<'a> {
    rows: BTreeSet<i64>,
    solved: BTreeSet<i64>,
    memory: BTreeMap<(&'a str, &'a str), u64>,
    shallow: BTreeMap<(&'a str, &'a str), u64>,
}

impl<'a> Group<'a> {
    fn add(&mut self, row: &'a Memorizer) {
        self.rows.insert(row.example_id);
        let memory = row.class == "memory";
        let counts = if memory { &mut self.memory } else { &mut self.shallow };
        *counts.entry((&row.memorizer, &row.view)).or_default() += u64::from(row.correct);
        if memory && row.correct {
            self.solved.insert(row.example_id);
        }
    }

    fn ceilings(&self, split: &str, task: &str) -> Vec<Ceiling> {
        let n = self.rows.len();
        let ceiling = |metric: &str, (memorizer, view): (&str, &str), solved: u64| Ceiling {
            split: split.to_owned(),
            task: task.to_owned(),
            metric: metric.to_owned(),
            memorizer: memorizer.to_owned(),
            view: view.to_owned(),
            value: solved as f64 / n.max(1) as f64,
            n: n as i64,
        };
        let best = |counts: &BTreeMap<(&'a str, &'a str), u64>| {
            let first_best = counts.iter().max_by_key(|(name, count)| (**count, std::cmp::Reverse(**name)));
            first_best.map_or((("", ""), 0), |(name, count)| (*name, *count))
        };
        let ((memory, most), (shallow, shallow_most)) = (best(&self.memory), best(&self.shallow));
        vec![
            ceiling("u_best", memory, most),
            ceiling("u_union", ("", ""), self.solved.len() as u64),
            ceiling("s_best", shallow, shallow_most),
        ]
    }
}
