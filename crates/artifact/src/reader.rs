use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::{Error, Result, Row};

const ROWS_PER_BATCH: usize = 8_192;

/// Returns every row of the table file `path`.
///
/// # Errors
/// When the file is unreadable or holds another table, version or column type.
pub fn read_table<R: Row>(path: &Path) -> Result<Vec<R>> {
    let mut rows = Vec::new();
    for batch in table_rows(path)? {
        rows.extend(batch?);
    }
    Ok(rows)
}

/// Returns every row of a table that lies in several files, in the order of `paths`.
///
/// # Errors
/// As [`read_table`].
pub fn read_tables<R: Row>(paths: &[PathBuf]) -> Result<Vec<R>> {
    let mut rows = Vec::new();
    for path in paths {
        rows.extend(read_table(path)?);
    }
    Ok(rows)
}

/// Returns the rows of `path` in batches, in bounded memory.
///
/// # Errors
/// As [`read_table`]; each batch may fail by itself.
pub fn table_rows<R: Row>(path: &Path) -> Result<impl Iterator<Item = Result<Vec<R>>> + use<R>> {
    table_rows_from(path, 0)
}

/// Returns the rows of `path` from number `first` on (counted from 0) in batches, in bounded memory.
///
/// # Errors
/// As [`table_rows`].
pub fn table_rows_from<R: Row>(
    path: &Path,
    first: u64,
) -> Result<impl Iterator<Item = Result<Vec<R>>> + use<R>> {
    let reader = open::<R>(path, first)?;
    let path = path.to_owned();
    Ok(reader.map(move |batch| decode(&batch.map_err(Error::arrow(&path))?, &path)))
}

/// Returns the number of rows that the footer of `path` states, reading nothing else.
///
/// # Errors
/// When the file is no Parquet file.
pub fn row_count(path: &Path) -> Result<u64> {
    let rows = builder(path)?.metadata().file_metadata().num_rows();
    Ok(u64::try_from(rows).unwrap_or(0))
}

fn decode<R: Row>(batch: &RecordBatch, path: &Path) -> Result<Vec<R>> {
    let arrays = R::arrays(batch, path)?;
    Ok((0..batch.num_rows()).map(|row| R::get(&arrays, row)).collect())
}

fn builder(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    ParquetRecordBatchReaderBuilder::try_new(file).map_err(Error::parquet(path))
}

fn open<R: Row>(path: &Path, first: u64) -> Result<ParquetRecordBatchReader> {
    let builder = builder(path)?;
    let file = builder.metadata().file_metadata();
    let pairs = file.key_value_metadata().map_or(&[][..], |pairs| pairs.as_slice());
    let value = |key: &str| pairs.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.as_deref());
    let (table, version) = (value("seqlab.table"), value("seqlab.version"));
    if table != Some(R::TABLE) || version != Some(R::VERSION.to_string().as_str()) {
        return Err(Error::WrongTable {
            path: path.to_owned(),
            expected: format!("{} version {}", R::TABLE, R::VERSION),
            found: match table {
                Some(table) => format!("`{table} version {}`", version.unwrap_or("unknown")),
                None => "a file that seqlab did not write".to_owned(),
            },
        });
    }
    let names = R::columns().into_iter().map(|column| column.name);
    let mask = ProjectionMask::columns(builder.parquet_schema(), names);
    let first = usize::try_from(first).unwrap_or(usize::MAX);
    let builder = if first == 0 { builder } else { builder.with_offset(first) };
    builder.with_projection(mask).with_batch_size(ROWS_PER_BATCH).build().map_err(Error::parquet(path))
}
