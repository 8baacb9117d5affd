//! What can go wrong while a dataset is defined and built.

use std::path::PathBuf;

/// What can go wrong while a dataset is defined and built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The definition asks for what cannot be.
    #[error("{at}: {message}; {help}")]
    Config {
        /// The path inside the definition, `tasks.x2.terms`.
        at: String,
        /// What is wrong, with the value found.
        message: String,
        /// What to do.
        help: String,
    },
    /// A split came out smaller than the definition demands.
    #[error(
        "{at}: at least {expected} {split} rows expected, {found} found; more values, lengths or parameters of the tasks, or \
         a larger share of `holdout`, give more\n{price}"
    )]
    TooFewRows {
        /// The path inside the definition that demands it.
        at: String,
        /// The split.
        split: &'static str,
        /// The rows demanded.
        expected: u64,
        /// The rows found.
        found: u64,
        /// By task, a line each: what was dropped and why.
        price: String,
    },
    /// A table could not be written.
    #[error(transparent)]
    Artifact(#[from] artifact::Error),
    /// A file could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

impl Error {
    pub(crate) fn config(at: impl Into<String>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Error::Config { at: at.into(), message: message.into(), help: help.into() }
    }

    /// Puts the path of a task before that of its parameter.
    pub(crate) fn sequence(at: &str, error: sequence::Error) -> Self {
        let sequence::Error::Parameter { at: parameter, message, help } = error;
        let at = if at == "tasks" { at.to_owned() } else { format!("{at}.{parameter}") };
        Error::Config { at, message, help }
    }
}
