//! Which rows are looked at: of each task the same sample for every analysis, and what stands beside a row.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use artifact::table_rows;
use artifact::tables::{Counterfactual, Example, Token};

use crate::error::Error;

/// The kind of counterfactual rows over which means are taken.
const MEAN_OVER: &str = "random_members";

/// Returns at most `most` rows of each task, those with the least keyed hash of their `example_id`.
///
/// The sample of a task depends on its own rows alone, and in no order; no more than `most` of them are held.
pub(crate) fn examples(files: &[PathBuf], most: usize) -> Result<BTreeMap<String, Vec<Example>>, Error> {
    let mut tasks = BTreeMap::<String, BTreeMap<(u64, i64), Example>>::new();
    for file in files {
        for batch in table_rows::<Example>(file)? {
            for example in batch? {
                let example_id = example.example_id;
                let sample = tasks.entry(example.task.clone()).or_default();
                let hash = stream::word("analyzer/sample", &[example_id as u64]);
                if sample.insert((hash, example_id), example).is_some() {
                    let message = "another row has the same `example_id`; rerun the build stage".to_owned();
                    return Err(Error::Row { example_id, message });
                }
                if sample.len() > most {
                    sample.pop_last();
                }
            }
        }
    }
    Ok(tasks.into_iter().map(|(task, sample)| (task, sample.into_values().collect())).collect())
}

/// Returns the tokens of the counterfactual row of each of these rows, where it has one.
pub(crate) fn counterfactuals(
    file: &Path,
    rows: &HashSet<i64>,
    vocabulary: &[Token],
) -> Result<HashMap<i64, Vec<u16>>, Error> {
    let mut found = HashMap::new();
    for batch in table_rows::<Counterfactual>(file)? {
        let wanted = |row: &Counterfactual| row.kind == MEAN_OVER && rows.contains(&row.example_id);
        for Counterfactual { example_id, tokens, .. } in batch?.into_iter().filter(wanted) {
            if let Some(unknown) = tokens.iter().find(|token| usize::from(**token) >= vocabulary.len()) {
                let message = format!(
                    "token {unknown} of its counterfactual is not in the vocabulary; rerun the build stage"
                );
                return Err(Error::Row { example_id, message });
            }
            found.insert(example_id, tokens);
        }
    }
    Ok(found)
}
