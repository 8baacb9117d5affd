use pipeline::{Problem, Role, Root, Spec};

use super::stage::{self, Stage, config, problem};
use crate::failure::Failure;

/// The stage `report`.
pub(crate) const STAGE: Stage = Stage {
    verb: "report",
    about: "Turns the result tables into one self-contained HTML page.",
    roles: ROLES,
    version: report::VERSION,
    root: Root::Results,
    device_matters: false,
    shows_pipeline: true,
    resumable: false,
    resolve: |value| stage::resolved(value, report::Config::check, explain),
    together: |_| Ok(serde_json::Value::Null),
    schema: |generator| generator.subschema_for::<report::Config>(),
    run,
};

const ROLES: &[Role] = &[Role::one("inputs", &[], &["*.parquet", "model.json"]).many().gathering()];

fn run(spec: &Spec) -> Result<(), Failure> {
    let mut config: report::Config = config(spec)?;
    config.title.get_or_insert_with(|| spec.pipeline.clone());
    config.pipeline.get_or_insert_with(|| spec.pipeline.clone());
    if !spec.description.is_empty() {
        config.description.get_or_insert_with(|| spec.description.clone());
    }
    let folders = spec.folders("inputs").iter().map(|folder| {
        let point = if folder.point.is_empty() { String::new() } else { format!("/{}", folder.point) };
        (format!("{}{point}", folder.stage), folder.path.clone())
    });
    let shown = spec.folders("inputs").iter().map(|folder| folder.shown.clone()).collect();
    report::run(&config, &report::Inputs { folders: folders.collect(), shown }, &spec.out, &spec.provenance())
        .map_err(Failure::stage)
}

fn explain(error: report::Error) -> Problem {
    match error {
        report::Error::Config { at, message, help } => problem(at, message, help),
        error => problem(String::new(), error.to_string(), String::new()),
    }
}
