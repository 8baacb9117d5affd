//! Which datasets lie in a folder, and which files each consists of: nothing that is there is passed over in silence.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::find::gather::{Entry, Kind, gather};
use crate::find::manifests::{Home, Manifests};
use crate::find::missing::{Unread, shards_missing, unread_rows};
use crate::find::names::{split_name, stem, without_shard};
use crate::find::options::Options;
use crate::find::pattern::Patterns;

/// The files of each split, in the order of their names.
pub(crate) type Files = BTreeMap<String, Vec<PathBuf>>;

/// One dataset: the whole folder, or a matrix point, a fold, a configuration in it.
pub(crate) struct Point {
    /// Its folder below the one that is audited; empty for that itself.
    pub(crate) name: PathBuf,
    pub(crate) splits: Files,
    pub(crate) beside: Beside,
    /// Whether the columns mean what ours mean.
    pub(crate) ours: bool,
    /// Every file that is read, and where it belongs.
    read: Vec<(PathBuf, Option<Home>)>,
}

/// Tables of ours that are no splits.
#[derive(Debug, Clone, Default)]
pub(crate) struct Beside {
    pub(crate) vocabulary: Option<PathBuf>,
    pub(crate) counterfactuals: Option<PathBuf>,
    pub(crate) definition: Option<PathBuf>,
}

/// All datasets of a folder.
pub(crate) struct Points {
    pub(crate) points: Vec<Point>,
    /// Files that were left out because somebody asked for it.
    pub(crate) skipped: Vec<PathBuf>,
    manifests: Manifests,
}

/// A Parquet file.
struct Table<'a> {
    entry: &'a Entry,
    home: Option<Home>,
    /// Whether it is one of ours.
    ours: bool,
    /// Its split, given or by its name.
    split: Option<String>,
    /// How many parts of its path lead to its dataset.
    depth: usize,
}

impl Table<'_> {
    fn folder(&self) -> &[String] {
        &self.entry.inside[..self.depth]
    }

    fn stem(&self) -> &str {
        stem(self.entry.inside.last().map_or("", String::as_str))
    }

    /// Whether it is a table of ours that is no split.
    fn is_beside(&self) -> bool {
        let known = ["vocabulary", "counterfactuals", "definition"].contains(&self.stem());
        self.ours && self.split.is_none() && (known || self.home.is_some())
    }
}

