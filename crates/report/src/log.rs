//! What a training logged.

use std::collections::BTreeMap;

use artifact::tables::Training;

use crate::Error;
use crate::folder::Source;

/// What was logged of each seed, by step.
pub(crate) type Log = BTreeMap<i32, Vec<Training>>;

/// Reads the log; empty without one.
pub(crate) fn log(source: &Source) -> Result<Log, Error> {
    let mut log = Log::new();
    source.each("training", |row: Training| log.entry(row.seed).or_default().push(row))?;
    log.values_mut().for_each(|rows| rows.sort_by_key(|row| row.step));
    Ok(log)
}
