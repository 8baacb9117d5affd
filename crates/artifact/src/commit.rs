use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use crate::manifest::{list_files, walk};
use crate::{Error, MANIFEST_FILE, Manifest, Result, found};

/// Makes the finished work in `folder` complete: files and folders reach the disk, then the manifest (with the list of files and
/// its own digest, filled in here), which is returned.
///
/// # Errors
/// When the disk refuses, or something is there that is no regular file: a link, a pipe.
pub fn seal(folder: &Path, manifest: &Manifest) -> Result<Manifest> {
    let walked = walk(folder)?;
    let mut manifest = Manifest { files: list_files(folder, &walked.files)?, ..manifest.clone() };
    manifest.sign();
    for path in &walked.files {
        sync(path)?;
    }
    // A listing that breaks off early looks like one that is whole.
    if walk(folder)? != walked {
        let changed = std::io::Error::other("it changed while it was listed");
        return Err(Error::io("list", folder)(changed));
    }
    let bytes = serde_json::to_vec_pretty(&manifest).expect("a manifest is JSON");
    write_synced(&folder.join(MANIFEST_FILE), &bytes)?;
    for folder in walked.folders.iter().rev() {
        sync(folder)?;
    }
    Ok(manifest)
}

/// Gives the sealed folder `from` the name `to`, unless a folder stands there already: the first one wins. Says whether it did.
///
/// # Errors
/// When the disk refuses.
pub fn place(from: &Path, to: &Path) -> Result<bool> {
    // A folder never takes the place of one that is not empty.
    match std::fs::rename(from, to) {
        Ok(()) => {}
        Err(error) if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists) => {
            return Ok(false);
        }
        Err(error) => return Err(Error::io("rename", from)(error)),
    }
    sync_parent(to)?;
    Ok(true)
}

/// Lets `new` stand where `old` stands, and the other way round where there was one: in one step where the system can, in two
/// renames elsewhere. Both lie in one file system.
///
/// # Errors
/// When the disk refuses; `old` is then what it was.
pub fn swap(new: &Path, old: &Path) -> Result<()> {
    if found(old)?.is_none() {
        std::fs::rename(new, old).map_err(Error::io("rename", new))?;
        return sync_parent(old);
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, new, CWD, old, RenameFlags::EXCHANGE) {
            Ok(()) => return sync_parent(old),
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {} // this file system cannot
            Err(error) => return Err(Error::io("exchange", old)(error.into())),
        }
    }
    let name = old.file_name().unwrap_or_default().to_string_lossy();
    let aside = new.with_file_name(format!("{name}.aside"));
    std::fs::rename(old, &aside).map_err(Error::io("rename", old))?;
    if let Err(error) = std::fs::rename(new, old) {
        std::fs::rename(&aside, old).map_err(Error::io("rename", &aside))?;
        return Err(Error::io("rename", new)(error));
    }
    std::fs::rename(&aside, new).map_err(Error::io("rename", &aside))?;
    sync_parent(old)
}

/// Writes `bytes` to `path` by way of `desk`, a path of the same file system, so that a reader sees the old file or the new one.
///
/// # Errors
/// When the disk refuses.
pub fn write_whole(desk: &Path, path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(desk, bytes).map_err(Error::io("write", desk))?;
    std::fs::rename(desk, path).map_err(Error::io("write", path))
}

/// Removes a file, a link itself, or a folder with everything in it, if it is there.
///
/// # Errors
/// When the system refuses.
pub fn remove(path: &Path) -> Result<()> {
    let removed = match found(path)? {
        Some(metadata) if metadata.is_dir() => std::fs::remove_dir_all(path),
        Some(_) => std::fs::remove_file(path),
        None => return Ok(()),
    };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = File::create(path).map_err(Error::io("create", path))?;
    file.write_all(bytes).map_err(Error::io("write", path))?;
    file.sync_all().map_err(Error::io("sync", path))
}

fn sync(path: &Path) -> Result<()> {
    File::open(path).and_then(|file| file.sync_all()).map_err(Error::io("sync", path))
}

fn sync_parent(path: &Path) -> Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    sync(parent.unwrap_or(Path::new(".")))
}
