//! The stage key: everything that decides a stage's result, and nothing else.

use std::collections::BTreeMap;

use artifact::Manifest;
use serde::Serialize;
use serde_json::Value;

use crate::{Done, Error, Job, Layout, Plan, Result};

/// What the key is made of. Never: names of stages, paths, threads, dates, mtimes.
///
/// The config keeps the order of its maps: the first of two tasks that could make a row owns it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Parts {
    pub(crate) kind: String,
    pub(crate) version: u32,
    pub(crate) format: u32,
    pub(crate) config: Value,
    /// Role and file to digest, of exactly the files that the stage declares to read.
    pub(crate) inputs: BTreeMap<String, String>,
    /// What else decides: `device` where it changes results; `pipeline`, its name and description, where the stage shows them; `points`,
    /// the matrix points that a list of inputs gathers (where the stage shows them, the folders that people see, and their keys), by role and
    /// number.
    pub(crate) other: BTreeMap<String, Value>,
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
        let mut points = serde_json::Map::new();
        let mut inputs = BTreeMap::new();
        for (role, index) in job.roles() {
            let (theirs, done) = (&plan.jobs[index], done[index].as_ref());
            let done = done.expect("inputs are done before those who read them");
            if job.resolved.shows_pipeline {
                // It shows where its inputs lie and what their manifests say, which their keys decide.
                points.insert(role.clone(), format!("{} {}", theirs.shown(), done.manifest.key).into());
            } else if role.ends_with(']') && !theirs.point.is_empty() {
                points.insert(role.clone(), theirs.point.clone().into());
            }
            for file in &done.manifest.files {
                if job.reads(&role, &file.path) {
                    inputs.insert(format!("{role}/{}", file.path), file.content.clone());
                }
            }
        }
        for (file, digest) in external_files(job, layout)? {
            inputs.insert(format!("files/{file}"), digest);
        }
        let mut other = BTreeMap::new();
        if job.resolved.device_matters {
            other.insert("device".to_owned(), device.into());
        }
        if job.resolved.shows_pipeline {
            other.insert(
                "pipeline".to_owned(),
                Value::from(vec![plan.name.clone(), plan.description.clone()]),
            );
        }
        if !points.is_empty() {
            other.insert("points".to_owned(), Value::Object(points));
        }
        Ok(Self {
            kind: job.verb.clone(),
            version: job.resolved.version,
            format: artifact::FORMAT,
            config: job.resolved.config.clone(),
            inputs,
            other,
        })
    }

    /// Returns the parts of the key that a manifest says it has.
    pub(crate) fn of(manifest: &Manifest) -> Self {
        Self {
            kind: manifest.verb.clone(),
            version: manifest.version,
            format: manifest.format,
            config: manifest.config.clone(),
            inputs: manifest.inputs.clone(),
            other: manifest.other.clone(),
        }
    }

    /// Returns the key, hex BLAKE3.
    pub(crate) fn key(&self) -> String {
        let json = serde_json::to_vec(self).expect("text and numbers are JSON");
        blake3::hash(&json).to_hex().to_string()
    }
}

/// Returns name and digest of each file beside its inputs that an external command reads.
pub(crate) fn external_files(job: &Job, layout: &Layout) -> Result<Vec<(String, String)>> {
    let files = job.external.iter().flat_map(|external| &external.files);
    let digest = |file: &String| {
        let path = layout.base().join(file);
        let help = "the stage lists it under `files`, relative to the folder that holds `results/`";
        let refused = |message: String| Error::usage(message, Some(help.to_owned()));
        if artifact::found(&path)?.is_none() {
            return Err(refused(format!("stage {}: there is no {}", job.title(), path.display())));
        }
        // What is no regular file may never come to an end.
        let there = std::fs::metadata(&path).map_err(Error::io("look at", &path))?;
        if !there.is_file() {
            let message = format!("stage {}: {} is no regular file", job.title(), path.display());
            return Err(refused(message));
        }
        Ok((file.clone(), artifact::bytes_digest(&path)?))
    };
    files.map(digest).collect()
}

impl Job {
    /// Returns every input with what it is called in keys: its role, with a number where the role takes a list.
    pub(crate) fn roles(&self) -> impl Iterator<Item = (String, usize)> {
        self.inputs.iter().flat_map(|input| {
            input.jobs.iter().enumerate().map(move |(number, index)| {
                let role = if input.many { format!("{}[{number}]", input.role) } else { input.role.clone() };
                (role, *index)
            })
        })
    }

    /// Whether the stage reads the file `name` of what is called `role` in keys.
    fn reads(&self, role: &str, name: &str) -> bool {
        let role = role.split('[').next().unwrap_or(role);
        let mut inputs = self.inputs.iter().filter(|input| input.role == role);
        inputs.any(|input| input.reads.is_match(name))
    }
}
