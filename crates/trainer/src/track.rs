use artifact::tables::{Checkpoint, Training};

use crate::fit::Fit;
use crate::learner::{Learner, NotFinite, Score};
use crate::milestones::Milestones;
use crate::record::{Record, checkpoint_path};
use crate::resume::{EVERY, Saved};
use crate::{Error, earlier, file};

/// What a seed leaves behind, and how it ended.
pub(crate) type Outcome = (Record, Result<(), Error>);

/// A seed on its way, and what it writes down and keeps.
pub(crate) struct Track<'a> {
    fit: &'a Fit<'a>,
    pub(crate) seed: i32,
    pub(crate) learner: Learner,
    pub(crate) record: Record,
    /// The last weights that are known to be good.
    good: Weights,
    /// Steps whose weights are kept.
    kept: Vec<u64>,
    /// Those of them that an interrupted run would find.
    saved: Saved,
    /// The step that it ends with.
    pub(crate) last: u64,
}

/// The weights after an update, as a file.
struct Weights {
    step: u64,
    bytes: Vec<u8>,
}

/// What is measured of a batch as it is learned.
pub(crate) struct Metrics {
    pub(crate) loss: f32,
    pub(crate) accuracy: f32,
    pub(crate) learning_rate: f64,
    pub(crate) gradient_norm: f32,
}

impl<'a> Track<'a> {
    /// Puts a seed to where it was left, or to its beginning.
    pub(crate) fn begin(fit: &'a Fit<'a>, seed: i32) -> Result<Self, Error> {
        let mut learner = fit.learner(seed)?;
        let (first, last) = (learner.done(), learner.done() + fit.config.steps);
        let mut saved = Saved::new();
        let record = match fit.resume {
            Some(resume) => resume.load(&fit.owner(seed), &mut learner, fit.out, &mut saved)?,
            None => Record::default(),
        };
        let good = Weights { step: learner.done(), bytes: learner.to_safetensors()? };
        let kept = fit.config.checkpoints.at(first, last);
        let mut track = Self { fit, seed, learner, record, good, kept, saved, last };
        if track.learner.done() == first {
            let score = track.learner.score(fit.validation)?;
            let row = track.row(first, None, track.learner.weight_norm(), score);
            if let Some(what) = not_finite(&row) {
                return Err(what.at(seed, first));
            }
            track.record = Record { training: vec![row], ..Record::default() };
            track.save()?;
        }
        fit.found(seed, track.learner.done() - first);
        Ok(track)
    }

    /// Whether the validation rows are looked at after a step.
    pub(crate) fn evaluates(&self, step: u64) -> bool {
        step.is_multiple_of(self.fit.config.evaluate_every) || step == self.last
    }

    /// Whether a step is written down.
    pub(crate) fn logs(&self, step: u64) -> bool {
        step.is_multiple_of(self.fit.config.log_every) || self.evaluates(step)
    }

    /// Whether the weights are asked for after a step, and whether the moments are too.
    pub(crate) fn asks(&self, step: u64) -> (bool, bool) {
        let saves = step.is_multiple_of(EVERY.saturating_mul(self.fit.config.evaluate_every));
        (self.keeps(step) || self.evaluates(step), step == self.last || (saves && self.fit.resume.is_some()))
    }

    fn keeps(&self, step: u64) -> bool {
        self.kept.binary_search(&step).is_ok()
    }

