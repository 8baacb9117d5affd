//! The Parquet files of one split: opened and checked, then loaded or streamed past.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use arrow::datatypes::{DataType, Field, SchemaRef};
use artifact::{ParquetFile, allowed, guard, within};
use rayon::prelude::*;
use tracing::info;

use crate::columns::{ALL, Source, Wanted, dictionary};
use crate::rows::Rows;
use crate::{Error, Result};

/// Bytes of a row that is held in memory, its lists left out, and of a value of a list.
const HELD_ROW: u64 = 112;
const HELD_VALUE: u64 = 12;

/// The files of one split, in order; row indices count through all of them.
pub(crate) struct Split {
    pub(crate) name: String,
    /// Rows of all files.
    pub(crate) rows: u64,
    files: Vec<ParquetFile>,
    /// The row groups that a scan reads.
    groups: Vec<Group>,
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
            let file = ParquetFile::open(path)?.asking(asked)?;
            for (number, rows) in file.group_rows().enumerate() {
                let wrong = || Error::parquet(path, "impossible row count");
                split.groups.push(Group { file: split.files.len(), number, rows, first: split.rows });
                // Witnesses hold row indices in 44 bits.
                let total = split.rows.checked_add(rows).filter(|total| *total < 1 << 44);
                split.rows = total.ok_or_else(wrong)?;
            }
            split.files.push(file);
        }
        Ok(split)
    }

    /// Returns the paths and schemas of the files.
    pub(crate) fn schemas(&self) -> impl Iterator<Item = (&Path, &SchemaRef)> {
        self.files.iter().map(|file| (file.path(), file.schema()))
    }

    /// Returns the paths of the files with their numbers of rows.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&Path, u64)> {
        self.files.iter().enumerate().map(|(number, file)| {
            let groups = self.groups.iter().filter(|group| group.file == number);
            (file.path(), groups.map(|group| group.rows).sum())
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

    /// Returns how many values the wanted columns hold, as the footers say.
    pub(crate) fn values(&self, wanted: &Wanted) -> Result<u64> {
        let values = |file: &ParquetFile| Ok(file.values(&wanted.columns(file.path(), file.schema())?));
        self.files
            .iter()
            .map(values)
            .try_fold(0, |sum: u64, values: Result<u64>| Ok(sum.saturating_add(values?)))
    }

    /// Refuses to hold so many bytes for what is asked of this split, where its files may not ask for as many.
    pub(crate) fn hold(&self, what: impl FnOnce() -> String, bytes: u64) -> Result<()> {
        let most = self.files.iter().map(ParquetFile::allowed).max().unwrap_or_else(|| allowed(0));
        let path = self.files.first().map_or(Path::new(&self.name), ParquetFile::path);
        Ok(within(path, what, bytes, most)?)
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
        for file in &self.files {
            let values = file.values(&wanted.columns(file.path(), file.schema())?);
            let bytes =
                (file.rows().saturating_mul(HELD_ROW)).saturating_add(values.saturating_mul(HELD_VALUE));
            within(file.path(), || format!("to hold its {} rows", file.rows()), bytes, file.allowed())?;
        }
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
        let file = &self.files[group.file];
        let columns = wanted.columns(file.path(), file.schema())?;
        let mut next = group.first;
        for batch in file.batches(group.number..group.number + 1, &columns, 0) {
            let batch = batch?;
            each(&Source { path: file.path(), batch: &batch, first: next, wanted })?;
            next += batch.num_rows() as u64;
        }
        Ok(())
    }
}

/// Decodes rows, by Arrow's own casts where they are of other types.
fn rows_of(source: &Source<'_>) -> Result<Rows> {
    guard(source.path, || Rows::decode(source))?
}

/// Asks for names as dictionaries.
fn asked(field: &Field) -> Field {
    let text = matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    match text && ALL.contains(&field.name().as_str()) {
        true => field.clone().with_data_type(dictionary()),
        false => field.clone(),
    }
}
