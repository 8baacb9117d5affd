use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Digests, Error, LIMIT, Result, digest_bytes, digest_file, exists, read_file};

/// The manifest's name inside a stage folder. A folder that holds it is complete.
pub const MANIFEST_FILE: &str = "manifest.json";

/// What a finished folder holds, from what, and how it was made.
///
/// It names no pipeline, stage or matrix point: a folder belongs to whoever asks for its key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`crate::FORMAT`] of the writer.
    pub format: u32,
    /// Kind of the stage (`build`, `audit`, ...).
    pub verb: String,
    /// The stage's algorithm version.
    pub version: u32,
    /// The stage key, hex BLAKE3.
    pub key: String,
    /// The resolved content under the verb.
    pub config: Value,
    /// Role and table to [`FileEntry::content`], of every input.
    pub inputs: BTreeMap<String, String>,
    /// What else is part of the key, by name: the device, the points that are gathered.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub other: BTreeMap<String, Value>,
    /// Every file of the folder but this one; [`crate::seal`] fills it in.
    pub files: Vec<FileEntry>,
    /// What is not part of the result: time, host, git state, threads, peak memory, tool version; under `digest` the BLAKE3 of the rest of
    /// it, which [`crate::seal`] fills in.
    pub run: Value,
    /// BLAKE3 of all but `run`, so that damage to the manifest itself is found; [`crate::seal`] fills it in.
    #[serde(default)]
    pub digest: String,
}

/// A file of a finished folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Path relative to the folder, with `/`.
    pub path: String,
    /// Digest of what is in it, which keys are made of: see [`Digests::content`].
    pub content: String,
    /// Digest of all its bytes, which only says whether the file is whole: see [`Digests::bytes`].
    pub bytes: String,
    /// Its size in bytes.
    pub size: u64,
}

impl Manifest {
    /// Fills in both digests of itself.
    pub(crate) fn sign(&mut self) {
        (self.digest, self.run["digest"]) = self.own_digests();
    }

    /// Returns what [`Manifest::digest`] and the one under [`Manifest::run`] have to be.
    fn own_digests(&self) -> (String, Value) {
        let json = |value: serde_json::Result<Vec<u8>>| digest_bytes(&value.expect("a manifest is JSON"));
        let mut run = self.run.clone();
        if let Value::Object(run) = &mut run {
            run.shift_remove("digest");
        }
        let of_run = json(serde_json::to_vec(&run));
        let bare = Self { digest: String::new(), run: Value::Null, ..self.clone() };
        (json(serde_json::to_vec(&bare)), of_run.into())
    }
}

/// Reads the manifest of a finished folder; `None` where there is none, that is, where the folder is not complete.
///
/// # Errors
/// [`Error::Manifest`] when there is one and it is not what was written, [`Error::Io`] when it cannot be read.
pub fn read_manifest(folder: &Path) -> Result<Option<Manifest>> {
    let path = folder.join(MANIFEST_FILE);
    if !exists(&path)? {
        return Ok(None);
    }
    let bytes = read_file(&path, LIMIT)?;
    let broken = |source| Error::Manifest { path: path.clone(), source };
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|error| broken(error.into()))?;
    let (digest, of_run) = manifest.own_digests();
    if digest != manifest.digest || Some(&of_run) != manifest.run.get("digest") {
        return Err(broken("its content does not fit its own digest".into()));
    }
    Ok(Some(manifest))
}

/// A finished folder, of which exactly the files that its manifest lists are read.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
    manifest: Manifest,
}

impl Folder {
    /// Opens the finished folder at `path`.
    ///
    /// # Errors
    /// When it has no readable manifest.
    pub fn open(path: &Path) -> Result<Self> {
        let manifest = read_manifest(path)?.ok_or_else(|| Error::Manifest {
            path: path.join(MANIFEST_FILE),
            source: "it is not there, so the folder is not complete".into(),
        })?;
        Ok(Self { path: path.to_owned(), manifest })
    }

    /// Returns the same folder as one that holds no other files than those that `reads` says yes to.
    #[must_use]
    pub fn only(mut self, reads: impl Fn(&str) -> bool) -> Self {
        self.manifest.files.retain(|file| reads(&file.path));
        self
    }

    /// Returns its manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns where the file `name` lies, if the manifest lists it.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<PathBuf> {
        self.manifest.files.iter().any(|file| file.path == name).then(|| self.path.join(name))
    }

    /// Returns where the file `name` lies.
    ///
    /// # Errors
    /// [`Error::NotListed`] when the manifest does not list it.
    pub fn file(&self, name: &str) -> Result<PathBuf> {
        self.find(name).ok_or_else(|| self.not_listed(name))
    }

    /// Returns the files of a split, `<split>-*.parquet`, in the order of their shards.
    ///
    /// # Errors
    /// [`Error::NotListed`] when the manifest lists none.
    pub fn shards(&self, split: &str) -> Result<Vec<PathBuf>> {
        let of_split = |name: &str| {
            name.strip_prefix(split).is_some_and(|rest| rest.starts_with('-') && rest.ends_with(".parquet"))
        };
        let names = self.manifest.files.iter().map(|file| &file.path).filter(|name| of_split(name));
        let mut files: Vec<PathBuf> = names.map(|name| self.path.join(name)).collect();
        files.sort();
        if files.is_empty() { Err(self.not_listed(&format!("{split}-*.parquet"))) } else { Ok(files) }
    }

    fn not_listed(&self, name: &str) -> Error {
        Error::NotListed { folder: self.path.clone(), name: name.to_owned() }
    }
}

/// Lists the `files`, which lie below `folder`, with their digests, sorted by path, the manifest left out.
pub(crate) fn list_files(folder: &Path, files: &[PathBuf]) -> Result<Vec<FileEntry>> {
    let mut entries = Vec::new();
    for path in files {
        let relative = path.strip_prefix(folder).expect("walk stays below its folder");
        let name = relative.to_str().ok_or_else(|| Error::Irregular {
            path: path.clone(),
            found: "a file whose name is not UTF-8",
        })?;
        if name == MANIFEST_FILE {
            continue;
        }
        let size = std::fs::symlink_metadata(path).map_err(Error::io("read", path))?.len();
        let Digests { content, bytes } = digest_file(path)?;
        entries.push(FileEntry { path: name.to_owned(), content, bytes, size });
    }
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(entries)
}

/// What lies below a folder.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Walked {
    /// Every file, sorted.
    pub(crate) files: Vec<PathBuf>,
    /// Every folder, the one itself first, the others sorted.
    pub(crate) folders: Vec<PathBuf>,
}

/// Finds everything below `folder`; links, pipes and the like are refused.
pub(crate) fn walk(folder: &Path) -> Result<Walked> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    let mut next = 0;
    while let Some(folder) = folders.get(next).cloned() {
        next += 1;
        for entry in std::fs::read_dir(&folder).map_err(Error::io("list", &folder))? {
            let entry = entry.map_err(Error::io("list", &folder))?;
            let kind = entry.file_type().map_err(Error::io("list", &folder))?;
            let path = entry.path();
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                files.push(path);
            } else {
                let found = if kind.is_symlink() { "a link" } else { "a pipe, socket or device" };
                return Err(Error::Irregular { path, found });
            }
        }
    }
    files.sort();
    folders[1..].sort();
    Ok(Walked { files, folders })
}
