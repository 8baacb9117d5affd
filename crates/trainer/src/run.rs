use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use artifact::Provenance;
use artifact::tables::{Checkpoint, Training};
use rayon::prelude::*;
use transformer::engine::Engine;

use crate::earlier::{self, Earlier};
use crate::learner::{Learner, NotFinite, Update};
use crate::milestones::Milestones;
use crate::record::{Record, checkpoint_folder};
use crate::resume::{EVERY, Resume};
use crate::rows::{Rows, Vocabulary};
use crate::source::Source;
use crate::{Config, Error, Order};

/// The tables that the stage reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Shards of the training rows.
    pub train: Vec<PathBuf>,
    /// Shards of the validation rows.
    pub validation: Vec<PathBuf>,
    /// The vocabulary.
    pub vocabulary: PathBuf,
    /// The folder of a finished run to continue.
    pub from: Option<PathBuf>,
}

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Updates of all seeds, without those that an interrupted run had done.
    pub updates: u64,
}

/// Trains every seed and writes `training.parquet`, `checkpoints.parquet`, `checkpoints/`, `resume/` (the moments, from
/// which another run continues) and `model.json` into `out`.
///
/// The vocabulary gives `d_vocab`; the longest train or validation row, less its last token (which is never an input),
/// gives `n_ctx`, where the config does not. Seeds run side by side on rayon's pool; each is sequential, so the bits do not depend on it.
///
/// With `inputs.from`, each seed goes on from where that run ended: steps, rows seen and the schedule of the learning rate
/// count on, and training n steps, then m more on the same rows, gives the bits of n + m with a constant rate.
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
) -> Result<Summary, Error> {
    config.check()?;
    let vocabulary = Vocabulary::read(&inputs.vocabulary)?;
    let train = Source::open(config, &inputs.train, &vocabulary)?;
    let validation = Rows::read("validation", &inputs.validation, &vocabulary, config.loss)?;
    check_rows(config, train.rows, validation.len())?;
    let earlier = inputs.from.as_deref().map(Earlier::read).transpose()?;
    let longest = train.longest.max(validation.longest()) - 1;
    let mut shape = config.model.shape(vocabulary.size, longest);
    if let (None, Some(earlier)) = (config.model.n_ctx, &earlier) {
        shape.n_ctx = earlier.shape.n_ctx;
    }
    if shape.n_ctx < longest {
        let message = format!("{} tokens found, but a row asks for {longest}", shape.n_ctx);
        let help = match &earlier {
            None => "give as many, or leave it out",
            Some(_) => "build shorter rows, or give the run that `from` names a longer context",
        };
        return Err(Error::config("model.n_ctx", message, help));
    }
    let engine = Arc::new(Engine::new(&shape)?);
    let stop = AtomicBool::new(false);
    let (done, found) = (AtomicU64::new(0), AtomicU64::new(0));
    let fit = Fit {
        resume,
        config,
        shape: &shape,
        engine: &engine,
        earlier: earlier.as_ref(),
        train: &train,
        validation: &validation,
        out,
        stop: &stop,
        done: &done,
        found: &found,
    };
    fit.check_start(provenance)?;
    write(&out.join("model.json"), &serde_json::to_vec_pretty(&shape).expect("numbers and names are JSON"))?;
    let folder = out.join("checkpoints");
    std::fs::create_dir_all(&folder).map_err(|source| Error::Io { path: folder, source })?;
    let parameters: usize = shape.parameters().values().map(|shape| shape.iter().product::<usize>()).sum();
    tracing::info!(
        "{} seeds of {parameters} parameters, {} steps of {} of {} rows; vocabulary {}, context {}",
        config.seeds.0.len(),
        config.steps,
        config.batch.of(train.rows),
        train.rows,
        vocabulary.size,
        shape.n_ctx
    );

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
    results.into_iter().collect::<Result<(), Error>>()?;
    Ok(Summary { updates: done.into_inner() - found.into_inner() })
}

/// Checks that there are rows for what is asked.
fn check_rows(config: &Config, train: u64, validation: usize) -> Result<(), Error> {
    let refuse = |split, message| Err(Error::Data { split, message });
    let size = config.batch.of(train);
    if train == 0 {
        return refuse("train", "there are none; build more rows".to_owned());
    }
    if train < size {
        let message = format!("{train} rows are fewer than the batch of {size}");
        return refuse("train", format!("{message}; lower `batch`, or build more rows"));
    }
    if validation == 0 && config.checkpoints.best {
        let message =
            "there are none to choose the best checkpoint by; leave `checkpoints.best` out, or build some";
        return refuse("validation", message.to_owned());
    }
    if validation == 0 {
        tracing::warn!("there are no validation rows: validation loss and accuracy stay empty");
    }
    Ok(())
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
    earlier: Option<&'a Earlier>,
    train: &'a Source,
    validation: &'a Rows,
    out: &'a Path,
    /// Another seed failed.
    stop: &'a AtomicBool,
    /// Updates of all seeds, and those among them that an interrupted run had done.
    done: &'a AtomicU64,
    found: &'a AtomicU64,
}

