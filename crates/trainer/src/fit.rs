use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use artifact::tables::Token;
use transformer::engine::Engine;

use crate::earlier::Earlier;
use crate::learner::Learner;
use crate::milestones::Milestones;
use crate::record::Record;
use crate::resume::{Owner, Resume};
use crate::rows::Rows;
use crate::source::Source;
use crate::{Config, Error, Order};

/// What the seeds of a run share: what is trained on what, where to, and how far all of them are.
pub(crate) struct Fit<'a> {
    pub(crate) resume: Option<Resume<'a>>,
    pub(crate) config: &'a Config,
    pub(crate) shape: &'a transformer::Config,
    pub(crate) engine: &'a Arc<Engine>,
    pub(crate) earlier: Option<&'a Earlier>,
    pub(crate) train: &'a Source,
    pub(crate) validation: &'a Rows,
    pub(crate) out: &'a Path,
    /// The key of the run.
    pub(crate) key: &'a str,
    /// By seed: steps of this run that an interrupted one would find.
    pub(crate) saved: Mutex<BTreeMap<i32, u64>>,
    /// Another seed failed.
    pub(crate) stop: &'a AtomicBool,
    /// Updates of all seeds, and those among them that an interrupted run had done.
    pub(crate) done: &'a AtomicU64,
    pub(crate) found: &'a AtomicU64,
}

impl Fit<'_> {
    /// Returns a seed before its first update: untrained, or as the earlier run left it.
    pub(crate) fn learner(&self, seed: i32) -> Result<Learner, Error> {
        let mut learner = Learner::new(self.shape, self.engine, self.config, self.config.steps, seed)?;
        if let Some(earlier) = self.earlier {
            earlier.load(seed, &mut learner)?;
            learner.train_until(learner.done() + self.config.steps);
        }
        Ok(learner)
    }

    /// Finds what would stop a seed before any is trained: an earlier run that does not fit, too few rows to read once.
    pub(crate) fn check_start(&self, tokens: &[Token]) -> Result<(), Error> {
        let mut seen = 0;
        if let Some(earlier) = self.earlier {
            earlier.check(self.shape, tokens)?;
            for &seed in &self.config.seeds.0 {
                seen = seen.max(self.learner(seed)?.seen());
            }
        }
        let (size, rows) = (self.config.batch.of(self.train.extent.rows), self.train.extent.rows);
        let asked = size.saturating_mul(self.config.steps).saturating_add(seen);
        if self.config.order == Order::Once && asked > rows {
            let before =
                if seen == 0 { String::new() } else { format!(" behind the {seen} of the earlier run") };
            let message = format!(
                "{} updates of {size} rows{before} take {asked}, but there are {rows}",
                self.config.steps
            );
            return Err(Error::config("order", message, "lower `steps` or `batch`, or build more rows"));
        }
        Ok(())
    }

    /// Returns whose the state of a seed is.
    pub(crate) fn owner(&self, seed: i32) -> Owner {
        let shape = serde_json::to_value(self.shape).expect("numbers and names are JSON");
        Owner { seed, key: self.key.to_owned(), shape }
    }

    /// Writes down that a seed's state is saved, so many steps into the run.
    pub(crate) fn saved(&self, resume: &Resume<'_>, seed: i32, steps: u64) -> Result<(), Error> {
        let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        saved.insert(seed, steps);
        resume.write_progress(saved.values().sum(), self.config.steps * self.config.seeds.0.len() as u64)
    }

    /// Counts updates of a seed that an interrupted run had done.
    pub(crate) fn found(&self, seed: i32, updates: u64) {
        self.saved.lock().unwrap_or_else(PoisonError::into_inner).insert(seed, updates);
        for counter in [self.done, self.found] {
            counter.fetch_add(updates, Ordering::Relaxed);
        }
    }

    /// Says how far all seeds are, of which one went on by so many updates.
    pub(crate) fn progress(&self, updates: u64, loss: f32, record: &Record) {
        let total = self.config.steps * self.config.seeds.0.len() as u64;
        let done = self.done.fetch_add(updates, Ordering::Relaxed) + updates;
        let part = (total / 1000).max(1);
        if done / part != (done - updates) / part || done == total {
            let validation = record.validation_loss().map_or(String::new(), |loss| format!(" / {loss:.3}"));
            tracing::info!(
                target: "progress",
                task = "train",
                done,
                total,
                unit = "seed-steps",
                "loss {loss:.3}{validation}, {}",
                Milestones::of(&record.training)
            );
        }
    }
}
