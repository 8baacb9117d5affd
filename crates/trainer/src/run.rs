use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use artifact::tables::Token;
use artifact::{Provenance, read_table, write_table};
use rayon::prelude::*;
use transformer::engine::Engine;

use crate::earlier::{self, Earlier, TRAINED_ON, VOCABULARY};
use crate::learner::Learner;
use crate::milestones::Milestones;
use crate::record::Record;
use crate::resume::{Owner, Resume};
use crate::row::{Scoring, Vocabulary};
use crate::rows::{HELD, Rows};
use crate::source::{SPLIT, Source};
use crate::table::Table;
use crate::track::{Seen, Track};
use crate::{Config, Error, Order, file, record};

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

/// Where seeds are trained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Device {
    /// On the processor.
    #[default]
    Cpu,
    /// On the first NVIDIA GPU.
    Cuda,
}

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Updates of all seeds, without those that an interrupted run had done.
    pub updates: u64,
}

/// Trains every seed and writes `training.parquet`, `checkpoints.parquet`, `checkpoints/`, `resume.parquet` and `resume/`
/// (the moments, from which another run continues), `vocabulary.parquet` (a copy) and `model.json` into `out`.
///
/// The vocabulary gives `d_vocab`; the longest train or validation row, less its last token (which is never an input),
/// gives `n_ctx`, where the config does not. Seeds run side by side on rayon's pool; each is sequential, so the bits do not depend on it.
/// On a GPU they go in step, as many at once as fit, and losses are those of the processor up to rounding.
///
/// With `inputs.from`, each seed goes on from where that run ended: steps, rows seen and the schedule of the learning rate
/// count on, and training n steps, then m more on the same rows, gives the bits of n + m with a constant rate.
///
/// With `resume`, seeds go on from what an interrupted run has left, to the same bits.
///
/// # Errors
/// [`Error::Interrupted`] after every seed has saved its state. A config or rows that cannot be trained on, a loss that is no number (what was logged and saved before is kept in
/// `out`), a file that cannot be read or written, or rows that are too many for memory and cannot be kept on disk.
pub fn run(
    config: &Config,
    inputs: &Inputs,
    out: &Path,
    device: Device,
    resume: Option<Resume<'_>>,
    provenance: &Provenance,
) -> Result<Summary, Error> {
    let train = |fit: &Fit<'_>| match device {
        Device::Cpu => Ok(on_processor(fit)),
        Device::Cuda => on_gpu(fit),
    };
    run_by(config, inputs, out, resume, provenance, train)
}

