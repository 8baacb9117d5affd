use std::path::PathBuf;

use crate::printable;

/// Everything that can go wrong between a table and the disk.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried ("read", "create", ...).
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
    /// What should be a file is something else, which would be waited for or cannot be read.
    #[error("{}: expected a regular file, found {found}", path.display())]
    NoFile {
        /// Where it lies.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// The file announces more than a reader makes room for.
    #[error(
        "{}: {what} would take {bytes} bytes, {most} are allowed; where the file is to be trusted, allow more with \
         SEQLAB_MAX_HELD",
        path.display()
    )]
    Demand {
        /// The file.
        path: PathBuf,
        /// What announces so much.
        what: String,
        /// How much.
        bytes: u64,
        /// How much is allowed.
        most: u64,
    },
    /// The file is no readable Parquet file.
    #[error("{}: not a readable Parquet file ({}); rerun the stage that wrote it", path.display(), printable(message))]
    Parquet {
        /// The file.
        path: PathBuf,
        /// The reader's own words.
        message: String,
    },
    /// The file holds another table than the one asked for.
    #[error("{}: expected table `{expected}`, found {}; rerun the stage that wrote it", path.display(), printable(found))]
    WrongTable {
        /// The file.
        path: PathBuf,
        /// Name and version that were asked for.
        expected: String,
        /// What the file says of itself.
        found: String,
    },
    /// A file names another one that it may not name, or that is not there.
    #[error("{}: `{}`: {message}; rerun the stage that wrote it", path.display(), printable(reference))]
    Reference {
        /// The file that says it.
        path: PathBuf,
        /// What it says.
        reference: String,
        /// What was expected.
        message: String,
    },
    /// A row of a table is not what such a row can be.
    #[error("{}: row {row}: {}; rerun the stage that wrote it", path.display(), printable(message))]
    Row {
        /// The file.
        path: PathBuf,
        /// Number of the row, from 0.
        row: u64,
        /// What was expected and found.
        message: String,
    },
    /// A column is missing or of another type.
    #[error("{}: column `{column}` should be {expected}, found {}; rerun the stage that wrote it", path.display(), printable(found))]
    WrongColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The type of the row struct's field.
        expected: String,
        /// The type in the file, or "nothing".
        found: String,
    },
    /// A table that every folder of its kind has is not there.
    #[error("{}: missing; rerun the {stage} stage", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The kind of stage that writes it.
        stage: &'static str,
    },
    /// A table is readable, but what it says cannot be.
    #[error("{}: {message}; rerun the stage that wrote it", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What was expected and found.
        message: String,
    },
    /// A manifest is not what [`crate::seal`] writes.
    #[error("{}: not a readable manifest ({source}); rerun the stage that wrote the folder", path.display())]
    Manifest {
        /// The manifest file.
        path: PathBuf,
        /// The parser's own words, or ours.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A finished folder lacks a file that belongs into it.
    #[error("{}: its manifest lists no `{name}`; rerun the stage that wrote the folder", folder.display())]
    NotListed {
        /// The folder.
        folder: PathBuf,
        /// The file, or a pattern of files.
        name: String,
    },
    /// Something in a folder is neither a regular file nor a folder.
    #[error("{} is {found}; only regular files can be kept as a result", path.display())]
    Irregular {
        /// What it is.
        path: PathBuf,
        /// What kind of thing.
        found: &'static str,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn parquet(path: &std::path::Path) -> impl FnOnce(parquet::errors::ParquetError) -> Self {
        let path = path.to_owned();
        move |error| Self::Parquet { path, message: error.to_string() }
    }

    /// As [`Error::parquet`], of a file that is being written: where the system refused, its words and no others.
    pub(crate) fn writing(path: &std::path::Path) -> impl FnOnce(parquet::errors::ParquetError) -> Self {
        let path = path.to_owned();
        move |error| match error {
            parquet::errors::ParquetError::External(source) => match source.downcast::<std::io::Error>() {
                Ok(source) => Self::Io { action: "write", path, source: *source },
                Err(source) => Self::Parquet { path, message: source.to_string() },
            },
            error => Self::Parquet { path, message: error.to_string() },
        }
    }

    pub(crate) fn arrow(path: &std::path::Path) -> impl FnOnce(arrow::error::ArrowError) -> Self {
        let path = path.to_owned();
        move |error| Self::Parquet { path, message: error.to_string() }
    }
}
