//! Finds the splits in a folder of Parquet files by the names that people use.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// The files of each split, in the order of their names.
pub(crate) type Files = BTreeMap<String, Vec<PathBuf>>;

/// Tables of ours that are no splits.
#[derive(Debug, Clone, Default)]
pub(crate) struct Beside {
    pub(crate) vocabulary: Option<PathBuf>,
    pub(crate) counterfactuals: Option<PathBuf>,
    pub(crate) definition: Option<PathBuf>,
    /// Files that no split has, beside splits that have known names.
    pub(crate) unread: Vec<PathBuf>,
}

/// Returns the files of each split, and those of our other tables that stand beside them.
pub(crate) fn splits_of(folder: &Path) -> Result<(Files, Beside)> {
    let mut paths = Vec::new();
    gather(folder, 8, &mut paths)?;
    paths.sort();
    let mut beside = Beside::default();
    let (mut known, mut other) = (Files::new(), Files::new());
    for path in paths {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        match stem.as_str() {
            "vocabulary" => beside.vocabulary = Some(path),
            "counterfactuals" => beside.counterfactuals = Some(path),
            "definition" => beside.definition = Some(path),
            _ => {
                let inside = path.strip_prefix(folder).unwrap_or(&path);
                let parents = inside.parent().into_iter().flat_map(Path::components);
                let names =
                    parents.map(|part| part.as_os_str().to_string_lossy().into_owned()).chain([stem.clone()]);
                match names.filter_map(|name| split_name(&name)).next_back() {
                    Some(split) => known.entry(split.to_owned()).or_default().push(path),
                    None => other.entry(without_shard(&stem).to_owned()).or_default().push(path),
                }
            }
        }
    }
    let splits = if known.len() > 1 {
        beside.unread = other.into_values().flatten().collect();
        known
    } else {
        known.into_iter().chain(other).collect()
    };
    if splits.len() < 2 {
        let found: Vec<_> = splits.keys().map(String::as_str).collect();
        let found = if found.is_empty() {
            "no Parquet file".to_owned()
        } else {
            format!("only `{}`", found.join(", "))
        };
        let message = format!(
            "expected two splits or more (train.parquet, test-00000-of-00001.parquet, ...), found {found}"
        );
        return Err(Error::Folder { path: folder.to_owned(), message });
    }
    Ok((splits, beside))
}

/// Gathers Parquet files at any depth, but follows no endless links.
fn gather(folder: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> Result<()> {
    let wrong = |source| Error::Io { action: "read", path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(['.', '_']));
        if hidden {
            continue;
        }
        // A link counts as what it leads to; one that leads nowhere is a table that is missing, or no table.
        let table = path.extension().is_some_and(|extension| extension == "parquet");
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() && depth > 0 => gather(&path, depth - 1, paths)?,
            Ok(metadata) if metadata.is_dir() => (),
            Err(source) if table || source.kind() != ErrorKind::NotFound => {
                return Err(Error::Io { action: "look at", path, source });
            }
            // What is no regular file is refused when it is opened.
            _ if table => paths.push(path),
            _ => (),
        }
    }
    Ok(())
}

/// Returns the split that a name begins with, if the name then ends or goes on with `-`, `_`, `.` or `=`.
fn split_name(name: &str) -> Option<&'static str> {
    let known = [
        ("train", "train"),
        ("validation", "validation"),
        ("valid", "validation"),
        ("val", "validation"),
        ("dev", "validation"),
        ("test", "test"),
    ];
    let lower = name.to_lowercase();
    let lower = lower.strip_prefix("split=").unwrap_or(&lower);
    let begins = |prefix: &str| {
        lower.strip_prefix(prefix).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    };
    known.into_iter().find(|(prefix, _)| begins(prefix)).map(|(_, split)| split)
}

/// Removes `-00000-of-00003`.
fn without_shard(stem: &str) -> &str {
    match stem.rsplitn(4, '-').collect::<Vec<_>>().as_slice() {
        [_, "of", _, name] => name,
        _ => stem,
    }
}

/// Strictest first: test before validation before anything else before train.
pub(crate) fn rank(split: &str) -> u8 {
    match split {
        "test" => 0,
        "validation" => 1,
        "train" => 3,
        _ => 2,
    }
}
