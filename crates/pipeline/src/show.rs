//! What people see: real folders whose files are relative links into the store, one folder an axis.
//!
//! Every glob and every reader that goes down into folders then finds each point once, and columns by their names.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use artifact::{Manifest, bytes_digest, found, remove, swap};

use crate::desk::{Desk, list};
use crate::layout::{STATE, STORE, Slot};
use crate::{Error, Layout, Result};

/// Returns the key of the entry that the folder of `slot` shows; `None` where it shows none.
pub(crate) fn shown(layout: &Layout, slot: &Slot) -> Result<Option<String>> {
    shown_in(&layout.path(&slot.path()))
}

/// Returns the key of the entry that `folder` shows by one of its links.
pub(crate) fn shown_in(folder: &Path) -> Result<Option<String>> {
    if !found(folder)?.is_some_and(|metadata| metadata.is_dir()) {
        return Ok(None);
    }
    for name in list(folder)? {
        if let Some(key) = link_at(&folder.join(name))?.as_deref().and_then(key_in) {
            return Ok(Some(key.to_owned()));
        }
    }
    Ok(None)
}

/// Says whether the folder of `slot` shows the entry of `key`, all of it and nothing else.
pub(crate) fn shows(layout: &Layout, slot: &Slot, key: &str, manifest: &Manifest) -> Result<bool> {
    let folder = layout.path(&slot.path());
    if !found(&folder)?.is_some_and(|metadata| metadata.is_dir()) {
        return Ok(false);
    }
    let wanted = links(slot, key, manifest);
    let names = list(&folder)?;
    if names.len() != wanted.len() || !names.iter().all(|name| wanted.contains_key(name)) {
        return Ok(false);
    }
    for (name, target) in &wanted {
        if link_at(&folder.join(name))?.as_deref() != Some(target) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Notes, in the folder's own time, that what it shows was asked for; a disk that may only be read does not hold that up.
pub(crate) fn touch(layout: &Layout, slot: &Slot) {
    let path = layout.path(&slot.path());
    let now = std::fs::FileTimes::new().set_modified(std::time::SystemTime::now());
    if let Err(error) = std::fs::File::open(&path).and_then(|folder| folder.set_times(now)) {
        tracing::debug!("{}: {error}", path.display());
    }
}

/// Makes the folder of `slot` show the entry of `key`; returns where something was put that stood there and is not ours.
pub(crate) fn show(
    layout: &Layout,
    slot: &Slot,
    key: &str,
    manifest: &Manifest,
    desk: &Desk,
) -> Result<Option<PathBuf>> {
    let folder = desk.folder("shown")?;
    for (name, target) in links(slot, key, manifest) {
        let link = folder.join(name);
        symlink(&target, &link).map_err(Error::io("link", &link))?;
    }
    let place = slot.path();
    layout.folder(place.parent().unwrap_or(Path::new("")))?;
    let place = layout.path(&place);
    swap(&folder, &place)?;
    // What stood there until now has taken the place on the desk.
    put_away(layout, slot, &folder, manifest)
}

/// Takes away what the folder of `slot` shows, and folders of axes that are empty then.
pub(crate) fn hide(layout: &Layout, slot: &Slot, desk: &Desk) -> Result<()> {
    hide_folder(layout, &slot.path(), desk)
}

/// Takes away the folder `relative` of links, and the empty ones above it.
pub(crate) fn hide_folder(layout: &Layout, relative: &Path, desk: &Desk) -> Result<()> {
    let folder = layout.path(relative);
    if found(&folder)?.is_some() {
        let gone = desk.place("gone");
        std::fs::rename(&folder, &gone).map_err(Error::io("rename", &folder))?;
        remove(&gone)?;
    }
    // `datasets/` and `results/` themselves stay.
    for above in relative.ancestors().skip(1).filter(|above| above.components().count() > 1) {
        let above = layout.path(above);
        if let [name] = list(&above)?.as_slice()
            && is_cover(&above.join(name))?
        {
            remove(&above.join(name))?;
        }
        match std::fs::remove_dir(above) {
            Ok(()) => {}
            Err(_) => break, // there is something else in it, or it is not there
        }
    }
    Ok(())
}

/// Returns every folder below `relative` that shows an entry, with its key.
pub(crate) fn shown_below(layout: &Layout, relative: &Path) -> Result<Vec<(PathBuf, String)>> {
    let mut all = Vec::new();
    let mut open = vec![relative.to_owned()];
    while let Some(relative) = open.pop() {
        let folder = layout.path(&relative);
        if !found(&folder)?.is_some_and(|metadata| metadata.is_dir()) {
            continue;
        }
        if let Some(key) = shown_in(&folder)? {
            all.push((relative.clone(), key));
        }
        // Deeper than any matrix nothing is ours.
        if relative.components().count() < 40 {
            open.extend(list(&folder)?.into_iter().map(|name| relative.join(name)));
        }
    }
    all.sort();
    Ok(all)
}

/// Returns name and target of every link that shows the entry of `key` at `slot`: one a file, one a folder inside.
fn links(slot: &Slot, key: &str, manifest: &Manifest) -> BTreeMap<String, PathBuf> {
    let up: PathBuf = slot.path().components().map(|_| "..").collect();
    let entry = up.join(STATE).join(STORE).join(key);
    let first = |path: &str| path.split('/').next().unwrap_or(path).to_owned();
    manifest.files.iter().map(|file| first(&file.path)).map(|name| (name.clone(), entry.join(name))).collect()
}

/// Returns where the link at `path` leads; `None` where there is no link.
fn link_at(path: &Path) -> Result<Option<PathBuf>> {
    match found(path)? {
        Some(metadata) if metadata.is_symlink() => {
            Ok(Some(std::fs::read_link(path).map_err(Error::io("read", path))?))
        }
        _ => Ok(None),
    }
}

/// Returns the key in a target of a link of ours.
fn key_in(target: &Path) -> Option<&str> {
    let mut parts =
        target.components().map(|part| part.as_os_str().to_str()).skip_while(|part| *part == Some(".."));
    let is_store = parts.next() == Some(Some(STATE)) && parts.next() == Some(Some(STORE));
    parts.next().flatten().filter(|key| is_store && key.len() == 64)
}

/// Looks at what stood in the place of `slot` and lies in `old` now: what is not made of links of ours, or copies of the files that
/// they show, is somebody's, and kept.
fn put_away(layout: &Layout, slot: &Slot, old: &Path, manifest: &Manifest) -> Result<Option<PathBuf>> {
    if !is_somebodys(old, manifest)? {
        remove(old)?;
        return Ok(None);
    }
    let kept = layout.state("kept");
    std::fs::create_dir_all(&kept).map_err(Error::io("create", &kept))?;
    let name = slot.path().to_string_lossy().replace('/', "-");
    let mut place = kept.join(&name);
    let mut number = 1;
    while found(&place)?.is_some() {
        number += 1;
        place = kept.join(format!("{name}.{number}"));
    }
    std::fs::rename(old, &place).map_err(Error::io("rename", old))?;
    Ok(Some(place))
}

/// What stands last in a file above the folders of matrix points.
pub(crate) const COVER: &str = "<!-- written by seqlab, from the folders below -->\n";

/// Whether the file at `path` is one that stands above the folders of matrix points.
fn is_cover(path: &Path) -> Result<bool> {
    if !found(path)?.is_some_and(|metadata| metadata.is_file() && metadata.len() < 1 << 24) {
        return Ok(false);
    }
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    Ok(bytes.ends_with(COVER.as_bytes()))
}

fn is_somebodys(old: &Path, manifest: &Manifest) -> Result<bool> {
    let Some(metadata) = found(old)? else { return Ok(false) };
    if !metadata.is_dir() {
        return Ok(metadata.is_file()); // a link is none of anybody's results
    }
    let mut open = vec![(old.to_owned(), String::new())];
    while let Some((folder, above)) = open.pop() {
        for name in list(&folder)? {
            let path = folder.join(&name);
            let Some(metadata) = found(&path)? else { continue };
            let inner = format!("{above}{name}");
            if metadata.is_symlink() {
                continue;
            } else if metadata.is_dir() {
                open.push((path, format!("{inner}/")));
                continue;
            }
            // A tree that was copied with its links followed holds the same bytes.
            let ours = manifest.files.iter().find(|file| file.path == inner);
            let same = match ours.filter(|file| file.size == metadata.len()) {
                Some(file) => bytes_digest(&path)? == file.bytes,
                None => false,
            };
            if !same && !is_cover(&path)? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
