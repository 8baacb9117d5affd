//! Tables as a pipeline would write them, made up: for the tests and for looking at the page.

use std::path::{Path, PathBuf};

use artifact::{Provenance, Row, write_table};
use serde_json::{Value, json};

mod analyze;
mod audit;
mod data;
mod evaluate;
mod train;

use analyze::analyze;
use audit::audit;
use data::data;
use evaluate::evaluate;
use train::train;

/// What the made-up experiment found.
#[derive(Clone)]
pub(crate) struct Study {
    /// Task, also the pipeline's name.
    pub(crate) task: String,
    /// Resolved `holdout.level`.
    pub(crate) level: Value,
    /// Resolved `tasks.<task>.family`.
    pub(crate) family: Value,
    /// Final accuracy on test rows, one a seed.
    pub(crate) accuracy: Vec<f64>,
    /// Final accuracy on train rows.
    pub(crate) train: f64,
    /// U_best and S_best.
    pub(crate) ceilings: (f64, f64),
    /// Number of test rows.
    pub(crate) rows: i64,
    /// Whether `10 12 14 16` is pinned into test.
    pub(crate) pinned: bool,
    /// Tokens a row.
    pub(crate) length: i32,
    /// Steps.
    pub(crate) steps: i64,
    /// When half of the train rows are learned, as a share of the steps, and how many times as many it takes until half of
    /// the validation rows are.
    pub(crate) learned: (f64, f64),
    /// Further tasks, to see a page with several.
    pub(crate) tasks: Vec<String>,
}

impl Study {
    /// Doubling in digits: every seed has the rule, and so has a shallow table.
    pub(crate) fn x2() -> Self {
        Self {
            task: "x2".into(),
            level: json!("transition"),
            family: json!({"geometric": {"ratio": 2}}),
            accuracy: vec![1.0, 1.0, 0.998, 1.0, 0.9955, 1.0, 1.0, 0.999],
            train: 1.0,
            ceilings: (0.004, 1.0),
            rows: 1102,
            pinned: false,
            length: 30,
            steps: 300,
            learned: (0.13, 1.7),
            tasks: Vec::new(),
        }
    }

    /// +2 in numerals: what came out depends on the seeds' accuracy.
    pub(crate) fn plus2(accuracy: &[f64]) -> Self {
        Self {
            task: "plus2".into(),
            level: json!("transition"),
            family: json!({"arithmetic": {}}),
            accuracy: accuracy.to_vec(),
            train: 0.998,
            ceilings: (0.021, 0.19),
            rows: 640,
            pinned: true,
            length: 5,
            steps: 3000,
            learned: (0.13, 1.7),
            tasks: Vec::new(),
        }
    }
}

impl Study {
    /// Addition modulo 113: `accuracy` is reached `delay` times as late as the train rows are learned.
    pub(crate) fn grokking(accuracy: &[f64], steps: i64, learned: (f64, f64)) -> Self {
        Self {
            task: "modular_addition".into(),
            level: json!("random"),
            family: json!({"modular_addition": {"modulus": 113}}),
            pinned: false,
            train: 1.0,
            steps,
            learned,
            ..Self::plus2(accuracy)
        }
    }
}

/// Numbers that look random and are the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / (1_u64 << 31) as f64
    }
}

/// Writes every table of `study` below `root` and returns the folders with their labels; `point` is `k=2` or empty.
pub(crate) fn write(root: &Path, study: &Study, point: &str) -> Vec<(String, PathBuf)> {
    let folder = |stage: &str| {
        let base = match stage {
            "data" => root.join("datasets").join(&study.task),
            stage => root.join("results").join(&study.task).join(stage),
        };
        let path = if point.is_empty() { base } else { base.join(point) };
        std::fs::create_dir_all(&path).expect("the temporary folder takes folders");
        path
    };
    let stages = ["data", "audit", "train", "evaluate", "analyze"];
    let folders: Vec<PathBuf> = stages.iter().map(|stage| folder(stage)).collect();
    data(&folders[0], study);
    audit(&folders[1], study);
    let log = train(&folders[2], study);
    evaluate(&folders[3], study, &log);
    reads(&folders[3], &stages[..3], &folders[..3]);
    analyze(&folders[4], study);
    let label =
        |stage: &&str| if point.is_empty() { (*stage).to_owned() } else { format!("{stage}/{point}") };
    stages.iter().map(label).zip(folders).collect()
}

/// Writes into the manifest of an evaluation which files it has read.
fn reads(evaluation: &Path, stages: &[&str], folders: &[PathBuf]) {
    let manifest =
        |folder: &Path| artifact::read_manifest(folder).expect("readable").expect("every folder has one");
    let mut of_evaluation = manifest(evaluation);
    of_evaluation.inputs = Default::default();
    for (stage, folder) in stages.iter().zip(folders) {
        for file in manifest(folder).files {
            of_evaluation.inputs.insert(format!("{stage}/{}", file.path), file.content);
        }
    }
    artifact::seal(evaluation, &of_evaluation).expect("the temporary folder takes files");
}

fn table<R: Row>(path: PathBuf, stage: &str, config: Value, rows: Vec<R>) {
    write_table(&path, &Provenance::default(), rows).expect("a made-up table can be written");
    let digest = artifact::digest_bytes(stage.as_bytes());
    let inputs = json!({format!("{stage}/train"): digest, format!("{stage}/vocabulary"): digest});
    let inputs = serde_json::from_value(inputs).expect("names and digests");
    let manifest = artifact::Manifest {
        format: artifact::FORMAT,
        verb: stage.to_owned(),
        version: 1,
        key: digest,
        config,
        inputs,
        other: Default::default(),
        files: Vec::new(),
        run: json!({}),
        digest: String::new(),
    };
    let folder = path.parent().expect("a table lies in a folder");
    artifact::seal(folder, &manifest).expect("the temporary folder takes files");
}
