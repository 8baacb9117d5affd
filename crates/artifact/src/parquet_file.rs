use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::ParquetMetaData;

use crate::guard::guard;
use crate::limit::{allowed, open_file};
use crate::{Error, Result, footer, pages};

/// Rows and values that are decoded at a time, at most.
const ROWS: u64 = 8_192;
const VALUES: u64 = 1 << 20;

/// A Parquet file whose footer was read and checked: the one way in which any part of the project reads one.
///
/// Footer and page headers are walked before they are decoded, and what they announce is compared with the file's size and
/// [`set_limit`](crate::set_limit) before room is made for it. What panics all the same becomes an error. So a damaged or
/// hostile file, be it however small, costs a clear error and no more memory than is allowed.
#[derive(Debug, Clone)]
pub struct ParquetFile {
    path: PathBuf,
    size: u64,
    metadata: ArrowReaderMetadata,
}

impl ParquetFile {
    /// Opens the file and reads its footer.
    ///
    /// # Errors
    /// When it is no regular file, no Parquet file, or announces more than is allowed.
    pub fn open(path: &Path) -> Result<Self> {
        let (file, size) = open_file(path)?;
        Ok(Self { path: path.to_owned(), size, metadata: footer::read(path, &file, size)? })
    }

    /// Asks for columns as other Arrow types; as they are, where the file cannot be read so.
    ///
    /// # Errors
    /// When the reader gives up.
    pub fn asking(mut self, field: impl Fn(&Field) -> Field) -> Result<Self> {
        let fields: Vec<Field> = self.schema().fields().iter().map(|known| field(known)).collect();
        let schema = Schema::new_with_metadata(fields, self.schema().metadata().clone());
        let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
        let metadata = self.metadata.metadata().clone();
        let asked = guard(&self.path, || ArrowReaderMetadata::try_new(metadata, options))?;
        self.metadata = asked.unwrap_or(self.metadata);
        Ok(self)
    }

    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it may make its reader hold at once, in bytes.
    #[must_use]
    pub fn allowed(&self) -> u64 {
        allowed(self.size)
    }

    /// The columns as Arrow has them.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        self.metadata.schema()
    }

    /// What the footer says; its counts agree, and its columns lie within the file.
    #[must_use]
    pub fn metadata(&self) -> &ParquetMetaData {
        self.metadata.metadata()
    }

    /// Number of rows of each row group.
    pub fn group_rows(&self) -> impl Iterator<Item = u64> {
        self.metadata().row_groups().iter().map(|group| group.num_rows().unsigned_abs())
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.group_rows().sum()
    }

    /// The value of a key in the footer's metadata.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&str> {
        let pairs = self.metadata().file_metadata().key_value_metadata()?;
        pairs.iter().find(|pair| pair.key == key)?.value.as_deref()
    }

    /// Values of the top-level columns at these places of the schema, of all row groups: what holding them takes.
    #[must_use]
    pub fn values(&self, columns: &[usize]) -> u64 {
        let mask = self.mask(columns);
        let groups = self.metadata().row_groups().iter();
        let values = groups.flat_map(|group| {
            let leaves = group.columns().iter().enumerate().filter(|(leaf, _)| mask.leaf_included(*leaf));
            leaves.map(|(_, column)| column.num_values().unsigned_abs())
        });
        values.fold(0, u64::saturating_add)
    }

    /// Reads row groups, the top-level columns at these places of the schema, from row `first` of these groups on.
    #[must_use]
    pub fn batches(&self, groups: Range<usize>, columns: &[usize], first: u64) -> Batches {
        Batches { file: self.clone(), groups, mask: self.mask(columns), skip: first, open: None }
    }

    fn mask(&self, columns: &[usize]) -> ProjectionMask {
        ProjectionMask::roots(self.metadata().file_metadata().schema_descr(), columns.iter().copied())
    }

    /// Opens a row group after looking at the pages that will be read.
    fn group(&self, number: usize, mask: &ProjectionMask, first: u64) -> Result<Open> {
        let path = &self.path;
        let (file, size) = open_file(path)?;
        if size != self.size {
            let message = format!("it had {} bytes when it was opened, and has {size} now", self.size);
            return Err(Error::Parquet { path: path.clone(), message });
        }
        let group = self.metadata().row_group(number);
        let rows = group.num_rows().unsigned_abs();
        let (mut values, mut repeated) = (0, 0);
        for (leaf, column) in group.columns().iter().enumerate() {
            if mask.leaf_included(leaf) {
                let announced = pages::survey(path, &file, column, self.allowed())?;
                values = announced.values.max(values);
                repeated = announced.repeated.max(repeated);
            }
        }
        // As many rows as hold so many values on average; were each of them the longest text, a part of what is allowed.
        let most = VALUES / (values / rows.max(1)).max(1);
        let texts = self.allowed() / repeated.saturating_mul(2).max(1);
        let batch = most.min(texts).clamp(1, ROWS) as usize;
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        let reader = guard(path, || {
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
                .with_row_groups(vec![number])
                .with_projection(mask.clone())
                .with_offset(first)
                .with_batch_size(batch)
                .build()
        })?
        .map_err(Error::parquet(path))?;
        Ok(Open { reader, number, left: rows.saturating_sub(first as u64), rows })
    }
}

/// Batches of rows, in order, none across the border of two row groups.
pub struct Batches {
    file: ParquetFile,
    /// Row groups that come next.
    groups: Range<usize>,
    mask: ProjectionMask,
    /// Rows to pass over.
    skip: u64,
    open: Option<Open>,
}

/// A row group that is being read.
struct Open {
    reader: ParquetRecordBatchReader,
    number: usize,
    /// Rows that it has.
    rows: u64,
    /// Rows that are still to come.
    left: u64,
}

impl Batches {
    fn advance(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let Some(open) = &mut self.open else {
                let Some(number) = self.groups.next() else { return Ok(None) };
                let rows = self.file.metadata().row_group(number).num_rows().unsigned_abs();
                if self.skip > 0 && self.skip >= rows {
                    self.skip -= rows;
                } else {
                    self.open = Some(self.file.group(number, &self.mask, std::mem::take(&mut self.skip))?);
                }
                continue;
            };
            let path = &self.file.path;
            let batch = guard(path, || open.reader.next().transpose())?.map_err(Error::arrow(path))?;
            let found = batch.as_ref().map_or(0, |batch| batch.num_rows() as u64);
            match open.left.checked_sub(found) {
                Some(left) if batch.is_some() => open.left = left,
                Some(0) => {
                    self.open = None;
                    continue;
                }
                _ => {
                    let (number, rows) = (open.number, open.rows);
                    let message = format!("row group {number} should have {rows} rows, and has others");
                    return Err(Error::Parquet { path: path.clone(), message });
                }
            }
            return Ok(batch);
        }
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.advance();
        if next.is_err() {
            (self.open, self.groups) = (None, 0..0);
        }
        next.transpose()
    }
}