impl Fit<'_> {
    /// Returns a seed before its first update: untrained, or as the earlier run left it.
    fn learner(&self, seed: i32) -> Result<Learner, Error> {
        let mut learner = Learner::new(self.shape, self.engine, self.config, self.config.steps, seed)?;
        if let Some(earlier) = self.earlier {
            earlier.load(seed, &mut learner)?;
            learner.train_until(learner.done() + self.config.steps);
        }
        Ok(learner)
    }

    /// Finds what would stop a seed before any is trained: an earlier run that does not fit, too few rows to read once.
    fn check_start(&self, provenance: &Provenance) -> Result<(), Error> {
        let mut seen = 0;
        if let Some(earlier) = self.earlier {
            earlier.check(self.shape, provenance)?;
            for &seed in &self.config.seeds.0 {
                seen = seen.max(self.learner(seed)?.seen());
            }
        }
        let (size, rows) = (self.config.batch.of(self.train.rows), self.train.rows);
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

    fn seed(&self, seed: i32, record: &mut Record) -> Result<(), Error> {
        let Config { steps, log_every, evaluate_every, checkpoints, .. } = *self.config;
        let mut learner = self.learner(seed)?;
        let (first, last) = (learner.done(), learner.done() + steps);
        let kept = checkpoints.at(first, last);
        let size = self.config.batch.of(self.train.rows);
        let mut batches = self.train.batches(seed);
        if let Some(resume) = self.resume {
            *record = resume.load(seed, &mut learner, self.out);
        }
        if learner.done() == first {
            *record = Record::default();
            record.training.push(self.row(seed, &learner, None, true)?);
        }
        let mut good = Weights { step: learner.done(), bytes: learner.to_safetensors()? };
        if learner.done() == first {
            self.save(seed, &good, record)?;
        }
        for counter in [self.done, self.found] {
            counter.fetch_add(learner.done() - first, Ordering::Relaxed);
        }
        for step in learner.done() + 1..=last {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            if let Some(resume) = self.resume.filter(Resume::is_interrupted) {
                resume.save(seed, &learner, record, self.out)?;
                return Err(Error::Interrupted);
            }
            let rows = batches.at(learner.seen(), size)?;
            let update = match learner.step(&rows)? {
                Ok(update) => update,
                Err(what) => {
                    self.save(seed, &good, record)?;
                    return Err(what.at(seed, step));
                }
            };
            let evaluated = step % evaluate_every == 0 || step == last;
            let choosing = checkpoints.best && evaluated;
            let before = if choosing { record.best_step() } else { None };
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
            let best = choosing && record.best_step() != before;
            if keep || evaluated {
                good = Weights { step, bytes: learner.to_safetensors()? };
            }
            if keep || best {
                self.save(seed, &good, record)?;
            }
            if let Some(before) =
                before.filter(|&before| best && kept.binary_search(&(before as u64)).is_err())
            {
                self.forget(before, record)?;
            }
            if let Some(resume) = self.resume.filter(|_| step % (EVERY * evaluate_every) == 0 || step == last)
            {
                resume.save(seed, &learner, record, self.out)?;
            }
            self.progress(&update, record);
        }
        tracing::info!("seed {seed}: {}{}", Milestones::of(&record.training), record.losses());
        earlier::keep(self.out, seed, &learner)
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
            examples_seen: learner.seen() as i64,
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
        let path = format!("{}/step-{step:06}.safetensors", checkpoint_folder(seed));
        write(&self.out.join(&path), &weights.bytes)?;
        let digest = artifact::digest_bytes(&weights.bytes);
        record.checkpoints.push(Checkpoint { seed, step, path, digest });
        Ok(())
    }

    /// Removes a checkpoint that is the best no more.
    fn forget(&self, step: i64, record: &mut Record) -> Result<(), Error> {
        for checkpoint in record.checkpoints.extract_if(.., |checkpoint| checkpoint.step == step) {
            let path = self.out.join(&checkpoint.path);
            std::fs::remove_file(&path).map_err(|source| Error::Io { path, source })?;
        }
        Ok(())
    }

    fn progress(&self, update: &Update, record: &Record) {
        let total = self.config.steps * self.config.seeds.0.len() as u64;
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if done.is_multiple_of((total / 1000).max(1)) || done == total {
            let validation = record.validation_loss().map_or(String::new(), |loss| format!(" / {loss:.3}"));
            tracing::info!(
                target: "progress",
                task = "train",
                done,
                total,
                unit = "seed-steps",
                "loss {:.3}{validation}, {}",
                update.loss,
                Milestones::of(&record.training)
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