impl Points {
    /// Finds the datasets of a folder.
    ///
    /// # Errors
    /// [`Error::Folder`] where there is none, where something that is plainly a split or plainly Parquet belongs to none,
    /// or where a file that a name announces is missing.
    pub(crate) fn of(folder: &Path, options: &Options) -> Result<Self> {
        let entries = gather(folder)?;
        let wrong = |message: String| Error::Folder { path: folder.to_owned(), message };
        let real = |path: &Path| std::fs::canonicalize(path).ok();
        let written: Vec<PathBuf> = options.written.iter().filter_map(|folder| real(folder)).collect();
        let of_ours = |entry: &Entry| {
            let name = entry.inside.last().map_or("", String::as_str);
            let ours = ["certificate.parquet", "leakage.parquet", "evidence.parquet"].contains(&name);
            let below = |path: PathBuf| written.iter().any(|folder| path.starts_with(folder));
            ours && real(&entry.path).is_some_and(below)
        };
        let entries: Vec<Entry> = entries.into_iter().filter(|entry| !of_ours(entry)).collect();
        let patterns = Patterns::of(options)?;
        let texts = options.splits.iter().map(|(_, text)| text).chain(&options.skip);
        for (text, pattern) in texts.zip(patterns.all()) {
            if !entries.iter().any(|entry| pattern.means(&entry.inside)) {
                return Err(wrong(format!("nothing in it is called `{text}`")));
            }
        }
        let is_skipped = |entry: &Entry| patterns.skip.iter().any(|pattern| pattern.means(&entry.inside));
        let (skipped, kept): (Vec<Entry>, Vec<Entry>) = entries.into_iter().partition(is_skipped);
        let mut manifests = Manifests::default();
        let mut tables = Vec::new();
        let mut unread = Unread::default();
        for entry in &kept {
            let given = given(entry, &patterns)?;
            // A folder may be given with notes in it; a file that is given by itself has to be Parquet.
            let above = &entry.inside[..entry.inside.len() - 1];
            let by_itself = || patterns.splits.iter().all(|(_, pattern)| !pattern.means(above));
            if entry.kind == Kind::Parquet || entry.kind == Kind::Other && given.is_some() && by_itself() {
                let home = manifests.home(folder, &entry.path)?;
                let ours = options.ours || home.as_ref().is_some_and(|home| manifests.is_built(home));
                let (split, depth) = place(entry, given);
                tables.push(Table { entry, home, ours, split, depth });
            }
        }
        shards_missing(tables.iter().map(|table| table.entry), &mut unread);
        let read: BTreeSet<&Path> = tables.iter().map(|table| table.entry.path.as_path()).collect();
        unread_rows(&kept, &skipped, |entry| read.contains(entry.path.as_path()), &mut unread);
        let (splits, beside): (Vec<&Table<'_>>, _) = tables.iter().partition(|table| !table.is_beside());
        let points = divide(folder, &splits, options)?;
        let mut found = Vec::new();
        for (name, tables) in points {
            let (splits, others) = splits_of(&tables, options);
            others.iter().for_each(|table| unread.name(table.entry));
            if splits.len() < 1 + usize::from(options.split_column.is_none()) {
                let found: Vec<_> = splits.keys().map(String::as_str).collect();
                let found = match found.is_empty() {
                    true => "no Parquet file".to_owned(),
                    false => format!("only `{}`", found.join(", ")),
                };
                let expected =
                    "expected two splits or more (train.parquet, test-00000-of-00001.parquet, ...)";
                return Err(wrong(format!("{expected}, found {found}{}", unread.also())));
            }
            let above = |table: &&&Table<'_>| name.starts_with(table.folder()) || name.is_empty();
            let beside: Vec<&Table<'_>> = beside.iter().filter(above).copied().collect();
            found.push(Point::of(&name, splits, &tables, &beside)?);
        }
        match unread.message() {
            Some(message) => Err(wrong(message)),
            None => {
                let skipped = skipped.into_iter().filter(|entry| entry.kind != Kind::Folder);
                Ok(Self { points: found, skipped: skipped.map(|entry| entry.path).collect(), manifests })
            }
        }
    }

    /// Returns the one dataset.
    ///
    /// # Errors
    /// [`Error::Folder`] where there are several.
    pub(crate) fn one(&self, folder: &Path) -> Result<&Point> {
        match self.points.as_slice() {
            [point] => Ok(point),
            points => {
                let first = points.first().map_or(Path::new(""), |point| &point.name).display();
                let message =
                    format!("{} datasets lie in it; audit one of them, {first} for instance", points.len());
                Err(Error::Folder { path: folder.to_owned(), message })
            }
        }
    }

    /// Checks that the files of a dataset of ours are what was committed.
    pub(crate) fn verify(&self, point: &Point) -> Result<()> {
        let files: Vec<_> = point.read.iter().map(|(path, home)| (path.as_path(), home.as_ref())).collect();
        self.manifests.verify(&files)
    }
}

impl Point {
    fn of(name: &[String], splits: Files, tables: &[&Table<'_>], beside: &[&Table<'_>]) -> Result<Self> {
        let called = |name: &str| {
            let mut named = beside.iter().filter(|table| table.stem() == name);
            match (named.next(), named.next()) {
                (Some(table), Some(other)) => {
                    let other = other.entry.path.display();
                    let message =
                        format!("one dataset has one {name}, and {other} is another; --skip one of them");
                    Err(Error::Folder { path: table.entry.path.clone(), message })
                }
                (only, _) => Ok(only.map(|table| table.entry.path.clone())),
            }
        };
        let beside_it = Beside {
            vocabulary: called("vocabulary")?,
            counterfactuals: called("counterfactuals")?,
            definition: called("definition")?,
        };
        let used = [&beside_it.vocabulary, &beside_it.counterfactuals, &beside_it.definition];
        let used = beside.iter().filter(|table| used.contains(&&Some(table.entry.path.clone())));
        let read = tables.iter().chain(used).map(|table| (table.entry.path.clone(), table.home.clone()));
        Ok(Self {
            name: name.iter().collect(),
            splits,
            ours: tables.iter().any(|table| table.ours),
            read: read.collect(),
            beside: beside_it,
        })
    }
}

/// Returns the split that was given to a file.
fn given(entry: &Entry, patterns: &Patterns) -> Result<Option<String>> {
    let meant = patterns.splits.iter().filter(|(_, pattern)| pattern.means(&entry.inside));
    let names: BTreeSet<String> =
        meant.map(|(name, _)| split_name(name).unwrap_or_else(|| name.clone())).collect();
    if names.len() > 1 {
        let names: Vec<_> = names.into_iter().collect();
        let message = format!("it was given to more than one split: {}", names.join(", "));
        return Err(Error::Folder { path: entry.path.clone(), message });
    }
    Ok(names.into_iter().next())
}

/// Returns the split of a file, and how many parts of its path lead to its dataset: all before the part that names the
/// split, or before those that name the same one.
fn place(entry: &Entry, given: Option<String>) -> (Option<String>, usize) {
    let last = entry.inside.len() - 1;
    let says = |part: usize| match part == last {
        true => split_name(stem(&entry.inside[part])),
        false => split_name(&entry.inside[part]),
    };
    let Some(mut part) = (0..=last).rev().find(|part| says(*part).is_some()) else { return (given, last) };
    let split = says(part);
    while part > 0 && says(part - 1) == split {
        part -= 1;
    }
    (given.or(split), part)
}

/// The folder of a dataset, part by part, and its files.
type Divided<'a> = (Vec<String>, Vec<&'a Table<'a>>);

/// Divides the files among datasets: the deepest folders that hold two splits or more, each with what stands above it.
/// Where no folder does, all files are one dataset.
fn divide<'a>(folder: &Path, tables: &[&'a Table<'a>], options: &Options) -> Result<Vec<Divided<'a>>> {
    let all = || vec![(Vec::new(), tables.to_vec())];
    if options.together || options.split_column.is_some() {
        return Ok(all());
    }
    let folders: BTreeSet<&[String]> = tables.iter().map(|table| table.folder()).collect();
    let is_leaf = |folder: &&&[String]| {
        !folders.iter().any(|other| other.len() > folder.len() && other.starts_with(folder))
    };
    let leaves: Vec<&[String]> = folders.iter().filter(is_leaf).copied().collect();
    if leaves.len() < 2 {
        return Ok(all());
    }
    let mut points = Vec::new();
    let mut lone = Vec::new();
    for leaf in leaves {
        let own: Vec<_> = tables.iter().filter(|table| leaf.starts_with(table.folder())).copied().collect();
        let (splits, _) = splits_of(&own, options);
        match splits.len() < 2 {
            true => lone.push((leaf, splits)),
            false => points.push((leaf.to_vec(), own)),
        }
    }
    match (points.is_empty(), lone.first()) {
        (true, _) => Ok(all()),
        (false, None) => Ok(points),
        (false, Some((leaf, splits))) => {
            let message = format!(
                "`{}` holds only `{}`, other folders in it hold splits of their own; nothing is said of what is missing: \
                 leave it out with `--skip {0}`, or take all folders as one dataset with --together",
                leaf.join("/"),
                splits.keys().map(String::as_str).collect::<Vec<_>>().join(", "),
            );
            Err(Error::Folder { path: folder.to_owned(), message })
        }
    }
}

/// Returns the splits of a dataset, and the files that belong to none: beside two splits that are known as such.
fn splits_of<'a>(tables: &[&'a Table<'a>], options: &Options) -> (Files, Vec<&'a Table<'a>>) {
    let (mut known, mut other) = (Files::new(), Files::new());
    let mut others = Vec::new();
    for table in tables {
        let path = table.entry.path.clone();
        match &table.split {
            _ if options.split_column.is_some() => known.entry(String::new()).or_default().push(path),
            Some(split) => known.entry(split.clone()).or_default().push(path),
            None => {
                other.entry(without_shard(table.stem()).to_owned()).or_default().push(path);
                others.push(*table);
            }
        }
    }
    match known.len() > 1 || options.split_column.is_some() {
        true => (known, others),
        false => (known.into_iter().chain(other).collect(), Vec::new()),
    }
}
