//! The stage `audit`: our own splits, all checks, all tables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use artifact::tables::{Audited, TrainedRange};
use artifact::{Defined, Provenance, TableWriter, write_table};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::info;

use crate::error::{Error, Result};
use crate::memorizers;
use crate::memorizers::ceilings::Ceilings;
use crate::prove::audit::{Audit, Origin};
use crate::prove::counterfactuals::Corrupted;
use crate::prove::held_out::Scope;
use crate::read::columns::{ALL, Wanted};
use crate::read::definition;
use crate::read::level::Level;
use crate::read::rows::Rows;
use crate::read::split::Split;
use crate::read::vocabulary::Vocabulary;

/// Settings of an audit. None of them can make a leak pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Row pairs that the nearest-neighbour memoriser compares exactly; beyond that it sees a keyed sample of train.
    pub nearest_neighbor_pairs: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { nearest_neighbor_pairs: 1_000_000_000 }
    }
}

impl Config {
    /// Finds mistakes that the types cannot express.
    ///
    /// # Errors
    /// [`Error::Config`] when no row pair may be compared.
    pub fn check(&self) -> Result<()> {
        if self.nearest_neighbor_pairs == 0 {
            return Err(Error::Config {
                at: "nearest_neighbor_pairs".to_owned(),
                message: "expected at least 1 row pair, found 0".to_owned(),
                help: "leave it out for the default, 1000000000".to_owned(),
            });
        }
        Ok(())
    }
}

/// The files that an audit reads; sharded splits in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Tables `examples` of the train split.
    pub train: Vec<PathBuf>,
    /// Tables `examples` of the validation split; may hold no rows.
    pub validation: Vec<PathBuf>,
    /// Tables `examples` of the test split.
    pub test: Vec<PathBuf>,
    /// Table `definition`.
    pub definition: PathBuf,
    /// Table `vocabulary`; without it every token is a term.
    pub vocabulary: Option<PathBuf>,
    /// Table `counterfactuals`, if the dataset has one.
    pub counterfactuals: Option<PathBuf>,
    /// What was trained on, where that is not the dataset itself: its held-out rows are then compared with exactly these.
    pub trained_on: Vec<TrainedOn>,
}

/// Another dataset that a model saw, its own or that of a training that it goes on from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrainedOn {
    /// Tables `examples` of its train split.
    pub train: Vec<PathBuf>,
    /// Tables `examples` of its validation split; may hold no rows.
    pub validation: Vec<PathBuf>,
    /// Table `vocabulary`, which has to be the dataset's, or one to begin or to be begun by the other.
    pub vocabulary: PathBuf,
}

/// Audits a dataset and writes `certificate.parquet`, `audited.parquet` (the digests of `provenance.inputs`),
/// `leakage.parquet`, `exposure.parquet`, `memorizers.parquet`, `ceilings.parquet` and `ranges.parquet` into `out`.
///
/// Test is compared with train and with validation, validation with train. With `trained_on`, train is what was trained on
/// there, all of it together, and both are compared with its validation too (`trained_validation`); the train rows of the
/// dataset itself are then no part of the audit. In `leakage.parquet` a row of validation is
/// measured against train, a row of test against train and validation together; the witness is the first row in file
/// order (train before validation) that holds the longest window of the held-out row, and of windows of one length the
/// last, so that the suffix wins; the offset counts terms of the witness. `longest_match_tokens` counts the tokens of
/// whole term groups, without what separates them. `exposure.parquet` counts rows of train only.
///
/// # Errors
/// [`Error::Leak`] after everything is written, when a gate is violated: the caller then does not commit the folder.
/// The others when an input is missing, corrupt, of a wrong type, or empty.
pub fn run(config: &Config, inputs: &Inputs, out: &Path, provenance: &Provenance) -> Result<()> {
    config.check()?;
    let defined = Defined::read(&inputs.definition)?;
    let level = definition::level(&defined)?.ok_or_else(|| Error::Folder {
        path: inputs.definition.clone(),
        message: "it says no `level` of `holdout`; rerun the build stage".to_owned(),
    })?;
    let vocabulary = inputs.vocabulary()?;
    let (trained, seen) = inputs.seen();
    let files = [
        ("test", &inputs.test),
        ("validation", &inputs.validation),
        (TRAINED_VALIDATION, &seen),
        ("train", &trained),
    ];
    let mut splits = Vec::new();
    for (name, paths) in files {
        let split = Split::open(name, paths)?;
        if split.rows == 0 && !name.ends_with("validation") {
            let path = paths.first().cloned().unwrap_or_default();
            return Err(Error::Folder { path, message: format!("{name} holds no rows: nothing to audit") });
        }
        // Without validation, test is held against train, and nothing is certified of rows that are not there.
        splits.extend(Some(split).filter(|split| split.rows > 0));
    }
    let (train, others) = splits.split_last().expect("train has rows");
    // What was seen elsewhere is compared with, not held out.
    let strict = &others[..others.iter().take_while(|split| split.name != TRAINED_VALIDATION).count()];
    let wanted = Wanted {
        terms: Some("terms".to_owned()),
        tokens: Some("tokens".to_owned()),
        described: ALL,
        ..Wanted::default()
    };
    let held = strict.par_iter().map(|split| split.load(&wanted));
    let held: Vec<Rows> = held.collect::<Result<_>>()?;
    let corrupted = inputs.counterfactuals.as_deref();
    let corrupted = corrupted.map(|path| Corrupted::read(path, &held, &vocabulary)).transpose()?;
    let audit = Audit {
        level: &level,
        vocabulary: &vocabulary,
        wanted: &wanted,
        scope: Scope::Everything,
        origin: Origin::Ours,
        splits: &splits,
        held: &held,
        windows: &definition::windows(&level, &held, Some(&defined)),
        corrupted: corrupted.as_ref(),
    };
    info!("done: held-out rows read");
    let mut proof = audit.prove()?;
    let spelling = std::mem::take(&mut proof.spelling);
    info!("done: every check, longest matches, exposure");

    let audited = provenance.inputs.iter();
    let audited = audited.map(|(file, digest)| Audited { file: file.clone(), digest: digest.clone() });
    write_table(&out.join("audited.parquet"), provenance, audited)?;
    write_table(&out.join("ranges.parquet"), provenance, ranges(train, &wanted)?)?;
    write_table(&out.join("leakage.parquet"), provenance, proof.leakage)?;
    write_table(&out.join("exposure.parquet"), provenance, proof.exposure)?;
    let strict: Vec<(&Split, &Rows)> = strict.iter().zip(&held).rev().collect();
    let answers = memorizers::answer(&strict, train, &vocabulary, &wanted, config.nearest_neighbor_pairs)?;
    let certificates = proof.certificates.into_iter().chain(answers.reports.iter().cloned());
    write_table(&out.join("certificate.parquet"), provenance, certificates)?;
    let count = || {
        let mut ceilings = Ceilings::default();
        answers.each(&spelling, |given, _| {
            let (split, at) = given.place;
            let held = strict[split].1;
            let task = held.task[at];
            ceilings.add(given, (task, held.name(task)));
            Ok(())
        })?;
        Ok::<_, Error>(ceilings.finish())
    };
    let write = || {
        let mut table = TableWriter::create(&out.join("memorizers.parquet"), provenance)?;
        answers.each(&spelling, |_, row| Ok(table.push(&row())?))?;
        Ok::<_, Error>(table.finish()?)
    };
    let (ceilings, written) = rayon::join(count, write);
    written?;
    let ceilings = ceilings?;
    for ceiling in ceilings.iter().filter(|ceiling| ceiling.split == "test" && ceiling.task.is_empty()) {
        info!("{} on test: {:.4} {}", ceiling.metric, ceiling.value, ceiling.memorizer);
    }
    write_table(&out.join("ceilings.parquet"), provenance, ceilings)?;
    match proof.leaks.into_iter().next() {
        Some(leak) => Err(Error::Leak(Box::new(leak))),
        None if level == Level::Random => {
            info!(
                "level random promises only that no exact row is shared: read every score beside the ceilings"
            );
            Ok(())
        }
        None => Ok(()),
    }
}

