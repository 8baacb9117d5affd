//! Finished folders and leftovers that no definition names any more.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::layout::{PARTIAL, TEMPORARY};
use crate::litter::remove;
use crate::lock::Lock;
use crate::state::{State, status};
use crate::{Error, Layout, Plan, Result, Root};

/// Runs younger than this are spared by [`delete`].
const SPARED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A folder, or a link that shows one, that can go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Garbage {
    /// The folder or link.
    pub path: PathBuf,
    /// Why nobody needs it.
    pub reason: &'static str,
    /// Its size with everything in it, in bytes.
    pub bytes: u64,
    /// Time since it was written.
    pub age: Duration,
    /// Younger than 30 days: [`delete`] leaves it alone.
    pub spared: bool,
}

/// Lists what no plan of `plans` names: not as its result now, and not as what its links show.
///
/// `plans` must be those of all definitions, or the results of the others are listed.
///
/// # Errors
/// When a folder cannot be read.
pub fn garbage(plans: &[Plan], layout: &Layout, device: &str) -> Result<Vec<Garbage>> {
    let mut needed: BTreeSet<PathBuf> = BTreeSet::new();
    for plan in plans {
        for (job, state) in plan.jobs.iter().zip(status(plan, layout, device)?) {
            let link = layout.path(&job.slot.link());
            if let Ok(name) = std::fs::read_link(&link) {
                needed.insert(layout.path(&job.slot.parent).join(name));
            }
            needed.insert(link);
            if let State::UpToDate(done) = state {
                needed.insert(done.folder);
            }
        }
    }
    let mut found = Vec::new();
    for root in [Root::Datasets, Root::Results] {
        search(&layout.root(root), 0, &needed, &mut found)?;
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Deletes what is not spared of `garbage`; returns the deleted bytes.
///
/// # Errors
/// [`Error::Locked`] while a runner writes, or when the system refuses.
pub fn delete(garbage: &[Garbage], layout: &Layout, command: &str) -> Result<u64> {
    let _datasets = Lock::take(layout, Root::Datasets, command)?;
    let _results = Lock::take(layout, Root::Results, command)?;
    let mut bytes = 0;
    for garbage in garbage.iter().filter(|garbage| !garbage.spared) {
        remove(&garbage.path)?;
        bytes += garbage.bytes;
    }
    Ok(bytes)
}

/// Looks through `folder`; only what the pipeline itself made is ever listed.
fn search(folder: &Path, depth: usize, needed: &BTreeSet<PathBuf>, found: &mut Vec<Garbage>) -> Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Error::io("list", folder)(error)),
    };
    for entry in entries {
        let path = entry.map_err(Error::io("list", folder))?.path();
        let metadata = path.symlink_metadata().map_err(Error::io("read", &path))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if needed.contains(&path) {
            continue;
        }
        let reason = if metadata.is_symlink() {
            let shown = std::fs::read_link(&path).map(|target| folder.join(target));
            match shown {
                Ok(shown) if !shown.exists() => "a link to nothing",
                Ok(shown) if !needed.contains(&shown) && finished(&shown) => {
                    "the link of a stage that no definition has"
                }
                _ => continue,
            }
        } else if !metadata.is_dir() {
            continue;
        } else if name.starts_with('.') {
            match name.as_str() {
                _ if name.ends_with(PARTIAL) => "unfinished work of an interrupted run",
                _ if name.ends_with(TEMPORARY) || name.ends_with(".replaced") => "left by a killed run",
                _ => continue,
            }
        } else if finished(&path) {
            "no definition asks for it"
        } else {
            if depth < 2 {
                search(&path, depth + 1, needed, found)?;
            }
            continue;
        };
        let written = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let age = SystemTime::now().duration_since(written).unwrap_or_default();
        let bytes = if metadata.is_dir() { size(&path)? } else { 0 };
        found.push(Garbage { path, reason, bytes, age, spared: age < SPARED });
    }
    Ok(())
}

fn finished(folder: &Path) -> bool {
    folder.join(artifact::MANIFEST_FILE).is_file()
}

fn size(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder).map_err(Error::io("list", folder))? {
        let path = entry.map_err(Error::io("list", folder))?.path();
        let metadata = path.symlink_metadata().map_err(Error::io("read", &path))?;
        bytes += if metadata.is_dir() { size(&path)? } else { metadata.len() };
    }
    Ok(bytes)
}
