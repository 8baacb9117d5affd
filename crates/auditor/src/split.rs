//! The Parquet files of one split: opened and checked, then loaded or streamed past.

use std::any::Any;
use std::collections::BTreeMap;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use rayon::prelude::*;
use tracing::info;

use crate::columns::{ALL, Source, Wanted, dictionary};
use crate::rows::Rows;
use crate::{Error, Result};

/// Rows and values that are decoded at a time, at most: with the number of threads they bound the memory of a scan.
const BATCH_ROWS: u64 = 8192;
const BATCH_VALUES: u64 = 1 << 20;

/// The files of one split, in order; row indices count through all of them.
pub(crate) struct Split {
    pub(crate) name: String,
    /// Rows of all files.
    pub(crate) rows: u64,
    files: Vec<ParquetFile>,
    /// The row groups that a scan reads.
    groups: Vec<Group>,
}

struct ParquetFile {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
}

/// A row group: the index of its file, its own, its rows, and the index of its first row in the split.
#[derive(Clone, Copy)]
struct Group {
    file: usize,
    number: usize,
    rows: u64,
    first: u64,
}

impl Split {
    /// Opens the files and reads their footers.
    pub(crate) fn open(name: &str, paths: &[PathBuf]) -> Result<Self> {
        let mut split = Self { name: name.to_owned(), rows: 0, files: Vec::new(), groups: Vec::new() };
        for path in paths {
            let metadata = footer(path)?;
            for (number, group) in metadata.metadata().row_groups().iter().enumerate() {
                let wrong = || Error::parquet(path, "impossible row count");
                let rows = u64::try_from(group.num_rows()).map_err(|_| wrong())?;
                split.groups.push(Group { file: split.files.len(), number, rows, first: split.rows });
                // Witnesses hold row indices in 44 bits.
                let total = split.rows.checked_add(rows).filter(|total| *total < 1 << 44);
                split.rows = total.ok_or_else(wrong)?;
            }
            split.files.push(ParquetFile { path: path.clone(), metadata });
        }
        Ok(split)
    }

    /// Returns the paths and schemas of the files.
    pub(crate) fn schemas(&self) -> impl Iterator<Item = (&Path, &SchemaRef)> {
        self.files.iter().map(|file| (file.path.as_path(), file.metadata.schema()))
    }

