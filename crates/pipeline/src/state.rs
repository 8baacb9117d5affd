//! What is already done: the finished entry of a key, checked by content.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use artifact::{Verified, found};

use crate::change::{Change, changes};
use crate::desk::Desk;
use crate::done::{Done, entry, is_damage, last_shown};
use crate::key::Parts;
use crate::lock::Lock;
use crate::record::{Outcome, RunRecord, runs};

use crate::{Job, Layout, Plan, Result};

/// How a job stands.
#[derive(Debug, Clone)]
pub enum State {
    /// Finished, with these inputs and this content.
    UpToDate(Done),
    /// It has to run: this changed since its last finished run.
    Stale(Vec<Change>),
    /// It has to run, for the first time.
    New,
    /// It has to run again: the last attempt with the same inputs and content failed.
    Failed {
        /// Why.
        reason: String,
    },
    /// It has to run again, or goes on: the last attempt with the same inputs and content was interrupted.
    Interrupted {
        /// The share that was done, where it is known and can be gone on with.
        share: Option<f64>,
    },
    /// Another process is running it.
    Running,
    /// It has to wait: these jobs (indices into [`Plan::jobs`]) run first, and only then it is known whether it has
    /// to run as well ("stale (input data will be rebuilt)").
    Waiting(Vec<usize>),
}

/// Returns how every job of `plan` stands, without running or changing anything.
///
/// # Errors
/// When a folder or manifest cannot be read.
pub fn status(plan: &Plan, layout: &Layout, device: &str) -> Result<Vec<State>> {
    Ok(keys(plan, layout, device)?.into_iter().map(|(_, state)| state).collect())
}

/// Returns the key of every job of `plan`, as far as it is known, and how it stands.
pub(crate) fn keys(plan: &Plan, layout: &Layout, device: &str) -> Result<Vec<(Option<String>, State)>> {
    let store = Store::new(layout);
    let mut done: Vec<Option<Done>> = Vec::new();
    let mut states = Vec::new();
    for job in &plan.jobs {
        let (key, state) = store.state(plan, job, &done, device)?;
        done.push(match &state {
            State::UpToDate(done) => Some(done.clone()),
            _ => None,
        });
        states.push((key, state));
    }
    Ok(states)
}

/// The finished entries, with what is known of them.
#[derive(Debug)]
pub(crate) struct Store<'a> {
    layout: &'a Layout,
    /// By key.
    verified: Mutex<HashMap<String, Verified>>,
    /// Read when they are first asked for.
    records: Mutex<Option<Arc<Vec<RunRecord>>>>,
}

/// What lies at the place of a key.
#[derive(Debug, Clone)]
pub(crate) enum Found {
    Complete(Done),
    /// Something is there that is not what the manifest says.
    Damaged(String),
    Nothing,
}

impl<'a> Store<'a> {
    pub(crate) fn new(layout: &'a Layout) -> Self {
        Self { layout, verified: Mutex::default(), records: Mutex::default() }
    }

