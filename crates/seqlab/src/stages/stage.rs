//! What every adapter says of its stage, and what several of them do.

use std::path::Path;

use artifact::Folder;
use pipeline::{Problem, Role, Root, Spec, Together};
use schemars::{Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::Failure;

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
    /// Whether it can go on from what an interrupted run left in its partial folder.
    pub(crate) resumable: bool,
    /// Checks the content under the verb and fills in defaults.
    pub(crate) resolve: fn(&Value) -> Result<Value, Vec<Problem>>,
    /// Checks it together with what it reads, and tells what those that read it have to know.
    pub(crate) together: fn(&Together<'_>) -> Result<Value, Vec<Problem>>,
    /// The JSON schema of that content.
    pub(crate) schema: fn(&mut SchemaGenerator) -> Schema,
    /// Does the work.
    pub(crate) run: fn(&Spec) -> Result<(), Failure>,
}

/// Reads `config` as a `T`, lets `check` look at it, and returns it with its defaults filled in.
pub(super) fn resolved<T: DeserializeOwned + Serialize, E>(
    config: &Value,
    check: impl FnOnce(&T) -> Result<(), E>,
    explain: impl FnOnce(E) -> Problem,
) -> Result<Value, Vec<Problem>> {
    let typed: T = pipeline::typed(config)?;
    check(&typed).map_err(|error| vec![explain(error)])?;
    Ok(serde_json::to_value(&typed).expect("a config is made of JSON types"))
}

/// Returns a problem with the value at `at`.
pub(super) fn problem(at: String, message: String, help: String) -> Problem {
    let help = (!help.is_empty()).then_some(help);
    Problem { at, message, help, ..Problem::default() }
}

/// Returns the typed config of a child; it was resolved by the same program before.
pub(super) fn config<T: DeserializeOwned>(spec: &Spec) -> Result<T, Failure> {
    serde_json::from_value(spec.config.clone())
        .map_err(|error| Failure::stage(format!("the config of stage {}: {error}", spec.stage)))
}

/// Opens the folder of the input `role`.
pub(super) fn input(spec: &Spec, role: &str) -> Result<Folder, Failure> {
    let path = spec.input(role);
    let path = path.ok_or_else(|| Failure::stage(format!("stage {} has no input `{role}`", spec.stage)))?;
    open(spec, role, path)
}

/// Opens the folder of an input, `role` or `role[n]`, of which only those files are read whose digests are part of the key.
pub(super) fn open(spec: &Spec, role: &str, path: &Path) -> Result<Folder, Failure> {
    let read = |file: &str| spec.digests.contains_key(&format!("{role}/{file}"));
    Ok(Folder::open(path)?.only(read))
}