    /// Returns the paths of the files with their numbers of rows.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&Path, u64)> {
        self.files.iter().enumerate().map(|(file, ParquetFile { path, .. })| {
            let groups = self.groups.iter().filter(|group| group.file == file);
            (path.as_path(), groups.map(|group| group.rows).sum())
        })
    }

    /// Keeps for scans the row groups of shard `number`, counted from 1, of `of`: consecutive ones, about as many in each.
    pub(crate) fn keep_shard(&mut self, number: usize, of: usize) {
        let groups = self.groups.len();
        self.groups = self.groups[groups * (number - 1) / of..groups * number / of].to_vec();
    }

    /// Rows that a scan reads.
    pub(crate) fn scanned(&self) -> u64 {
        self.groups.iter().map(|group| group.rows).sum()
    }

    /// Reads the whole split into memory, in order.
    pub(crate) fn load(&self, wanted: &Wanted) -> Result<Rows> {
        let mut all = Rows::none(wanted);
        self.batches(wanted, rows_of)?.iter().for_each(|rows| all.append(rows));
        Ok(all)
    }

    /// Decodes the batches of the whole split, row groups in parallel; returns what became of them in order.
    pub(crate) fn batches<T: Send>(
        &self,
        wanted: &Wanted,
        decode: impl Fn(&Source<'_>) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let group = |group: &Group| {
            let mut batches = Vec::new();
            self.read_batches(*group, wanted, |source| {
                batches.push(decode(source)?);
                Ok(())
            })?;
            Ok(batches)
        };
        let groups: Vec<Vec<T>> = self.groups.par_iter().map(group).collect::<Result<_>>()?;
        Ok(groups.into_iter().flatten().collect())
    }

    /// Streams the split past `each`, row groups in parallel and so in any order; returns what each thread gathered.
    ///
    /// What is gathered must not depend on that order.
    pub(crate) fn scan<L: Send>(
        &self,
        wanted: &Wanted,
        new: impl Fn() -> L + Sync,
        each: impl Fn(&mut L, &Rows) -> Result<()> + Sync,
    ) -> Result<Vec<L>> {
        self.scan_batches(wanted, new, |local, source| each(local, &rows_of(source)?))
    }

    /// The same, with batches that are not decoded.
    pub(crate) fn scan_batches<L: Send>(
        &self,
        wanted: &Wanted,
        new: impl Fn() -> L + Sync,
        each: impl Fn(&mut L, &Source<'_>) -> Result<()> + Sync,
    ) -> Result<Vec<L>> {
        let (next, done, total) = (AtomicUsize::new(0), AtomicU64::new(0), self.scanned());
        let threads = rayon::current_num_threads().clamp(1, self.groups.len().max(1));
        let work = |_| {
            let mut local = new();
            while let Some(group) = self.groups.get(next.fetch_add(1, Ordering::Relaxed)) {
                let result = self.read_batches(*group, wanted, |source| {
                    each(&mut local, source)?;
                    let rows = source.batch.num_rows() as u64;
                    let done = done.fetch_add(rows, Ordering::Relaxed) + rows;
                    info!(target: "progress", task = "audit", done, total, unit = "rows", "{}", self.name);
                    Ok(())
                });
                if result.is_err() {
                    next.store(self.groups.len(), Ordering::Relaxed);
                }
                result?;
            }
            Ok(local)
        };
        (0..threads).into_par_iter().with_max_len(1).map(work).collect()
    }

    /// Returns the `example_id` of the rows at the given indices (the index itself where there is no such column).
    pub(crate) fn ids(&self, indices: &[u64]) -> Result<BTreeMap<u64, i64>> {
        let mut sorted = indices.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let asked = |from: u64, to: u64| {
            let start = sorted.partition_point(|index| *index < from);
            &sorted[start..start + sorted[start..].partition_point(|index| *index < to)]
        };
        let holds = |group: &&Group| !asked(group.first, group.first + group.rows).is_empty();
        let found = self.groups.par_iter().filter(holds).map(|group| {
            let mut found = Vec::new();
            self.read(*group, &Wanted::ids(), |rows| {
                let inside = asked(rows.first, rows.first + rows.len() as u64);
                found.extend(inside.iter().map(|index| (*index, rows.ids[(index - rows.first) as usize])));
                Ok(())
            })?;
            Ok(found)
        });
        Ok(found.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    fn read(&self, group: Group, wanted: &Wanted, mut each: impl FnMut(&Rows) -> Result<()>) -> Result<()> {
        self.read_batches(group, wanted, |source| each(&rows_of(source)?))
    }

    fn read_batches(
        &self,
        group: Group,
        wanted: &Wanted,
        mut each: impl FnMut(&Source<'_>) -> Result<()>,
    ) -> Result<()> {
        let ParquetFile { path, metadata } = &self.files[group.file];
        let file = open(path)?;
        let columns = wanted.columns(path, metadata.schema())?;
        let mut reader = guard(path, || {
            let mask = ProjectionMask::roots(metadata.parquet_schema(), columns);
            let leaves = metadata.metadata().row_group(group.number).columns().iter().enumerate();
            let values = leaves.filter(|(leaf, _)| mask.leaf_included(*leaf));
            let most = values.map(|(_, column)| column.num_values().unsigned_abs()).max().unwrap_or(0);
            let batch = BATCH_VALUES / (most / group.rows.max(1)).max(1);
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone())
                .with_row_groups(vec![group.number])
                .with_projection(mask)
                .with_batch_size(batch.clamp(1, BATCH_ROWS) as usize)
                .build()
        })?
        .map_err(|error| Error::parquet(path, error))?;
        let mut next = group.first;
        loop {
            // Arrow's decoders check much but not all of what they are given: a panic here is a corrupt file.
            let batch: Option<RecordBatch> =
                guard(path, || reader.next().transpose())?.map_err(|error| Error::parquet(path, error))?;
            let Some(batch) = batch else { break };
            let source = Source { path, batch: &batch, first: next, wanted };
            each(&source)?;
            next += batch.num_rows() as u64;
        }
        let found = next - group.first;
        if found != group.rows {
            let message = format!("row group {}: {} rows promised, {found} read", group.number, group.rows);
            return Err(Error::parquet(path, message));
        }
        Ok(())
    }
}

fn rows_of(source: &Source<'_>) -> Result<Rows> {
    guard(source.path, || Rows::decode(source))?
}

/// Reads the footer, and asks for names as dictionaries.
fn footer(path: &Path) -> Result<ArrowReaderMetadata> {
    let file = open(path)?;
    let parquet = |error| Error::parquet(path, error);
    let plain = guard(path, || ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()))?;
    let plain = plain.map_err(parquet)?;
    let fields: Vec<Field> = plain.schema().fields().iter().map(|field| asked(field)).collect();
    let schema = Arc::new(Schema::new_with_metadata(fields, plain.schema().metadata().clone()));
    let options = ArrowReaderOptions::new().with_schema(schema);
    let asked = guard(path, || ArrowReaderMetadata::try_new(plain.metadata().clone(), options))?;
    Ok(asked.unwrap_or(plain))
}

fn asked(field: &Field) -> Field {
    let text = matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    match text && ALL.contains(&field.name().as_str()) {
        true => field.clone().with_data_type(dictionary()),
        false => field.clone(),
    }
}

fn open(path: &Path) -> Result<File> {
    let wrong = |source| Error::Io { action: "open", path: path.to_owned(), source };
    let file = File::open(path).map_err(wrong)?;
    match file.metadata().map_err(wrong)?.is_file() {
        true => Ok(file),
        false => Err(Error::parquet(path, "it is a folder")),
    }
}

/// Runs a decoder on foreign bytes; its panic becomes an error.
pub(crate) fn guard<T>(path: &Path, decode: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(decode)).map_err(|panic: Box<dyn Any + Send>| {
        let message = panic.downcast_ref::<String>().map(String::as_str);
        let message = message.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("decoder gave up");
        Error::parquet(path, message)
    })
}
