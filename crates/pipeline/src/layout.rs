use std::path::{Path, PathBuf};

use crate::{Error, Result, Root};

/// Where everything lies: `datasets/` and `results/` below one folder, and nothing else.
#[derive(Debug, Clone)]
pub struct Layout {
    base: PathBuf,
}

impl Layout {
    /// Takes `base` (usually `.`) as the folder that holds `datasets/` and `results/`.
    ///
    /// # Errors
    /// When the current folder is gone.
    pub fn new(base: &Path) -> Result<Self> {
        let base = std::path::absolute(base).map_err(Error::io("find", base))?;
        Ok(Self { base })
    }

    /// Returns the folder that holds `datasets/` and `results/`; external commands run in it.
    #[must_use]
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// Returns `datasets/` or `results/`.
    #[must_use]
    pub fn root(&self, root: Root) -> PathBuf {
        self.base.join(match root {
            Root::Datasets => "datasets",
            Root::Results => "results",
        })
    }

    /// Returns the folder of the run records.
    #[must_use]
    pub fn runs(&self) -> PathBuf {
        self.root(Root::Results).join(".runs")
    }

    /// Returns the file that remembers digests of unchanged files.
    pub(crate) fn cache(&self) -> PathBuf {
        self.root(Root::Results).join(".cache").join("digests.json")
    }

    pub(crate) fn path(&self, relative: &Path) -> PathBuf {
        self.base.join(relative)
    }
}

/// The place of one job: a link of a plain name beside the folders that it shows one of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slot {
    /// Relative to the base.
    pub(crate) parent: PathBuf,
    pub(crate) name: String,
    /// Names that begin with a matrix point lie one folder deeper, where the link would be without a matrix.
    pub(crate) outer: Option<PathBuf>,
}

impl Slot {
    /// Places a job: `results/<pipeline>/<stage>`, or for data `datasets/<pipeline>` (`datasets/<pipeline>.<stage>`
    /// where the stage is not called `data`); a matrix point is one level below.
    pub(crate) fn new(pipeline: &str, stage: &str, point: &str, root: Root) -> Self {
        let (parent, name) = match root {
            Root::Results => (Path::new("results").join(pipeline), stage.to_owned()),
            Root::Datasets if stage == "data" => (PathBuf::from("datasets"), pipeline.to_owned()),
            Root::Datasets => (PathBuf::from("datasets"), format!("{pipeline}.{stage}")),
        };
        if point.is_empty() {
            return Self { parent, name, outer: None };
        }
        let outer = parent.join(name);
        Self { parent: outer.clone(), name: point.to_owned(), outer: Some(outer) }
    }

    /// Returns the link that shows the last committed folder, relative to the base.
    pub(crate) fn link(&self) -> PathBuf {
        self.parent.join(&self.name)
    }

    /// Returns the name of the folder of `key`.
    pub(crate) fn folder(&self, key: &str, digits: usize) -> String {
        format!("{}-{}", self.name, &key[..digits])
    }

    /// Returns the folder that a running stage writes into.
    pub(crate) fn temporary(&self, key: &str) -> PathBuf {
        self.parent.join(format!(".{}-{}{TEMPORARY}", self.name, &key[..16]))
    }

    /// Returns the folder for work that an interrupted stage can go on with.
    pub(crate) fn partial(&self, key: &str) -> PathBuf {
        self.parent.join(format!(".{}-{}{PARTIAL}", self.name, &key[..16]))
    }
}

/// Ending of the folders that a killed run leaves behind as litter.
pub(crate) const TEMPORARY: &str = ".tmp";
/// Ending of the folders whose work can go on.
pub(crate) const PARTIAL: &str = ".partial";
