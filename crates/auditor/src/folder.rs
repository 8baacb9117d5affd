//! Any folder of Parquet splits: ours, or one that somebody else wrote.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use artifact::tables::{Certificate, Leakage};
use artifact::{Provenance, write_table};
use serde_json::Value;

use crate::audit::{Audit, Origin};
use crate::error::Leak;
use crate::level::Level;
use crate::proof::Scope;
use crate::rows::{Wanted, is_integer_list, nothing};
use crate::split::Split;
use crate::vocabulary::Vocabulary;
use crate::{Error, Result};

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
    /// The level whose guarantee is the gate (`transition`, `random`, ...); default: what the files themselves claim, else
    /// `transition`.
    pub level: Option<String>,
    /// Whether to make the unit gate alone, over adjacent pairs of one column: the fastest form.
    pub only_windows: bool,
}

/// What the audit of a folder found.
#[derive(Debug, Clone, PartialEq)]
pub struct FolderAudit {
    /// The level whose guarantee was the gate.
    pub level: String,
    /// The splits with their numbers of rows, from the strictest to the one that is trained on.
    pub splits: Vec<(String, u64)>,
    /// One row per check, pair of splits and view.
    pub certificates: Vec<Certificate>,
    /// One row per held-out row; none with `only_windows`.
    pub leakage: Vec<Leakage>,
    /// Every violated gate with its first witness.
    pub leaks: Vec<Leak>,
}

impl FolderAudit {
    /// Tells whether no gate is violated.
    pub fn is_clean(&self) -> bool {
        self.leaks.is_empty()
    }

    /// Writes `certificate.parquet`, and `leakage.parquet` where there is something in it, into an existing folder.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, out: &Path) -> Result<()> {
        let provenance = Provenance::default();
        write_table(&out.join("certificate.parquet"), &provenance, self.certificates.iter().cloned())?;
        if !self.leakage.is_empty() {
            write_table(&out.join("leakage.parquet"), &provenance, self.leakage.iter().cloned())?;
        }
        Ok(())
    }
}

/// Audits a folder of Parquet splits: every pair of splits, the stricter one as the held-out side.
///
/// Splits are files `train.parquet`, `train-00000-of-00003.parquet`, `train/anything.parquet`, at any depth; `validation`
/// may be called `valid`, `val` or `dev`. Where no file has such a name, every file (or set of shards) is a split.
/// Without a column `unit` the units are the adjacent pairs; without `example_id` rows are named by their index.
///
/// # Errors
/// When the folder has fewer than two splits, a split is empty, a file is truncated or corrupt, or a column is missing, of
/// another type, or holds nulls. A leak is no error here: see [`FolderAudit::leaks`].
pub fn audit_folder(folder: &Path, options: &Options) -> Result<FolderAudit> {
    let (files, vocabulary) = splits_of(folder)?;
    let mut splits = Vec::new();
    for (name, paths) in &files {
        let split = Split::open(name, paths)?;
        if split.rows == 0 {
            let message = format!("split {name} holds no rows: nothing can be certified");
            return Err(Error::Folder { path: folder.to_owned(), message });
        }
        splits.push(split);
    }
    splits.sort_by_cached_key(|split| (rank(&split.name), split.rows, split.name.clone()));
    let level = match &options.level {
        Some(name) => Level::parse(Some(&Value::String(name.clone())))?,
        None => claimed_level(&files)?,
    };
    let (terms, tokens) = columns(&splits, options)?;
    let vocabulary = match (&tokens, vocabulary) {
        (Some(_), Some(path)) => Vocabulary::read(&path)?,
        _ => Vocabulary::default(),
    };
    let (wanted, scope) = if options.only_windows {
        (Wanted::bare(terms, tokens), Scope::Windows)
    } else {
        (Wanted::described(terms, tokens), Scope::Everything)
    };
    let audit =
        Audit { level: &level, vocabulary: &vocabulary, wanted: &wanted, scope, origin: Origin::Foreign };
    let held =
        splits[..splits.len() - 1].iter().map(|split| split.load(&wanted)).collect::<Result<Vec<_>>>()?;
    let proof = audit.prove(&splits, &held)?;
    Ok(FolderAudit {
        level: level.name().to_owned(),
        splits: splits.iter().map(|split| (split.name.clone(), split.rows)).collect(),
        certificates: proof.certificates,
        leakage: proof.leakage,
        leaks: proof.leaks,
    })
}

/// Strictest first: test before validation before anything else before train.
fn rank(split: &str) -> u8 {
    match split {
        "test" => 0,
        "validation" => 1,
        "train" => 3,
        _ => 2,
    }
}

type Files = BTreeMap<String, Vec<PathBuf>>;