/// As [`run()`], by what trains the seeds.
pub(crate) fn run_by(
    config: &Config,
    inputs: &Inputs,
    out: &Path,
    resume: Option<Resume<'_>>,
    provenance: &Provenance,
    by: impl FnOnce(&Fit<'_>) -> Result<Vec<Left>, Error>,
) -> Result<Summary, Error> {
    config.check()?;
    let vocabulary = Vocabulary::read(&inputs.vocabulary)?;
    let earlier = inputs.from.as_deref().map(Earlier::read).transpose()?;
    std::fs::create_dir_all(out).map_err(Error::io("create", out))?;
    let scoring = Scoring { vocabulary, loss: config.loss };
    let train = Source::open(config, Table::open(SPLIT, &inputs.train, scoring)?, out)?;
    let validation = Rows::read(&Table::open("validation", &inputs.validation, scoring)?, HELD, out)?;
    check_validation(config, validation.extent.rows)?;
    let longest = train.extent.longest.max(validation.extent.longest) - 1;
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
    let mut saved = BTreeMap::new();
    for &seed in resume.iter().flat_map(|_| &config.seeds.0) {
        saved.insert(seed, resume.map_or(Ok(0), |resume| resume.steps(seed))?);
    }
    let fit = Fit {
        key: &provenance.key,
        saved: Mutex::new(saved),
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
    let tokens = read_table::<Token>(&inputs.vocabulary)?;
    fit.check_start(&tokens)?;
    let model = serde_json::to_vec_pretty(&shape).expect("numbers and names are JSON");
    file::write(&out.join("model.json"), &model)?;
    write_table(&out.join(VOCABULARY), provenance, tokens)?;
    write_table(&out.join(TRAINED_ON), provenance, earlier::saw(&provenance.inputs, fit.earlier))?;
    let folder = out.join("checkpoints");
    std::fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
    let parameters: usize = shape.parameters().values().map(|shape| shape.iter().product::<usize>()).sum();
    tracing::info!(
        "{} seeds of {parameters} parameters, {} steps of {} of {} rows; vocabulary {}, context {}",
        config.seeds.0.len(),
        config.steps,
        config.batch.of(train.extent.rows),
        train.extent.rows,
        vocabulary.size,
        shape.n_ctx
    );

    let (records, results): (Vec<Record>, Vec<Result<(), Error>>) = by(&fit)?.into_iter().unzip();

    if results.iter().any(|result| matches!(result, Err(Error::Interrupted))) {
        return Err(Error::Interrupted);
    }
    let failed = results.into_iter().find_map(Result::err);
    // Of what diverged, all that was done until then is there to look at. Where anything else went wrong, what is saved of
    // each seed is worth more: the same run again goes on from it.
    if failed.as_ref().is_none_or(|error| matches!(error, Error::Diverged { .. })) {
        record::write_tables(out, provenance, records)?;
    }
    match failed {
        Some(error) => Err(error),
        None => Ok(Summary { updates: done.into_inner() - found.into_inner() }),
    }
}

/// Trains seeds side by side, each on one thread of rayon's pool.
fn on_processor(fit: &Fit<'_>) -> Vec<Left> {
    // A queue, not a job for each seed: a thread that waits for its part of a batch would begin another seed meanwhile.
    let seeds = &fit.config.seeds.0;
    let next = AtomicUsize::new(0);
    let work = |_| {
        let mut left = Vec::new();
        while let number = next.fetch_add(1, Ordering::Relaxed)
            && let Some(&seed) = seeds.get(number)
        {
            let (record, result) = fit.seed(seed);
            if result.as_ref().is_err_and(|error| !matches!(error, Error::Interrupted)) {
                fit.stop.store(true, Ordering::Relaxed);
            }
            let interrupted = matches!(result, Err(Error::Interrupted));
            left.push((number, (record, result)));
            if interrupted {
                break; // the seeds behind it have nothing yet that could be saved
            }
        }
        left
    };
    let threads = rayon::current_num_threads().min(seeds.len());
    let mut left: Vec<(usize, Left)> =
        (0..threads).into_par_iter().with_max_len(1).flat_map_iter(work).collect();
    left.sort_unstable_by_key(|(number, _)| *number);
    left.into_iter().map(|(_, left)| left).collect()
}

/// Returns the name of the GPU that [`Device::Cuda`] is.
///
/// # Errors
/// [`transformer::Error::Device`] where there is none, or this build cannot use it.
#[cfg(feature = "cuda")]
pub fn gpu() -> Result<String, Error> {
    Ok(transformer::cuda::Gpu::new()?.name()?)
}

/// Returns that this build has none.
///
/// # Errors
/// Always.
#[cfg(not(feature = "cuda"))]
pub fn gpu() -> Result<String, Error> {
    let message = "this build has no CUDA; build it with the feature `cuda`, or train on the processor";
    Err(transformer::Error::Device(message.to_owned()).into())
}

/// Trains seeds side by side on the GPU.
fn on_gpu(fit: &Fit<'_>) -> Result<Vec<Left>, Error> {
    #[cfg(feature = "cuda")]
    return crate::cuda::run(fit, transformer::cuda::Gpu::new);
    #[cfg(not(feature = "cuda"))]
    gpu().map(|_| Vec::new())
}

/// Checks that there are validation rows for what is asked.
fn check_validation(config: &Config, rows: u64) -> Result<(), Error> {
    if rows > 0 {
        return Ok(());
    }
    if config.checkpoints.best {
        let message =
            "there are none to choose the best checkpoint by; leave `checkpoints.best` out, or build some";
        return Err(Error::Data { split: "validation", message: message.to_owned() });
    }
    tracing::warn!("there are no validation rows: validation loss and accuracy stay empty");
    Ok(())
}

pub(crate) struct Fit<'a> {
    pub(crate) resume: Option<Resume<'a>>,
    pub(crate) config: &'a Config,
    pub(crate) shape: &'a transformer::Config,
    engine: &'a Arc<Engine>,
    earlier: Option<&'a Earlier>,
    pub(crate) train: &'a Source,
    pub(crate) validation: &'a Rows,
    pub(crate) out: &'a Path,
    /// The key of the run.
    key: &'a str,
    /// By seed: steps of this run that an interrupted one would find.
    saved: Mutex<BTreeMap<i32, u64>>,
    /// Another seed failed.
    pub(crate) stop: &'a AtomicBool,
    /// Updates of all seeds, and those among them that an interrupted run had done.
    done: &'a AtomicU64,
    found: &'a AtomicU64,
}

/// What a seed leaves behind, and how it ended.
pub(crate) type Left = (Record, Result<(), Error>);

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
    fn check_start(&self, tokens: &[Token]) -> Result<(), Error> {
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

    /// Trains one seed on the processor.
    fn seed(&self, seed: i32) -> Left {
        let mut track = match Track::begin(self, seed) {
            Ok(track) => track,
            Err(error) => return (Record::default(), Err(error)),
        };
        let result = self.follow(&mut track);
        (track.record, result)
    }

    fn follow(&self, track: &mut Track<'_>) -> Result<(), Error> {
        let size = self.config.batch.of(self.train.extent.rows);
        let mut batches = self.train.batches(track.seed);
        for step in track.learner.done() + 1..=track.last {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            if self.resume.is_some_and(|resume| resume.is_interrupted()) {
                track.save_state()?;
                return Err(Error::Interrupted);
            }
            let rows = batches.at(track.learner.seen(), size)?;
            let update = match track.learner.step(&rows)? {
                Ok(update) => update,
                Err(what) => return Err(track.diverged(what, step)),
            };
            let row = track.logs(step).then(|| {
                let score = if track.evaluates(step) { track.learner.score(self.validation)? } else { None };
                let accuracy = rows.answers_right(&update.predicted) as f32 / rows.len() as f32;
                let seen = Seen {
                    loss: update.loss,
                    accuracy,
                    learning_rate: update.learning_rate,
                    gradient_norm: update.gradient_norm,
                };
                Ok::<_, Error>(track.row(step, Some(seen), track.learner.weight_norm(), score))
            });
            track.note(step, row.transpose()?)?;
            self.progress(1, update.loss, &track.record);
        }
        track.finish()
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
