use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use parquet::file::reader::{FileReader, SerializedFileReader};

use crate::{Error, Result};

/// Returns the hex BLAKE3 digest of `bytes`.
#[must_use]
pub fn digest_bytes(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// Returns the key of the counter-based random stream of one purpose, e.g. `("trainer/init", &[seed])`.
///
/// Two purposes, or two lists of numbers, never share a stream.
#[must_use]
pub fn stream_key(purpose: &str, numbers: &[u64]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("seqlab random stream");
    hasher.update(&(purpose.len() as u64).to_le_bytes());
    hasher.update(purpose.as_bytes());
    for number in numbers {
        hasher.update(&number.to_le_bytes());
    }
    *hasher.finalize().as_bytes()
}

/// Returns the digest of a file's content, hex BLAKE3.
///
/// Of a Parquet file: its schema and its column chunks, never the key-value metadata, so that a table whose rows
/// are the same has the same digest whatever it was made with. Of any other file: its bytes.
///
/// # Errors
/// When the file cannot be read, or says it is Parquet and is not.
pub fn file_digest(path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    let mut hasher = blake3::Hasher::new();
    if path.extension().is_some_and(|extension| extension == "parquet") {
        let reader = SerializedFileReader::new(file.try_clone().map_err(Error::io("open", path))?)
            .map_err(Error::parquet(path))?;
        hasher.update(format!("{:?}", reader.metadata().file_metadata().schema()).as_bytes());
        for group in reader.metadata().row_groups() {
            hasher.update(&group.num_rows().to_le_bytes());
            for column in group.columns() {
                let (start, length) = column.byte_range();
                file.seek(SeekFrom::Start(start)).map_err(Error::io("read", path))?;
                let copied = std::io::copy(&mut (&file).take(length), &mut hasher);
                copied.map_err(Error::io("read", path))?;
            }
        }
    } else {
        std::io::copy(&mut file, &mut hasher).map_err(Error::io("read", path))?;
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// Remembers digests by device, inode, size, mtime and ctime, so that unchanged files are not read again.
///
/// A file changed within the last clock tick is hashed again: its times cannot tell whether it changed once more.
#[derive(Debug)]
pub struct DigestCache {
    path: PathBuf,
    known: BTreeMap<String, String>,
    used: BTreeMap<String, String>,
}

impl DigestCache {
    /// Opens the cache file at `path`; a missing or unreadable one is an empty cache.
    #[must_use]
    pub fn open(path: &Path) -> Self {
        let known = std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self { path: path.to_owned(), known: known.unwrap_or_default(), used: BTreeMap::new() }
    }

    /// Returns [`file_digest`] of `path`, from memory where the file has not changed.
    ///
    /// # Errors
    /// As [`file_digest`].
    pub fn digest(&mut self, path: &Path) -> Result<String> {
        let metadata = std::fs::metadata(path).map_err(Error::io("read", path))?;
        let identity = identity(&metadata);
        if let Some(digest) = self.known.get(&identity).or_else(|| self.used.get(&identity)) {
            let digest = digest.clone();
            self.used.insert(identity, digest.clone());
            return Ok(digest);
        }
        let digest = file_digest(path)?;
        if settled(&metadata) {
            self.used.insert(identity, digest.clone());
        }
        Ok(digest)
    }

    /// Writes what was learnt, atomically. Losing it costs time, never correctness.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn save(&mut self) -> Result<()> {
        if self.used.iter().all(|(identity, digest)| self.known.get(identity) == Some(digest)) {
            return Ok(());
        }
        self.known.append(&mut self.used);
        let bytes = serde_json::to_vec(&self.known).expect("a map of strings is JSON");
        let temporary = self.path.with_extension(format!("{}.tmp", std::process::id()));
        if let Some(parent) = self.path.parent() {
            std::fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        }
        std::fs::write(&temporary, bytes).map_err(Error::io("write", &temporary))?;
        std::fs::rename(&temporary, &self.path).map_err(Error::io("rename", &temporary))
    }
}

fn identity(m: &Metadata) -> String {
    let times = [m.mtime(), m.mtime_nsec(), m.ctime(), m.ctime_nsec()];
    format!("{}:{}:{}:{times:?}", m.dev(), m.ino(), m.size())
}

fn settled(metadata: &Metadata) -> bool {
    const TICK: std::time::Duration = std::time::Duration::from_millis(20);
    let changed = SystemTime::UNIX_EPOCH
        + std::time::Duration::new(
            u64::try_from(metadata.ctime()).unwrap_or(0),
            u32::try_from(metadata.ctime_nsec()).unwrap_or(0),
        );
    SystemTime::now().duration_since(changed).is_ok_and(|age| age > TICK)
}
