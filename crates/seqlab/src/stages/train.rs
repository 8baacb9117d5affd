use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Instant;

use pipeline::{Problem, Role, Root, Spec, Together};
use serde_json::Value;
use trainer::Resume;

use super::stage::{self, Stage, config, input, problem};
use super::{fits, told};
use crate::failure::Failure;
use crate::signals::signals;

/// The stage `train`.
pub(crate) const STAGE: Stage = Stage {
    verb: "train",
    about: "Fits many seeds and records every step; never sees a test row.",
    roles: ROLES,
    version: trainer::VERSION,
    root: Root::Results,
    device_matters: true,
    shows_pipeline: false,
    resumable: true,
    resolve: |value| stage::resolved(value, trainer::Config::check, explain),
    together,
    schema: |generator| generator.subschema_for::<trainer::Config>(),
    run,
};

const ROLES: &[Role] = &[
    Role::one("data", &["build"], &["train-*.parquet", "validation-*.parquet", "vocabulary.parquet"]),
    Role::one(
        "from",
        &["train"],
        &[
            "checkpoints.parquet",
            "model.json",
            "resume.parquet",
            "resume/*.safetensors",
            "trained_on.parquet",
            "vocabulary.parquet",
        ],
    )
    .optional(),
];

fn together(stage: &Together<'_>) -> Result<Value, Vec<Problem>> {
    let config: trainer::Config = pipeline::typed(stage.config)?;
    Ok(fits::models(&config, stage)?.map_or(Value::Null, |models| told::write(&models)))
}

fn run(spec: &Spec) -> Result<(), Failure> {
    let data = input(spec, "data")?;
    let inputs = trainer::Inputs {
        train: data.shards("train")?,
        validation: data.shards("validation")?,
        vocabulary: data.file("vocabulary.parquet")?,
        from: spec.input("from").map(Path::to_owned),
    };
    let (interrupted, signal) = signals()?;
    let resume = spec.partial.as_deref().map(|folder| Resume { folder, interrupted: &interrupted });
    let device = if spec.device == "cuda" { trainer::Device::Cuda } else { trainer::Device::Cpu };
    let begun = Instant::now();
    let summary = trainer::run(&config(spec)?, &inputs, &spec.out, device, resume, &spec.provenance())
        .map_err(|error| match error {
            trainer::Error::Interrupted => Failure::Signal(signal.load(Ordering::Relaxed) as u8),
            // Going on from what is saved would end here again: what there is to look at takes its place.
            trainer::Error::Diverged { .. } => {
                let kept =
                    |folder: &Path| format!("what was trained until then lies in {}", folder.display());
                let lost = |lost| Some(format!("what was trained until then is lost: {lost}"));
                let more = keep(spec).map_or_else(lost, |folder| folder.map(kept));
                Failure::Stage { source: error.into(), more }
            }
            error => Failure::stage(error),
        })?;
    let rate = summary.updates as f64 / begun.elapsed().as_secs_f64();
    // As in `seqlab bench train`: the steps of all seeds.
    let mut measured = serde_json::Map::new();
    measured.insert("steps".into(), summary.updates.into());
    measured.insert("steps_per_s".into(), rate.into());
    if device == trainer::Device::Cpu {
        measured.insert("isa".into(), transformer::engine::isa().into());
    }
    Ok(spec.measured(&measured)?)
}

/// Moves what was trained before it diverged to the folder that outlives it.
fn keep(spec: &Spec) -> Result<Option<&Path>, Failure> {
    let Some(partial) = spec.partial.as_deref() else { return Ok(None) };
    if !artifact::exists(&spec.out.join("checkpoints.parquet"))? {
        return Ok(None);
    }
    if artifact::exists(partial)? {
        std::fs::remove_dir_all(partial).map_err(Failure::io("remove", partial))?;
    }
    std::fs::rename(&spec.out, partial).map_err(Failure::io("rename", &spec.out))?;
    Ok(Some(partial))
}

fn explain(error: trainer::Error) -> Problem {
    match error {
        trainer::Error::Config { at, message, help } => problem(at, message, help),
        error => problem(String::new(), error.to_string(), String::new()),
    }
}
