use std::fs::Metadata;
use std::io::ErrorKind;
use std::path::Path;

use crate::{Error, Result};

/// Returns what lies at `path`, a link as itself; `None` where there is nothing.
///
/// Absence is what the system calls "not found" and nothing else: a disk that fails, too many open files or a folder that
/// may not be read are errors. `Path::exists` and its kin turn all of them into "not there", so that a report drops a
/// section and an audit a gate; clippy forbids them.
///
/// # Errors
/// When the system cannot tell.
pub fn found(path: &Path) -> Result<Option<Metadata>> {
    match std::fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("look at", path)(error)),
    }
}

/// Returns whether something lies at `path`, be it a link to nothing.
///
/// # Errors
/// As [`found`].
pub fn exists(path: &Path) -> Result<bool> {
    Ok(found(path)?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absence_is_only_not_found() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("file");
        assert!(!exists(&file).expect("nothing is there"));
        std::fs::write(&file, "").expect("it can write");
        assert!(found(&file).expect("it is there").is_some_and(|metadata| metadata.is_file()));
        let error = exists(&file.join("below")).expect_err("a file is no folder");
        assert!(error.to_string().contains("below"), "{error}");
        std::os::unix::fs::symlink("nowhere", folder.path().join("link")).expect("it can link");
        assert!(exists(&folder.path().join("link")).expect("a link is something"));
    }
}
