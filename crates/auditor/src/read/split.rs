//! The Parquet files of one split: opened and checked, then loaded or streamed past.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use arrow::datatypes::{DataType, Field, SchemaRef};
use artifact::{ParquetFile, allowed, guard, within};
use rayon::prelude::*;
use tracing::info;

use crate::error::{Error, Place, Result};
use crate::read::columns::{ALL, Source, Wanted, dictionary};
use crate::read::rows::Rows;
use crate::read::sieve::Sieve;

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
    /// Which rows of its files are its own; all, where nothing says so.
    pub(crate) sieve: Option<Sieve>,
}

/// A row group: the index of its file, its own, its rows, and the index of its first row in the split.
#[derive(Clone, Copy)]
pub(crate) struct Group {
    pub(crate) file: usize,
    pub(crate) number: usize,
    pub(crate) rows: u64,
    pub(crate) first: u64,
}

impl Split {
    /// Opens the files and reads their footers.
    pub(crate) fn open(name: &str, paths: &[PathBuf]) -> Result<Self> {
        let files: Vec<ParquetFile> = paths.iter().map(|path| Self::file(path)).collect::<Result<_>>()?;
        let mut split = Self::none(name, &files, None);
        for (file, opened) in files.iter().enumerate() {
            for (number, rows) in opened.group_rows().enumerate() {
                split.add(Group { file, number, rows, first: 0 })?;
            }
        }
        Ok(split)
    }

    /// Opens one file.
    pub(crate) fn file(path: &Path) -> Result<ParquetFile> {
        Ok(ParquetFile::open(path)?.asking(asked)?)
    }

    /// No rows yet of some files.
    pub(crate) fn none(name: &str, files: &[ParquetFile], sieve: Option<Sieve>) -> Self {
        Self { name: name.to_owned(), rows: 0, files: files.to_vec(), groups: Vec::new(), sieve }
    }

    /// Adds the row group that follows.
    pub(crate) fn add(&mut self, group: Group) -> Result<()> {
        self.groups.push(Group { first: self.rows, ..group });
        // Witnesses hold row indices in 44 bits.
        let total = self.rows.checked_add(group.rows).filter(|total| *total < 1 << 44);
        let wrong = || Error::parquet(self.files[group.file].path(), "impossible row count");
        self.rows = total.ok_or_else(wrong)?;
        Ok(())
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
        for (file, (_, rows)) in self.files.iter().zip(self.files()) {
            // Of rows that are picked out of a file, as many values as they have on average.
            let all = u128::from(file.values(&wanted.columns(file.path(), file.schema())?));
            let values = all * u128::from(rows) / u128::from(file.rows().max(1));
            let bytes = u128::from(rows) * u128::from(HELD_ROW) + values * u128::from(HELD_VALUE);
            let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
            within(file.path(), || format!("to hold {rows} of its rows"), bytes, file.allowed())?;
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
            self.read(*group, &Wanted::only(&["example_id"]), |rows| {
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
        let mut columns = wanted.columns(file.path(), file.schema())?;
        let by = self.sieve.as_ref().and_then(|sieve| file.schema().index_of(&sieve.column).ok());
        columns.extend(by.filter(|by| !columns.contains(by)));
        let mut next = group.first;
        let mut in_file = file.group_rows().take(group.number).sum();
        for batch in file.batches(group.number..group.number + 1, &columns, 0) {
            let mut batch = batch?;
            let rows = batch.num_rows() as u64;
            if let Some(sieve) = &self.sieve {
                batch = sieve.keep(file, &batch, in_file)?;
            }
            let place = self.sieve.is_none().then_some(in_file);
            each(&Source { path: file.path(), batch: &batch, first: next, in_file: place, wanted })?;
            next += batch.num_rows() as u64;
            in_file += rows;
        }
        Ok(())
    }

    /// Returns the file in which a row of the split stands, and its number there, from 0.
    pub(crate) fn place(&self, row: u64) -> Result<Option<Place>> {
        let holds = |group: &&Group| (group.first..group.first + group.rows).contains(&row);
        let Some(group) = self.groups.iter().find(holds) else { return Ok(None) };
        let file = &self.files[group.file];
        let (mut left, mut in_file) = (row - group.first, file.group_rows().take(group.number).sum::<u64>());
        let place = |row: u64| Some(Place { file: file.path().to_owned(), row });
        let Some(sieve) = &self.sieve else { return Ok(place(in_file + left)) };
        let by = file.schema().index_of(&sieve.column).ok();
        for batch in file.batches(group.number..group.number + 1, by.as_slice(), 0) {
            for kept in sieve.mask(file, &batch?, in_file)?.iter() {
                match (kept, left) {
                    (Some(true), 0) => return Ok(place(in_file)),
                    (Some(true), _) => left -= 1,
                    _ => (),
                }
                in_file += 1;
            }
        }
        Ok(None)
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
