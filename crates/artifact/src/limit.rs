use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Error, Result};

/// What a file may make its reader hold at once, where nobody said otherwise: 1 GiB.
pub const LIMIT: u64 = 1 << 30;
/// How many times its own size a file may make its reader hold, however large that is.
const TIMES: u64 = 16;
/// How many bytes a file may spell out for each byte that it has, however many those are.
const SPELLED: u64 = 1024;

static HELD: AtomicU64 = AtomicU64::new(LIMIT);

/// Sets what a file may make its reader hold at once, in bytes, for the whole process.
///
/// A few bytes of Parquet can announce terabytes. So a reader asks, before it makes room, whether what a file announces is
/// below this, or no more than sixteen times the file's own size. It changes no result: only what is refused.
pub fn set_limit(bytes: u64) {
    HELD.store(bytes, Ordering::Relaxed);
}

/// Returns what a file may make its reader hold, be it small.
pub(crate) fn limit() -> u64 {
    HELD.load(Ordering::Relaxed)
}

/// Returns what a file of so many bytes may make its reader hold at once.
#[must_use]
pub fn allowed(size: u64) -> u64 {
    limit().max(size.saturating_mul(TIMES))
}

/// Returns what a file of so many bytes may spell out, a little at a time: what bounds time rather than memory.
pub(crate) fn spelled(size: u64) -> u64 {
    limit().max(size.saturating_mul(SPELLED))
}

/// Refuses what would take more than is allowed.
///
/// # Errors
/// [`Error::Demand`] where `bytes` is more than `most`.
pub fn within(path: &Path, what: impl FnOnce() -> String, bytes: u64, most: u64) -> Result<()> {
    if bytes <= most {
        return Ok(());
    }
    Err(Error::Demand { path: path.to_owned(), what: what(), bytes, most })
}

/// Opens a regular file for reading, and returns its size: a pipe or device would be waited for, a folder is none.
///
/// # Errors
/// When there is no such file, it cannot be opened, or it is something else.
pub(crate) fn open_file(path: &Path) -> Result<(File, u64)> {
    let regular = |metadata: std::fs::Metadata| match metadata.is_file() {
        true => Ok(metadata.len()),
        false => {
            let found = match metadata.is_dir() {
                true => "a folder",
                false => "a pipe, socket or device",
            };
            Err(Error::NoFile { path: path.to_owned(), found })
        }
    };
    regular(std::fs::metadata(path).map_err(Error::io("open", path))?)?;
    let file = File::open(path).map_err(Error::io("open", path))?;
    let size = regular(file.metadata().map_err(Error::io("look at", path))?)?;
    Ok((file, size))
}

/// Returns the bytes of a regular file of at most `most` bytes.
///
/// # Errors
/// When there is no such file, it cannot be opened or is something else; [`Error::Demand`] where it is larger.
pub fn read_file(path: &Path, most: u64) -> Result<Vec<u8>> {
    let (file, size) = open_file(path)?;
    within(path, || "the file".to_owned(), size, most)?;
    let mut bytes = Vec::new();
    // It may grow while it is read.
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    within(path, || "the file".to_owned(), bytes.len() as u64, most)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_are_read_and_none_beyond_its_bound() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("file");
        std::fs::write(&file, "four").expect("it can write");
        assert_eq!(read_file(&file, 4).expect("four bytes"), b"four");
        let error = read_file(&file, 3).expect_err("it is larger").to_string();
        assert!(error.contains("file: the file would take 4 bytes"), "{error}");
        let error = read_file(folder.path(), 9).expect_err("a folder").to_string();
        assert!(error.ends_with("expected a regular file, found a folder"), "{error}");
        let error = read_file(&folder.path().join("none"), 9).expect_err("nothing").to_string();
        assert!(error.starts_with("cannot open"), "{error}");
        let error = read_file(Path::new("/dev/zero"), 9).expect_err("a device").to_string();
        assert!(error.ends_with("found a pipe, socket or device"), "{error}");
    }

    #[test]
    fn a_pipe_is_not_waited_for() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let pipe = folder.path().join("train.parquet");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
        assert!(made.success());
        let error = crate::row_count(&pipe).expect_err("a pipe").to_string();
        assert!(error.ends_with("found a pipe, socket or device"), "{error}");
    }
}
