//! Everything that can go wrong.

use std::path::PathBuf;

/// The page stays below this many bytes.
pub const MAX_BYTES: usize = 1_000_000;

/// Everything that can go wrong while a page is made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The config says what cannot be.
    #[error("`{at}`: {message}")]
    Config {
        /// Path inside [`crate::Config`].
        at: String,
        /// What was expected, what was found.
        message: String,
        /// What to do.
        help: String,
    },
    /// A table cannot be read.
    #[error(transparent)]
    Artifact(#[from] artifact::Error),
    /// An input folder or the page itself cannot be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
    /// `model.json` is no JSON object.
    #[error("{}: not a readable model config ({source}); rerun the stage that wrote it", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// The parser's own words.
        source: serde_json::Error,
    },
    /// Even the barest page is too large.
    #[error(
        "expected a page below {MAX_BYTES} bytes, found {bytes} for {points} matrix points; report on fewer of them"
    )]
    TooLarge {
        /// Size of the barest page.
        bytes: usize,
        /// Number of matrix points.
        points: usize,
    },
}
