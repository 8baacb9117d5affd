use std::fmt;
use std::path::{Path, PathBuf};

use artifact::printable;

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// The error that another one comes from.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Everything that can go wrong in an audit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting makes no sense.
    #[error("{at}: {message}; {help}")]
    Config {
        /// Path inside the config.
        at: String,
        /// What is wrong.
        message: String,
        /// What to do.
        help: String,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried ("read", "open", ...).
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
    /// The folder is not a folder of Parquet splits.
    #[error("{}: {}", path.display(), printable(message))]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What was expected and found.
        message: String,
    },
    /// The file is no readable Parquet file: truncated, corrupt, or something else.
    #[error("{}: not a readable Parquet file ({}); nothing is certified, write the file again", path.display(), printable(message))]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The reader's own words.
        message: String,
        /// The reader's own error, where it gave one.
        source: Option<Cause>,
    },
    /// What was asked for by name cannot be looked for.
    #[error("`{}` is no name of files: {source}", printable(pattern))]
    Pattern {
        /// What was asked for.
        pattern: String,
        /// The matcher's own error.
        source: globset::Error,
    },
    /// A column is missing or has a type that cannot be audited.
    #[error("{}: column `{column}` should be {expected}, found {}", path.display(), printable(found))]
    Column {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What an audit needs.
        expected: String,
        /// What the file has.
        found: String,
        /// The error of who tried to read it, where there was one.
        source: Option<Cause>,
    },
    /// A file asks for more memory than it may, or a table of ours could not be read or written.
    #[error(transparent)]
    Artifact(artifact::Error),
    /// A gate is violated: held-out rows are in what they are held out from.
    #[error("{0}")]
    Leak(Box<Leak>),
}

impl From<artifact::Error> for Error {
    fn from(error: artifact::Error) -> Self {
        match error {
            artifact::Error::Parquet { ref path, ref message, .. } => {
                Self::parquet(path, message).because(error)
            }
            error => Self::Artifact(error),
        }
    }
}

impl Error {
    pub(crate) fn parquet(path: &Path, message: impl ToString) -> Self {
        Self::Parquet { path: path.to_owned(), message: message.to_string(), source: None }
    }

    pub(crate) fn column(
        path: &Path,
        column: &str,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        let (column, expected, found) = (column.to_owned(), expected.into(), found.into());
        Self::Column { path: path.to_owned(), column, expected, found, source: None }
    }

    /// The same, with the error that it comes from.
    pub(crate) fn because(mut self, cause: impl Into<Cause>) -> Self {
        if let Self::Parquet { source, .. } | Self::Column { source, .. } = &mut self {
            *source = Some(cause.into());
        }
        self
    }
}

/// A violated gate with its first witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// The level whose guarantee is broken.
    pub level: String,
    /// The check that found it (`rows`, `decoding`, `units`, ...).
    pub check: String,
    /// The view in which it was found (`terms`, `canonical`, `tokens`).
    pub view: String,
    /// The held-out split.
    pub left: String,
    /// The split that should not hold it.
    pub right: String,
    /// Number of held-out rows that violate the gate.
    pub rows: i64,
    /// `example_id` of the first violating row of `left` (its row index where there are no ids).
    pub left_example_id: i64,
    /// `example_id` of the witness, the first row of `right` that holds it.
    pub right_example_id: i64,
    /// Index of the leaked piece in the witness, in terms.
    pub offset: i64,
    /// The leaked piece, readable.
    pub piece: String,
    /// Where the violating row stands, where it stands in a split.
    pub left_place: Option<Place>,
    /// Where the witness stands.
    pub right_place: Option<Place>,
}

/// A row of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The row's number in it, from 0.
    pub row: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} row {}", printable(&self.file.display().to_string()), self.row)
    }
}

impl fmt::Display for Leak {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { level, check, view, rows, offset, .. } = self;
        let [left, right, piece, check] =
            [&self.left, &self.right, &self.piece, check].map(|text| printable(text));
        let at = |place: &Option<Place>| place.as_ref().map_or(String::new(), |place| format!(" ({place})"));
        let (from, to) = (at(&self.left_place), at(&self.right_place));
        write!(
            out,
            "leak at level {level}: check `{check}` in view `{view}`, {left} against {right}: {rows} "
        )?;
        write!(
            out,
            "{} of {left} violated; first: row {} of {left}{from}",
            plural(*rows),
            self.left_example_id
        )?;
        write!(out, ", `{piece}`, in row {} of {right}{to} at offset {offset}", self.right_example_id)
    }
}

fn plural(rows: i64) -> &'static str {
    if rows == 1 { "row" } else { "rows" }
}
