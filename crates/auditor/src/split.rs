//! The Parquet files of one split: opened and checked, then loaded or streamed past.

use std::any::Any;
use std::collections::BTreeMap;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use rayon::prelude::*;

use crate::rows::{Rows, Wanted};
use crate::{Error, Result};

/// Rows that are decoded at a time: bounds the memory of a scan to threads x this.
const BATCH: usize = 8192;

/// The files of one split, in order; row indices count through all of them.
pub(crate) struct Split {
    pub(crate) name: String,
    pub(crate) rows: u64,
    files: Vec<Shard>,
}

struct Shard {
    path: PathBuf,
    metadata: ArrowReaderMetadata,
    first_row: u64,
}

impl Split {
    /// Opens the files and reads their footers.
    pub(crate) fn open(name: &str, paths: &[PathBuf]) -> Result<Self> {
        let mut split = Self { name: name.to_owned(), rows: 0, files: Vec::new() };
        for path in paths {
            let file = open(path)?;
            let metadata = guard(path, || ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()))?
                .map_err(|error| Error::parquet(path, error))?;
            let mut rows = 0_u64;
            for group in metadata.metadata().row_groups() {
                rows += u64::try_from(group.num_rows())
                    .map_err(|_| Error::parquet(path, "negative row count"))?;
            }
            split.files.push(Shard { path: path.clone(), metadata, first_row: split.rows });
            split.rows += rows;
        }
        Ok(split)
    }

    /// Returns the schema of each file.
    pub(crate) fn schemas(&self) -> impl Iterator<Item = (&Path, &SchemaRef)> {
        self.files.iter().map(|shard| (shard.path.as_path(), shard.metadata.schema()))
    }

    /// Reads the whole split into memory, in order.
    pub(crate) fn load(&self, wanted: &Wanted) -> Result<Rows> {
        let mut all = Rows::none(wanted);
        for (shard, group, first) in self.parts() {
            shard.read(group, first, wanted, |rows| {
                all.append(rows);
                Ok(())
            })?;
        }
        Ok(all)
    }

    /// Streams the split past `each`, row groups in parallel and so in any order.
    ///
    /// What `each` gathers must not depend on that order.
    pub(crate) fn scan(&self, wanted: &Wanted, each: impl Fn(&Rows) -> Result<()> + Sync) -> Result<()> {
        self.parts()
            .into_par_iter()
            .try_for_each(|(shard, group, first)| shard.read(group, first, wanted, &each))
    }

    /// Returns the `example_id` of the rows at the given indices (the index itself where there is no such column).
    pub(crate) fn ids(&self, indices: &[u64]) -> Result<BTreeMap<u64, i64>> {
        let found = std::sync::Mutex::new(BTreeMap::new());
        let mut sorted = indices.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        self.parts().into_par_iter().try_for_each(|(shard, group, first)| {
            let end = first + shard.group_rows(group);
            let asked = |from: u64, to: u64| {
                let start = sorted.partition_point(|index| *index < from);
                &sorted[start..start + sorted[start..].partition_point(|index| *index < to)]
            };
            if asked(first, end).is_empty() {
                return Ok(());
            }
            shard.read(group, first, &Wanted::ids(), |rows| {
                let mut found = found.lock().expect("no thread panics while it holds this lock");
                for index in asked(rows.first, rows.first + rows.len() as u64) {
                    found.insert(*index, rows.ids[(index - rows.first) as usize]);
                }
                Ok(())
            })
        })?;
        Ok(found.into_inner().expect("no thread panics while it holds this lock"))
    }

    /// Row groups as (file, group, index of its first row in the split).
    fn parts(&self) -> Vec<(&Shard, usize, u64)> {
        let mut parts = Vec::new();
        for shard in &self.files {
            let mut first = shard.first_row;
            for group in 0..shard.metadata.metadata().num_row_groups() {
                parts.push((shard, group, first));
                first += shard.group_rows(group);
            }
        }
        parts
    }
}

impl Shard {
    fn group_rows(&self, group: usize) -> u64 {
        self.metadata.metadata().row_group(group).num_rows().unsigned_abs()
    }

    fn read(
        &self,
        group: usize,
        first: u64,
        wanted: &Wanted,
        mut each: impl FnMut(&Rows) -> Result<()>,
    ) -> Result<()> {
        let file = open(&self.path)?;
        let columns = wanted.columns(&self.path, self.metadata.schema())?;
        let parquet = |error| Error::parquet(&self.path, error);
        let mut reader = guard(&self.path, || {
            let mask = ProjectionMask::roots(self.metadata.parquet_schema(), columns);
            ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
                .with_row_groups(vec![group])
                .with_projection(mask)
                .with_batch_size(BATCH)
                .build()
        })?
        .map_err(parquet)?;
        let mut next = first;
        loop {
            // Arrow's decoders check much but not all of what they are given: a panic here is a corrupt file.
            let batch: Option<RecordBatch> = guard(&self.path, || reader.next().transpose())?
                .map_err(|error| Error::parquet(&self.path, error))?;
            let Some(batch) = batch else { break };
            let rows = guard(&self.path, || Rows::decode(&self.path, &batch, next, wanted))??;
            next += rows.len() as u64;
            each(&rows)?;
        }
        let (found, expected) = (next - first, self.group_rows(group));
        if found != expected {
            return Err(Error::parquet(
                &self.path,
                format!("row group {group}: {expected} rows promised, {found} read"),
            ));
        }
        Ok(())
    }
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|source| Error::Io { action: "open", path: path.to_owned(), source })
}

/// Runs a decoder on foreign bytes; its panic becomes an error.
fn guard<T>(path: &Path, decode: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(decode)).map_err(|panic: Box<dyn Any + Send>| {
        let message = panic.downcast_ref::<String>().map(String::as_str);
        let message = message.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("decoder gave up");
        Error::parquet(path, message)
    })
}
