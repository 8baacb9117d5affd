//! Any folder of Parquet splits: ours, or one that somebody else wrote.

use std::path::{Path, PathBuf};

use artifact::tables::{Certificate, Leakage};
use artifact::{Provenance, write_table};
use rayon::prelude::*;
use serde_json::Value;

use crate::audit::{Audit, Origin};
use crate::columns::{ALL, Wanted, is_integer_list, nothing};
use crate::counterfactuals::Corrupted;
use crate::error::Leak;
use crate::level::{self, Level};
use crate::names::{rank, splits_of};
use crate::proof::Scope;
use crate::rows::Rows;
use crate::split::Split;
use crate::vocabulary::Vocabulary;
use crate::whole::verify;
use crate::{Error, Result, windows};

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
    /// The level whose guarantee is the gate (`transition`, `random`, ...); default: what the `definition.parquet`
    /// beside the splits says, else `transition`.
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
    /// Parquet files of the folder that belong to no split by their names: nothing is said of them.
    pub unread: Vec<PathBuf>,
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
/// Without a column `unit` the units are the adjacent pairs; without `example_id` rows are named by their index. Where a
/// `manifest.json` of ours lists the files, each has to have the digest that stands there; where a `definition.parquet` of
/// ours stands, the level is what it says, and a `counterfactuals.parquet` is audited too.
///
/// # Errors
/// When the folder has fewer than two splits, a split is empty, a file is truncated or corrupt, or a column is missing, of
/// another type, or holds nulls. A leak is no error here: see [`FolderAudit::leaks`].
pub fn audit_folder(folder: &Path, options: &Options) -> Result<FolderAudit> {
    let found = Prepared::of(folder, options)?;
    if let Some(report) = found.clean_windows()? {
        return Ok(report);
    }
    let opened = found.load()?;
    let corrupted = opened.corrupted()?;
    let proof = opened.audit(corrupted.as_ref()).prove()?;
    Ok(opened.report(proof))
}

/// A folder of which only footers and small tables are read.
struct Prepared {
    splits: Vec<Split>,
    level: Level,
    definition: Value,
    wanted: Wanted,
    scope: Scope,
    vocabulary: Vocabulary,
    counterfactuals: Option<PathBuf>,
    unread: Vec<PathBuf>,
}

/// A folder whose held-out rows are in memory.
pub(crate) struct Opened {
    pub(crate) splits: Vec<Split>,
    pub(crate) level: Level,
    held: Vec<Rows>,
    windows: Vec<Vec<usize>>,
    wanted: Wanted,
    scope: Scope,
    vocabulary: Vocabulary,
    counterfactuals: Option<PathBuf>,
    unread: Vec<PathBuf>,
}

impl Prepared {
    fn of(folder: &Path, options: &Options) -> Result<Self> {
        let (files, beside) = splits_of(folder)?;
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
        let definition = match &beside.definition {
            None => Value::Null,
            Some(path) => artifact::read_definition(path)?,
        };
        let level = level_of(options, &definition)?;
        let (terms, tokens) = columns(&splits, options)?;
        let scope = if options.only_windows { Scope::Windows } else { Scope::Everything };
        let described = if options.only_windows { &[] } else { ALL };
        let all = files.values().flatten().chain(&beside.vocabulary).chain(&beside.counterfactuals);
        let all = all.filter(|_| scope == Scope::Everything).chain(&beside.definition);
        verify(folder, &all.collect::<Vec<_>>())?;
        let vocabulary = match beside.vocabulary.filter(|_| tokens.is_some()) {
            Some(path) => Vocabulary::read(&path)?,
            None => Vocabulary::default(),
        };
        let counterfactuals = beside.counterfactuals.filter(|_| {
            let both = terms.is_some() && tokens.is_some() && scope == Scope::Everything;
            both && definition != Value::Null
        });
        let wanted = Wanted { terms, tokens, described };
        let unread = beside.unread;
        Ok(Self { splits, level, definition, wanted, scope, vocabulary, counterfactuals, unread })
    }

