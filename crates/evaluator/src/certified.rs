//! Refuses a score of rows of which nobody has shown that the model did not see them.

use std::collections::{BTreeMap, BTreeSet};

use artifact::number::counted;
use artifact::tables::{Audited, Certificate, TrainedOn};
use artifact::{Provenance, read_table};

use crate::{Error, Inputs};

/// How the names of the dataset's tables begin, here and in the audit.
const DATA: &str = "data/";
/// How those of what was trained on begin there, where that is not the dataset itself.
const TRAINED: &str = "trained_on[";

/// What was certified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Certified {
    /// What the model saw of the dataset's own train rows.
    pub(crate) train: Seen,
}

/// What a model saw of some rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It was trained on them.
    Own,
    /// A training before, which it goes on from, was: it may have forgotten them.
    Before,
    /// Nothing: the dataset is other data than it was trained on.
    Never,
}

/// Checks that the certificate passed, that every table of ours is among those that were audited, and that these were compared
/// with exactly what the models and those that they go on from saw.
pub(crate) fn certified(inputs: &Inputs, provenance: &Provenance) -> Result<Certified, Error> {
    let audited = read_table::<Audited>(&inputs.audited)?.into_iter();
    let audited: BTreeMap<String, String> = audited.map(|row| (row.file, row.digest)).collect();
    for (table, ours) in provenance.inputs.iter().filter(|(table, _)| table.starts_with(DATA)) {
        let message = match audited.get(table) {
            Some(digest) if digest == ours => continue,
            Some(digest) => {
                format!("`{table}` had the digest {digest} when it was audited and has {ours} now")
            }
            None => format!("`{table}` is not among what was audited"),
        };
        return Err(Error::OtherData { message });
    }
    let failed = read_table::<Certificate>(&inputs.certificate)?;
    let failed = failed.into_iter().find(|check| check.gate && !check.passed);
    if let Some(Certificate { check, left, right, view, violations, worst, .. }) = failed {
        return Err(Error::NotCertified { check, left, right, view, violations, worst });
    }

    let saw = read_table::<TrainedOn>(&inputs.trained_on)?;
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
        return Err(Error::NotCompared { message: format!("`{}`, which {whose}, was not", row.file) });
    }
    let more = |(file, digest): &(&String, &String)| {
        file.starts_with(TRAINED) == elsewhere && is_rows(file) && !seen.contains(digest)
    };
    if let Some((file, _)) = audited.iter().find(more) {
        return Err(Error::NotCompared { message: format!("`{file}`, which the model never saw, was too") });
    }
    let own = |digests: &BTreeSet<&String>| {
        let mut own = provenance.inputs.iter().filter(|(table, _)| table.starts_with("data/train-"));
        own.all(|(_, digest)| digests.contains(digest))
    };
    let last = saw.iter().filter(|row| row.generation == 0).map(|row| &row.digest).collect();
    let train = match (own(&last), own(&seen)) {
        (true, _) => Seen::Own,
        (false, true) => Seen::Before,
        (false, false) => Seen::Never,
    };
    Ok(Certified { train })
}

/// Whether a table holds rows that a training sees.
fn is_rows(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.starts_with("train-") || name.starts_with("validation-")
}
