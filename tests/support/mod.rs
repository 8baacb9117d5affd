//! What the whole-pipeline tests share: an empty folder to run in, and a pipeline that is quick.

mod names;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use names::names;

/// A whole pipeline that takes a second or two.
pub(crate) const TINY: &str = "\
name: tiny
description: A whole pipeline, small.
stages:
  data:
    build:
      seed: 1
      tasks:
        x2:
          family: { geometric: { ratio: 2 } }
          start: { min: 1, max: 999 }
          terms: 4
          notation: { digits: { width: 4, order: least_first } }
      holdout: { level: transition, test: 0.10, validation: 0.05 }
  audit: { audit: { data: data } }
  train:
    train:
      data: data
      model: { n_layers: 1, n_heads: 2, d_model: 16, d_mlp: 32 }
      optimizer: { learning_rate: 0.01, weight_decay: 0.01 }
      seeds: 2
      steps: 12
      batch: 16
  evaluate: { evaluate: { data: data, audit: audit, model: train } }
  analyze: { analyze: { data: data, model: train, analyses: [attention, ablation] } }
  report: { report: { inputs: [data, audit, train, evaluate, analyze] } }
";

/// An empty folder with a definition in it, in which seqlab is run.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// Makes the folder, with `definition` as `tiny.yaml`.
    pub(crate) fn new(definition: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("tiny.yaml"), definition).expect("it takes a file");
        Self { folder }
    }

    /// Returns a path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the command `seqlab ARGUMENTS`, to be run in it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seqlab"));
        command.args(arguments).current_dir(self.folder.path());
        command
    }

    /// Runs `seqlab ARGUMENTS` and returns what it printed, after checking its exit code.
    pub(crate) fn seqlab(&self, arguments: &[&str], code: i32) -> String {
        let output = self.command(arguments).output().expect("seqlab starts");
        let text = text(&output);
        assert_eq!(output.status.code(), Some(code), "seqlab {arguments:?}:\n{text}");
        text
    }

    /// Runs the definition with further arguments and returns the stages that ran.
    pub(crate) fn run(&self, arguments: &[&str]) -> Vec<String> {
        let text = self.seqlab(&[&["run", "tiny.yaml"], arguments].concat(), 0);
        let ran = text.lines().filter(|line| line.contains(": done in "));
        ran.map(|line| line.trim().split(':').next().unwrap_or_default().to_owned()).collect()
    }

    /// Returns the folder in the store that `folder` shows.
    pub(crate) fn entry(&self, folder: &str) -> PathBuf {
        let mut links =
            std::fs::read_dir(self.path(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        let link = links.next().expect("it shows something").expect("readable").path();
        let target =
            std::fs::canonicalize(&link).unwrap_or_else(|error| panic!("{}: {error}", link.display()));
        target.parent().expect("a file lies in a folder").to_owned()
    }

    /// Returns the names in a folder, sorted; none where it is not there.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        names(&self.path(folder))
    }

    /// Returns digests of all results by the names that people see.
    pub(crate) fn results(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for stage in ["datasets/tiny", "results/tiny"] {
            collect(&self.path(stage), stage, &mut found);
        }
        found
    }
}

/// Returns everything that a command printed.
pub(crate) fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

fn collect(folder: &Path, name: &str, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).expect("results are there") {
        let entry = entry.expect("readable");
        let file = entry.file_name().to_string_lossy().into_owned();
        let inner = format!("{name}/{file}");
        let path = entry.path();
        if path.is_dir() {
            collect(&path, &inner, found);
        } else {
            found.insert(inner, artifact::digest_bytes(&std::fs::read(&path).expect("readable")));
        }
    }
}
