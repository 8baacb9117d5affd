//! The rows that a column says are of one split, of files that hold rows of several.

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options, filter_record_batch};
use arrow::datatypes::Int32Type;
use artifact::{ParquetFile, guard};

use crate::error::{Error, Result};
use crate::find::names::split_name;
use crate::read::columns::{dictionary, is_text};

/// The rows of one split among those of its files.
#[derive(Debug, Clone)]
pub(crate) struct Sieve {
    pub(crate) column: String,
    pub(crate) split: String,
}

impl Sieve {
    /// Keeps the rows of the split.
    pub(crate) fn keep(&self, file: &ParquetFile, batch: &RecordBatch, first: u64) -> Result<RecordBatch> {
        let mask = self.mask(file, batch, first)?;
        let kept = guard(file.path(), || filter_record_batch(batch, &mask))?;
        kept.map_err(|error| Error::parquet(file.path(), &error).because(error))
    }

    /// Says of each row whether it is one of the split.
    pub(crate) fn mask(&self, file: &ParquetFile, batch: &RecordBatch, first: u64) -> Result<BooleanArray> {
        let (names, rows) = names(file, &self.column, batch, first)?;
        let ours: Vec<bool> = names.iter().map(|name| *name == self.split).collect();
        Ok(rows.into_iter().map(|name| Some(ours[name])).collect())
    }
}

/// Returns the distinct names of splits in a batch, and which of them each row has.
pub(crate) fn names(
    file: &ParquetFile,
    column: &str,
    batch: &RecordBatch,
    first: u64,
) -> Result<(Vec<String>, Vec<usize>)> {
    let wrong = |found: String| Error::column(file.path(), column, "the name of a split in every row", found);
    let array = batch.column_by_name(column).ok_or_else(|| wrong("nothing".to_owned()))?;
    if !is_text(array.data_type()) {
        return Err(wrong(array.data_type().to_string()));
    }
    if let Some(nulls) = array.logical_nulls().filter(|nulls| nulls.null_count() > 0) {
        let row = (0..nulls.len()).find(|row| nulls.is_null(*row)).unwrap_or(0);
        return Err(wrong(format!("a null (row {} of the file)", first + row as u64)));
    }
    let cast = || cast_with_options(array, &dictionary(), &CastOptions::default());
    let text = guard(file.path(), cast)?.map_err(|error| wrong(error.to_string()).because(error))?;
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
