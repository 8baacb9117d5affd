//! What the verdicts rest on, picked from what was measured.

use std::collections::BTreeMap;

use artifact::tables::Training;

use crate::data::{Data, SPLITS};
use crate::found::Found;
use crate::rows::Row;
use crate::scores::Differences;
use crate::verdict::{Estimate, Evidence, MIN_SEEN, Scored};

/// Gathers what the verdicts rest on: over all tasks and task by task, on test rows, or validation rows where there are
/// none.
pub(crate) fn gather(
    data: &Data,
    found: &[Found],
    differences: &Differences,
    log: &[Training],
) -> Vec<Evidence> {
    let split = if data.rows[2].is_empty() { "validation" } else { "test" };
    let mut index = BTreeMap::new();
    for one in found.iter().filter(|one| one.slice == "all") {
        index.insert((one.metric, one.split, one.task.as_str(), one.seed), one);
    }
    let estimate = |metric, split, task, seed| {
        let found = index.get(&(metric, split, task, seed));
        found.map_or_else(Estimate::default, |one| Estimate {
            value: one.value,
            low: one.low,
            high: one.high,
        })
    };
    // What was logged last of each seed, where no train row is scored.
    let logged: BTreeMap<i32, f64> =
        log.iter().filter_map(|row| Some((row.seed, f64::from(row.train_accuracy?)))).collect();
    let scored = |task, seed: Option<i32>| Scored {
        accuracy: estimate("accuracy", split, task, seed),
        rule_index: estimate("rule_index", split, task, seed),
        agreement: estimate("agreement", split, task, seed),
        train: estimate("accuracy", "train", task, seed).value.or(match seed {
            Some(seed) => logged.get(&seed).copied(),
            None if logged.is_empty() => None,
            None => Some(logged.values().sum::<f64>() / logged.len() as f64),
        }),
    };
    let over = found.iter().filter(|one| {
        one.metric == "accuracy" && one.split == split && one.slice == "all" && one.seed.is_none()
    });
    over.map(|of| {
        let task = of.task.as_str();
        let named = |metric| {
            let one = index.get(&(metric, split, task, None))?;
            let (name, view) = one.table.clone()?;
            Some((one.value?, format!("{}, {view}", name.replace('_', " "))))
        };
        let seeds = index
            .keys()
            .filter(|(metric, of, tasks, _)| *metric == "accuracy" && *of == split && *tasks == task);
        let seeds = seeds.filter_map(|(.., seed)| Some(((*seed)?, scored(task, *seed))));
        Evidence {
            split,
            task: task.to_owned(),
            level: data.tasks.level.clone(),
            other_data: data.other_data,
            random_answers: data.tasks.draws_at_random(task),
            rows: of.n,
            unanswerable: unanswerable(data, split, task),
            asked: index.get(&("agreement", split, task, None)).map_or((0, 0), |one| one.asked),
            clusters: of.clusters.unwrap_or_default(),
            seeds: seeds.collect(),
            over: scored(task, None),
            u_best: named("u_best"),
            s_best: named("s_best"),
            agrees: named("agreement").map_or_else(String::new, |(_, name)| name),
            difference: differences.get(&(split, task.to_owned())).copied(),
        }
    })
    .collect()
}

/// Counts the rows of one token a value whose answer was hardly ever a target of training.
fn unanswerable(data: &Data, split: &str, task: &str) -> u64 {
    let rows = SPLITS.iter().zip(&data.rows).filter(|(name, _)| **name == split).flat_map(|(_, rows)| rows);
    let rows = rows.filter(|row| task.is_empty() || row.example.task == task);
    let seen = |row: &Row| data.answer_seen.get(&row.example.example_id).copied().unwrap_or(0);
    rows.filter(|row| seen(row) < MIN_SEEN && data.tasks.in_one_token(&row.example.task)).count() as u64
}
