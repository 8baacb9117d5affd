use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use crate::{Error, Provenance, Result, Row};

const ROWS_PER_GROUP: usize = 65_536;
const ROWS_PER_BATCH: usize = 8_192;

/// Writes one table file row by row, in memory bounded by one row group.
pub struct TableWriter<R: Row> {
    path: PathBuf,
    schema: Arc<Schema>,
    writer: ArrowWriter<File>,
    builders: R::Builders,
    pending: usize,
    rows: u64,
}

impl<R: Row> TableWriter<R> {
    /// Creates (or truncates) the file at `path`.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn create(path: &Path, provenance: &Provenance) -> Result<Self> {
        let schema = Arc::new(R::schema());
        let file = File::create(path).map_err(Error::io("create", path))?;
        // The Arrow schema is left out of the metadata: the Parquet types say it all, and fewer bytes can differ.
        let options = ArrowWriterOptions::new()
            .with_properties(properties::<R>(provenance))
            .with_skip_arrow_metadata(true);
        let writer =
            ArrowWriter::try_new_with_options(file, schema.clone(), options).map_err(Error::parquet(path))?;
        let builders = R::Builders::default();
        Ok(Self { path: path.to_owned(), schema, writer, builders, pending: 0, rows: 0 })
    }

    /// Appends a row.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn push(&mut self, row: &R) -> Result<()> {
        row.append(&mut self.builders);
        self.rows += 1;
        self.pending += 1;
        if self.pending == ROWS_PER_BATCH { self.flush() } else { Ok(()) }
    }

    /// Writes the footer and returns the number of rows.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn finish(mut self) -> Result<u64> {
        self.flush()?;
        self.writer.close().map_err(Error::parquet(&self.path))?;
        Ok(self.rows)
    }

    fn flush(&mut self) -> Result<()> {
        if self.pending == 0 {
            return Ok(());
        }
        self.pending = 0;
        let batch = RecordBatch::try_new(self.schema.clone(), R::finish(&mut self.builders))
            .map_err(Error::arrow(&self.path))?;
        self.writer.write(&batch).map_err(Error::parquet(&self.path))
    }
}

/// Writes `rows` as the table file `path` and returns their number.
///
/// # Errors
/// When the disk refuses.
pub fn write_table<R: Row>(
    path: &Path,
    provenance: &Provenance,
    rows: impl IntoIterator<Item = R>,
) -> Result<u64> {
    let mut writer = TableWriter::create(path, provenance)?;
    for row in rows {
        writer.push(&row)?;
    }
    writer.finish()
}

fn properties<R: Row>(provenance: &Provenance) -> WriterProperties {
    WriterProperties::builder()
        .set_created_by("seqlab".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROWS_PER_GROUP))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_key_value_metadata(Some(provenance.metadata::<R>()))
        .build()
}