    /// Returns the report of a folder that shares no pair; nothing where it may, or where more than pairs is asked for.
    fn clean_windows(&self) -> Result<Option<FolderAudit>> {
        let (column, view) = match (&self.wanted.terms, &self.wanted.tokens) {
            (Some(terms), _) => (terms, "terms"),
            // Without a vocabulary every token is a term.
            (None, Some(tokens)) if !self.vocabulary.is_known() => (tokens, "tokens"),
            _ => return Ok(None),
        };
        if self.scope != Scope::Windows {
            return Ok(None);
        }
        let Some(distinct) = windows::shared_by_none(&self.splits, column, &self.wanted)? else {
            return Ok(None);
        };
        let mut certificates = Vec::new();
        for (at, pairs) in distinct.iter().enumerate() {
            let others = self.splits[at + 1..].iter().rev();
            certificates.extend(others.map(|other| Certificate {
                check: "units".to_owned(),
                left: self.splits[at].name.clone(),
                right: other.name.clone(),
                view: view.to_owned(),
                gate: self.level == Level::Transition,
                compared: *pairs as i64,
                violations: 0,
                worst: -1,
                passed: true,
            }));
        }
        Ok(Some(FolderAudit {
            level: self.level.name().to_owned(),
            splits: self.splits.iter().map(|split| (split.name.clone(), split.rows)).collect(),
            certificates,
            leakage: Vec::new(),
            leaks: Vec::new(),
            unread: self.unread.clone(),
        }))
    }

    /// Reads the held-out rows.
    fn load(self) -> Result<Opened> {
        let Self { splits, level, definition, wanted, scope, vocabulary, counterfactuals, unread } = self;
        let strict = splits[..splits.len() - 1].par_iter().map(|split| split.load(&wanted));
        let held = strict.collect::<Result<Vec<_>>>()?;
        let windows = level::windows(&level, &held, &definition);
        Ok(Opened { splits, level, held, windows, wanted, scope, vocabulary, counterfactuals, unread })
    }
}

impl Opened {
    pub(crate) fn open(folder: &Path, options: &Options) -> Result<Self> {
        Prepared::of(folder, options)?.load()
    }

    /// Names what evidence is about: the held-out rows, the options, and where the rows of train lie.
    pub(crate) fn fingerprint(&self) -> Result<[u8; 32]> {
        let mut text = format!("{:?} {:?} {:?}", self.level, self.wanted, self.scope);
        for split in &self.splits {
            for (path, rows) in split.files() {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                text.push_str(&format!("\n{} {name} {rows}", split.name));
                if split.name != self.splits[self.splits.len() - 1].name {
                    text.push(' ');
                    text.push_str(&artifact::digest_file(path)?.content);
                }
            }
        }
        Ok(*blake3::hash(text.as_bytes()).as_bytes())
    }

    pub(crate) fn corrupted(&self) -> Result<Option<Corrupted<'_>>> {
        let read = |path: &PathBuf| Corrupted::read(path, &self.held, &self.vocabulary);
        self.counterfactuals.as_ref().map(read).transpose()
    }

    pub(crate) fn audit<'a>(&'a self, corrupted: Option<&'a Corrupted<'a>>) -> Audit<'a> {
        Audit {
            level: &self.level,
            vocabulary: &self.vocabulary,
            wanted: &self.wanted,
            scope: self.scope,
            origin: Origin::Foreign,
            splits: &self.splits,
            held: &self.held,
            windows: &self.windows,
            corrupted,
        }
    }

    pub(crate) fn report(&self, proof: crate::audit::Proof) -> FolderAudit {
        FolderAudit {
            level: self.level.name().to_owned(),
            splits: self.splits.iter().map(|split| (split.name.clone(), split.rows)).collect(),
            certificates: proof.certificates,
            leakage: proof.leakage,
            leaks: proof.leaks,
            unread: self.unread.clone(),
        }
    }
}

/// Returns the level that was asked for, by its name or as it stands in a definition; else the one that the dataset's own
/// definition names. Where both have one name, what it says of it in detail holds.
fn level_of(options: &Options, definition: &Value) -> Result<Level> {
    let claimed = || Level::parse(definition.get("holdout").and_then(|holdout| holdout.get("level")));
    let Some(asked) = &options.level else { return claimed() };
    let form = serde_json::from_str(asked).ok().filter(Value::is_object);
    let level = Level::parse(Some(&form.clone().unwrap_or_else(|| Value::String(asked.clone()))))?;
    match claimed() {
        Ok(claimed) if form.is_none() && claimed.name() == level.name() => Ok(claimed),
        _ => Ok(level),
    }
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
