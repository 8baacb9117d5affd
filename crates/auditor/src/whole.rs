//! Whether files of ours are what was committed: Parquet pages of ours carry no checksums, but a manifest lists each file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use artifact::Manifest;
use rayon::prelude::*;

use crate::{Error, Result};

/// Compares the files `read` of `folder` with the manifest beside them, or beside what they are links to; foreign files have none.
///
/// # Errors
/// [`Error::Parquet`] for a file that is not what was written, or that stands among ours and is not; when one that was written is not there.
pub(crate) fn verify(folder: &Path, read: &[&PathBuf]) -> Result<()> {
    let mut manifests: BTreeMap<PathBuf, Option<Manifest>> = BTreeMap::new();
    let mut placed = Vec::new();
    for path in read {
        let failed = |source| Error::Io { action: "find", path: (*path).clone(), source };
        let is_link = artifact::found(path)?.is_some_and(|metadata| metadata.is_symlink());
        // A folder that people see holds links to the files of the finished one.
        let (real, home) = match is_link {
            true => {
                let real = std::fs::canonicalize(path).map_err(failed)?;
                let home = real.parent().unwrap_or(folder).to_owned();
                (real, home)
            }
            false => ((*path).clone(), folder.to_owned()),
        };
        if !manifests.contains_key(&home) {
            manifests.insert(home.clone(), artifact::read_manifest(&home)?);
        }
        placed.push((*path, real, home));
    }
    if manifests.values().all(Option::is_none) {
        return Ok(());
    }
    for manifest in manifests.values().flatten() {
        let tables = manifest.files.iter().filter(|file| file.path.ends_with(".parquet"));
        for file in tables {
            let path = folder.join(&file.path);
            if artifact::found(&path)?.is_none() {
                return Err(Error::parquet(
                    &path,
                    "the manifest of its folder lists it, and it is not there",
                ));
            }
        }
    }
    placed.par_iter().try_for_each(|(path, real, home)| {
        let name = real.strip_prefix(home).unwrap_or(real).to_string_lossy();
        let manifest = manifests.get(home).and_then(Option::as_ref);
        let Some(entry) =
            manifest.and_then(|manifest| manifest.files.iter().find(|entry| entry.path == name))
        else {
            let message =
                "it stands among the files of a finished dataset, whose manifest does not list it; remove it";
            return Err(Error::parquet(path, message));
        };
        if artifact::bytes_digest(real)? == entry.bytes {
            return Ok(());
        }
        Err(Error::parquet(path, "it is not what its manifest says was written; rerun the build stage"))
    })
}
