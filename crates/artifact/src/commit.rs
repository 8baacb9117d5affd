use std::fs::File;
use std::path::Path;

use crate::manifest::walk;
use crate::{Error, MANIFEST_FILE, Manifest, Result, list_files};

/// Makes the finished work in `temporary` the complete folder `target`, or leaves `target` as it was.
///
/// Both must lie in the same parent folder. The order makes it safe at any moment of a crash: files and folders
/// reach the disk, then the manifest (with the list of files, filled in here), then the name, then the parent.
///
/// # Errors
/// When the disk refuses; `temporary` then still lies there.
pub fn commit_folder(temporary: &Path, target: &Path, manifest: &Manifest) -> Result<()> {
    let manifest = Manifest { files: list_files(temporary)?, ..manifest.clone() };
    for path in walk(temporary)? {
        sync(&path)?;
    }
    let path = temporary.join(MANIFEST_FILE);
    let bytes = serde_json::to_vec_pretty(&manifest).expect("a manifest is JSON");
    std::fs::write(&path, bytes).map_err(Error::io("write", &path))?;
    sync(&path)?;
    for folder in folders(temporary)? {
        sync(&folder)?;
    }
    if target.exists() {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let replaced = target.with_file_name(format!(".{name}.replaced"));
        if replaced.exists() {
            std::fs::remove_dir_all(&replaced).map_err(Error::io("remove", &replaced))?;
        }
        std::fs::rename(target, &replaced).map_err(Error::io("rename", target))?;
        std::fs::rename(temporary, target).map_err(Error::io("rename", temporary))?;
        std::fs::remove_dir_all(&replaced).map_err(Error::io("remove", &replaced))?;
    } else {
        std::fs::rename(temporary, target).map_err(Error::io("rename", temporary))?;
    }
    sync(target.parent().unwrap_or(Path::new(".")))
}

/// Points the link `link` at `target_name`, a folder beside it, in one atomic step.
///
/// # Errors
/// When the disk refuses, or `link` is a real folder.
pub fn swap_link(link: &Path, target_name: &str) -> Result<()> {
    if std::fs::read_link(link).is_ok_and(|target| target == Path::new(target_name)) {
        return Ok(());
    }
    let name = link.file_name().unwrap_or_default().to_string_lossy();
    let temporary = link.with_file_name(format!(".{name}.link"));
    match std::fs::remove_file(&temporary) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::io("remove", &temporary)(error));
        }
        _ => {}
    }
    std::os::unix::fs::symlink(target_name, &temporary).map_err(Error::io("link", &temporary))?;
    std::fs::rename(&temporary, link).map_err(Error::io("link", link))?;
    sync(link.parent().unwrap_or(Path::new(".")))
}

fn sync(path: &Path) -> Result<()> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path).and_then(|file| file.sync_all()).map_err(Error::io("sync", path))
}

fn folders(root: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut found = vec![root.to_owned()];
    let mut next = 0;
    while next < found.len() {
        let folder = found[next].clone();
        for entry in std::fs::read_dir(&folder).map_err(Error::io("list", &folder))? {
            let entry = entry.map_err(Error::io("list", &folder))?;
            if entry.file_type().map_err(Error::io("list", &folder))?.is_dir() {
                found.push(entry.path());
            }
        }
        next += 1;
    }
    Ok(found)
}
