use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use artifact::Provenance;
use artifact::tables::{Checkpoint, Training};
use rayon::prelude::*;
use transformer::engine::Engine;

use crate::learner::{Learner, NotFinite, Update};
use crate::order::Order;
use crate::resume::{EVERY, Resume};
use crate::rows::{Rows, Vocabulary};
use crate::{Config, Error};

/// The tables that the stage reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Shards of the training rows.
    pub train: Vec<PathBuf>,
    /// Shards of the validation rows.
    pub validation: Vec<PathBuf>,
    /// The vocabulary.
    pub vocabulary: PathBuf,
}

/// Trains every seed and writes `training.parquet`, `checkpoints.parquet`, `checkpoints/` and `model.json` into `out`.
///
/// The vocabulary gives `d_vocab`; the longest train or validation row, less its last token (which is never an input),
/// gives `n_ctx`, where the config does not. Seeds run side by side on rayon's pool; each is sequential, so the bits do not depend on it.
///
/// With `resume`, seeds go on from what an interrupted run has left, to the same bits.
///
/// # Errors
/// [`Error::Interrupted`] after every seed has saved its state. A config or rows that cannot be trained on, a loss that is no number (what was logged and saved before is kept in
/// `out`), or a file that cannot be read or written.
pub fn run(
    config: &Config,
    inputs: &Inputs,
    out: &Path,
    resume: Option<Resume<'_>>,
    provenance: &Provenance,
) -> Result<(), Error> {
    config.check()?;
    let vocabulary = Vocabulary::read(&inputs.vocabulary)?;
    let train = Rows::read("train", &inputs.train, &vocabulary, config.loss)?;
    let validation = Rows::read("validation", &inputs.validation, &vocabulary, config.loss)?;
    if train.len() < config.batch.max(1) {
        let message = format!("{} rows are fewer than the batch of {}", train.len(), config.batch);
        return Err(Error::Data {
            split: "train",
            message: format!("{message}; lower `batch`, or build more rows"),
        });
    }
    if validation.len() == 0 {
        tracing::warn!("there are no validation rows: validation loss and accuracy stay empty");
    }
    let longest = train.longest().max(validation.longest()) - 1;
    let shape = config.model.shape(vocabulary.size, longest);
    if shape.n_ctx < longest {
        let message = format!("{} tokens found, but a row asks for {longest}", shape.n_ctx);
        return Err(Error::config("model.n_ctx", message, "give as many, or leave it out"));
    }
    write(&out.join("model.json"), &serde_json::to_vec_pretty(&shape).expect("numbers and names are JSON"))?;
    let folder = out.join("checkpoints");
    std::fs::create_dir_all(&folder).map_err(|source| Error::Io { path: folder, source })?;
    let parameters: usize = shape.parameters().values().map(|shape| shape.iter().product::<usize>()).sum();
    tracing::info!(
        "{} seeds of {parameters} parameters, {} steps of {} of {} rows; vocabulary {}, context {}",
        config.seeds.0.len(),
        config.steps,
        config.batch,
        train.len(),
        vocabulary.size,
        shape.n_ctx
    );

    let engine = Arc::new(Engine::new(&shape)?);
    let stop = AtomicBool::new(false);
    let done = AtomicU64::new(0);
    let fit = Fit {
        resume,
        config,
        shape: &shape,
        engine: &engine,
        train: &train,
        validation: &validation,
        out,
        stop: &stop,
        done: &done,
    };
    // A queue, not a job for each seed: a thread that waits for its part of a batch would begin another seed meanwhile.
    let next = AtomicUsize::new(0);
    let work = |_| {
        let mut left = Vec::new();
        while let number = next.fetch_add(1, Ordering::Relaxed)
            && let Some(&seed) = config.seeds.0.get(number)
        {
            let mut record = Record::default();
            let result = fit.seed(seed, &mut record);
            if result.as_ref().is_err_and(|error| !matches!(error, Error::Interrupted)) {
                stop.store(true, Ordering::Relaxed);
            }
            left.push((number, record, result));
        }
        left
    };
    let threads = rayon::current_num_threads().min(config.seeds.0.len());
    let mut seeds: Vec<(usize, Record, Result<(), Error>)> =
        (0..threads).into_par_iter().with_max_len(1).flat_map_iter(work).collect();
    seeds.sort_unstable_by_key(|(number, ..)| *number);
    let (records, results): (Vec<Record>, Vec<Result<(), Error>>) =
        seeds.into_iter().map(|(_, record, result)| (record, result)).unzip();

    if results.iter().any(|result| matches!(result, Err(Error::Interrupted))) {
        return Err(Error::Interrupted);
    }
    // Also after a failure: what the seeds did until then is there to look at.
    let (training, checkpoints): (Vec<_>, Vec<_>) =
        records.into_iter().map(|record| (record.training, record.checkpoints)).unzip();
    artifact::write_table(&out.join("training.parquet"), provenance, training.into_iter().flatten())?;
    artifact::write_table(&out.join("checkpoints.parquet"), provenance, checkpoints.into_iter().flatten())?;
    results.into_iter().collect()
}

