use std::collections::BTreeSet;

use pipeline::{Problem, Role, Root, Spec, Together};
use serde_json::Value;

use super::stage::{self, Stage, config, input, problem};
use super::told::{self, Audit, Data};
use crate::failure::Failure;

/// The stage `audit`.
pub(crate) const STAGE: Stage = Stage {
    verb: "audit",
    about: "Proves that nothing leaks, and says what memorising alone would score.",
    roles: ROLES,
    version: auditor::VERSION,
    root: Root::Results,
    device_matters: false,
    shows_pipeline: false,
    resumable: false,
    resolve: |value| stage::resolved(value, auditor::Config::check, explain),
    together,
    schema: |generator| generator.subschema_for::<auditor::Config>(),
    run,
};

const ROLES: &[Role] = &[
    Role::one(
        "data",
        &["build"],
        &[
            "train-*.parquet",
            "validation-*.parquet",
            "test-*.parquet",
            "definition.parquet",
            "vocabulary.parquet",
            "counterfactuals.parquet",
        ],
    ),
    // What a model saw that is scored on these data, where that is not these data alone.
    Role::one("trained_on", &["build"], &["train-*.parquet", "validation-*.parquet", "vocabulary.parquet"])
        .many()
        .optional(),
];

/// Refuses data without rows to audit, and data whose tokens are not those of what was trained on.
fn together(stage: &Together<'_>) -> Result<Value, Vec<Problem>> {
    let Some(input) = stage.input("data") else { return Ok(Value::Null) };
    let Some(data) = told::read::<Data>(&input) else { return Ok(Value::Null) };
    if data.rows.test == 0 {
        let message = format!("`{}` keeps no test rows, so there is nothing to audit", input.stage);
        let help = format!("leave `rows.test` out there, or the audit of `{}`", input.stage);
        return Err(vec![problem("data".to_owned(), message, help)]);
    }
    let mut trained_on = Vec::new();
    for other in stage.inputs.iter().filter(|input| input.role == "trained_on") {
        let Some(seen) = told::read::<Data>(other) else { return Ok(Value::Null) };
        if seen.tokens.differ_from(&data.tokens) && data.tokens.differ_from(&seen.tokens) {
            let message =
                format!("the tokens of `{}` are others than those of `{}`", other.stage, input.stage);
            let help = "build both with the same notations and values".to_owned();
            return Err(vec![problem("trained_on".to_owned(), message, help)]);
        }
        trained_on.push(seen.digest);
    }
    if trained_on.is_empty() {
        trained_on.push(data.digest.clone());
    }
    trained_on.sort();
    trained_on.dedup();
    Ok(told::write(&Audit { data: data.digest, trained_on }))
}

fn run(spec: &Spec) -> Result<(), Failure> {
    let data = input(spec, "data")?;
    let inputs = auditor::Inputs {
        train: data.shards("train")?,
        validation: data.shards("validation")?,
        test: data.shards("test")?,
        definition: data.file("definition.parquet")?,
        vocabulary: Some(data.file("vocabulary.parquet")?),
        counterfactuals: data.find("counterfactuals.parquet"),
        trained_on: trained_on(spec)?,
    };
    auditor::run(&config(spec)?, &inputs, &spec.out, &spec.provenance()).map_err(Failure::stage)
}

/// Returns what was trained on; the same rows under two names are trained on once.
fn trained_on(spec: &Spec) -> Result<Vec<auditor::TrainedOn>, Failure> {
    let digests = &spec.digests;
    let (mut seen, mut all) = (BTreeSet::new(), Vec::new());
    for (number, folder) in spec.folders("trained_on").iter().enumerate() {
        let name = format!("trained_on[{number}]");
        let of_train = digests.iter().filter(|(file, _)| file.starts_with(&format!("{name}/train-")));
        if !seen.insert(of_train.map(|(_, digest)| digest.clone()).collect::<Vec<_>>()) {
            continue;
        }
        let folder = stage::open(spec, &name, &folder.path)?;
        all.push(auditor::TrainedOn {
            train: folder.shards("train")?,
            validation: folder.shards("validation")?,
            vocabulary: folder.file("vocabulary.parquet")?,
        });
    }
    Ok(all)
}

fn explain(error: auditor::Error) -> Problem {
    match error {
        auditor::Error::Config { at, message, help } => problem(at, message, help),
        error => problem(String::new(), error.to_string(), String::new()),
    }
}
