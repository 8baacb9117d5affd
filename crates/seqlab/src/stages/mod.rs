//! The kinds of stages: one adapter each, between the pipeline and the crate that does the work.

use artifact::Folder;
use pipeline::{Cover, Problem, Resolved, Role, Root, Spec, Together, Verbs};
use schemars::{Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::Failure;

mod analyze;
mod audit;
mod build;
mod evaluate;
mod fits;
mod report;
mod told;
mod train;

/// Every kind of stage, in alphabetical order.
pub(crate) const STAGES: &[Stage] =
    &[analyze::STAGE, audit::STAGE, build::STAGE, evaluate::STAGE, report::STAGE, train::STAGE];

/// A kind of stage: what the pipeline has to know of it, and the function that does its work.
pub(crate) struct Stage {
    /// The key in a definition.
    pub(crate) verb: &'static str,
    /// What it does, in one sentence.
    pub(crate) about: &'static str,
    /// Its inputs.
    pub(crate) roles: &'static [Role],
    /// Its algorithm version.
    pub(crate) version: u32,
    /// Where its folder lies.
    pub(crate) root: Root,
    /// Whether the kind of device changes its results.
    pub(crate) device_matters: bool,
    /// Whether it shows the pipeline's name and description.
    pub(crate) shows_pipeline: bool,
    /// Whether what it did before it failed is kept in its partial folder.
    pub(crate) keeps_failures: bool,
    /// Checks the content under the verb and fills in defaults.
    pub(crate) resolve: fn(&Value) -> Result<Value, Vec<Problem>>,
    /// Checks it together with what it reads, and tells what those that read it have to know.
    pub(crate) together: fn(&Together<'_>) -> Result<Value, Vec<Problem>>,
    /// The JSON schema of that content.
    pub(crate) schema: fn(&mut SchemaGenerator) -> Schema,
    /// Does the work.
    pub(crate) run: fn(&Spec) -> Result<(), Failure>,
}

/// Returns the stage with this verb.
pub(crate) fn find(verb: &str) -> Option<&'static Stage> {
    STAGES.iter().find(|stage| stage.verb == verb)
}

/// What the pipeline asks of the stages.
pub(crate) struct Known;

impl Verbs for Known {
    fn names(&self) -> Vec<&'static str> {
        STAGES.iter().map(|stage| stage.verb).collect()
    }

    fn roles(&self, verb: &str) -> &'static [Role] {
        find(verb).map_or(&[], |stage| stage.roles)
    }

    fn resolve(&self, verb: &str, config: &Value) -> Result<Resolved, Vec<Problem>> {
        let stage = find(verb).expect("the pipeline asks only for verbs that it was told");
        Ok(Resolved {
            config: (stage.resolve)(config)?,
            version: stage.version,
            root: stage.root,
            device_matters: stage.device_matters,
            shows_pipeline: stage.shows_pipeline,
            resumable: stage.keeps_failures,
        })
    }

    fn cover(&self, verb: &str, name: &str, folder: &str) -> Option<Cover> {
        (verb == build::STAGE.verb).then(|| build::cover(name, folder))
    }

    fn together(&self, stage: &Together<'_>) -> Result<Value, Vec<Problem>> {
        find(stage.verb).map_or(Ok(Value::Null), |known| (known.together)(stage))
    }
}

/// Reads `config` as a `T`, lets `check` look at it, and returns it with its defaults filled in.
fn resolved<T: DeserializeOwned + Serialize, E>(
    config: &Value,
    check: impl FnOnce(&T) -> Result<(), E>,
    explain: impl FnOnce(E) -> Problem,
) -> Result<Value, Vec<Problem>> {
    let typed: T = pipeline::typed(config)?;
    check(&typed).map_err(|error| vec![explain(error)])?;
    Ok(serde_json::to_value(&typed).expect("a config is made of JSON types"))
}

/// Returns a problem with the value at `at`.
fn problem(at: String, message: String, help: String) -> Problem {
    let help = (!help.is_empty()).then_some(help);
    Problem { at, message, help, ..Problem::default() }
}

/// Returns the typed config of a child; it was resolved by the same program before.
fn config<T: DeserializeOwned>(spec: &Spec) -> Result<T, Failure> {
    serde_json::from_value(spec.config.clone())
        .map_err(|error| Failure::Stage(format!("the config of stage {}: {error}", spec.stage)))
}

/// Opens the folder of the input `role`, of which only what its manifest lists is read.
fn input(spec: &Spec, role: &str) -> Result<Folder, Failure> {
    let path = spec.input(role);
    let path = path.ok_or_else(|| Failure::Stage(format!("stage {} has no input `{role}`", spec.stage)))?;
    Ok(Folder::open(path)?)
}
