//! One JSON record of every attempt to run a stage.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Error, Job, Layout, Options, Plan, Result};

/// One attempt to run a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunRecord {
    /// When it began, milliseconds since 1970.
    pub started_unix_ms: u64,
    /// The pipeline's name.
    pub pipeline: String,
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
        Self {
            started_unix_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            pipeline: plan.name.clone(),
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
            host: std::fs::read_to_string("/proc/sys/kernel/hostname")
                .ok()
                .map(|name| name.trim().to_owned()),
            process: std::process::id(),
            git_commit: git_commit(layout.base()),
            tool: options.tool.clone(),
            command: options.command.clone(),
        }
    }

    /// Returns the file of this record; with another `ending`, a file beside it.
    pub(crate) fn path(&self, layout: &Layout, ending: &str) -> PathBuf {
        let point = if self.point.is_empty() { String::new() } else { format!("-{}", self.point) };
        let Self { started_unix_ms, process, pipeline, stage, .. } = self;
        layout.runs().join(format!("{started_unix_ms}-{process}-{pipeline}-{stage}{point}{ending}"))
    }

    pub(crate) fn write(&self, layout: &Layout) -> Result<()> {
        write_json(&self.path(layout, RECORD), self)
    }
}

/// Ending of a record's file.
const RECORD: &str = ".json";
/// Ending of the file that tells a child what to do.
pub(crate) const SPEC: &str = ".spec";
/// Ending of the file in which a child says what it measured.
pub(crate) const MEASURED: &str = ".measured";

/// Writes `value` so that a reader sees the old file or the new one.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let bytes = serde_json::to_vec_pretty(value).expect("text and numbers are JSON");
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    let temporary =
        path.with_file_name(format!(".{}", path.file_name().unwrap_or_default().to_string_lossy()));
    std::fs::write(&temporary, bytes).map_err(Error::io("write", &temporary))?;
    std::fs::rename(&temporary, path).map_err(Error::io("write", path))
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
        if path.to_string_lossy().ends_with(RECORD) {
            let bytes = std::fs::read(&path).map_err(Error::io("read", &path))?;
            records.extend(serde_json::from_slice::<RunRecord>(&bytes).ok());
        }
    }
    records.sort_by(|a, b| {
        (a.started_unix_ms, &a.stage, &a.point).cmp(&(b.started_unix_ms, &b.stage, &b.point))
    });
    Ok(records)
}

/// Reads the commit that the repository around `folder` is at, without starting git.
fn git_commit(folder: &Path) -> Option<String> {
    let git = folder.ancestors().map(|folder| folder.join(".git")).find(|git| git.is_dir())?;
    let head = std::fs::read_to_string(git.join("HEAD")).ok()?;
    let Some(name) = head.trim().strip_prefix("ref: ") else { return Some(head.trim().to_owned()) };
    if let Ok(commit) = std::fs::read_to_string(git.join(name)) {
        return Some(commit.trim().to_owned());
    }
    let packed = std::fs::read_to_string(git.join("packed-refs")).ok()?;
    packed.lines().find_map(|line| line.strip_suffix(name)).map(|commit| commit.trim().to_owned())
}
