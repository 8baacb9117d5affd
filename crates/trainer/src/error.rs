//! What can go wrong while models are trained.

use std::path::PathBuf;

/// What can go wrong while models are trained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The definition asks for what cannot be.
    #[error("{at}: {message}; {help}")]
    Config {
        /// The path inside the definition, `model.n_heads`.
        at: String,
        /// What is wrong, with the value found.
        message: String,
        /// What to do.
        help: String,
    },
    /// The rows cannot be trained on.
    #[error("{split} rows: {message}")]
    Data {
        /// The split.
        split: &'static str,
        /// What was expected and found, with the row, and what to do.
        message: String,
    },
    /// The earlier run, which this one is to continue, cannot be read or is another model's.
    #[error("cannot go on from {}: {message}", path.display())]
    Earlier {
        /// The file.
        path: PathBuf,
        /// What was expected and found, and what to do.
        message: String,
    },
    /// A file of the earlier run is not what it lists.
    #[error("cannot go on from {0}")]
    Checkpoint(#[source] checkpoint::Error),
    /// A loss or gradient that is no number.
    #[error(
        "seed {seed}: the {quantity} is {value} at step {step}; the last good weights are kept as its last checkpoint; \
         lower optimizer.learning_rate, or set optimizer.clip or optimizer.warmup"
    )]
    Diverged {
        /// The model's seed.
        seed: i32,
        /// The update, from 1.
        step: u64,
        /// "loss", "gradient norm", "validation loss" or "weight norm".
        quantity: &'static str,
        /// What it was.
        value: f64,
    },
    /// The run was asked to stop, and has saved where it was.
    #[error("interrupted; every seed has saved where it was")]
    Interrupted,
    /// The model failed.
    #[error(transparent)]
    Model(#[from] transformer::Error),
    /// A table could not be read or written.
    #[error(transparent)]
    Artifact(#[from] artifact::Error),
    /// Rows that are more than is held in memory could not be kept on disk.
    #[error(
        "the {split} rows are many, and could not be kept in a file in {}: {source}; see whether there is room, and whether \
         files can be made there",
        folder.display()
    )]
    Spilled {
        /// The split.
        split: &'static str,
        /// The folder of the file, which has no name.
        folder: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A file is not what was written.
    #[error(
        "{}: its digest should be {expected}, found {found}; see whether the disk is sound, and run it again",
        path.display()
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// The digest of what was written.
        expected: String,
        /// The digest of what is there.
        found: String,
    },
    /// The system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried ("read", "write", ...).
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Error::Io { action, path, source }
    }

    pub(crate) fn config(at: impl Into<String>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Error::Config { at: at.into(), message: message.into(), help: help.into() }
    }
}

impl From<checkpoint::Error> for Error {
    fn from(error: checkpoint::Error) -> Self {
        match error {
            checkpoint::Error::Table(error) => Error::Artifact(error),
            error => Error::Checkpoint(error),
        }
    }
}

impl From<candle_core::Error> for Error {
    fn from(error: candle_core::Error) -> Self {
        Error::Model(error.into())
    }
}
