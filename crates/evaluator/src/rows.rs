//! The rows that are scored, checked against their own columns, with what the scores need beside them.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::path::PathBuf;

use answer::{Kinds, Target};
use artifact::table_rows;
use artifact::tables::Example;

use crate::Error;

/// A row to score.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) example: Example,
    pub(crate) target: Target,
}

impl Row {
    /// Checks the row against its own columns.
    pub(crate) fn new(split: &str, example: Example, kinds: &Kinds) -> Result<Row, Error> {
        match Target::of(&example, kinds) {
            Ok(target) => Ok(Row { example, target }),
            Err(misfit) => Err(Error::Row {
                split: split.to_owned(),
                example_id: example.example_id,
                message: misfit.to_string(),
            }),
        }
    }
}

/// Returns every row of a split.
pub(crate) fn read(split: &str, paths: &[PathBuf], kinds: &Kinds) -> Result<Vec<Row>, Error> {
    let (mut rows, mut known) = (Vec::new(), HashSet::new());
    for path in paths {
        for batch in table_rows::<Example>(path)? {
            for example in batch? {
                if !known.insert(example.example_id) {
                    let message = "another row has the same `example_id`".to_owned();
                    return Err(Error::Row {
                        split: split.to_owned(),
                        example_id: example.example_id,
                        message,
                    });
                }
                rows.push(Row::new(split, example, kinds)?);
            }
        }
    }
    Ok(rows)
}

/// Returns a keyed sample of the train rows in their own order.
///
/// A row is in the sample by its `example_id` alone, so that other rows come and go without moving it much.
pub(crate) fn read_sample(paths: &[PathBuf], most: usize, kinds: &Kinds) -> Result<Vec<Row>, Error> {
    let mut kept = BinaryHeap::<(u64, Reverse<u64>, Keyed)>::new();
    let mut number = 0_u64;
    for path in paths {
        for batch in table_rows::<Example>(path)? {
            for example in batch? {
                let key = stream::word("evaluator/train_rows", &[example.example_id as u64]);
                if kept.len() < most || kept.peek().is_some_and(|(largest, ..)| key < *largest) {
                    kept.push((key, Reverse(number), Keyed(example)));
                }
                if kept.len() > most {
                    kept.pop();
                }
                number += 1;
            }
        }
    }
    let mut kept: Vec<(u64, Example)> =
        kept.into_iter().map(|(_, Reverse(n), Keyed(example))| (n, example)).collect();
    kept.sort_by_key(|(number, _)| *number);
    kept.into_iter().map(|(_, example)| Row::new("train", example, kinds)).collect()
}

/// An example that is ordered by what stands before it in a tuple only.
struct Keyed(Example);

impl PartialEq for Keyed {
    fn eq(&self, _: &Keyed) -> bool {
        true
    }
}

impl Eq for Keyed {}

impl PartialOrd for Keyed {
    fn partial_cmp(&self, other: &Keyed) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Keyed {
    fn cmp(&self, _: &Keyed) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}