    /// Returns the line of a step.
    pub(crate) fn row(
        &self,
        step: u64,
        metrics: Option<Metrics>,
        weight_norm: f32,
        score: Option<Score>,
    ) -> Training {
        // The learner may be elsewhere, where updates are done elsewhere.
        let size = self.fit.config.batch.of(self.fit.train.extent.rows) as i64;
        let examples_seen = self.learner.seen() as i64 + (step as i64 - self.learner.done() as i64) * size;
        Training {
            seed: self.seed,
            step: step as i64,
            examples_seen,
            train_loss: metrics.as_ref().map(|metrics| metrics.loss),
            train_accuracy: metrics.as_ref().map(|metrics| metrics.accuracy),
            validation_loss: score.map(|score| score.loss),
            validation_accuracy: score.map(|score| score.accuracy),
            learning_rate: metrics.as_ref().map_or(0.0, |metrics| metrics.learning_rate),
            gradient_norm: metrics.map(|metrics| metrics.gradient_norm),
            weight_norm: Some(weight_norm),
        }
    }

    /// Writes down what a step gave and keeps what is to be kept; the learner has to be where [`Track::asks`] says.
    pub(crate) fn note(&mut self, step: u64, row: Option<Training>) -> Result<(), Error> {
        let choosing = self.fit.config.checkpoints.best && self.evaluates(step);
        let before = if choosing { self.record.best_step() } else { None };
        if let Some(row) = row {
            if let Some(what) = not_finite(&row) {
                return Err(self.diverged(what, step));
            }
            self.record.training.push(row);
        }
        let best = choosing && self.record.best_step() != before;
        if self.asks(step).0 {
            self.good = Weights { step, bytes: self.learner.to_safetensors()? };
        }
        if self.keeps(step) || best {
            self.save()?;
        }
        if let Some(before) = before.filter(|&before| best && !self.keeps(before as u64)) {
            self.forget(before)?;
        }
        if self.asks(step).1 { self.save_state() } else { Ok(()) }
    }

    /// Keeps the last good weights; returns what went wrong.
    pub(crate) fn diverged(&mut self, what: NotFinite, step: u64) -> Error {
        self.save().err().unwrap_or_else(|| what.at(self.seed, step))
    }

    /// Saves where the seed is, where an interrupted run can go on.
    pub(crate) fn save_state(&mut self) -> Result<(), Error> {
        let Some(resume) = self.fit.resume else { return Ok(()) };
        let steps = self.learner.done() + self.fit.config.steps - self.last;
        let (owner, out) = (self.fit.owner(self.seed), self.fit.out);
        resume.save(owner, steps, &self.learner, &self.record, out, &mut self.saved)?;
        self.fit.saved(&resume, self.seed, steps)
    }

    /// Ends the seed after its last step.
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        tracing::info!(
            "seed {}: {}{}",
            self.seed,
            Milestones::of(&self.record.training),
            self.record.losses()
        );
        self.record.resume = Some(earlier::keep(self.fit.out, self.seed, &self.learner)?);
        Ok(())
    }

    /// Writes the last good weights as a checkpoint, once.
    fn save(&mut self) -> Result<(), Error> {
        let step = self.good.step as i64;
        if self.record.checkpoints.last().is_some_and(|last| last.step == step) {
            return Ok(());
        }
        let path = checkpoint_path(self.seed, step);
        file::write(&self.fit.out.join(&path), &self.good.bytes)?;
        let digest = artifact::digest_bytes(&self.good.bytes);
        self.record.checkpoints.push(Checkpoint { seed: self.seed, step, path, digest });
        Ok(())
    }

    /// Removes a checkpoint that is the best no more.
    fn forget(&mut self, step: i64) -> Result<(), Error> {
        for checkpoint in self.record.checkpoints.extract_if(.., |checkpoint| checkpoint.step == step) {
            artifact::remove(&self.fit.out.join(&checkpoint.path))?;
        }
        Ok(())
    }
}

/// Returns what shows that the weights after this row's step are no good.
fn not_finite(row: &Training) -> Option<NotFinite> {
    let measured = [("validation loss", row.validation_loss), ("weight norm", row.weight_norm)];
    let found = measured
        .into_iter()
        .find_map(|(name, value)| Some((name, value.filter(|value| !value.is_finite())?)));
    found.map(|(quantity, value)| NotFinite { quantity, value: f64::from(value) })
}
