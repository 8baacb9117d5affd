//! Splits that a column tells apart, row by row.

use std::collections::BTreeMap;
use std::path::PathBuf;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options, filter_record_batch};
use arrow::datatypes::{DataType, Int32Type};
use artifact::{ParquetFile, guard};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::find::names::split_name;
use crate::read::columns::{dictionary, nothing_of};
use crate::read::split::{Group, Split};

/// More splits than anybody has: a column of so many names says something else.
const MOST: usize = 64;

/// The rows of one split among those of its files.
#[derive(Debug, Clone)]
pub(crate) struct Sieve {
    pub(crate) column: String,
    split: String,
}

impl Sieve {
    /// Keeps the rows of the split.
    pub(crate) fn keep(&self, file: &ParquetFile, batch: &RecordBatch, first: u64) -> Result<RecordBatch> {
        let mask = self.mask(file, batch, first)?;
        let kept = guard(file.path(), || filter_record_batch(batch, &mask))?;
        kept.map_err(|error| Error::parquet(file.path(), error))
    }

    /// Says of each row whether it is one of the split.
    pub(crate) fn mask(&self, file: &ParquetFile, batch: &RecordBatch, first: u64) -> Result<BooleanArray> {
        let (names, rows) = names(file, &self.column, batch, first)?;
        let ours: Vec<bool> = names.iter().map(|name| *name == self.split).collect();
        Ok(rows.into_iter().map(|name| Some(ours[name])).collect())
    }
}

/// Returns the splits that a column of the files names, with the rows of each counted.
pub(crate) fn by_column(paths: &[PathBuf], column: &str) -> Result<Vec<Split>> {
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
    Err(Error::Column {
        path: file.path().to_owned(),
        column: column.to_owned(),
        expected: format!("the names of at most {MOST} splits"),
        found: format!("{names}: it says something else"),
    })
}

fn count(file: &ParquetFile, group: usize, column: &str) -> Result<BTreeMap<String, u64>> {
    let at = file.schema().index_of(column).map_err(|_| Error::Column {
        path: file.path().to_owned(),
        column: column.to_owned(),
        expected: "the name of a split in every row".to_owned(),
        found: nothing_of(file.schema(), is_text),
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

fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, value) => is_text(value),
        kind => matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View),
    }
}

/// Returns the distinct names of splits in a batch, and which of them each row has.
fn names(
    file: &ParquetFile,
    column: &str,
    batch: &RecordBatch,
    first: u64,
) -> Result<(Vec<String>, Vec<usize>)> {
    let wrong = |found: String| Error::Column {
        path: file.path().to_owned(),
        column: column.to_owned(),
        expected: "the name of a split in every row".to_owned(),
        found,
    };
    let array = batch.column_by_name(column).ok_or_else(|| wrong("nothing".to_owned()))?;
    if !is_text(array.data_type()) {
        return Err(wrong(array.data_type().to_string()));
    }
    if let Some(nulls) = array.logical_nulls().filter(|nulls| nulls.null_count() > 0) {
        let row = (0..nulls.len()).find(|row| nulls.is_null(*row)).unwrap_or(0);
        return Err(wrong(format!("a null (row {} of the file)", first + row as u64)));
    }
    let cast = || cast_with_options(array, &dictionary(), &CastOptions::default());
    let text = guard(file.path(), cast)?.map_err(|error| wrong(error.to_string()))?;
    let text = text.as_dictionary::<Int32Type>();
    let names = text.values().as_string::<i32>().iter().map(|name| {
        let name = name.unwrap_or_default();
        split_name(name).unwrap_or_else(|| name.to_owned())
    });
    let names: Vec<String> = names.collect();
    let key = |key: &i32| usize::try_from(*key).ok().filter(|key| *key < names.len());
    let rows: Option<Vec<usize>> = text.keys().values().iter().map(key).collect();
    let rows = rows.ok_or_else(|| wrong("a broken dictionary".to_owned()))?;
    Ok((names, rows))
}
