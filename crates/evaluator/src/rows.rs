//! The rows that are scored, checked against their own columns, with what the scores need beside them.

use std::collections::{BTreeMap, HashSet};
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
                    return Err(twice(split, example.example_id));
                }
                rows.push(Row::new(split, example, kinds)?);
            }
        }
    }
    Ok(rows)
}

/// Returns a keyed sample of the train rows in their own order.
///
/// A row is in the sample by its `example_id` alone, so that other rows come and go without moving it much; no more than `most` of
/// them are held.
pub(crate) fn read_sample(paths: &[PathBuf], most: usize, kinds: &Kinds) -> Result<Vec<Row>, Error> {
    let mut kept = BTreeMap::<(u64, i64), (u64, Example)>::new();
    let mut number = 0;
    for path in paths {
        for batch in table_rows::<Example>(path)? {
            for example in batch? {
                let example_id = example.example_id;
                let key = stream::word("evaluator/train_rows", &[example_id as u64]);
                if kept.insert((key, example_id), (number, example)).is_some() {
                    return Err(twice("train", example_id));
                }
                if kept.len() > most {
                    kept.pop_last();
                }
                number += 1;
            }
        }
    }
    let mut kept: Vec<(u64, Example)> = kept.into_values().collect();
    kept.sort_by_key(|(number, _)| *number);
    kept.into_iter().map(|(_, example)| Row::new("train", example, kinds)).collect()
}

fn twice(split: &str, example_id: i64) -> Error {
    let message = "another row has the same `example_id`".to_owned();
    Error::Row { split: split.to_owned(), example_id, message }
}
