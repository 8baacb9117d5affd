use std::fmt::Display;

/// What can go wrong with a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A field of the configuration that no model can have.
    #[error("model configuration: {at}: {message}")]
    Config {
        /// The field.
        at: &'static str,
        /// What was expected and found, and what to do.
        message: String,
    },
    /// A `model.json` that is no configuration.
    #[error("{}", escaped(.0))]
    Json(#[source] serde_json::Error),
    /// A weights file that does not fit the configuration.
    #[error("weights: {0}")]
    Weights(String),
    /// An input that the model cannot take.
    #[error("input: {0}")]
    Input(String),
    /// Vectors that the processor does not have.
    #[error("{0}")]
    Isa(String),
    /// What a GPU cannot do.
    #[error("GPU: {0}")]
    Device(String),
    /// A tensor operation that failed.
    #[error("tensor operation: {0}")]
    Tensor(#[from] candle_core::Error),
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Returns what a parser says, which may repeat what the file says.
pub(crate) fn escaped(words: &dyn Display) -> String {
    words
        .to_string()
        .chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
        .collect()
}
