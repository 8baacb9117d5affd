use std::fs::DirBuilder;
use std::path::{Path, PathBuf};

use artifact::found;

use crate::{Error, Result, Root};

/// Where everything lies: what people see in `datasets/` and `results/`, and what it is made of in `.seqlab/`, below one folder
/// and nowhere else.
#[derive(Debug, Clone)]
pub struct Layout {
    base: PathBuf,
}

/// The folder of everything that is not for people.
pub(crate) const STATE: &str = ".seqlab";
/// Its folder of finished entries, each called after its key.
pub(crate) const STORE: &str = "store";

impl Layout {
    /// Takes `base` (usually `.`) as the folder that holds `datasets/`, `results/` and `.seqlab/`.
    ///
    /// # Errors
    /// When the current folder is gone.
    pub fn new(base: &Path) -> Result<Self> {
        let base = std::path::absolute(base).map_err(Error::io("find", base))?;
        Ok(Self { base })
    }

    /// Takes the project around the folder `here` in which `definition` (relative to it, or absolute) lies: the nearest one that
    /// has results already, unless `here` itself has definitions or results; `here` where there is none.
    ///
    /// # Errors
    /// When a folder cannot be looked at.
    pub fn around(here: &Path, definition: Option<&Path>) -> Result<Self> {
        let here = Self::new(here)?;
        for name in [STATE, "pipelines", "datasets", "results"] {
            if found(&here.base.join(name))?.is_some() {
                return Ok(here);
            }
        }
        let place = definition.map_or(here.base.clone(), |definition| here.base.join(definition));
        for folder in here.base.ancestors().skip(1) {
            let has_state = found(&folder.join(STATE))?.is_some_and(|metadata| metadata.is_dir());
            if has_state && place.starts_with(folder) {
                return Self::new(folder);
            }
        }
        // Not yet run at all, and run from among the definitions.
        let parent = here.base.file_name().filter(|name| *name == "pipelines").and(here.base.parent());
        Ok(parent.map(|parent| Self { base: parent.to_owned() }).unwrap_or(here))
    }

    /// Returns the folder that holds `datasets/`, `results/` and `.seqlab/`; external commands run in it.
    #[must_use]
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// Returns `datasets/` or `results/`.
    #[must_use]
    pub fn root(&self, root: Root) -> PathBuf {
        self.base.join(root_name(root))
    }

    /// Returns the folder of the run records.
    #[must_use]
    pub fn runs(&self) -> PathBuf {
        self.state("runs")
    }

    /// Returns the folder that the entry of `key` has when it is finished.
    #[must_use]
    pub fn entry(&self, key: &str) -> PathBuf {
        self.state(STORE).join(key)
    }

    /// Returns the folder for work under `key` that an interrupted stage can go on with.
    pub(crate) fn partial(&self, key: &str) -> PathBuf {
        self.state("partial").join(key)
    }

    /// Returns the file that remembers which files of the entry of `key` are whole.
    pub(crate) fn verified(&self, key: &str) -> PathBuf {
        self.state("cache").join(format!("{key}.json"))
    }

    /// Returns the file whose lock is `name`.
    pub(crate) fn lock(&self, name: &str) -> PathBuf {
        self.state("locks").join(format!("{name}.lock"))
    }

    /// Returns a folder of `.seqlab/`.
    pub(crate) fn state(&self, name: &str) -> PathBuf {
        self.base.join(STATE).join(name)
    }

    pub(crate) fn path(&self, relative: &Path) -> PathBuf {
        self.base.join(relative)
    }

    /// Makes the folders of `.seqlab/`; none of them may be a link.
    pub(crate) fn prepare(&self) -> Result<()> {
        self.folder(Path::new(STATE))?;
        for name in [STORE, "partial", "attempts", "runs", "cache", "locks"] {
            self.folder(&Path::new(STATE).join(name))?;
        }
        let ignore = self.state(".gitignore");
        if found(&ignore)?.is_none() {
            std::fs::write(&ignore, "*\n").map_err(Error::io("write", &ignore))?;
        }
        Ok(())
    }

