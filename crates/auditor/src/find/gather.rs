//! Everything that lies in a folder, down to its last file, and which of it is Parquet.

use std::fs::{self, Metadata};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::find::names::{Format, format, is_split, stem};

/// A file of the folder, or a folder in it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) path: PathBuf,
    /// Its path below the folder, part by part.
    pub(crate) inside: Vec<String>,
    pub(crate) kind: Kind,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Folder,
    /// Parquet, by its name or by its first bytes.
    Parquet,
    Other,
}

/// Finds all that lies below `folder`, sorted. What is hidden (`.cache`, `_SUCCESS`, `_metadata`) is nobody's data; a link
/// counts as what it leads to.
pub(crate) fn gather(folder: &Path) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    match fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => below(folder, &[], &mut Vec::new(), &mut entries)?,
        Ok(_) => return Err(wrong(folder, "expected a folder of Parquet splits, found a file")),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(wrong(folder, "expected a folder of Parquet splits, there is nothing"));
        }
        Err(source) => return Err(Error::Io { action: "look at", path: folder.to_owned(), source }),
    }
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(entries)
}

fn wrong(folder: &Path, message: &str) -> Error {
    Error::Folder { path: folder.to_owned(), message: message.to_owned() }
}

fn below(folder: &Path, inside: &[String], above: &mut Vec<PathBuf>, entries: &mut Vec<Entry>) -> Result<()> {
    let failed = |source| Error::Io { action: "read", path: folder.to_owned(), source };
    let real = fs::canonicalize(folder).map_err(failed)?;
    if above.contains(&real) {
        return Err(wrong(folder, "it is a link to a folder that it lies in; remove it"));
    }
    above.push(real);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with(['.', '_']) {
            continue;
        }
        let inside = [inside, std::slice::from_ref(&name)].concat();
        let kind = match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => {
                below(&path, &inside, above, entries)?;
                Kind::Folder
            }
            Ok(metadata) => kind(&path, &name, &metadata)?,
            // A link that leads nowhere is a table that is missing, or no table.
            Err(source) if source.kind() == ErrorKind::NotFound && !is_table(&name) => continue,
            Err(source) => return Err(Error::Io { action: "look at", path, source }),
        };
        entries.push(Entry { path, inside, kind });
    }
    above.pop();
    Ok(())
}

fn is_table(name: &str) -> bool {
    match format(name) {
        Format::Parquet => true,
        Format::Rows => is_split(stem(name)),
        Format::Unknown => false,
    }
}

/// Looks at the first bytes of a file whose name does not say that it is Parquet.
fn kind(path: &Path, name: &str, metadata: &Metadata) -> Result<Kind> {
    if format(name) == Format::Parquet {
        return Ok(Kind::Parquet); // What is no regular file is refused when it is opened.
    }
    if !metadata.is_file() {
        return Ok(Kind::Other);
    }
    let failed = |source| Error::Io { action: "read", path: path.to_owned(), source };
    let mut head = Vec::new();
    fs::File::open(path).and_then(|file| file.take(4).read_to_end(&mut head)).map_err(failed)?;
    Ok(if head == b"PAR1" { Kind::Parquet } else { Kind::Other })
}
