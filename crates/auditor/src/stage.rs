//! The stage `audit`: our own splits, all checks, all tables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use artifact::{Provenance, write_table};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::info;

use crate::audit::{Audit, Origin};
use crate::level::Level;
use crate::memorizers::{self, Sampling};
use crate::proof::Scope;
use crate::rows::Wanted;
use crate::split::Split;
use crate::vocabulary::Vocabulary;
use crate::{Error, Result, ceilings};

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
    /// Table `vocabulary`; without it every token is a term.
    pub vocabulary: Option<PathBuf>,
}

/// Audits a dataset and writes `certificate.parquet`, `leakage.parquet`, `exposure.parquet`, `memorizers.parquet` and
/// `ceilings.parquet` into `out`.
///
/// Test is compared with train and with validation, validation with train. In `leakage.parquet` a row of validation is
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
    let level = declared_level(&inputs.test)?;
    let vocabulary = inputs.vocabulary.as_deref().map(Vocabulary::read).transpose()?.unwrap_or_default();
    let splits = [
        Split::open("test", &inputs.test)?,
        Split::open("validation", &inputs.validation)?,
        Split::open("train", &inputs.train)?,
    ];
    let [test, validation, train] = &splits;
    for (split, paths) in [(train, &inputs.train), (test, &inputs.test)] {
        if split.rows == 0 {
            let path = paths.first().cloned().unwrap_or_default();
            return Err(Error::Folder {
                path,
                message: format!("{} holds no rows: nothing to audit", split.name),
            });
        }
    }
    let wanted = Wanted::described(Some("terms".to_owned()), Some("tokens".to_owned()));
    let held = [test.load(&wanted)?, validation.load(&wanted)?];
    let audit = Audit {
        level: &level,
        vocabulary: &vocabulary,
        wanted: &wanted,
        scope: Scope::Everything,
        origin: Origin::Ours,
    };
    let proof = audit.prove(&splits, &held)?;

    write_table(&out.join("leakage.parquet"), provenance, proof.leakage)?;
    write_table(&out.join("exposure.parquet"), provenance, proof.exposure)?;
    let sampling = Sampling { pairs: config.nearest_neighbor_pairs };
    let mut certificates = proof.certificates;
    let mut rows = Vec::new();
    let mut tasks = BTreeMap::new();
    for (split, held) in [(validation, &held[1]), (test, &held[0])] {
        let answers = memorizers::answer(split, held, train, &vocabulary, &wanted, &sampling)?;
        certificates.extend(answers.sample);
        for row in 0..held.len() {
            let task = held.names.get(&held.task[row]).cloned().unwrap_or_default();
            tasks.insert((split.name.clone(), held.ids[row]), task);
        }
        rows.extend(answers.rows);
    }
    write_table(&out.join("certificate.parquet"), provenance, certificates)?;
    let ceilings = ceilings::of(&rows, &tasks);
    for ceiling in ceilings.iter().filter(|ceiling| ceiling.split == "test" && ceiling.task.is_empty()) {
        info!("{} on test: {:.4} {}", ceiling.metric, ceiling.value, ceiling.memorizer);
    }
    write_table(&out.join("memorizers.parquet"), provenance, rows)?;
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

/// Returns the level that the files themselves claim.
fn declared_level(test: &[PathBuf]) -> Result<Level> {
    let Some(path) = test.first() else {
        return Err(Error::Folder {
            path: PathBuf::new(),
            message: "no file of the test split was given".to_owned(),
        });
    };
    let config = artifact::read_provenance(path)?.config;
    Level::parse(config.get("holdout").and_then(|holdout| holdout.get("level")))
}