/// Returns the files of each split, and the vocabulary.
fn splits_of(folder: &Path) -> Result<(Files, Option<PathBuf>)> {
    let mut paths = Vec::new();
    gather(folder, 3, &mut paths)?;
    paths.sort();
    let mut vocabulary = None;
    let (mut known, mut other) = (Files::new(), Files::new());
    for path in paths {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        match stem.as_str() {
            "vocabulary" => vocabulary = Some(path),
            "counterfactuals" => (),
            _ => {
                let inside = path.strip_prefix(folder).unwrap_or(&path);
                let parents = inside.parent().into_iter().flat_map(Path::components);
                let names =
                    parents.map(|part| part.as_os_str().to_string_lossy().into_owned()).chain([stem.clone()]);
                match names.filter_map(|name| split_name(&name)).next_back() {
                    Some(split) => known.entry(split.to_owned()).or_default().push(path),
                    None => other.entry(without_shard(&stem).to_owned()).or_default().push(path),
                }
            }
        }
    }
    let splits = if known.len() > 1 { known } else { known.into_iter().chain(other).collect() };
    if splits.len() < 2 {
        let found: Vec<_> = splits.keys().map(String::as_str).collect();
        let found = if found.is_empty() {
            "no Parquet file".to_owned()
        } else {
            format!("only `{}`", found.join(", "))
        };
        let message = format!(
            "expected two splits or more (train.parquet, test-00000-of-00001.parquet, ...), found {found}"
        );
        return Err(Error::Folder { path: folder.to_owned(), message });
    }
    Ok((splits, vocabulary))
}

fn gather(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> Result<()> {
    let wrong = |source| Error::Io { action: "read", path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(['.', '_']));
        if hidden {
            continue;
        }
        if path.is_dir() && depth > 0 {
            gather(&path, depth - 1, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "parquet") && path.is_file() {
            paths.push(path);
        }
    }
    Ok(())
}

/// Returns the split that a name begins with, if the name then ends or goes on with `-`, `_`, `.` or `=`.
fn split_name(name: &str) -> Option<&'static str> {
    let known = [
        ("train", "train"),
        ("validation", "validation"),
        ("valid", "validation"),
        ("val", "validation"),
        ("dev", "validation"),
        ("test", "test"),
    ];
    let lower = name.to_lowercase();
    let lower = lower.strip_prefix("split=").unwrap_or(&lower);
    let begins = |prefix: &str| {
        lower.strip_prefix(prefix).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    };
    known.into_iter().find(|(prefix, _)| begins(prefix)).map(|(_, split)| split)
}

/// Removes `-00000-of-00003`.
fn without_shard(stem: &str) -> &str {
    match stem.rsplitn(4, '-').collect::<Vec<_>>().as_slice() {
        [_, "of", _, name] => name,
        _ => stem,
    }
}

/// Returns the level that one of our own files claims; foreign files claim nothing.
fn claimed_level(files: &Files) -> Result<Level> {
    let claims = files.values().flatten().filter_map(|path| artifact::read_provenance(path).ok());
    let claim = claims.map(|provenance| provenance.config).find(|config| config.get("holdout").is_some());
    Level::parse(
        claim.as_ref().and_then(|config| config.get("holdout")).and_then(|holdout| holdout.get("level")),
    )
}

/// Returns the columns of terms and of tokens to read: those asked for, else those of ours that every file has.
fn columns(splits: &[Split], options: &Options) -> Result<(Option<String>, Option<String>)> {
    match &options.column {
        Some(Column::Terms(name)) => return Ok((Some(name.clone()), None)),
        Some(Column::Tokens(name)) => return Ok((None, Some(name.clone()))),
        None => (),
    }
    let everywhere = |name: &str| {
        splits.iter().flat_map(Split::schemas).all(|(_, schema)| {
            schema.field_with_name(name).is_ok_and(|field| is_integer_list(field.data_type()))
        })
    };
    let found = |name: &str| everywhere(name).then(|| name.to_owned());
    match (found("terms"), found("tokens")) {
        (Some(terms), _) if options.only_windows => Ok((Some(terms), None)),
        (None, None) => {
            let lacking = splits.iter().flat_map(Split::schemas).find(|(_, schema)| {
                let field = schema.field_with_name("terms");
                !field.is_ok_and(|field| is_integer_list(field.data_type()))
            });
            let (path, schema) = lacking.expect("not every file has the column");
            let found = schema
                .field_with_name("terms")
                .map_or_else(|_| nothing(schema), |field| field.data_type().to_string());
            let expected = "a list of integers; name another column with --terms or --tokens".to_owned();
            Err(Error::Column { path: path.to_owned(), column: "terms".to_owned(), expected, found })
        }
        columns => Ok(columns),
    }
}
