//! A dataset of a folder, opened: which columns are read, and what they are held to.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use arrow::datatypes::Int64Type;
use artifact::Defined;
use artifact::tables::Certificate;
use rayon::prelude::*;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::find::names::rank;
use crate::find::options::{Column, Options};
use crate::find::points::{Point, Points};
use crate::folder_audit::FolderAudit;
use crate::prove::audit::{Audit, Origin, Proof};
use crate::prove::counterfactuals::Corrupted;
use crate::prove::held_out::Scope;
use crate::prove::windows;
use crate::read::columns::{ALL, Source, Wanted, described, is_integer_list, nothing};
use crate::read::definition;
use crate::read::level::Level;
use crate::read::lists::Lists;
use crate::read::rows::{Rows, UnitKind, units};
use crate::read::split::Split;
use crate::read::split_column;
use crate::read::vocabulary::Vocabulary;

/// A dataset of which only footers and small tables are read.
pub(crate) struct Prepared {
    splits: Vec<Split>,
    level: Level,
    definition: Option<Defined>,
    wanted: Wanted,
    scope: Scope,
    vocabulary: Vocabulary,
    counterfactuals: Option<PathBuf>,
    about: About,
}

/// What a report says of the files.
#[derive(Clone)]
struct About {
    point: PathBuf,
    skipped: Vec<PathBuf>,
    unbelieved: Vec<String>,
}

/// A dataset whose held-out rows are in memory.
pub(crate) struct Opened {
    pub(crate) splits: Vec<Split>,
    pub(crate) level: Level,
    held: Vec<Rows>,
    windows: Vec<Vec<usize>>,
    wanted: Wanted,
    scope: Scope,
    vocabulary: Vocabulary,
    counterfactuals: Option<PathBuf>,
    about: About,
}

impl Prepared {
    pub(crate) fn of(folder: &Path, options: &Options, points: &Points, point: &Point) -> Result<Self> {
        let folder: PathBuf = folder.components().chain(point.name.components()).collect();
        let mut splits = match &options.split_column {
            Some(column) => {
                let paths: Vec<PathBuf> = point.splits.values().flatten().cloned().collect();
                split_column::splits(&paths, column)?
            }
            None => {
                let opened = point.splits.iter().map(|(name, paths)| Split::open(name, paths));
                opened.collect::<Result<_>>()?
            }
        };
        // What we built may have no validation; a file of anybody else's that holds nothing is a mistake.
        splits.retain(|split| split.rows > 0 || !(point.ours && split.name == "validation"));
        if let Some(split) = splits.iter().find(|split| split.rows == 0) {
            let message = format!("split {} holds no rows: nothing can be certified", split.name);
            return Err(Error::Folder { path: folder, message });
        }
        if splits.len() < 2 {
            let found: Vec<_> = splits.iter().map(|split| split.name.as_str()).collect();
            let message = format!("expected two splits or more with rows, found only `{}`", found.join(", "));
            return Err(Error::Folder { path: folder, message });
        }
        splits.sort_by_cached_key(|split| (rank(&split.name), split.rows, split.name.clone()));
        points.verify(point)?;
        let definition = point.beside.definition.as_deref().map(Defined::read).transpose()?;
        let level = level_of(options, definition.as_ref())?;
        if options.only_windows && level != Level::Transition {
            return Err(Error::Config {
                at: "--only windows".to_owned(),
                message: format!("it makes the gate of level transition, and the level is {}", level.name()),
                help: "leave it out, or ask for --level transition".to_owned(),
            });
        }
        let (terms, tokens) = columns(&splits, options)?;
        // Where both stand, what the tokens are is for a vocabulary of ours to say.
        let (tokens, unsaid) = match point.ours || terms.is_none() {
            true => (tokens, None),
            false => (None, tokens),
        };
        let scope = if options.only_windows { Scope::Windows } else { Scope::Everything };
        let vocabulary = match point.beside.vocabulary.as_ref().filter(|_| tokens.is_some()) {
            Some(path) => Vocabulary::read(path)?,
            None => Vocabulary::default(),
        };
        let counterfactuals = point.beside.counterfactuals.clone().filter(|_| {
            let both = terms.is_some() && tokens.is_some() && scope == Scope::Everything;
            both && definition.is_some()
        });
        let named = |name: &&&str| {
            let mut schemas = splits.iter().flat_map(Split::schemas);
            !point.ours && schemas.any(|(_, schema)| schema.field_with_name(name).is_ok())
        };
        let unbelieved = ALL.iter().filter(named).map(|name| (*name).to_owned()).chain(unsaid).collect();
        let about = About { point: point.name.clone(), skipped: points.skipped.clone(), unbelieved };
        let said = if point.ours { ALL } else { &[] };
        let wanted = Wanted { terms, tokens, described: said, ignored: options.ignored.clone() };
        Ok(Self { splits, level, definition, wanted, scope, vocabulary, counterfactuals, about })
    }

