use std::path::PathBuf;

use artifact::printable;

/// Everything that can keep a trained model from being loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read, or is no such table.
    #[error(transparent)]
    Table(#[from] artifact::Error),
    /// The models' configuration is none.
    #[error("{}: not a model configuration ({}); rerun the train stage", path.display(), printable(&source.to_string()))]
    Shape {
        /// `model.json`.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<transformer::Error>,
    },
    /// There is no model at all.
    #[error("{}: it lists no checkpoint; rerun the train stage", path.display())]
    Empty {
        /// The list.
        path: PathBuf,
    },
    /// Two rows of the list are of one seed and step.
    #[error("{}: seed {seed}, step {step} is listed twice; rerun the train stage", path.display())]
    Twice {
        /// The list.
        path: PathBuf,
        /// The seed.
        seed: i32,
        /// The step.
        step: i64,
    },
    /// A file is not what the list says.
    #[error(
        "{}: its digest should be {}, found {found} (seed {seed}); rerun the stage that wrote it",
        path.display(),
        printable(expected)
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// The model's seed.
        seed: i32,
        /// The digest that was listed.
        expected: String,
        /// The digest of what is there.
        found: String,
    },
    /// A checkpoint is what was listed, but no model of this configuration.
    #[error(
        "{}: {} (seed {seed}, step {step}); rerun the stage that wrote it",
        path.display(),
        printable(&source.to_string())
    )]
    Weights {
        /// The safetensors file.
        path: PathBuf,
        /// The model's seed.
        seed: i32,
        /// The checkpoint's step.
        step: i64,
        /// What is wrong with it.
        source: Box<transformer::Error>,
    },
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