impl Inputs {
    /// Returns the tables that were trained on, and those of validation rows that are not the dataset's own.
    fn seen(&self) -> (Vec<PathBuf>, Vec<PathBuf>) {
        if self.trained_on.is_empty() {
            return (self.train.clone(), Vec::new());
        }
        let all = |of: fn(&TrainedOn) -> &Vec<PathBuf>| self.trained_on.iter().flat_map(of).cloned();
        let validation = all(|data| &data.validation).filter(|path| !self.validation.contains(path));
        (all(|data| &data.train).collect(), validation.collect())
    }

    /// Returns the longest of the vocabularies, of which every other one has to be the beginning.
    fn vocabulary(&self) -> Result<Vocabulary> {
        let Some(own) = &self.vocabulary else { return Ok(Vocabulary::default()) };
        let mut longest = (own, artifact::read_vocabulary(own)?);
        for path in self.trained_on.iter().map(|data| &data.vocabulary) {
            let other = (path, artifact::read_vocabulary(path)?);
            let (shorter, longer) =
                if other.1.len() > longest.1.len() { (longest, other) } else { (other, longest) };
            artifact::check_begins(&shorter.1, shorter.0, &longer.1, longer.0)?;
            longest = longer;
        }
        Ok(Vocabulary::new(&longest.1))
    }
}

/// The split of validation rows that were trained on elsewhere.
const TRAINED_VALIDATION: &str = "trained_validation";

/// What the range of a domain needs beside the terms.
const DOMAIN: &[&str] = &["domain"];

/// Returns the smallest and the largest value of every domain in the rows of train.
fn ranges(train: &Split, wanted: &Wanted) -> Result<Vec<TrainedRange>> {
    let wanted = Wanted { tokens: None, ..wanted.describing(DOMAIN) };
    let gathered = train.scan(&wanted, BTreeMap::<String, (i64, i64)>::new, |ranges, rows| {
        for (row, terms) in rows.terms.rows().enumerate() {
            let (Some(least), Some(most)) = (terms.iter().min(), terms.iter().max()) else { continue };
            let domain = rows.name(rows.domain[row]);
            match ranges.get_mut(domain) {
                Some(known) => *known = (known.0.min(*least), known.1.max(*most)),
                None => _ = ranges.insert(domain.to_owned(), (*least, *most)),
            }
        }
        Ok(())
    })?;
    let mut all = BTreeMap::<String, (i64, i64)>::new();
    for (domain, (least, most)) in gathered.into_iter().flatten() {
        let known = all.entry(domain).or_insert((least, most));
        *known = (known.0.min(least), known.1.max(most));
    }
    Ok(all.into_iter().map(|(domain, (least, most))| TrainedRange { domain, least, most }).collect())
}