    /// Returns the report of a dataset that shares no pair; nothing where it may, or where pairs do not say all.
    pub(crate) fn clean_windows(&self) -> Result<Option<FolderAudit>> {
        let (column, view) = match (&self.wanted.terms, &self.wanted.tokens) {
            (Some(terms), _) => (terms, "terms"),
            // Without a vocabulary every token is a term.
            (None, Some(tokens)) if !self.vocabulary.is_known() => (tokens, "tokens"),
            _ => return Ok(None),
        };
        if self.scope != Scope::Windows {
            return Ok(None);
        }
        let Some(domains) = self.all_are_pairs()? else { return Ok(None) };
        let wanted = Wanted { described: &[], ..self.wanted.clone() };
        let (strict, _) = self.splits.split_at(self.splits.len() - 1);
        for split in strict {
            let lists = split.batches(&wanted, |source| source.list::<Int64Type>(column))?;
            if lists.iter().flat_map(Lists::rows).any(|row| row.len() < 2) {
                return Ok(None);
            }
        }
        let Some(distinct) = windows::shared_by_none(&self.splits, column, &wanted)? else {
            return Ok(None);
        };
        let views: &[&str] = if view == "terms" && domains { &["terms", "canonical"] } else { &[view] };
        let mut certificates = Vec::new();
        for (at, pairs) in distinct.iter().enumerate() {
            for other in self.splits[at + 1..].iter().rev() {
                certificates.extend(views.iter().map(|view| Certificate {
                    check: "units".to_owned(),
                    left: self.splits[at].name.clone(),
                    right: other.name.clone(),
                    view: (*view).to_owned(),
                    gate: true,
                    compared: *pairs as i64,
                    violations: 0,
                    worst: -1,
                    passed: true,
                }));
            }
        }
        let proof = Proof { certificates, ..Proof::default() };
        Ok(Some(report(&self.level, &self.splits, &self.about, proof)))
    }

    /// Tells of rows whose units are all adjacent pairs of one domain whether they say which; nothing of others.
    fn all_are_pairs(&self) -> Result<Option<bool>> {
        if self.wanted.described.is_empty() {
            return Ok(Some(false));
        }
        let wanted = Wanted::only(&["unit", "domain"]);
        let (mut pairs, mut domains) = (true, BTreeSet::new());
        for split in &self.splits {
            let new = || (true, BTreeSet::new());
            let look = |seen: &mut (bool, BTreeSet<u64>), source: &Source<'_>| {
                seen.0 &= units(source)?.iter().all(|unit| *unit == UnitKind::Pair);
                seen.1.extend(source.names("domain", &mut Default::default())?);
                Ok(())
            };
            for (all, seen) in split.scan_batches(&wanted, new, look)? {
                pairs &= all;
                domains.extend(seen);
            }
        }
        Ok((pairs && domains.len() == 1).then(|| !domains.contains(&0)))
    }

    /// Reads the held-out rows.
    pub(crate) fn load(self) -> Result<Opened> {
        let Self { splits, level, definition, wanted, scope, vocabulary, counterfactuals, about } = self;
        let strict = splits[..splits.len() - 1].par_iter().map(|split| split.load(&wanted));
        let held = strict.collect::<Result<Vec<_>>>()?;
        let windows = definition::windows(&level, &held, definition.as_ref());
        Ok(Opened { splits, level, held, windows, wanted, scope, vocabulary, counterfactuals, about })
    }
}

impl Opened {
    /// Opens the one dataset of a folder.
    pub(crate) fn open(folder: &Path, options: &Options) -> Result<Self> {
        let points = Points::of(folder, options)?;
        Prepared::of(folder, options, &points, points.one(folder)?)?.load()
    }

    /// Names what evidence is about: the held-out rows, the options, and where the rows of train lie.
    pub(crate) fn fingerprint(&self) -> Result<[u8; 32]> {
        let mut text = format!("{:?} {:?} {:?}", self.level, self.wanted, self.scope);
        for split in &self.splits {
            text.push_str(&format!("\n{:?}", split.sieve));
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

    pub(crate) fn report(&self, proof: Proof) -> FolderAudit {
        report(&self.level, &self.splits, &self.about, proof)
    }
}

fn report(level: &Level, splits: &[Split], about: &About, proof: Proof) -> FolderAudit {
    let About { point, skipped, unbelieved } = about.clone();
    FolderAudit {
        point,
        level: level.name().to_owned(),
        splits: splits.iter().map(|split| (split.name.clone(), split.rows)).collect(),
        certificates: proof.certificates,
        leakage: proof.leakage,
        leaks: proof.leaks,
        skipped,
        unbelieved,
    }
}

/// Returns the level that was asked for, by its name or as it stands in a definition; else the one that the dataset's own
/// definition names. Where both have one name, what it says of it in detail holds.
fn level_of(options: &Options, definition: Option<&Defined>) -> Result<Level> {
    let claimed = || Ok::<_, Error>(definition.map(definition::level).transpose()?.flatten());
    let Some(asked) = &options.level else { return Ok(claimed()?.unwrap_or(Level::Transition)) };
    let form = serde_json::from_str(asked).ok().filter(Value::is_object);
    let level = Level::parse(form.as_ref().unwrap_or(&Value::String(asked.clone())))?;
    match claimed() {
        Ok(Some(claimed)) if form.is_none() && claimed.name() == level.name() => Ok(claimed),
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
                .map_or_else(|_| nothing(schema), |field| described(field.data_type()));
            let expected = "a list of integers; name another column with --terms or --tokens";
            Err(Error::column(path, "terms", expected, found))
        }
        columns => Ok(columns),
    }
}
