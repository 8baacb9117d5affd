use pipeline::{Problem, Role, Root, Spec};

use super::{Stage, config, input, problem, shards};
use crate::failure::Failure;

/// The stage `train`.
pub(crate) const STAGE: Stage = Stage {
    verb: "train",
    about: "Fits many seeds and records every step; never sees a test row.",
    roles: ROLES,
    version: trainer::VERSION,
    root: Root::Results,
    device_matters: true,
    shows_pipeline: false,
    resolve: |value| super::resolved(value, trainer::Config::check, explain),
    schema: |generator| generator.subschema_for::<trainer::Config>(),
    run,
};

const ROLES: &[Role] = &[Role {
    name: "data",
    many: false,
    optional: false,
    verbs: &["build"],
    reads: &["train-*.parquet", "validation-*.parquet", "vocabulary.parquet"],
}];

fn run(spec: &Spec) -> Result<(), Failure> {
    let data = input(spec, "data")?;
    let inputs = trainer::Inputs {
        train: shards(data, "train")?,
        validation: shards(data, "validation")?,
        vocabulary: data.join("vocabulary.parquet"),
    };
    trainer::run(&config(spec)?, &inputs, &spec.out, &spec.provenance())
        .map_err(|error| Failure::Stage(error.to_string()))
}

fn explain(error: trainer::Error) -> Problem {
    match error {
        trainer::Error::Config { at, message, help } => problem(at, message, help),
        error => problem(String::new(), error.to_string(), String::new()),
    }
}
