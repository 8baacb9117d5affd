//! A stage as a child process: what it is told, how it is watched, and how it dies with its parent.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

use crate::{Error, External, Result, external};

/// Everything a child needs to know to do one job. It is handed over as a JSON file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// Process id of the runner.
    pub parent: u32,
    /// The pipeline's name.
    pub pipeline: String,
    /// What the pipeline asks.
    pub description: String,
    /// The stage's name.
    pub stage: String,
    /// Its matrix point, `a=1,b=2` or empty.
    pub point: String,
    /// What to do.
    pub verb: String,
    /// The resolved content under the verb.
    pub config: Value,
    /// The stage key.
    pub key: String,
    /// Role and file to digest, for the provenance of what is written.
    pub digests: BTreeMap<String, String>,
    /// The inputs, in the order of the roles.
    pub inputs: Vec<SpecInput>,
    /// The empty folder to write into.
    pub out: PathBuf,
    /// A folder that outlives an interrupted run of the same key; the child creates it. Only where it can go on.
    pub partial: Option<PathBuf>,
    /// Where the child may say what it measured of itself: see [`Spec::measured()`].
    #[serde(default)]
    pub measured: PathBuf,
    /// The folder that holds `datasets/` and `results/`.
    pub base: PathBuf,
    /// Threads to use.
    pub threads: usize,
    /// Device to use.
    pub device: String,
    /// The external command, for the verb `run`.
    pub external: Option<External>,
}

/// One role of a child's inputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpecInput {
    /// What the input is for.
    pub role: String,
    /// Whether the role takes a list.
    pub many: bool,
    /// The finished folders; one unless `many`.
    pub folders: Vec<SpecFolder>,
}

/// A finished folder that a child reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpecFolder {
    /// The stage that wrote it.
    pub stage: String,
    /// What kind of stage that is.
    pub verb: String,
    /// Its matrix point, `a=1,b=2` or empty.
    pub point: String,
    /// The folder.
    pub path: PathBuf,
}

impl Spec {
    /// Reads the file that the runner wrote.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        serde_json::from_slice(&bytes).map_err(|error| Error::io("read", path)(error.into()))
    }

    /// Tells the runner what the stage measured of itself, for the run record and the manifest; no part of the result.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn measured(&self, measured: &serde_json::Map<String, Value>) -> Result<()> {
        crate::record::write_json(&self.measured, measured)
    }

    /// Returns what the written tables say of themselves.
    #[must_use]
    pub fn provenance(&self) -> artifact::Provenance {
        artifact::Provenance {
            key: self.key.clone(),
            config: self.config.clone(),
            inputs: self.digests.clone(),
        }
    }

    /// Returns the folder in `role`; `None` where it was left out.
    #[must_use]
    pub fn input(&self, role: &str) -> Option<&Path> {
        self.folders(role).first().map(|folder| folder.path.as_path())
    }

    /// Returns all folders in `role`.
    #[must_use]
    pub fn folders(&self, role: &str) -> &[SpecFolder] {
        self.inputs.iter().find(|input| input.role == role).map_or(&[], |input| &input.folders)
    }

    /// Returns the external command of a `run` stage, ready to be started.
    #[must_use]
    pub fn command(&self) -> Option<Command> {
        let external = self.external.as_ref()?;
        let shown = |path: &Path| path.to_string_lossy().into_owned();
        let inputs: Vec<(String, Vec<String>)> = self
            .inputs
            .iter()
            .map(|input| {
                (input.role.clone(), input.folders.iter().map(|folder| shown(&folder.path)).collect())
            })
            .collect();
        let words = external::words(&external.command, &shown(&self.out), &inputs);
        let mut command = Command::new(words.first()?);
        command.args(&words[1..]).current_dir(&self.base).env("SEQLAB_OUT", &self.out);
        for (role, folders) in &inputs {
            command.env(format!("SEQLAB_INPUT_{}", role.to_uppercase()), folders.join(":"));
        }
        Some(command)
    }

    /// Becomes the external command of a `run` stage: comes back only when it cannot be started.
    ///
    /// A process that asked to die with its parent still does after it became another program.
    #[must_use]
    pub fn exec(&self) -> Error {
        use std::os::unix::process::CommandExt as _;
        let Some(mut command) = self.command() else {
            return Error::usage(format!("stage {} has no command", self.stage), None);
        };
        let program = PathBuf::from(command.get_program());
        Error::io("start", &program)(command.exec())
    }
}

/// Makes this process die when its parent, the runner with the process id `parent`, does. The first thing that a
/// child does. Exists on Linux; elsewhere a killed runner's children finish their stage, which is then litter.
///
/// # Errors
/// When the parent is already gone, or the system refuses.
pub fn die_with_parent(parent: u32) -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let now = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
    if now == Some(parent) { Ok(()) } else { Err(std::io::Error::other("the runner is gone")) }
}

/// A line that a child wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// On standard output.
    Out,
    /// On standard error.
    Err,
}

/// How a child ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) seconds: f64,
    /// The most memory it was seen to hold, in bytes.
    pub(crate) peak: Option<u64>,
    pub(crate) cancelled: bool,
}

/// Runs `command` to its end, handing on every line, and kills it with all its descendants when `cancel` is set.
pub(crate) fn watch(
    mut command: Command,
    cancel: &AtomicBool,
    line: &(dyn Fn(Stream, &str) + Sync),
) -> std::io::Result<Ended> {
    use std::os::unix::process::CommandExt as _;
    let begun = Instant::now();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn()?;
    let out = child.stdout.take();
    let err = child.stderr.take();
    std::thread::scope(|scope| {
        scope.spawn(move || lines(out, &|text| line(Stream::Out, text)));
        scope.spawn(move || lines(err, &|text| line(Stream::Err, text)));
        let waited = wait(&mut child, cancel);
        // Whatever the child left behind would hold the pipes open and go on writing.
        kill(&child, Signal::KILL);
        let (status, peak, cancelled) = waited?;
        Ok(Ended { status, seconds: begun.elapsed().as_secs_f64(), peak, cancelled })
    })
}

/// Waits in growing naps, so that short stages are not held up and long ones cost nothing.
fn wait(child: &mut Child, cancel: &AtomicBool) -> std::io::Result<(ExitStatus, Option<u64>, bool)> {
    let mut nap = Duration::from_millis(1);
    let mut peak = None;
    let mut asked: Option<Instant> = None;
    loop {
        peak = peak.max(peak_memory(child.id()));
        if let Some(status) = child.try_wait()? {
            return Ok((status, peak, asked.is_some()));
        }
        match asked {
            None if cancel.load(Ordering::Relaxed) => {
                kill(child, Signal::TERM);
                asked = Some(Instant::now());
            }
            Some(since) if since.elapsed() > Duration::from_secs(2) => kill(child, Signal::KILL),
            _ => {}
        }
        std::thread::sleep(nap);
        nap = (nap * 2).min(Duration::from_millis(25));
    }
}

/// Sends `signal` to the child's process group; one that is gone already is none of our business.
fn kill(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(Err(error)) = pid.map(|pid| kill_process_group(pid, signal)) {
        tracing::trace!("process group {} is gone: {error}", child.id());
    }
}

fn lines(pipe: Option<impl Read>, line: &dyn Fn(&str)) {
    let Some(pipe) = pipe else { return };
    for bytes in BufReader::new(pipe).split(b'\n') {
        let Ok(bytes) = bytes else { return };
        line(String::from_utf8_lossy(&bytes).trim_end_matches('\r'));
    }
}

/// Returns the most memory that the process has held so far, in bytes, where the system says so.
fn peak_memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}
