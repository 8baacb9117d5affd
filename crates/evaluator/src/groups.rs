//! Rows that are scored together, and what is known of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::memory::{AnswerId, Memory};
use crate::rows::Row;
use crate::scoring::Answer;

/// The rows of one split, and what is known of them beside the model.
#[derive(Clone, Copy)]
pub(crate) struct Split<'a> {
    pub(crate) name: &'static str,
    pub(crate) rows: &'a [Row],
    /// The audit's look-up tables; nothing for train.
    pub(crate) memory: Option<&'a Memory>,
    /// Example to the number of train rows with its answer after the first term.
    pub(crate) answer_seen: &'a HashMap<i64, i64>,
}

/// What one checkpoint answers to each row of a split.
pub(crate) struct Answers {
    pub(crate) seed: i32,
    pub(crate) step: i64,
    pub(crate) answers: Vec<Answer>,
    /// The number of each wrong answer that a look-up table gives to any row too.
    pub(crate) matched: Vec<Option<AnswerId>>,
}

/// Rows that are scored together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) task: String,
    pub(crate) slice: String,
    pub(crate) rows: Vec<usize>,
}

/// Returns the groups of rows: all tasks and each task; all rows, by number of terms, by exposure of the answer.
pub(crate) fn groups(rows: &[Row], answer_seen: &HashMap<i64, i64>) -> Vec<Group> {
    let tasks: BTreeSet<&str> = rows.iter().map(|row| row.example.task.as_str()).collect();
    let mut groups = Vec::new();
    for task in std::iter::once("").chain(tasks) {
        let mut slices = BTreeMap::<(u8, i64), (String, Vec<usize>)>::new();
        for (number, row) in
            rows.iter().enumerate().filter(|(_, row)| task.is_empty() || row.example.task == task)
        {
            let terms = row.example.terms.len() as i64;
            let seen = answer_seen.get(&row.example.example_id).map(|&seen| match seen {
                ..=0 => ((2, 0), "answer_seen=0"),
                1..=9 => ((2, 1), "answer_seen=1-9"),
                10..=99 => ((2, 10), "answer_seen=10-99"),
                _ => ((2, 100), "answer_seen=100+"),
            });
            let seen = seen.map(|(key, name)| (key, name.to_owned()));
            for (key, name) in
                [((0, 0), "all".to_owned()), ((1, terms), format!("terms={terms}"))].into_iter().chain(seen)
            {
                slices.entry(key).or_insert_with(|| (name, Vec::new())).1.push(number);
            }
        }
        let slices = slices.into_values();
        groups.extend(slices.map(|(slice, rows)| Group { task: task.to_owned(), slice, rows }));
    }
    groups
}

/// Returns the place of each row's cluster among those of the group, and how many there are.
pub(crate) fn places(split: &Split<'_>, group: &Group) -> (Vec<usize>, usize) {
    let cluster = |row: &usize| split.rows[*row].example.cluster;
    let clusters: BTreeSet<i64> = group.rows.iter().map(cluster).collect();
    let numbers: HashMap<i64, usize> =
        clusters.iter().enumerate().map(|(number, key)| (*key, number)).collect();
    (group.rows.iter().map(|row| numbers[&cluster(row)]).collect(), clusters.len())
}
