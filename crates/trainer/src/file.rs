//! Files that are there whole or not at all.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::Error;

/// Writes a file. Whoever looks at `path` finds what was there before, or all of it.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    make_folder(path)?;
    Ok(artifact::write_whole(&beside(path), path, bytes)?)
}

/// As [`write`]; what is there afterwards also outlives the machine's failure, once its folder is synced.
pub(crate) fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    make_folder(path)?;
    let new = beside(path);
    let write = || {
        let mut file = File::create(&new)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(Error::io("write", path))?;
    std::fs::rename(&new, path).map_err(Error::io("write", path))
}

/// Brings a file or a folder to the disk.
pub(crate) fn sync(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|file| file.sync_all()).map_err(Error::io("sync", path))
}

/// Returns the content of a file; `None` where there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

/// Makes the file `from` stand at `to` too, in place of whatever is there: one file with two names where the system can, a
/// copy else.
pub(crate) fn place(from: &Path, to: &Path) -> Result<(), Error> {
    make_folder(to)?;
    let new = beside(to);
    artifact::remove(&new)?;
    if std::fs::hard_link(from, &new).is_err() {
        // The new name is nobody's: nothing is ever copied onto itself.
        std::fs::copy(from, &new).map_err(Error::io("copy", from))?;
    }
    std::fs::rename(&new, to).map_err(Error::io("write", to))?;
    // Of two names of one file a rename leaves both.
    Ok(artifact::remove(&new)?)
}

/// Checks that the file has the digest that was written down.
pub(crate) fn verify(path: &Path, digest: &str) -> Result<(), Error> {
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    let found = artifact::digest_bytes(&bytes);
    if found == digest {
        return Ok(());
    }
    Err(Error::Changed { path: path.to_owned(), expected: digest.to_owned(), found })
}

/// Removes a folder with all that is in it, if there is one; whatever else stands there is an error.
pub(crate) fn remove_folder(path: &Path) -> Result<(), Error> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(Error::io("remove", path)),
    }
}

/// Returns the name that a file has until it is whole.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.new"))
}

fn make_folder(path: &Path) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_placed_over_itself_over_another_and_over_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "deep/to"].map(|name| folder.path().join(name));
        write(&from, b"whole").unwrap();
        for before in [None, Some(&b"whole"[..]), Some(b"who"), Some(b"")] {
            if let Some(before) = before {
                std::fs::write(&to, before).unwrap();
            }
            for _ in 0..2 {
                place(&from, &to).unwrap();
                assert_eq!(
                    (read(&from).unwrap(), read(&to).unwrap()),
                    (Some(b"whole".into()), Some(b"whole".into()))
                );
            }
            place(&to, &to).unwrap();
            assert_eq!(read(&to).unwrap(), Some(b"whole".into()));
            artifact::remove(&to).unwrap();
        }
        place(&from, &to).unwrap();
        // What is written over one name is not written over the other.
        write(&from, b"other").unwrap();
        assert_eq!(read(&to).unwrap(), Some(b"whole".into()));
        let names = std::fs::read_dir(to.parent().unwrap()).unwrap().count();
        assert_eq!(names, 1, "nothing is left beside it");
        let error = place(&folder.path().join("none"), &to).unwrap_err().to_string();
        assert!(error.starts_with("cannot copy ") && error.contains("none"), "{error}");
        assert_eq!(read(&to).unwrap(), Some(b"whole".into()));
        assert!(read(&to.join("below")).is_err(), "a file is no folder, and no absence");
    }
}
