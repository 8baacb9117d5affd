//! What is already done: the finished folder of a key, checked by content.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use artifact::{DigestCache, Manifest};

use crate::key::Parts;
use crate::layout::Slot;
use crate::why::{self, Change};
use crate::{Error, Job, Layout, Plan, Result};

/// A finished job.
#[derive(Debug, Clone)]
pub struct Done {
    /// Its folder.
    pub folder: PathBuf,
    /// What the folder holds.
    pub manifest: Arc<Manifest>,
}

/// How a job stands.
#[derive(Debug, Clone)]
pub enum State {
    /// Finished, with these inputs and this content.
    UpToDate(Done),
    /// It has to run: this changed since the run that its link shows.
    Stale(Vec<Change>),
    /// It has to run, for the first time.
    NeverRun,
    /// It has to wait: these jobs (indices into [`Plan::jobs`]) run first, and only then it is known whether it has
    /// to run as well ("stale (input data will be rebuilt)").
    Waiting(Vec<usize>),
}

/// Returns how every job of `plan` stands, without running or changing anything.
///
/// # Errors
/// When a folder or manifest cannot be read.
pub fn status(plan: &Plan, layout: &Layout, device: &str) -> Result<Vec<State>> {
    let store = Store::open(layout);
    let mut done: Vec<Option<Done>> = Vec::new();
    let mut states = Vec::new();
    for job in &plan.jobs {
        let state = store.state(plan, job, &done, layout, device)?;
        done.push(match &state {
            State::UpToDate(done) => Some(done.clone()),
            _ => None,
        });
        states.push(state);
    }
    store.save();
    Ok(states)
}

/// The finished folders, with the digests that are remembered between runs.
#[derive(Debug)]
pub(crate) struct Store {
    digests: Mutex<DigestCache>,
}

/// What lies at the place of a key.
pub(crate) enum Found {
    Complete(Done),
    /// Something is there that is not what the manifest says.
    Damaged(String),
    Nothing,
}

impl Store {
    pub(crate) fn open(layout: &Layout) -> Self {
        Self { digests: Mutex::new(DigestCache::open(&layout.cache())) }
    }

    /// Writes what was learnt; losing it costs only time, e.g. on a read-only disk.
    pub(crate) fn save(&self) {
        let saved = self.digests.lock().unwrap_or_else(PoisonError::into_inner).save();
        if let Err(error) = saved {
            tracing::debug!("digests not remembered: {error}");
        }
    }

    fn state(
        &self,
        plan: &Plan,
        job: &Job,
        done: &[Option<Done>],
        layout: &Layout,
        device: &str,
    ) -> Result<State> {
        let mut waiting: Vec<usize> =
            job.inputs.iter().flat_map(|input| input.jobs.iter().copied()).collect();
        waiting.retain(|index| done[*index].is_none());
        waiting.sort_unstable();
        waiting.dedup();
        if !waiting.is_empty() {
            return Ok(State::Waiting(waiting));
        }
        let parts = Parts::new(plan, job, done, layout, device)?;
        Ok(match self.find(layout, &job.slot, &parts.key())? {
            Found::Complete(done) => State::UpToDate(done),
            found => self.stale(layout, job, &parts, found)?,
        })
    }

    /// Says why `job` has to run.
    pub(crate) fn stale(&self, layout: &Layout, job: &Job, parts: &Parts, found: Found) -> Result<State> {
        if let Found::Damaged(reason) = found {
            return Ok(State::Stale(vec![Change::Damaged(reason)]));
        }
        Ok(match linked(layout, &job.slot)? {
            Some(last) => State::Stale(why::changes(&last.manifest, parts)),
            None => State::NeverRun,
        })
    }

    /// Looks for the finished folder of `key`.
    pub(crate) fn find(&self, layout: &Layout, slot: &Slot, key: &str) -> Result<Found> {
        for digits in DIGITS {
            let folder = layout.path(&slot.parent).join(slot.folder(key, digits));
            if !folder.exists() {
                return Ok(Found::Nothing);
            }
            let manifest = match artifact::read_manifest(&folder) {
                Ok(Some(manifest)) => manifest,
                Ok(None) => return Ok(Found::Damaged("its folder has no manifest".to_owned())),
                Err(error @ artifact::Error::Manifest { .. }) => {
                    return Ok(Found::Damaged(error.to_string()));
                }
                Err(error) => return Err(error.into()),
            };
            if manifest.key == key {
                let done = Done { folder, manifest: Arc::new(manifest) };
                return Ok(self.damage(&done).map_or(Found::Complete(done), Found::Damaged));
            }
        }
        Ok(Found::Nothing)
    }

    /// Learns the digests of a folder that was just committed.
    pub(crate) fn remember(&self, done: &Done) {
        if let Some(damage) = self.damage(done) {
            tracing::warn!("{} changed while it was committed: {damage}", done.folder.display());
        }
    }

    /// Compares the files of a finished folder with its manifest; says what is wrong.
    fn damage(&self, done: &Done) -> Option<String> {
        let mut digests = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        done.manifest.files.iter().find_map(|file| {
            let path = done.folder.join(&file.path);
            let digest = match digests.digest(&path) {
                // A declared output of an external command may merely be called `.parquet`.
                Err(artifact::Error::Parquet { .. }) => {
                    std::fs::read(&path).ok().map(|bytes| artifact::digest_bytes(&bytes))
                }
                other => other.ok(),
            };
            match digest {
                None => Some(format!("`{}` is missing or cannot be read", file.path)),
                Some(digest) if digest != file.digest => Some(format!("`{}` was changed by hand", file.path)),
                Some(_) => None,
            }
        })
    }
}

/// How many digits of the key a folder's name has: more only where two keys begin alike.
const DIGITS: [usize; 2] = [8, 16];

/// Returns the folder that a new run of `key` is committed to: never one that belongs to another key.
pub(crate) fn target(layout: &Layout, slot: &Slot, key: &str) -> PathBuf {
    let parent = layout.path(&slot.parent);
    let short = parent.join(slot.folder(key, DIGITS[0]));
    match artifact::read_manifest(&short) {
        Ok(Some(other)) if other.key != key => parent.join(slot.folder(key, DIGITS[1])),
        _ => short,
    }
}

/// Returns the finished folder that the link of `slot` shows.
pub(crate) fn linked(layout: &Layout, slot: &Slot) -> Result<Option<Done>> {
    let link = layout.path(&slot.link());
    let name = match std::fs::read_link(&link) {
        Ok(name) => name,
        Err(_) => return Ok(None),
    };
    let folder = layout.path(&slot.parent).join(name);
    match artifact::read_manifest(&folder) {
        Ok(manifest) => Ok(manifest.map(|manifest| Done { folder, manifest: Arc::new(manifest) })),
        Err(artifact::Error::Manifest { .. }) => Ok(None),
        Err(error) => Err(Error::from(error)),
    }
}
