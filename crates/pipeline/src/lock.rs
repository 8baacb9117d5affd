//! Who may write what at a time: one runner a pipeline, one attempt an entry, and nobody while garbage is removed.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use artifact::found;
use rustix::fs::{Mode, OFlags};

use crate::{Error, Layout, Result};

/// The lock that a run shares with other runs, and that removing garbage has alone; no pipeline is called so, since their names begin with
/// a letter.
pub(crate) const GARBAGE: &str = "_gc";

/// A kernel lock on a file of `.seqlab/locks/`: gone with the process that holds it, however that ends.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    /// Of a lock whose file goes with it.
    removes: Option<PathBuf>,
}

/// What became of the wish for a lock.
pub(crate) enum Wish {
    Granted(Lock),
    /// Who has it.
    Held(String),
}

impl Lock {
    /// Takes the lock `name` alone, or says who holds it; `command` is what others are told.
    pub(crate) fn alone(layout: &Layout, name: &str, command: &str) -> Result<Wish> {
        let path = layout.lock(name);
        let Some(mut file) = claim(&path, File::try_lock)? else { return Ok(Wish::Held(holder(&path)?)) };
        let words = format!("process {} ({})\n", std::process::id(), command.replace('\n', " "));
        let written =
            file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(words.as_bytes()));
        written.map_err(Error::io("write", &path))?;
        Ok(Wish::Granted(Self { file, removes: None }))
    }

    /// Takes the lock `name` beside others who share it, or says who has it alone.
    pub(crate) fn shared(layout: &Layout, name: &str) -> Result<Wish> {
        let path = layout.lock(name);
        match claim(&path, File::try_lock_shared)? {
            Some(file) => Ok(Wish::Granted(Self { file, removes: None })),
            None => Ok(Wish::Held(holder(&path)?)),
        }
    }

    /// Makes the file of the lock go when the lock does: of locks as numerous as keys.
    pub(crate) fn passing(mut self, layout: &Layout, name: &str) -> Self {
        self.removes = Some(layout.lock(name));
        self
    }

    /// Says whether somebody holds the lock `name` alone.
    pub(crate) fn is_held(layout: &Layout, name: &str) -> Result<bool> {
        let path = layout.lock(name);
        if found(&path)?.is_none() {
            return Ok(false);
        }
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(Error::io("open", &path)(error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(Error::io("lock", &path)(error)),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is held, so that nobody holds a file that has no name any more; `claim` looks whether it has.
        if let Some(Err(error)) = self.removes.as_ref().map(std::fs::remove_file) {
            tracing::debug!("the file of a lock stays: {error}");
        }
        // Closing alone would leave it locked while a child that is just being started still shares the file.
        if let Err(error) = self.file.unlock() {
            tracing::debug!("lock not released before it is closed: {error}");
        }
    }
}

/// Opens the file at `path`, which is made where there is none and may be no link, and locks it; `None` where it is held.
fn claim(path: &Path, lock: fn(&File) -> std::result::Result<(), TryLockError>) -> Result<Option<File>> {
    loop {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let opened = rustix::fs::open(path, flags, Mode::from_raw_mode(0o666));
        let file = File::from(opened.map_err(|error| Error::io("open", path)(error.into()))?);
        match lock(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(source)) => return Err(Error::io("lock", path)(source)),
        }
        let ours = file.metadata().map_err(Error::io("look at", path))?;
        // Whoever held it before may have removed its name.
        if found(path)?.is_some_and(|named| (named.dev(), named.ino()) == (ours.dev(), ours.ino())) {
            return Ok(Some(file));
        }
    }
}

/// Returns what the holder of the lock at `path` says of itself.
fn holder(path: &Path) -> Result<String> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(4096).read_to_string(&mut text));
    match read {
        Err(error)
            if !matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::InvalidData) =>
        {
            Err(Error::io("read", path)(error))
        }
        _ => {
            let line = text.lines().next().filter(|line| !line.is_empty());
            Ok(line.unwrap_or("another process").to_owned())
        }
    }
}
