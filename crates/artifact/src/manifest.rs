use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, Result, digest_bytes, file_digest};

/// The manifest's name inside a stage folder. A folder that holds it is complete.
pub const MANIFEST_FILE: &str = "manifest.json";

/// What a finished folder holds, from what, and how it was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`crate::FORMAT`] of the writer.
    pub format: u32,
    /// Name of the pipeline.
    pub pipeline: String,
    /// Name of the stage.
    pub stage: String,
    /// Matrix point (`a=1,b=2`), empty without a matrix.
    pub point: String,
    /// Kind of the stage (`build`, `audit`, ...).
    pub verb: String,
    /// The stage's algorithm version.
    pub version: u32,
    /// The stage key, hex BLAKE3.
    pub key: String,
    /// The resolved content under the verb.
    pub config: Value,
    /// Role and table to digest, of every input.
    pub inputs: BTreeMap<String, String>,
    /// Every file of the folder but this one; `commit_folder` fills it in.
    pub files: Vec<FileEntry>,
    /// What is not part of the result: time, host, git state, threads, peak memory, tool version.
    pub run: Value,
}

/// A file of a finished folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Path relative to the folder, with `/`.
    pub path: String,
    /// [`file_digest`] of it.
    pub digest: String,
    /// Its size.
    pub bytes: u64,
}

/// Reads the manifest of a finished folder; `None` where there is none, that is, where the folder is not complete.
///
/// # Errors
/// When there is one and it cannot be read.
pub fn read_manifest(folder: &Path) -> Result<Option<Manifest>> {
    let path = folder.join(MANIFEST_FILE);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", &path)(error)),
    };
    let broken =
        |error: serde_json::Error| Error::Manifest { path: path.clone(), message: error.to_string() };
    serde_json::from_slice(&bytes).map(Some).map_err(broken)
}

/// Lists the files below `folder` with their digests, sorted by path, the manifest left out.
///
/// # Errors
/// When a file cannot be read.
pub fn list_files(folder: &Path) -> Result<Vec<FileEntry>> {
    let mut entries = Vec::new();
    for path in walk(folder)? {
        let relative = path.strip_prefix(folder).expect("walk stays below its folder");
        let name = relative.to_string_lossy().replace('\\', "/");
        if name == MANIFEST_FILE {
            continue;
        }
        let bytes = std::fs::metadata(&path).map_err(Error::io("read", &path))?.len();
        // A declared output of an external command may merely be called `.parquet`.
        let digest = match file_digest(&path) {
            Err(Error::Parquet { .. }) => {
                digest_bytes(&std::fs::read(&path).map_err(Error::io("read", &path))?)
            }
            other => other?,
        };
        entries.push(FileEntry { path: name, digest, bytes });
    }
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(entries)
}

/// Returns every file below `folder`, in no particular order.
pub(crate) fn walk(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(Error::io("list", &folder))? {
            let entry = entry.map_err(Error::io("list", &folder))?;
            let kind = entry.file_type().map_err(Error::io("list", &folder))?;
            if kind.is_dir() { folders.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    Ok(files)
}
