use std::ops::RangeInclusive;

use artifact::printable;

/// Everything that can keep a model from being analysed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A mistake in the definition.
    #[error("{at}: {message}; {help}")]
    Config {
        /// Path inside the config, e.g. `sample`.
        at: String,
        /// What is wrong, with the value found.
        message: String,
        /// What to write instead.
        help: String,
    },
    /// It was not shown of the rows that the models did not see them.
    #[error(transparent)]
    Uncertified(#[from] artifact::Uncertified),
    /// A table cannot be read or written.
    #[error(transparent)]
    Table(#[from] artifact::Error),
    /// A row of the data is not what its own columns say, or the model cannot read it.
    #[error("example {example_id}: {}", printable(message))]
    Row {
        /// The row.
        example_id: i64,
        /// What was expected and what was found, and what to do.
        message: String,
    },
    /// The rows of one length cannot be laid out for a model.
    #[error("the rows cannot be laid out for a model: {0}")]
    Rows(#[source] candle_core::Error),
    /// A model cannot be loaded.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    /// The model cannot be run on the rows, or answers with what is no number.
    #[error("the model of seed {seed} at step {step} cannot be run: {source}")]
    Model {
        /// The model's seed.
        seed: i32,
        /// The checkpoint's step.
        step: i64,
        /// What went wrong.
        source: candle_core::Error,
    },
}

impl Error {
    /// Returns a mistake at `at`, what is wrong there, and what to write instead.
    pub(crate) fn config(at: impl Into<String>, message: impl Into<String>, help: &str) -> Error {
        Error::Config { at: at.into(), message: message.into(), help: help.to_owned() }
    }

    /// Checks that a number is between two others.
    ///
    /// # Errors
    /// [`Error::Config`] at `at` where it is not.
    pub(crate) fn unless_within(
        at: &str,
        found: usize,
        range: RangeInclusive<usize>,
        usual: usize,
    ) -> Result<(), Error> {
        if range.contains(&found) {
            return Ok(());
        }
        let help = format!("give {} to {}, {usual} is usual", range.start(), range.end());
        Err(Error::config(at, format!("found {found}"), &help))
    }

    /// Returns the same mistake, seen from outside the mapping at `outer`.
    pub(crate) fn inside(self, outer: &str) -> Error {
        match self {
            Error::Config { at, message, help } => {
                Error::Config { at: format!("{outer}.{at}"), message, help }
            }
            error => error,
        }
    }
}
