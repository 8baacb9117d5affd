//! The stage key: everything that decides a stage's result, and nothing else.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::state::Done;
use crate::{Error, Job, Layout, Plan, Result};

/// What the key is made of. Never: names of stages, paths, threads, dates, mtimes.
///
/// The config keeps the order of its maps: the first of two tasks that could make a row owns it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Parts {
    pub(crate) kind: String,
    pub(crate) version: u32,
    pub(crate) format: u32,
    pub(crate) config: Value,
    /// Where it changes results.
    pub(crate) device: Option<String>,
    /// Name and description of the pipeline, where the stage shows them.
    pub(crate) pipeline: Option<(String, String)>,
    /// The matrix points that a list of inputs gathers, by role and number.
    pub(crate) points: BTreeMap<String, String>,
    /// Role and file to digest, of exactly the files that the stage declares to read.
    pub(crate) inputs: BTreeMap<String, String>,
}

impl Parts {
    /// Collects the parts of `job`'s key; its inputs are `done`.
    pub(crate) fn new(
        plan: &Plan,
        job: &Job,
        done: &[Option<Done>],
        layout: &Layout,
        device: &str,
    ) -> Result<Self> {
        let mut points = BTreeMap::new();
        let mut inputs = BTreeMap::new();
        for input in &job.inputs {
            for (number, index) in input.jobs.iter().enumerate() {
                let role = if input.many { format!("{}[{number}]", input.role) } else { input.role.clone() };
                let done = done[*index].as_ref().expect("inputs are done before those who read them");
                if input.many && !plan.jobs[*index].point.is_empty() {
                    points.insert(role.clone(), plan.jobs[*index].point.clone());
                }
                for file in &done.manifest.files {
                    if input.reads.iter().any(|pattern| fits(pattern, &file.path)) {
                        inputs.insert(format!("{role}/{}", file.path), file.digest.clone());
                    }
                }
            }
        }
        for file in job.external.iter().flat_map(|external| &external.files) {
            let path = layout.base().join(file);
            let bytes = std::fs::read(&path).map_err(|error| {
                let help = "the stage lists it under `files`, relative to the folder that holds `results/`";
                Error::usage(
                    format!("stage {}: cannot read {file}: {error}", job.title()),
                    Some(help.to_owned()),
                )
            })?;
            inputs.insert(format!("files/{file}"), artifact::digest_bytes(&bytes));
        }
        Ok(Self {
            kind: job.verb.clone(),
            version: job.resolved.version,
            format: artifact::FORMAT,
            config: job.resolved.config.clone(),
            device: job.resolved.device_matters.then(|| device.to_owned()),
            pipeline: job.resolved.shows_pipeline.then(|| (plan.name.clone(), plan.description.clone())),
            points,
            inputs,
        })
    }

    /// Returns the key, hex BLAKE3.
    pub(crate) fn key(&self) -> String {
        let json = serde_json::to_vec(self).expect("text and numbers are JSON");
        blake3::hash(&json).to_hex().to_string()
    }
}

/// Whether `name` fits `pattern`, in which `*` stands for any characters.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|name| {
            (0..=name.len()).filter(|at| name.is_char_boundary(*at)).any(|at| fits(rest, &name[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, name, expected) in [
            ("train-*.parquet", "train-00000-of-00001.parquet", true),
            ("train-*.parquet", "test-00000-of-00001.parquet", false),
            ("a.parquet", "a.parquet", true),
            ("a.parquet", "xa.parquet", false),
            ("*", "seed-0/weights.safetensors", true),
            ("*.parquet", "a.parquet.txt", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
