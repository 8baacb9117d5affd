use pipeline::{Cover, Problem, Role, Root, Spec, Together};
use serde_json::Value;

use super::stage::{self, Stage, config, problem};
use super::told::{self, Data};
use crate::failure::Failure;

/// The stage `build`.
pub(crate) const STAGE: Stage = Stage {
    verb: "build",
    about: "Draws examples and assigns them to splits so that nothing leaks.",
    roles: ROLES,
    version: dataset::VERSION,
    root: Root::Datasets,
    device_matters: false,
    shows_pipeline: false,
    resumable: false,
    resolve: |value| stage::resolved(value, dataset::Config::check, explain),
    together,
    schema: |generator| generator.subschema_for::<dataset::Config>(),
    run,
};

const ROLES: &[Role] = &[];

fn together(stage: &Together<'_>) -> Result<Value, Vec<Problem>> {
    let config: dataset::Config = pipeline::typed(stage.config)?;
    let outlook = config.outlook().map_err(|error| vec![explain(error)])?;
    Ok(told::write(&Data::new(stage.config, outlook)))
}

fn run(spec: &Spec) -> Result<(), Failure> {
    dataset::run(&config(spec)?, &dataset::Inputs {}, &spec.out, &spec.provenance()).map_err(Failure::stage)
}

/// Returns the card above the points of a dataset.
pub(crate) fn cover(name: &str, folder: &str) -> Cover {
    let [head, part, tail] = dataset::cover(name, folder);
    Cover { file: "README.md", head, part, tail }
}

fn explain(error: dataset::Error) -> Problem {
    match error {
        dataset::Error::Config { at, message, help } => problem(at, message, help),
        error => problem(String::new(), error.to_string(), String::new()),
    }
}
