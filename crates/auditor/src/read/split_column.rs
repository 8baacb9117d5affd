//! Splits that a column tells apart, row by row.

use std::collections::BTreeMap;
use std::path::PathBuf;

use artifact::ParquetFile;
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::read::columns::{is_text, nothing_of};
use crate::read::sieve::{Sieve, names};
use crate::read::split::{Group, Split};

/// More splits than anybody has: a column of so many names says something else.
const MOST: usize = 64;

/// Returns the splits that a column of the files names, with the rows of each counted.
pub(crate) fn splits(paths: &[PathBuf], column: &str) -> Result<Vec<Split>> {
    let files: Vec<ParquetFile> = paths.iter().map(|path| Split::file(path)).collect::<Result<_>>()?;
    let groups = files.iter().enumerate();
    let groups: Vec<(usize, usize)> = groups
        .flat_map(|(file, opened)| (0..opened.group_rows().count()).map(move |group| (file, group)))
        .collect();
    let counted = groups.par_iter().map(|(file, group)| count(&files[*file], *group, column));
    let counted: Vec<BTreeMap<String, u64>> = counted.collect::<Result<_>>()?;
    let mut splits: BTreeMap<&String, Split> = BTreeMap::new();
    for ((file, number), counts) in groups.iter().zip(&counted) {
        for (name, rows) in counts {
            let sieve = Sieve { column: column.to_owned(), split: name.clone() };
            let split = splits.entry(name).or_insert_with(|| Split::none(name, &files, Some(sieve)));
            split.add(Group { file: *file, number: *number, rows: *rows, first: 0 })?;
        }
    }
    files.first().map_or(Ok(()), |file| few(file, column, splits.len()))?;
    Ok(splits.into_values().collect())
}

/// Refuses a column of so many names that they are none of splits.
fn few(file: &ParquetFile, column: &str, names: usize) -> Result<()> {
    if names <= MOST {
        return Ok(());
    }
    let expected = format!("the names of at most {MOST} splits");
    Err(Error::column(file.path(), column, expected, format!("{names}: it says something else")))
}

fn count(file: &ParquetFile, group: usize, column: &str) -> Result<BTreeMap<String, u64>> {
    let at = file.schema().index_of(column).map_err(|error| {
        let found = nothing_of(file.schema(), is_text);
        Error::column(file.path(), column, "the name of a split in every row", found).because(error)
    })?;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    let mut first = file.group_rows().take(group).sum();
    for batch in file.batches(group..group + 1, &[at], 0) {
        let batch = batch?;
        let (names, rows) = names(file, column, &batch, first)?;
        let mut of_name = vec![0; names.len()];
        rows.iter().for_each(|name| of_name[*name] += 1);
        for (name, rows) in names.into_iter().zip(of_name).filter(|(_, rows)| *rows > 0) {
            *counts.entry(name).or_default() += rows;
        }
        few(file, column, counts.len())?;
        first += batch.num_rows() as u64;
    }
    Ok(counts)
}