    /// Makes the folder `relative`, and those above it, where they are not there yet; a link among them is refused.
    pub(crate) fn folder(&self, relative: &Path) -> Result<PathBuf> {
        let mut path = self.base.clone();
        for part in relative.components() {
            path.push(part);
            match found(&path)? {
                Some(metadata) if metadata.is_dir() => {}
                Some(metadata) => {
                    let what = if metadata.is_symlink() { "a link" } else { "not a folder" };
                    return Err(Error::usage(
                        format!(
                            "{} is {what}, and results are only written into real folders",
                            path.display()
                        ),
                        Some(
                            "move or remove it; to keep results elsewhere, keep the whole project there"
                                .to_owned(),
                        ),
                    ));
                }
                None => match DirBuilder::new().create(&path) {
                    Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                        return Err(Error::io("create", &path)(error));
                    }
                    _ => {}
                },
            }
        }
        Ok(path)
    }
}

pub(crate) fn root_name(root: Root) -> &'static str {
    match root {
        Root::Datasets => "datasets",
        Root::Results => "results",
    }
}

/// The place at which people see one job: a real folder of links to the files of its entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slot {
    /// The stage's folder, relative to the base.
    pub(crate) stage: PathBuf,
    /// One folder an axis below it, `k=10` then `loss=all`.
    pub(crate) axes: Vec<String>,
}

impl Slot {
    /// Places a job: `results/<pipeline>/<stage>`, or for data `datasets/<pipeline>` (`datasets/<pipeline>.<stage>` where the
    /// stage is not called `data`). `variant` (`@train.seeds=4`, or nothing) follows the pipeline's name; the axes of `point`
    /// (`k=10,loss=all`, or nothing) are folders one below the other.
    pub(crate) fn new(pipeline: &str, variant: &str, stage: &str, point: &str, root: Root) -> Self {
        let axes = point.split(',').filter(|axis| !axis.is_empty()).map(str::to_owned).collect();
        let folder = Path::new(root_name(root));
        let stage = match root {
            Root::Results => folder.join(format!("{pipeline}{variant}")).join(stage),
            Root::Datasets if stage == "data" => folder.join(format!("{pipeline}{variant}")),
            Root::Datasets => folder.join(format!("{pipeline}.{stage}{variant}")),
        };
        Self { stage, axes }
    }

    /// Returns the folder that people see, relative to the base.
    pub(crate) fn path(&self) -> PathBuf {
        self.axes.iter().fold(self.stage.clone(), |path, axis| path.join(axis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let place = |stage, point, root| Slot::new("x2", "@a=1", stage, point, root).path();
        let shown = place("train", "k=10,loss=all", Root::Results);
        assert_eq!(shown, Path::new("results/x2@a=1/train/k=10/loss=all"));
        assert_eq!(place("data", "k=10", Root::Datasets), Path::new("datasets/x2@a=1/k=10"));
        assert_eq!(place("more", "", Root::Datasets), Path::new("datasets/x2.more@a=1"));
    }

    #[test]
    fn the_project_is_found_from_below() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let top = folder.path();
        let base = |here: &str, definition: &str| {
            Layout::around(&top.join(here), Some(Path::new(definition)))
                .expect("it can look")
                .base()
                .to_owned()
        };
        std::fs::create_dir_all(top.join("a/pipelines")).expect("it can write");
        std::fs::create_dir_all(top.join("a/notes/deep")).expect("it can write");
        assert_eq!(base("a", "pipelines/x.yaml"), top.join("a"));
        assert_eq!(base("a/pipelines", "x.yaml"), top.join("a"));
        assert_eq!(base("a/notes/deep", "x.yaml"), top.join("a/notes/deep"), "nothing says otherwise");
        std::fs::create_dir(top.join("a/.seqlab")).expect("it can write");
        assert_eq!(base("a/notes/deep", "../../pipelines/x.yaml"), top.join("a"));
        assert_eq!(base("a/notes/deep", "/tmp/x.yaml"), top.join("a/notes/deep"), "not of this project");
    }

    #[test]
    fn links_are_refused_where_results_are_written() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let layout = Layout::new(folder.path()).expect("a layout");
        std::fs::create_dir(folder.path().join("elsewhere")).expect("it can write");
        std::os::unix::fs::symlink("elsewhere", folder.path().join("results")).expect("it can link");
        let error = layout.folder(Path::new("results/x2")).expect_err("a link");
        assert!(error.to_string().contains("results is a link"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path().join("elsewhere")).expect("a folder").count(), 0);
    }
}
