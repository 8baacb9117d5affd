//! Finds the known tables in the input folders, and which folders belong to one point of a matrix.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use artifact::{Manifest, Row, exists, read_definition, read_file, read_manifest, table_rows};
use serde_json::Value;

use crate::Error;

/// The bytes of a `model.json` at most.
const MOST_CONFIG: u64 = 1 << 20;

/// The finished folders that the page is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Stage name, with the matrix point behind a slash (`train/k=2`), and its folder. Which tables lie in a folder is
    /// found by their file names, so any stage may be named anything.
    pub folders: Vec<(String, PathBuf)>,
    /// What the page calls each folder, in their order; where there is nothing, the end of its path.
    pub shown: Vec<String>,
}

/// One finished folder of one stage at one point.
pub(crate) struct Folder {
    /// Name of the stage.
    pub stage: String,
    /// The point, `(axis, value)` each; empty without a matrix.
    pub point: Vec<(String, String)>,
    /// Where it lies.
    pub path: PathBuf,
    /// What the page calls it.
    pub shown: String,
    /// Its Parquet files by name, sorted.
    pub tables: Vec<String>,
    /// Its manifest; folders from elsewhere have none.
    pub manifest: Option<Manifest>,
}

/// Opens every input folder.
pub(crate) fn open(inputs: &Inputs) -> Result<Vec<Folder>, Error> {
    let shown = inputs.shown.iter().map(String::as_str).chain(std::iter::repeat(""));
    inputs.folders.iter().zip(shown).map(|((label, path), shown)| Folder::open(label, path, shown)).collect()
}

impl Folder {
    fn open(label: &str, path: &Path, shown: &str) -> Result<Self, Error> {
        let (stage, point) = label.split_once('/').unwrap_or((label, ""));
        let manifest = read_manifest(path)?;
        let mut tables = match &manifest {
            Some(manifest) => manifest.files.iter().map(|file| file.path.clone()).collect(),
            None => names(path)?,
        };
        tables.retain(|name| name.ends_with(".parquet") && !name.contains('/'));
        tables.sort();
        let point = parse_point(point);
        let shown = if shown.is_empty() { short(path) } else { shown.to_owned() };
        Ok(Self { stage: stage.to_owned(), point, path: path.to_owned(), shown, tables, manifest })
    }
}

impl Folder {
    /// Whether a file of it is among those that an evaluation has read.
    fn is_read_by(&self, evaluation: &Manifest) -> bool {
        let files = self.manifest.iter().flat_map(|manifest| &manifest.files);
        let digests: Vec<(&str, &str)> =
            files.map(|file| (file.path.as_str(), file.content.as_str())).collect();
        evaluation.inputs.iter().any(|(name, digest)| {
            let file = name.split_once('/').map_or(name.as_str(), |(_, file)| file);
            digests.contains(&(file, digest.as_str()))
        })
    }
}

