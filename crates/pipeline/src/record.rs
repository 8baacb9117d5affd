//! One JSON record of every attempt to run a stage.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::desk::{Desk, host, unique};
use crate::lock::Lock;
use crate::{Error, Job, Layout, Options, Plan, Result};

/// One attempt to run a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunRecord {
    /// Its file in `.seqlab/runs/`, without the ending.
    #[serde(skip)]
    pub(crate) name: String,
    /// When it began, milliseconds since 1970.
    pub started_unix_ms: u64,
    /// The pipeline's name.
    pub pipeline: String,
    /// What `--set` changed, as it follows the pipeline's name in folders; empty without.
    #[serde(default)]
    pub variant: String,
    /// The stage's name.
    pub stage: String,
    /// Its matrix point, `a=1,b=2` or empty.
    pub point: String,
    /// What kind of stage it is.
    pub verb: String,
    /// The stage key.
    pub key: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What went wrong, if anything.
    pub reason: Option<String>,
    /// Exit status of the child; `None` where a signal ended it or it has not ended.
    pub exit: Option<i32>,
    /// How long it took.
    pub seconds: Option<f64>,
    /// The most memory the child was seen to hold, in bytes.
    pub peak_bytes: Option<u64>,
    /// What the stage measured of itself, e.g. its throughput.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub measured: Map<String, Value>,
    /// Threads it was given.
    pub threads: usize,
    /// Device it was given.
    pub device: String,
    /// Name of the machine.
    pub host: Option<String>,
    /// The runner's process id.
    pub process: u32,
    /// The commit of the repository around the pipelines.
    pub git_commit: Option<String>,
    /// Name and version of the tool.
    pub tool: String,
    /// The command that started the runner.
    pub command: String,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It runs, or its runner was killed.
    Running,
    /// Its folder was committed.
    Done,
    /// It failed.
    Failed,
    /// It was interrupted.
    Cancelled,
}

impl RunRecord {
    pub(crate) fn begin(plan: &Plan, job: &Job, key: &str, layout: &Layout, options: &Options) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let point = if job.point.is_empty() { String::new() } else { format!("-{}", job.point) };
        let mut name = format!("{}-{}-{}{point}", unique(), plan.shown(), job.stage);
        if name.len() > 200 {
            name = format!("{}-{}", unique(), &key[..16]);
        }
        Self {
            name,
            started_unix_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            pipeline: plan.name.clone(),
            variant: plan.variant.clone(),
            stage: job.stage.clone(),
            point: job.point.clone(),
            verb: job.verb.clone(),
            key: key.to_owned(),
            outcome: Outcome::Running,
            reason: None,
            exit: None,
            seconds: None,
            peak_bytes: None,
            measured: Map::new(),
            threads: options.threads,
            device: options.device.clone(),
            host: host(),
            process: std::process::id(),
            git_commit: git_commit(layout.base()),
            tool: options.tool.clone(),
            command: options.command.clone(),
        }
    }

    /// Whether it is of the same stage and point, with the same `--set`.
    pub(crate) fn is_of(&self, plan: &Plan, job: &Job) -> bool {
        let same = [(&self.pipeline, &plan.name), (&self.variant, &plan.variant), (&self.stage, &job.stage)];
        same.iter().all(|(a, b)| a == b) && self.point == job.point
    }

    /// Writes the record by way of `desk`.
    pub(crate) fn write(&self, layout: &Layout, desk: &Desk) -> Result<()> {
        let bytes = serde_json::to_vec_pretty(self).expect("text and numbers are JSON");
        let path = layout.runs().join(format!("{}.json", self.name));
        Ok(artifact::write_whole(&desk.place("record"), &path, &bytes)?)
    }

    /// Returns what may be said of the run in a manifest: nothing that names a pipeline, a stage or a command.
    pub(crate) fn of_entry(&self) -> Value {
        serde_json::json!({
            "started_unix_ms": self.started_unix_ms, "exit": self.exit, "seconds": self.seconds,
            "peak_bytes": self.peak_bytes, "measured": self.measured, "threads": self.threads, "device": self.device,
            "host": self.host, "process": self.process, "git_commit": self.git_commit, "tool": self.tool,
        })
    }
}

/// Returns all records, the oldest first. A file that is no record is left out.
///
/// # Errors
/// When the folder of the records cannot be read.
pub fn runs(layout: &Layout) -> Result<Vec<RunRecord>> {
    let folder = layout.runs();
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("list", &folder)(error)),
    };
    let mut records = Vec::new();
    for entry in entries {
        let path = entry.map_err(Error::io("list", &folder))?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let bytes = std::fs::read(&path).map_err(Error::io("read", &path))?;
            // A record is for people: one that cannot be read is no reason not to show the others.
            match serde_json::from_slice::<RunRecord>(&bytes) {
                Ok(record) => records.push(record),
                Err(error) => tracing::debug!("{} is no record: {error}", path.display()),
            }
        }
    }
    records.sort_by(|a, b| {
        (a.started_unix_ms, &a.stage, &a.point).cmp(&(b.started_unix_ms, &b.stage, &b.point))
    });
    Ok(records)
}

/// Says whether the attempt that `record` is of is still under way.
///
/// # Errors
/// When the lock of its entry cannot be looked at.
pub fn is_running(layout: &Layout, record: &RunRecord) -> Result<bool> {
    Ok(record.outcome == Outcome::Running && Lock::is_held(layout, &record.key)?)
}

/// Reads the commit that the repository around `folder` is at, without starting git.
fn git_commit(folder: &Path) -> Option<String> {
    let is_folder =
        |git: &std::path::PathBuf| matches!(artifact::found(git), Ok(Some(found)) if found.is_dir());
    let git = folder.ancestors().map(|folder| folder.join(".git")).find(is_folder)?;
    let head = std::fs::read_to_string(git.join("HEAD")).ok()?;
    let Some(name) = head.trim().strip_prefix("ref: ") else { return Some(head.trim().to_owned()) };
    if let Ok(commit) = std::fs::read_to_string(git.join(name)) {
        return Some(commit.trim().to_owned());
    }
    let packed = std::fs::read_to_string(git.join("packed-refs")).ok()?;
    packed.lines().find_map(|line| line.strip_suffix(name)).map(|commit| commit.trim().to_owned())
}
