use pipeline::{Problem, Role, Root, Spec, Together};
use serde_json::Value;

use super::told::{self, Audit, Data};
use super::{Stage, config, input, problem};
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
    keeps_failures: false,
    resolve: |value| super::resolved(value, auditor::Config::check, explain),
    together,
    schema: |generator| generator.subschema_for::<auditor::Config>(),
    run,
};

const ROLES: &[Role] = &[Role {
    name: "data",
    many: false,
    optional: false,
    verbs: &["build"],
    reads: &[
        "train-*.parquet",
        "validation-*.parquet",
        "test-*.parquet",
        "definition.parquet",
        "vocabulary.parquet",
        "counterfactuals.parquet",
    ],
}];

/// Refuses data without rows to audit.
fn together(stage: &Together<'_>) -> Result<Value, Vec<Problem>> {
    let Some(input) = stage.input("data") else { return Ok(Value::Null) };
    let Some(data) = told::read::<Data>(&input) else { return Ok(Value::Null) };
    if data.rows.test == 0 {
        let message = format!("`{}` keeps no test rows, so there is nothing to audit", input.stage);
        let help = format!("leave `rows.test` out there, or the audit of `{}`", input.stage);
        return Err(vec![problem("data".to_owned(), message, help)]);
    }
    Ok(told::write(&Audit { data: data.digest }))
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
    };
    auditor::run(&config(spec)?, &inputs, &spec.out, &spec.provenance())
        .map_err(|error| Failure::Stage(error.to_string()))
}

fn explain(error: auditor::Error) -> Problem {
    match error {
        auditor::Error::Config { at, message, help } => problem(at, message, help),
        error => problem(String::new(), error.to_string(), String::new()),
    }
}
