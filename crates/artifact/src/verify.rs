use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Manifest, Result, bytes_digest, found};

/// Which files of one finished folder were found whole, and when they last changed then, so that they are not read again.
///
/// A file whose times cannot tell whether it changed once more after it was read (it had changed within the last tick of the
/// file system's own clock) is read again the next time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// [`Manifest::digest`] of the manifest that they fitted.
    manifest: String,
    /// Path in the folder to what the system says of the file.
    files: BTreeMap<String, String>,
    #[serde(skip)]
    changed: bool,
}

/// Tells the time of the file system that results lie on, by a file written there.
#[derive(Debug)]
pub struct Clock {
    path: PathBuf,
}

impl Clock {
    /// Takes `path` for the file; its folder must be there. It may be removed afterwards.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    fn now(&self) -> Option<Duration> {
        // Whether it can be told is not whether the files are whole: without a clock they are read again the next time.
        std::fs::write(&self.path, "clock").ok()?;
        let metadata = std::fs::symlink_metadata(&self.path).ok()?;
        Some(changed_at(&metadata))
    }
}

impl Verified {
    /// Reads what was remembered in the file at `path`; nothing where it is missing or unreadable: that costs time only.
    #[must_use]
    pub fn open(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// Says whether there is something to remember that was not read from the file.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        self.changed
    }

    /// Returns what to write into the file.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a map of strings is JSON")
    }

    /// Compares the files of the finished folder at `folder` with its manifest; says what is wrong, `None` where nothing is.
    ///
    /// Without a `clock` nothing new is remembered.
    ///
    /// # Errors
    /// When the system cannot say: that a file cannot be read does not mean that it is damaged.
    pub fn damage(
        &mut self,
        folder: &Path,
        manifest: &Manifest,
        clock: Option<&Clock>,
    ) -> Result<Option<String>> {
        if self.manifest != manifest.digest {
            *self = Self { manifest: manifest.digest.clone(), files: BTreeMap::new(), changed: true };
        }
        for file in &manifest.files {
            let path = folder.join(&file.path);
            let Some(metadata) = found(&path)? else {
                return Ok(Some(format!("`{}` is missing", file.path)));
            };
            if !metadata.is_file() {
                return Ok(Some(format!("`{}` is no regular file any more", file.path)));
            }
            let identity = identity(&metadata);
            if self.files.get(&file.path) == Some(&identity) {
                continue;
            }
            self.files.remove(&file.path);
            let now = clock.and_then(Clock::now);
            if metadata.len() != file.size || bytes_digest(&path)? != file.bytes {
                return Ok(Some(format!("`{}` is not what was written", file.path)));
            }
            if now.is_some_and(|now| settled(&metadata, now)) {
                self.files.insert(file.path.clone(), identity);
                self.changed = true;
            }
        }
        Ok(None)
    }
}

fn identity(m: &Metadata) -> String {
    let times = [m.mtime(), m.mtime_nsec(), m.ctime(), m.ctime_nsec()];
    format!("{}:{}:{}:{times:?}", m.dev(), m.ino(), m.size())
}

fn changed_at(metadata: &Metadata) -> Duration {
    let seconds = u64::try_from(metadata.ctime()).unwrap_or(0);
    Duration::new(seconds, u32::try_from(metadata.ctime_nsec()).unwrap_or(0))
}

/// Whether a change at `now` or later would show in the file's times.
fn settled(metadata: &Metadata, now: Duration) -> bool {
    let tick = if metadata.ctime_nsec() == 0 { Duration::from_secs(2) } else { Duration::from_millis(20) };
    changed_at(metadata) + tick < now
}