/// What a seed leaves behind.
#[derive(Default)]
pub(crate) struct Record {
    pub(crate) training: Vec<Training>,
    pub(crate) checkpoints: Vec<Checkpoint>,
}

/// The weights after an update, as a file.
struct Weights {
    step: u64,
    bytes: Vec<u8>,
}

struct Fit<'a> {
    resume: Option<Resume<'a>>,
    config: &'a Config,
    shape: &'a transformer::Config,
    engine: &'a Arc<Engine>,
    train: &'a Rows,
    validation: &'a Rows,
    out: &'a Path,
    /// Another seed failed.
    stop: &'a AtomicBool,
    /// Updates of all seeds.
    done: &'a AtomicU64,
}

impl Fit<'_> {
    fn seed(&self, seed: i32, record: &mut Record) -> Result<(), Error> {
        let Config { steps, batch, log_every, evaluate_every, .. } = *self.config;
        let kept = self.config.checkpoints.at(steps);
        let range = self.config.model.initializer_range;
        let mut learner = Learner::new(self.shape, self.engine, range, &self.config.optimizer, steps, seed)?;
        let mut order = Order::new(seed, self.train.len());
        if let Some(resume) = self.resume {
            *record = resume.load(seed, &mut learner, self.out);
        }
        if learner.done() == 0 {
            *record = Record::default();
            record.training.push(self.row(seed, &learner, None, true)?);
        }
        let mut good = Weights { step: learner.done(), bytes: learner.to_safetensors()? };
        if learner.done() == 0 {
            self.save(seed, &good, record)?;
        }
        self.done.fetch_add(learner.done(), Ordering::Relaxed);
        for step in learner.done() + 1..=steps {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            if let Some(resume) = self.resume.filter(Resume::is_interrupted) {
                resume.save(seed, &learner, record, self.out)?;
                return Err(Error::Interrupted);
            }
            let rows = self.train.batch(&order.batch(step, batch));
            let update = match learner.step(&rows)? {
                Ok(update) => update,
                Err(what) => {
                    self.save(seed, &good, record)?;
                    return Err(what.at(seed, step));
                }
            };
            let evaluated = step % evaluate_every == 0 || step == steps;
            if step % log_every == 0 || evaluated {
                let accuracy = rows.answers_right(&update.best) as f32 / rows.len() as f32;
                let row = self.row(seed, &learner, Some((&update, accuracy)), evaluated)?;
                if let Some(what) = not_finite(&row) {
                    self.save(seed, &good, record)?;
                    return Err(what.at(seed, step));
                }
                record.training.push(row);
            }
            let keep = kept.binary_search(&step).is_ok();
            if keep || evaluated {
                good = Weights { step, bytes: learner.to_safetensors()? };
            }
            if keep {
                self.save(seed, &good, record)?;
            }
            if let Some(resume) =
                self.resume.filter(|_| step % (EVERY * evaluate_every) == 0 || step == steps)
            {
                resume.save(seed, &learner, record, self.out)?;
            }
            self.progress(&update);
        }
        Ok(())
    }

    fn row(
        &self,
        seed: i32,
        learner: &Learner,
        update: Option<(&Update, f32)>,
        evaluated: bool,
    ) -> Result<Training, Error> {
        let score = if evaluated { learner.score(self.validation)? } else { None };
        let step = learner.done() as i64;
        Ok(Training {
            seed,
            step,
            examples_seen: step * self.config.batch as i64,
            train_loss: update.map(|(update, _)| update.loss),
            train_accuracy: update.map(|(_, accuracy)| accuracy),
            validation_loss: score.map(|score| score.loss),
            validation_accuracy: score.map(|score| score.accuracy),
            learning_rate: update.map_or(0.0, |(update, _)| update.learning_rate),
            gradient_norm: update.map(|(update, _)| update.gradient_norm),
            weight_norm: Some(learner.weight_norm()?),
        })
    }

    /// Writes a checkpoint, once.
    fn save(&self, seed: i32, weights: &Weights, record: &mut Record) -> Result<(), Error> {
        let step = weights.step as i64;
        if record.checkpoints.last().is_some_and(|last| last.step == step) {
            return Ok(());
        }
        let path = format!("checkpoints/seed-{seed:03}/step-{step:06}.safetensors");
        write(&self.out.join(&path), &weights.bytes)?;
        let digest = artifact::digest_bytes(&weights.bytes);
        record.checkpoints.push(Checkpoint { seed, step, path, digest });
        Ok(())
    }

    fn progress(&self, update: &Update) {
        let total = self.config.steps * self.config.seeds.0.len() as u64;
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if done.is_multiple_of((total / 1000).max(1)) || done == total {
            tracing::info!(
                target: "progress",
                task = "train",
                done,
                total,
                unit = "seed-steps",
                "loss {:.3}",
                update.loss
            );
        }
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

pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(path, bytes))
        .map_err(|source| Error::Io { path: path.to_owned(), source })
}
