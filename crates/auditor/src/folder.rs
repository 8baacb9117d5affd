//! Any folder of Parquet splits: ours, or one that somebody else wrote.

use std::path::Path;

use crate::error::Result;
use crate::find::options::Options;
use crate::find::points::{Point, Points};
use crate::folder_audit::FolderAudit;
use crate::opened::Prepared;

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
