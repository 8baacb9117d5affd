//! Any folder of Parquet splits: ours, or one that somebody else wrote.

use std::path::{Path, PathBuf};

use artifact::tables::{Certificate, Leakage};
use artifact::{Provenance, write_table};

use crate::error::Leak;
use crate::error::Result;
use crate::find::points::{Point, Points};
use crate::opened::Prepared;

/// The column that holds the sequences, where it has another name than ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    /// Lists of values: every integer is a term.
    Terms(String),
    /// Lists of tokens: what is a term is said by a `vocabulary.parquet` in the folder; without one every token is a term.
    Tokens(String),
}

/// How to audit a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Which column to read; default: `terms` and `tokens`, whichever are there.
    pub column: Option<Column>,
    /// Values of that column that are no part of a row: padding.
    pub ignored: Vec<i64>,
    /// The level whose guarantee is the gate (`transition`, `random`, ...); default: what the `definition.parquet`
    /// beside the splits says, else `transition`.
    pub level: Option<String>,
    /// Whether to make the unit gate alone, over adjacent pairs of one column: the fastest form.
    pub only_windows: bool,
    /// Splits by what their files are called: `("test", "heldout.parquet")`. What is called so is a name anywhere in the
    /// folder or a path from it, of a file or a folder, with `*` for any letters.
    pub splits: Vec<(String, String)>,
    /// A column that says of each row which split it is of; names of files then say nothing.
    pub split_column: Option<String>,
    /// What to leave out, as in `splits`.
    pub skip: Vec<String>,
    /// Whether columns and tables that are called like ours are ours although no manifest says so.
    pub ours: bool,
    /// Whether all that lies in the folder is one dataset, whatever folders it lies in.
    pub together: bool,
    /// Folders that audits write into: their tables are no data.
    pub written: Vec<PathBuf>,
}

/// What the audit of a folder found.
#[derive(Debug, Clone, PartialEq)]
pub struct FolderAudit {
    /// The dataset's folder below the one that was audited; empty for that itself.
    pub point: PathBuf,
    /// The level whose guarantee was the gate.
    pub level: String,
    /// The splits with their numbers of rows, from the strictest to the one that is trained on.
    pub splits: Vec<(String, u64)>,
    /// One row per check, pair of splits and view.
    pub certificates: Vec<Certificate>,
    /// One row per held-out row; none with `only_windows`.
    pub leakage: Vec<Leakage>,
    /// Every violated gate with its first witness.
    pub leaks: Vec<Leak>,
    /// Files that were left out because somebody asked for it: nothing is said of them.
    pub skipped: Vec<PathBuf>,
    /// Columns that are called like ours in a folder that is not: they were not believed.
    pub unbelieved: Vec<String>,
}

impl FolderAudit {
    /// Tells whether no gate is violated.
    pub fn is_clean(&self) -> bool {
        self.leaks.is_empty()
    }

    /// Writes `certificate.parquet`, and `leakage.parquet` where there is something in it, into an existing folder.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, out: &Path) -> Result<()> {
        let provenance = Provenance::default();
        write_table(&out.join("certificate.parquet"), &provenance, self.certificates.iter().cloned())?;
        if !self.leakage.is_empty() {
            write_table(&out.join("leakage.parquet"), &provenance, self.leakage.iter().cloned())?;
        }
        Ok(())
    }
}

/// Audits the one dataset of a folder: every pair of splits, the stricter one as the held-out side.
///
/// Splits are files `train.parquet`, `train-00000-of-00003.parquet`, `train/anything.parquet`, at any depth; `validation`
/// may be called `valid`, `val` or `dev`. Where fewer than two have such a name, every file (or set of shards) is a split.
/// The units are the adjacent pairs, and rows are named by their index. Where a `manifest.json` of ours lists the files,
/// each has to have the digest that stands there, the columns `unit`, `domain`, ... mean what they say, the level is what
/// `definition.parquet` says, and a `counterfactuals.parquet` is audited too.
///
/// # Errors
/// When the folder has fewer than two splits, a split is empty, something that is plainly a split or plainly Parquet was
/// not read, a file is truncated or corrupt, or a column is missing, of another type, or holds nulls. A leak is no error
/// here: see [`FolderAudit::leaks`].
pub fn audit_folder(folder: &Path, options: &Options) -> Result<FolderAudit> {
    let points = Points::of(folder, options)?;
    audit(folder, options, &points, points.one(folder)?)
}

/// Audits every dataset of a folder by itself: matrix points, folds, configurations, each in a folder of its own.
///
/// # Errors
/// As [`audit_folder`].
pub fn audit_points(folder: &Path, options: &Options) -> Result<Vec<FolderAudit>> {
    let points = Points::of(folder, options)?;
    points.points.iter().map(|point| audit(folder, options, &points, point)).collect()
}

fn audit(folder: &Path, options: &Options, points: &Points, point: &Point) -> Result<FolderAudit> {
    let found = Prepared::of(folder, options, points, point)?;
    if let Some(report) = found.clean_windows()? {
        return Ok(report);
    }
    let opened = found.load()?;
    let corrupted = opened.corrupted()?;
    let proof = opened.audit(corrupted.as_ref()).prove()?;
    Ok(opened.report(proof))
}
