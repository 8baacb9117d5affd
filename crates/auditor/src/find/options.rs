//! How a folder is to be audited, and what in it is what.

use std::path::PathBuf;

/// The column that holds the sequences, where it has another name than ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    /// Lists of values: every integer is a term.
    Terms(String),
    /// Lists of tokens: what is a term is said by a `vocabulary.parquet` in the folder; without one every token is a term.
    Tokens(String),
}

/// How to audit a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Which column to read; default: `terms` and `tokens`, whichever are there.
    pub column: Option<Column>,
    /// Values of that column that are no part of a row: padding.
    pub ignored: Vec<i64>,
    /// The level whose guarantee is the gate (`transition`, `random`, ...); default: what the `definition.parquet`
    /// beside the splits says, else `transition`.
    pub level: Option<String>,
    /// Whether to make the unit gate alone, over adjacent pairs of one column: the fastest form.
    pub only_windows: bool,
    /// Splits by what their files are called: `("test", "heldout.parquet")`. What is called so is a name anywhere in the
    /// folder or a path from it, of a file or a folder, with `*` for any letters.
    pub splits: Vec<(String, String)>,
    /// A column that says of each row which split it is of; names of files then say nothing.
    pub split_column: Option<String>,
    /// What to leave out, as in `splits`.
    pub skip: Vec<String>,
    /// Whether columns and tables that are called like ours are ours although no manifest says so.
    pub ours: bool,
    /// Whether all that lies in the folder is one dataset, whatever folders it lies in.
    pub together: bool,
    /// Folders that audits write into: their tables are no data.
    pub written: Vec<PathBuf>,
}