/// Returns the names in a folder from elsewhere, which has no manifest.
fn names(path: &Path) -> Result<Vec<String>, Error> {
    let io = |source| Error::Io { action: "list", path: path.to_owned(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(path).map_err(io)? {
        names.push(entry.map_err(io)?.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}

/// Returns `path` from `datasets/` or `results/` on where it has them, else its last part: no machine's own paths get into the page.
fn short(path: &Path) -> String {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    let root = parts.iter().rposition(|part| part == "datasets" || part == "results");
    let start = root.unwrap_or(parts.len().saturating_sub(1));
    parts[start..].join("/")
}

/// Reads `k=2,loss=all`.
pub(crate) fn parse_point(text: &str) -> Vec<(String, String)> {
    let pairs = text.split(',').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(axis, value)| (axis.to_owned(), value.to_owned()))
        .collect()
}

/// The folders that one point of a matrix reads: its own, and those that lie above it (a data stage shared by all).
pub(crate) struct Source<'a> {
    /// The point; empty without a matrix.
    pub point: Vec<(String, String)>,
    /// Folders in the order of the inputs.
    pub folders: Vec<&'a Folder>,
}

/// Returns one source for each most detailed point, in the order of the inputs; at least one.
pub(crate) fn points(folders: &[Folder]) -> Vec<Source<'_>> {
    let within = |a: &[(String, String)], b: &[(String, String)]| a.iter().all(|pair| b.contains(pair));
    let mut points: Vec<&Vec<(String, String)>> = Vec::new();
    for folder in folders {
        let detailed = folders
            .iter()
            .all(|other| other.point.len() <= folder.point.len() || !within(&folder.point, &other.point));
        if detailed && !points.contains(&&folder.point) {
            points.push(&folder.point);
        }
    }
    if points.is_empty() {
        return vec![Source { point: Vec::new(), folders: Vec::new() }];
    }
    points
        .into_iter()
        .map(|point| Source {
            point: point.clone(),
            folders: folders.iter().filter(|folder| within(&folder.point, point)).collect(),
        })
        .collect()
}

impl Source<'_> {
    /// Returns the point as `k=2,loss=all`; empty without a matrix.
    pub(crate) fn label(&self) -> String {
        let pairs: Vec<_> = self.point.iter().map(|(axis, value)| format!("{axis}={value}")).collect();
        pairs.join(",")
    }

    /// Returns the most detailed folder that has a file `<table>.parquet`: of several the one that the evaluation has read, and
    /// of audits none but that one, since what is shown beside a score is what the score rests on.
    fn holding(&self, table: &str) -> Option<&Folder> {
        let name = format!("{table}.parquet");
        let found = self.best(|folder| folder.tables.contains(&name))?;
        let of_audit = ["certificate", "ceilings", "exposure", "leakage", "memorizers"].contains(&table);
        let fits = !of_audit || self.evaluation().is_none_or(|evaluation| found.is_read_by(evaluation));
        fits.then_some(found)
    }

    /// Returns the most detailed of some folders; of several the one that the evaluation has read, else the last.
    fn best(&self, holds: impl Fn(&Folder) -> bool) -> Option<&Folder> {
        let evaluation = self.evaluation();
        let read = |folder: &Folder| evaluation.is_some_and(|evaluation| folder.is_read_by(evaluation));
        let holding = self.folders.iter().copied().filter(|folder| holds(folder));
        holding.max_by_key(|folder| (folder.point.len(), read(folder)))
    }

    /// Returns the manifest of the evaluation, where it says what was read.
    fn evaluation(&self) -> Option<&Manifest> {
        self.evaluations().last()?.manifest.as_ref().filter(|manifest| !manifest.inputs.is_empty())
    }

    /// Returns the most detailed folders of evaluations: one, where a page can say what came out.
    pub(crate) fn evaluations(&self) -> Vec<&Folder> {
        let scored = |folder: &&Folder| folder.tables.iter().any(|name| name == "scores.parquet");
        let all: Vec<&Folder> = self.folders.iter().copied().filter(scored).collect();
        let most = all.iter().map(|folder| folder.point.len()).max().unwrap_or(0);
        all.into_iter().filter(|folder| folder.point.len() == most).collect()
    }

    /// Returns the file `<table>.parquet` of the most detailed folder that has one.
    pub(crate) fn table(&self, table: &str) -> Option<PathBuf> {
        self.holding(table).map(|folder| folder.path.join(format!("{table}.parquet")))
    }

    /// Returns all rows of `<table>.parquet`, `None` where no folder has it.
    pub(crate) fn read<R: Row>(&self, table: &str) -> Result<Option<Vec<R>>, Error> {
        let Some(path) = self.table(table) else { return Ok(None) };
        Ok(Some(artifact::read_table(&path)?))
    }

    /// Calls `each` with every row of `<table>.parquet`, in bounded memory; says whether there is such a table.
    pub(crate) fn each<R: Row>(&self, table: &str, each: impl FnMut(R)) -> Result<bool, Error> {
        let Some(path) = self.table(table) else { return Ok(false) };
        each_row(&[path], each)?;
        Ok(true)
    }

    /// Returns the shards of the examples of `split`, in order.
    pub(crate) fn examples(&self, split: &str) -> Vec<PathBuf> {
        let is_shard = |name: &String| name.strip_prefix(split).is_some_and(|rest| rest.starts_with('-'));
        let Some(folder) = self.best(|folder| folder.tables.iter().any(is_shard)) else { return Vec::new() };
        folder.tables.iter().filter(|name| is_shard(name)).map(|name| folder.path.join(name)).collect()
    }

    /// Returns the resolved config of the stage that wrote `<table>.parquet`; null where there is no such table, or no
    /// manifest beside it.
    pub(crate) fn config(&self, table: &str) -> Value {
        let manifest = self.holding(table).and_then(|folder| folder.manifest.as_ref());
        manifest.map_or(Value::Null, |manifest| manifest.config.clone())
    }

    /// Returns what the dataset says of its definition; null where it is not among the folders.
    pub(crate) fn definition(&self) -> Result<Value, Error> {
        let Some(path) = self.table("definition") else { return Ok(Value::Null) };
        Ok(read_definition(&path)?)
    }

    /// Returns `model.json` of the folder that has one.
    pub(crate) fn model(&self) -> Result<Option<Value>, Error> {
        let read =
            |folder: &&&Folder| self.evaluation().is_some_and(|evaluation| folder.is_read_by(evaluation));
        let (first, others): (Vec<&&Folder>, Vec<&&Folder>) = self.folders.iter().rev().partition(read);
        for folder in first.into_iter().chain(others) {
            let path = folder.path.join("model.json");
            if !exists(&path)? {
                continue;
            }
            let bytes = read_file(&path, MOST_CONFIG)?;
            let model = serde_json::from_slice::<serde_json::Map<String, Value>>(&bytes);
            return model
                .map(|model| Some(Value::from(model)))
                .map_err(|source| Error::Model { path, source });
        }
        Ok(None)
    }
}

