use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;

use crate::limit::within;
use crate::parquet_file::{Batches, ParquetFile};
use crate::{Error, Result, Row};

/// Returns every row of the table file `path`.
///
/// # Errors
/// When the file is unreadable, holds another table, version or column type, or rows that are none of such a table, or
/// when all of them would take more memory than such a file may ask for.
pub fn read_table<R: Row>(path: &Path) -> Result<Vec<R>> {
    let mut table = Table::open(path, 0)?;
    let (mut rows, mut held) = (Vec::new(), 0_u64);
    while let Some(batch) = table.batches.next().transpose()? {
        let texts = batch.get_array_memory_size() as u64;
        let next: Vec<R> = table.decode(&batch)?;
        held = held.saturating_add(texts).saturating_add(size_of::<R>() as u64 * next.len() as u64);
        within(path, || "all rows together".to_owned(), held, table.allowed)?;
        rows.extend(next);
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
    Table::open(path, first)
}

/// Returns the number of rows that the footer of `path` states, reading nothing else.
///
/// # Errors
/// When the file is no Parquet file.
pub fn row_count(path: &Path) -> Result<u64> {
    Ok(ParquetFile::open(path)?.rows())
}

/// A table's rows as they are read.
struct Table<R> {
    path: PathBuf,
    batches: Batches,
    /// Number of the row that comes next.
    next: u64,
    allowed: u64,
    row: PhantomData<fn() -> R>,
}

impl<R: Row> Table<R> {
    fn open(path: &Path, first: u64) -> Result<Self> {
        let file = ParquetFile::open(path)?;
        let (table, version) = (file.value("seqlab.table"), file.value("seqlab.version"));
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
        let schema = file.schema();
        // A table without rows has its columns too.
        R::arrays(&RecordBatch::new_empty(schema.clone()), path, 0)?;
        let columns = R::columns();
        let wanted = |name: &str| columns.iter().any(|column| column.name == name);
        let fields = schema.fields().iter().enumerate();
        let places: Vec<usize> = fields.filter(|(_, f)| wanted(f.name())).map(|(place, _)| place).collect();
        let batches = file.batches(0..file.metadata().num_row_groups(), &places, first);
        Ok(Self { path: path.to_owned(), batches, next: first, allowed: file.allowed(), row: PhantomData })
    }

    fn decode(&mut self, batch: &RecordBatch) -> Result<Vec<R>> {
        let arrays = R::arrays(batch, &self.path, self.next)?;
        let first = self.next;
        self.next += batch.num_rows() as u64;
        let row = |row: usize| {
            let found = R::get(&arrays, row);
            match found.misfit() {
                None => Ok(found),
                Some(message) => {
                    Err(Error::Row { path: self.path.clone(), row: first + row as u64, message })
                }
            }
        };
        (0..batch.num_rows()).map(row).collect()
    }
}

impl<R: Row> Iterator for Table<R> {
    type Item = Result<Vec<R>>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.batches.next()?;
        Some(batch.and_then(|batch| self.decode(&batch)))
    }
}
