//! One runner at a time writes below an output root.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;

use crate::{Error, Layout, Result, Root};

/// A kernel lock on an output root: gone with the process that holds it, however that ends.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock of `root`, or says who holds it.
    pub(crate) fn take(layout: &Layout, root: Root, command: &str) -> Result<Self> {
        let folder = layout.root(root);
        std::fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        let path = folder.join(".lock");
        let mut options = OpenOptions::new();
        let opened = options.read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = opened.map_err(Error::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = std::fs::read_to_string(&path).unwrap_or_default();
                let holder =
                    holder.lines().next().filter(|line| !line.is_empty()).unwrap_or("another process");
                return Err(Error::Locked { root: folder, holder: holder.to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(Error::io("lock", &path)(source)),
        }
        let command = command.replace('\n', " ");
        let written =
            file.set_len(0).and_then(|()| writeln!(file, "process {} ({command})", std::process::id()));
        written.map_err(Error::io("write", &path))?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone would leave it locked while a child that is just being started still shares the file.
        if let Err(error) = self.file.unlock() {
            tracing::debug!("lock not released before it is closed: {error}");
        }
    }
}