/// Calls `each` with every row of the shards, in order and in bounded memory.
pub(crate) fn each_row<R: Row>(shards: &[PathBuf], mut each: impl FnMut(R)) -> Result<(), Error> {
    for path in shards {
        for batch in table_rows::<R>(path)? {
            batch?.into_iter().for_each(&mut each);
        }
    }
    Ok(())
}

/// Returns the names of the axes of all points, in order of first appearance.
pub(crate) fn axes(sources: &[Source]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let names = sources.iter().flat_map(|source| source.point.iter().map(|(axis, _)| axis.clone()));
    names.filter(|axis| seen.insert(axis.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(label: &str) -> Folder {
        let (stage, point) = label.split_once('/').unwrap_or((label, ""));
        Folder {
            stage: stage.into(),
            point: parse_point(point),
            path: format!("/home/somebody/results/plus2/{label}").into(),
            shown: short(Path::new(&format!("/home/somebody/results/plus2/{label}"))),
            tables: Vec::new(),
            manifest: None,
        }
    }

    #[test]
    fn a_point_reads_its_own_folders_and_those_above_it() {
        let folders = [
            "data/k=2",
            "data/k=5",
            "train/k=2,loss=all",
            "train/k=2,loss=answer",
            "train/k=5,loss=all",
            "notes",
        ]
        .map(folder);
        let sources = points(&folders);
        let shown: Vec<_> = sources
            .iter()
            .map(|source| {
                (
                    source.label(),
                    source.folders.iter().map(|folder| folder.stage.as_str()).collect::<Vec<_>>(),
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("k=2,loss=all".into(), vec!["data", "train", "notes"]),
                ("k=2,loss=answer".into(), vec!["data", "train", "notes"]),
                ("k=5,loss=all".into(), vec!["data", "train", "notes"]),
            ]
        );
        assert_eq!(axes(&sources), ["k", "loss"]);
    }

    #[test]
    fn without_a_matrix_there_is_one_point() {
        let folders = ["data", "train"].map(folder);
        let sources = points(&folders);
        assert_eq!(sources.len(), 1);
        assert_eq!(sources[0].label(), "");
        assert_eq!(folders[0].shown, "results/plus2/data");
    }
}
