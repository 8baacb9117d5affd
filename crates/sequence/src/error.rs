//! What can be wrong with the definition of a sequence.

/// What can be wrong with the definition of a sequence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A parameter that no sequence can have.
    #[error("{at}: {message}; {help}")]
    Parameter {
        /// The path of the parameter, from the task on: `family.arithmetic.steps`.
        at: String,
        /// What is wrong, with the value found.
        message: String,
        /// What to write instead.
        help: String,
    },
}

impl Error {
    pub(crate) fn parameter(at: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Error::Parameter { at: at.into(), message: message.into(), help: help.into() }
    }
}
