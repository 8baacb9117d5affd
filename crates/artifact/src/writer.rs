use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use rayon::prelude::*;

use crate::{Error, Provenance, Result, Row};

/// Rows of a row group, the last of a file excepted.
pub const ROWS_PER_GROUP: u64 = 65_536;
const ROWS_PER_BATCH: usize = 8_192;
/// Row groups made at once by each thread before they are appended: enough that no thread waits long for another.
const GROUPS_PER_THREAD: usize = 2;

/// Writes one table file, in memory bounded by a few row groups.
///
/// The bytes follow from the rows and the borders of their row groups alone: not from who made them, or when.
pub struct TableWriter<R: Row> {
    groups: Groups,
    writer: SerializedFileWriter<File>,
    open: RowGroup<R>,
    rows: u64,
}

/// Starts row groups of one file.
#[derive(Clone)]
struct Groups {
    path: Arc<Path>,
    schema: Arc<Schema>,
    factory: Arc<ArrowRowGroupWriterFactory>,
}

/// Encodes the rows of one row group.
pub struct RowGroup<R: Row> {
    groups: Groups,
    columns: Vec<ArrowColumnWriter>,
    builders: R::Builders,
    pending: usize,
    rows: u64,
}

/// A row group as it will stand in the file.
struct Encoded {
    columns: Vec<ArrowColumnChunk>,
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
        let root = ArrowSchemaConverter::new().convert(&schema).map_err(Error::writing(path))?;
        let properties = Arc::new(properties::<R>(provenance));
        let writer = SerializedFileWriter::new(file, root.root_schema_ptr(), properties)
            .map_err(Error::writing(path))?;
        let factory = Arc::new(ArrowRowGroupWriterFactory::new(&writer, schema.clone()));
        let groups = Groups { path: path.into(), schema, factory };
        Ok(Self { open: groups.start()?, groups, writer, rows: 0 })
    }

    /// Appends a row.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn push(&mut self, row: &R) -> Result<()> {
        self.open.push(row)?;
        if self.open.rows == ROWS_PER_GROUP { self.close() } else { Ok(()) }
    }

    /// Appends `count` row groups, which all threads of the pool make: `make(i, group)` pushes the rows of the `i`-th.
    ///
    /// A row group without rows is left out.
    ///
    /// # Errors
    /// When the disk refuses, or the first error of `make`.
    pub fn push_groups(
        &mut self,
        count: u64,
        make: impl Fn(u64, &mut RowGroup<R>) -> Result<()> + Sync,
    ) -> Result<()> {
        self.close()?;
        let wave = (rayon::current_num_threads() * GROUPS_PER_THREAD) as u64;
        let groups = self.groups.clone();
        let encode = |number: u64| {
            let mut group = groups.start()?;
            make(number, &mut group)?;
            group.encode()
        };
        let mut done: Vec<Encoded> = Vec::new();
        for first in (0..count).step_by(wave as usize) {
            // One wave is written while the next is made.
            let (written, made) = rayon::join(
                || done.into_iter().try_for_each(|group| self.append(group)),
                || (first..count.min(first + wave)).into_par_iter().map(encode).collect::<Result<Vec<_>>>(),
            );
            written?;
            done = made?;
        }
        done.into_iter().try_for_each(|group| self.append(group))
    }

    /// Writes the footer and returns the number of rows.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn finish(mut self) -> Result<u64> {
        self.close()?;
        self.writer.close().map_err(Error::writing(&self.groups.path))?;
        Ok(self.rows)
    }

    /// Appends the rows pushed one by one as a row group.
    fn close(&mut self) -> Result<()> {
        if self.open.rows == 0 {
            return Ok(());
        }
        let group = std::mem::replace(&mut self.open, self.groups.start()?);
        self.append(group.encode()?)
    }

    fn append(&mut self, group: Encoded) -> Result<()> {
        if group.rows == 0 {
            return Ok(());
        }
        let failed = Error::writing(&self.groups.path);
        let append = || {
            let mut writer = self.writer.next_row_group()?;
            group.columns.into_iter().try_for_each(|column| column.append_to_row_group(&mut writer))?;
            writer.close()
        };
        append().map_err(failed)?;
        self.rows += group.rows;
        Ok(())
    }
}

impl Groups {
    fn start<R: Row>(&self) -> Result<RowGroup<R>> {
        // The number of a row group matters to encryption only.
        let columns = self.factory.create_column_writers(0).map_err(Error::writing(&self.path))?;
        Ok(RowGroup { groups: self.clone(), columns, builders: R::Builders::default(), pending: 0, rows: 0 })
    }
}

impl<R: Row> RowGroup<R> {
    /// Appends a row.
    ///
    /// # Errors
    /// When the row cannot be encoded.
    pub fn push(&mut self, row: &R) -> Result<()> {
        row.append(&mut self.builders);
        self.rows += 1;
        self.pending += 1;
        if self.pending == ROWS_PER_BATCH { self.flush() } else { Ok(()) }
    }

    fn encode(mut self) -> Result<Encoded> {
        self.flush()?;
        let close = |column: ArrowColumnWriter| column.close().map_err(Error::writing(&self.groups.path));
        let columns = self.columns.into_iter().map(close).collect::<Result<_>>()?;
        Ok(Encoded { columns, rows: self.rows })
    }

    fn flush(&mut self) -> Result<()> {
        if self.pending == 0 {
            return Ok(());
        }
        self.pending = 0;
        let Groups { path, schema, .. } = &self.groups;
        let batch = RecordBatch::try_new(schema.clone(), R::finish(&mut self.builders))
            .map_err(Error::arrow(path))?;
        let mut columns = self.columns.iter_mut();
        for (field, array) in schema.fields().iter().zip(batch.columns()) {
            for leaf in compute_leaves(field, array).map_err(Error::writing(path))? {
                let column = columns.next().expect("a column of a table has one leaf");
                column.write(&leaf).map_err(Error::writing(path))?;
            }
        }
        Ok(())
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
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_key_value_metadata(Some(provenance.metadata::<R>()))
        .build()
}
