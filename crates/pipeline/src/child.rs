//! What a stage is told, as a child process.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};
use serde_json::Value;

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
    /// The empty folder to write into. This path and those below are relative to the folder that the child starts in, since a
    /// JSON file cannot hold every name of a folder; [`Spec::read`] makes them absolute.
    pub out: PathBuf,
    /// A folder that outlives an interrupted run of the same key; the child creates it. Only where it can go on.
    pub partial: Option<PathBuf>,
    /// Where the child may say what it measured of itself: see [`Spec::measured()`].
    #[serde(default)]
    pub measured: PathBuf,
    /// The folder that holds `datasets/`, `results/` and `.seqlab/`.
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
    /// The folder; what it holds is said by its manifest.
    pub path: PathBuf,
    /// Where people see it, `results/<pipeline>/<stage>`.
    #[serde(default)]
    pub shown: String,
}

impl Spec {
    /// Reads the file that the runner wrote, and makes its paths absolute.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        let mut spec: Self =
            serde_json::from_slice(&bytes).map_err(|error| Error::io("read", path)(error.into()))?;
        let here = Path::new(".");
        spec.absolute(&std::path::absolute(here).map_err(Error::io("find", here))?);
        Ok(spec)
    }

    /// Makes the paths absolute, which are relative to `base`.
    pub(crate) fn absolute(&mut self, base: &Path) {
        let folders = self.inputs.iter_mut().flat_map(|input| &mut input.folders);
        let paths = [&mut self.out, &mut self.measured].into_iter();
        for path in paths.chain(&mut self.partial).chain(folders.map(|folder| &mut folder.path)) {
            *path = base.join(&*path);
        }
        self.base = base.join(&self.base).components().collect();
    }

    /// Tells the runner what the stage measured of itself, for the run record and the manifest; no part of the result.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn measured(&self, measured: &serde_json::Map<String, Value>) -> Result<()> {
        let bytes = serde_json::to_vec(measured).expect("text and numbers are JSON");
        std::fs::write(&self.measured, bytes).map_err(Error::io("write", &self.measured))
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

    /// Returns the external command of a `run` stage, ready to be started; `None` where it is another kind of stage.
    #[must_use]
    pub fn command(&self) -> Option<Command> {
        let external = self.external.as_ref()?;
        let folders =
            |input: &SpecInput| input.folders.iter().map(|folder| folder.path.clone().into()).collect();
        let inputs: Vec<(String, Vec<OsString>)> =
            self.inputs.iter().map(|input| (input.role.clone(), folders(input))).collect();
        let words = external::words(&external.command, self.out.as_os_str(), &inputs);
        let mut command = Command::new(words.first()?);
        command.args(&words[1..]).current_dir(&self.base).env("SEQLAB_OUT", &self.out);
        for (role, folders) in &inputs {
            let folders = folders.join(std::ffi::OsStr::new(":"));
            command.env(format!("SEQLAB_INPUT_{}", role.to_uppercase()), folders);
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

/// A line that a child wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// On standard output.
    Out,
    /// On standard error.
    Err,
}
