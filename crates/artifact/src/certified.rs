//! Whether it was shown of some rows that a model did not see them: what a number about held-out rows rests on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::number::counted;
use crate::tables::{Audited, Certificate, TrainedOn};
use crate::{Error, Provenance, printable, read_table};

/// How the names of the dataset's tables begin, here and in the audit.
const DATA: &str = "data/";
/// How those of what was trained on begin there, where that is not the dataset itself.
const TRAINED: &str = "trained_on[";

/// Why nothing is said of some rows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Uncertified {
    /// A table cannot be read.
    #[error(transparent)]
    Table(#[from] Error),
    /// The audit found a leak, so no score would say anything.
    #[error(
        "the certificate did not pass: check `{}` of {} against {} in view `{}` has {violations} violations, the worst in \
         example {worst}; no score on this data would tell a rule from memory: rebuild the data",
        printable(check),
        printable(left),
        printable(right),
        printable(view)
    )]
    Leak {
        /// The check.
        check: String,
        /// The held-out side.
        left: String,
        /// The other side.
        right: String,
        /// How values were compared.
        view: String,
        /// Number of held-out rows that violate it.
        violations: i64,
        /// The worst of them.
        worst: i64,
    },
    /// The audit's tables belong to another dataset.
    #[error("the audit is of other data: {}; give `audit` the audit of these data", printable(message))]
    OtherData {
        /// What does not fit.
        message: String,
    },
    /// The audit did not compare the rows with what the model saw, so they could be rows that it has seen.
    #[error(
        "the rows were not compared with exactly what the model and those that it goes on from saw: {}; audit that, with \
         `trained_on: [...]` beside `data` in the audit, each build that it was trained on",
        printable(message)
    )]
    NotCompared {
        /// Which table is missing, or too many.
        message: String,
    },
}

/// What a model saw of some rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It was trained on them.
    Own,
    /// A training before, which it goes on from, was: it may have forgotten them.
    Before,
    /// Nothing: the dataset is other data than it was trained on.
    Never,
}

/// Checks that the certificate passed, that every table of ours (`data/...` in `provenance`) is among those that were audited,
/// and that these were compared with exactly what the models and those that they go on from saw. Returns what they saw of the
/// dataset's own train rows.
///
/// # Errors
/// [`Uncertified`], with what does not fit.
pub fn certified(
    trained_on: &Path,
    audited: &Path,
    certificate: &Path,
    provenance: &Provenance,
) -> Result<Seen, Uncertified> {
    let audited = read_table::<Audited>(audited)?.into_iter();
    let audited: BTreeMap<String, String> = audited.map(|row| (row.file, row.digest)).collect();
    for (table, ours) in provenance.inputs.iter().filter(|(table, _)| table.starts_with(DATA)) {
        let message = match audited.get(table) {
            Some(digest) if digest == ours => continue,
            Some(digest) => {
                format!("`{table}` had the digest {digest} when it was audited and has {ours} now")
            }
            None => format!("`{table}` is not among what was audited"),
        };
        return Err(Uncertified::OtherData { message });
    }
    let failed = read_table::<Certificate>(certificate)?;
    let failed = failed.into_iter().find(|check| check.gate && !check.passed);
    if let Some(Certificate { check, left, right, view, violations, worst, .. }) = failed {
        return Err(Uncertified::Leak { check, left, right, view, violations, worst });
    }

    let saw = read_table::<TrainedOn>(trained_on)?;
    let elsewhere = audited.keys().any(|file| file.starts_with(TRAINED));
    let compared: BTreeSet<&String> = audited
        .iter()
        .filter(|(file, _)| file.starts_with(TRAINED) == elsewhere && is_rows(file))
        .map(|(_, digest)| digest)
        .collect();
    let seen: BTreeSet<&String> = saw.iter().map(|row| &row.digest).collect();
    if let Some(row) = saw.iter().find(|row| !compared.contains(&row.digest)) {
        let whose = match row.generation {
            0 => "the model was trained on".to_owned(),
            back => format!("the model saw {} back", counted(back.into(), "training")),
        };
        return Err(Uncertified::NotCompared { message: format!("`{}`, which {whose}, was not", row.file) });
    }
    let more = |(file, digest): &(&String, &String)| {
        file.starts_with(TRAINED) == elsewhere && is_rows(file) && !seen.contains(digest)
    };
    if let Some((file, _)) = audited.iter().find(more) {
        return Err(Uncertified::NotCompared {
            message: format!("`{file}`, which the model never saw, was too"),
        });
    }
    let own = |digests: &BTreeSet<&String>| {
        let mut own = provenance.inputs.iter().filter(|(table, _)| table.starts_with("data/train-"));
        own.all(|(_, digest)| digests.contains(digest))
    };
    let last = saw.iter().filter(|row| row.generation == 0).map(|row| &row.digest).collect();
    Ok(match (own(&last), own(&seen)) {
        (true, _) => Seen::Own,
        (false, true) => Seen::Before,
        (false, false) => Seen::Never,
    })
}

/// Whether a table holds rows that a training sees.
fn is_rows(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.starts_with("train-") || name.starts_with("validation-")
}
