//! Whether files of ours are what was committed: Parquet pages of ours carry no checksums, but a manifest lists each file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use artifact::{LIMIT, MANIFEST_FILE, Manifest, read_file};
use rayon::prelude::*;

use crate::error::{Error, Result};

/// The manifests of ours that stand beside files, or beside what they are links to.
#[derive(Debug, Default)]
pub(crate) struct Manifests(BTreeMap<PathBuf, Option<Manifest>>);

/// Where a file belongs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Home {
    /// The finished folder.
    folder: PathBuf,
    /// The file's name in it.
    name: String,
    /// The folder that shows it.
    shown: PathBuf,
}

impl Manifests {
    /// Finds the finished folder that a file of `folder` belongs to; foreign files belong to none.
    ///
    /// # Errors
    /// When a manifest is one of ours and damaged, or cannot be read.
    pub(crate) fn home(&mut self, folder: &Path, path: &Path) -> Result<Option<Home>> {
        let failed = |source| Error::Io { action: "find", path: path.to_owned(), source };
        let is_link = artifact::found(path)?.is_some_and(|metadata| metadata.is_symlink());
        // A folder that people see holds links to the files of the finished one.
        let real = if is_link { std::fs::canonicalize(path).map_err(failed)? } else { path.to_owned() };
        let most =
            if is_link { 1 } else { path.strip_prefix(folder).map_or(1, |inside| inside.iter().count()) };
        for home in real.ancestors().skip(1).take(most) {
            if !self.0.contains_key(home) {
                self.0.insert(home.to_owned(), manifest(home)?);
            }
            if self.0[home].is_some() {
                let name = real.strip_prefix(home).unwrap_or(&real);
                let shown = path.ancestors().nth(name.iter().count()).unwrap_or(folder).to_owned();
                let name = name.to_string_lossy().into_owned();
                return Ok(Some(Home { folder: home.to_owned(), name, shown }));
            }
        }
        Ok(None)
    }

    fn of(&self, home: &Home) -> Option<&Manifest> {
        self.0.get(&home.folder)?.as_ref()
    }

    /// Tells whether a stage `build` of ours wrote the file: then its columns mean what ours mean.
    pub(crate) fn is_built(&self, home: &Home) -> bool {
        self.of(home).is_some_and(|manifest| {
            manifest.verb == "build" && manifest.files.iter().any(|entry| entry.path == home.name)
        })
    }

    /// Compares files with the manifests that they belong to: where one file has a manifest, each has to be in one.
    ///
    /// # Errors
    /// [`Error::Parquet`] for a file that is not what was written, or that stands among ours and is not;
    /// [`Error::Folder`] when one that was written is not there.
    pub(crate) fn verify(&self, files: &[(&Path, Option<&Home>)]) -> Result<()> {
        let shown: BTreeSet<(&Path, &Path)> = files
            .iter()
            .filter_map(|(_, home)| home.map(|home| (home.folder.as_path(), home.shown.as_path())))
            .collect();
        if shown.is_empty() {
            return Ok(());
        }
        for (home, shown) in shown {
            let listed = self.0.get(home).and_then(Option::as_ref).into_iter().flat_map(|found| &found.files);
            for entry in listed.filter(|entry| entry.path.ends_with(".parquet")) {
                let path = shown.join(&entry.path);
                if artifact::found(&path)?.is_none() {
                    let message = "the manifest of its folder lists it, and it is not there".to_owned();
                    return Err(Error::Folder { path, message });
                }
            }
        }
        files.par_iter().try_for_each(|(path, home)| {
            let manifest = home.and_then(|home| self.of(home));
            let entry = manifest.zip(*home).and_then(|(manifest, home)| {
                manifest.files.iter().find(|entry| entry.path == home.name)
            });
            let Some(entry) = entry else {
                let message =
                    "it stands among the files of a finished dataset, whose manifest does not list it; remove it";
                return Err(Error::parquet(path, message));
            };
            if artifact::bytes_digest(path)? == entry.bytes {
                return Ok(());
            }
            Err(Error::parquet(path, "it is not what its manifest says was written; rerun the build stage"))
        })
    }
}

/// Reads the manifest of a folder; other people's `manifest.json` is none.
fn manifest(folder: &Path) -> Result<Option<Manifest>> {
    let path = folder.join(MANIFEST_FILE);
    if !artifact::found(&path)?.is_some_and(|metadata| metadata.is_file() || metadata.is_symlink()) {
        return Ok(None);
    }
    let text: Option<serde_json::Value> = serde_json::from_slice(&read_file(&path, LIMIT)?).ok();
    let ours = |key: &str| text.as_ref().is_some_and(|text| text.get(key).is_some());
    match ["verb", "key", "files", "digest"].into_iter().all(ours) {
        true => Ok(artifact::read_manifest(folder)?),
        false => Ok(None),
    }
}
