use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};

use artifact::tables::Token;
use artifact::{Provenance, read_table, write_table};
use transformer::engine::Engine;

use crate::earlier::{self, Earlier, TRAINED_ON, VOCABULARY};
use crate::fit::Fit;
use crate::record::Record;
use crate::resume::Resume;
use crate::row::{Scoring, Vocabulary};
use crate::rows::{HELD, Rows};
use crate::source::{SPLIT, Source};
use crate::table::Table;
use crate::track::Outcome;
use crate::{Config, Error, cpu, file, record};

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
/// gives `n_ctx`, where the config does not. Seeds run side by side on rayon's pool, and bits do not depend on how many threads
/// it has. On a GPU they go in lockstep, as many at once as fit, and losses are those of the processor up to rounding.
///
/// With `inputs.from`, each seed goes on from where that run ended: steps, rows seen and the schedule of the learning rate
/// count on, and training n steps, then m more on the same rows, gives the bits of n + m with a constant rate.
///
/// With `resume`, seeds go on from what an interrupted run has left, to the same bits.
///
/// # Errors
/// [`Error::Interrupted`] after every seed has saved its state. A config or rows that cannot be trained on, a loss that is no
/// number (what was logged and saved before is kept in `out`), a file that cannot be read or written, or rows that are too many
/// for memory and cannot be kept on disk.
pub fn run(
    config: &Config,
    inputs: &Inputs,
    out: &Path,
    device: Device,
    resume: Option<Resume<'_>>,
    provenance: &Provenance,
) -> Result<Summary, Error> {
    let train = |fit: &Fit<'_>| match device {
        Device::Cpu => Ok(cpu::run(fit)),
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
    by: impl FnOnce(&Fit<'_>) -> Result<Vec<Outcome>, Error>,
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
        shape.n_ctx = earlier.shape().n_ctx;
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
fn on_gpu(fit: &Fit<'_>) -> Result<Vec<Outcome>, Error> {
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