    /// Writes down which files were found whole; not being able to, on a disk that may only be read, costs time only.
    pub(crate) fn save(&self, desk: &Desk) {
        for (key, verified) in self.verified.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if verified.has_changed() {
                let path = self.layout.verified(key);
                if let Err(error) = artifact::write_whole(&desk.place("verified"), &path, &verified.to_json())
                {
                    tracing::debug!("{error}");
                }
            }
        }
    }

    fn state(
        &self,
        plan: &Plan,
        job: &Job,
        done: &[Option<Done>],
        device: &str,
    ) -> Result<(Option<String>, State)> {
        let mut waiting: Vec<usize> =
            job.inputs.iter().flat_map(|input| input.jobs.iter().copied()).collect();
        waiting.retain(|index| done[*index].is_none());
        waiting.sort_unstable();
        waiting.dedup();
        if !waiting.is_empty() {
            return Ok((None, State::Waiting(waiting)));
        }
        let parts = Parts::new(plan, job, done, self.layout, device)?;
        let key = parts.key();
        let state = match self.find(&key, None)? {
            Found::Complete(done) => State::UpToDate(done),
            found => self.stale(plan, job, &key, &parts, found)?,
        };
        Ok((Some(key), state))
    }

    /// Says why `job` has to run.
    pub(crate) fn stale(
        &self,
        plan: &Plan,
        job: &Job,
        key: &str,
        parts: &Parts,
        found: Found,
    ) -> Result<State> {
        if let Found::Damaged(reason) = found {
            return Ok(State::Stale(vec![Change::Damaged(reason)]));
        }
        let records = self.records()?;
        let mine = |record: &&RunRecord| record.is_of(plan, job);
        let last = records.iter().rev().find(|record| record.key == key);
        match last.map(|record| (record.outcome, record)) {
            Some((Outcome::Running, _)) if Lock::is_held(self.layout, key)? => return Ok(State::Running),
            Some((Outcome::Running | Outcome::Cancelled, _)) => {
                return Ok(State::Interrupted { share: self.share(key)? });
            }
            Some((Outcome::Failed, record)) => {
                let reason = record.reason.clone().unwrap_or_else(|| "for an unknown reason".to_owned());
                return Ok(State::Failed { reason });
            }
            _ => {}
        }
        if let Some(last) = last_shown(plan, self.layout, job)? {
            return Ok(State::Stale(changes(&last.manifest, parts)));
        }
        // Its folder may have been taken away because it was made from other inputs.
        let earlier = records.iter().rev().filter(mine).find(|record| record.outcome == Outcome::Done);
        Ok(match earlier.map(|record| self.entry(&record.key)).transpose()?.flatten() {
            Some(last) => {
                let mut changes = changes(&last.manifest, parts);
                changes.push(Change::Hidden);
                State::Stale(changes)
            }
            None => State::New,
        })
    }

    /// Returns the share of an interrupted stage that it can go on from.
    fn share(&self, key: &str) -> Result<Option<f64>> {
        #[derive(serde::Deserialize)]
        struct Progress {
            done: f64,
            total: f64,
        }
        let path = self.layout.partial(key).join("progress.json");
        if found(&path)?.is_none() {
            return Ok(None);
        }
        let bytes = std::fs::read(&path).map_err(crate::Error::io("read", &path))?;
        let progress: Option<Progress> = serde_json::from_slice(&bytes).ok();
        Ok(progress.map(|Progress { done, total }| done / total).filter(|share| (0.0..=1.0).contains(share)))
    }

    fn records(&self) -> Result<Arc<Vec<RunRecord>>> {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(records) = &*records {
            return Ok(records.clone());
        }
        let read = Arc::new(runs(self.layout)?);
        *records = Some(read.clone());
        Ok(read)
    }

    /// Looks for the finished entry of `key`, and whether it is whole.
    pub(crate) fn find(&self, key: &str, desk: Option<&Desk>) -> Result<Found> {
        let folder = self.layout.entry(key);
        let Some(metadata) = found(&folder)? else { return Ok(Found::Nothing) };
        if !metadata.is_dir() {
            return Ok(Found::Damaged("its entry in the store is no folder".to_owned()));
        }
        let manifest = match artifact::read_manifest(&folder) {
            Ok(Some(manifest)) => manifest,
            Ok(None) => return Ok(Found::Damaged("its folder has no manifest".to_owned())),
            Err(error) if is_damage(&error) => return Ok(Found::Damaged(error.to_string())),
            Err(error) => return Err(error.into()),
        };
        if manifest.key != key || Parts::of(&manifest).key() != key {
            return Ok(Found::Damaged("its manifest is that of another key".to_owned()));
        }
        let done = Done { folder, manifest: Arc::new(manifest) };
        Ok(match self.damage(&done, desk)? {
            Some(damage) => Found::Damaged(damage),
            None => Found::Complete(done),
        })
    }

    /// Compares the files of a finished entry with its manifest; says what is wrong.
    pub(crate) fn damage(&self, done: &Done, desk: Option<&Desk>) -> Result<Option<String>> {
        let key = &done.manifest.key;
        let mut all = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = all.remove(key).unwrap_or_else(|| Verified::open(&self.layout.verified(key)));
        drop(all); // reading may take long, and nobody else is at this entry twice
        let damage = known.damage(&done.folder, &done.manifest, desk.map(|desk| &desk.clock));
        self.verified.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), known);
        Ok(damage?)
    }

    /// Returns the finished entry of `key` as it lies there, whole or not; `None` where it has no readable manifest.
    pub(crate) fn entry(&self, key: &str) -> Result<Option<Done>> {
        entry(self.layout, key)
    }
}
