//! Finished entries, folders and leftovers that no definition names any more.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use artifact::found;

use crate::desk::{self, Desk, list};
use crate::layout::{STORE, root_name};
use crate::lock::{GARBAGE, Lock, Wish};
use crate::show::{hide_folder, shown_below};
use crate::state::{State, keys};
use crate::{Error, Layout, Plan, Result, Root};

/// What is younger than this is spared by [`delete`].
const SPARED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Something that can go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Garbage {
    /// Where it lies.
    pub path: PathBuf,
    /// Why nobody needs it.
    pub reason: &'static str,
    /// Its size with everything in it, links not followed, in bytes.
    pub bytes: u64,
    /// Time since it was written, or last shown.
    pub age: Duration,
    /// Younger than 30 days: [`delete`] leaves it alone.
    pub spared: bool,
}

/// Lists what no plan of `plans` names: not as its result now, and not as what its folders show. What a run with `--set` shows counts as
/// named for 30 days.
///
/// `plans` must be those of all definitions, or the results of the others are listed.
///
/// # Errors
/// When a folder cannot be read.
pub fn garbage(plans: &[Plan], layout: &Layout, device: &str) -> Result<Vec<Garbage>> {
    let mut needed: BTreeSet<String> = BTreeSet::new();
    let mut places: BTreeSet<PathBuf> = BTreeSet::new();
    for plan in plans {
        places.extend(plan.jobs.iter().map(|job| job.slot.path()));
        for (key, state) in keys(plan, layout, device)? {
            needed.extend(key.filter(|_| !matches!(state, State::Waiting(_))));
        }
    }
    let mut all = Vec::new();
    for root in [Root::Datasets, Root::Results] {
        for (place, key) in shown_below(layout, Path::new(root_name(root)))? {
            let folder = layout.path(&place);
            let mut garbage = Garbage::new(&folder, "the folder of a stage that no definition has")?;
            let is_variant = place.iter().nth(1).is_some_and(|name| name.to_string_lossy().contains('@'));
            if is_variant {
                garbage.reason = "what `--set` changed, not shown for 30 days";
            }
            let named = places.contains(&place) || is_variant && garbage.spared;
            if named || garbage.spared {
                needed.insert(key);
            }
            if !named {
                all.push(garbage);
            }
        }
    }
    let store = layout.state(STORE);
    for name in list(&store)? {
        if !needed.contains(&name) {
            all.push(Garbage::new(&store.join(&name), "no definition asks for it")?);
        }
    }
    let partial = layout.state("partial");
    for name in list(&partial)? {
        if !needed.contains(&name) {
            all.push(Garbage::new(&partial.join(&name), "unfinished work of an interrupted run")?);
        }
    }
    let attempts = layout.state("attempts");
    for name in list(&attempts)? {
        if desk::is_aside(&name) {
            all.push(Garbage::new(&attempts.join(name), "a damaged result that was put aside")?);
        } else if desk::is_dead(layout, &name)? {
            all.push(Garbage {
                spared: false,
                ..Garbage::new(&attempts.join(name), "left by a killed run")?
            });
        }
    }
    let cache = layout.state("cache");
    for name in list(&cache)? {
        let key = name.strip_suffix(".json").unwrap_or(&name);
        if found(&layout.entry(key))?.is_none() {
            all.push(Garbage {
                spared: false,
                ..Garbage::new(&cache.join(&name), "about an entry that is gone")?
            });
        }
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(all)
}

/// Deletes what is garbage and not spared; returns what there was, and the deleted bytes. No run is under way meanwhile.
///
/// # Errors
/// [`Error::Locked`] while a run is under way, or when the system refuses.
pub fn delete(plans: &[Plan], layout: &Layout, device: &str, command: &str) -> Result<(Vec<Garbage>, u64)> {
    layout.prepare()?;
    let _alone = match Lock::alone(layout, GARBAGE, command)? {
        Wish::Granted(lock) => lock,
        Wish::Held(holder) => {
            let what = format!("the store in {}", layout.base().display());
            return Err(Error::Locked { what, holder });
        }
    };
    // What a killed one had begun to remove.
    desk::sweep(layout, GARBAGE)?;
    let all = garbage(plans, layout, device)?;
    let desk = Desk::new(layout, GARBAGE)?;
    let mut bytes = 0;
    let shown = [Root::Datasets, Root::Results].map(|root| layout.root(root));
    for garbage in all.iter().filter(|garbage| !garbage.spared) {
        match garbage.path.strip_prefix(layout.base()) {
            Ok(relative) if shown.iter().any(|root| garbage.path.starts_with(root)) => {
                hide_folder(layout, relative, &desk)?;
            }
            // Whatever happens then, nobody takes a half of it for the whole.
            _ => std::fs::rename(&garbage.path, desk.place("gone"))
                .map_err(Error::io("rename", &garbage.path))?,
        }
        bytes += garbage.bytes;
    }
    let locks = layout.state("locks");
    for name in list(&locks)?.into_iter().filter(|name| name.len() == 64 + ".lock".len()) {
        desk::clear(&locks.join(name))?; // of an entry, left by a kill: nobody is at one now
    }
    desk.clear()?;
    Ok((all, bytes))
}

impl Garbage {
    fn new(path: &Path, reason: &'static str) -> Result<Self> {
        let metadata = found(path)?;
        let written = metadata.as_ref().and_then(|metadata| metadata.modified().ok());
        let age =
            SystemTime::now().duration_since(written.unwrap_or(SystemTime::UNIX_EPOCH)).unwrap_or_default();
        let bytes = size(path)?;
        Ok(Self { path: path.to_owned(), reason, bytes, age, spared: age < SPARED })
    }
}

fn size(path: &Path) -> Result<u64> {
    let Some(metadata) = found(path)? else { return Ok(0) };
    if !metadata.is_dir() {
        return Ok(metadata.len());
    }
    let mut bytes = 0;
    for name in list(path)? {
        bytes += size(&path.join(name))?;
    }
    Ok(bytes)
}
