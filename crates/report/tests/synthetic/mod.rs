//! Tables as a pipeline would write them, made up: for the tests and for looking at the page.

use std::f64::consts::LN_10;
use std::path::{Path, PathBuf};

use artifact::tables::{
    Ablation, AttentionPattern, Ceiling, Certificate, Checkpoint, Example, Leakage, Memorizer, Token,
    Training,
};
use artifact::{Provenance, Row, write_table};
use serde_json::{Value, json};

mod evaluation;

use evaluation::evaluate;

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

fn terms(study: &Study, id: i64) -> Vec<i64> {
    if id == 0 && study.pinned {
        return vec![10, 12, 14, 16];
    }
    match study.task.as_str() {
        "x2" => (0..5).map(|power| (id % 4999 + 1) << power).collect(),
        _ => (0..4).map(|index| 11 + id % 170 + 2 * index).collect(),
    }
}

fn text(terms: &[i64]) -> String {
    terms.iter().map(i64::to_string).collect::<Vec<_>>().join(" ")
}

fn build_config(study: &Study) -> Value {
    let mut tasks = serde_json::Map::new();
    let task = json!({
        "family": study.family, "terms": 5, "start": {"min": 1, "max": 4999},
        "notation": {"digits": {"width": 5, "order": "least_first"}}, "train_only": false,
    });
    tasks.insert(study.task.clone(), task.clone());
    study.tasks.iter().for_each(|name| drop(tasks.insert(name.clone(), task.clone())));
    let pins = if study.pinned {
        json!({
            "test": [{"task": study.task, "terms": [10, 12, 14, 16]}],
            "train": [{"task": study.task, "terms": [2, 4, 6, 8]}, {"task": "plus1", "terms": [10, 11, 12, 13, 14, 15, 16]}],
        })
    } else {
        json!({"test": [], "train": []})
    };
    json!({"seed": 1729, "tasks": tasks, "holdout": {"level": study.level, "test": 0.1, "validation": 0.05}, "pins": pins})
}

fn task_of(study: &Study, id: i64) -> String {
    let all: Vec<&String> = std::iter::once(&study.task).chain(&study.tasks).collect();
    if id == 0 { study.task.clone() } else { all[id as usize % all.len()].clone() }
}

fn data(folder: &Path, study: &Study) {
    let example = |id: i64| {
        let terms = terms(study, id);
        Example {
            example_id: id,
            task: task_of(study, id),
            family: "geometric".into(),
            notation: "digits".into(),
            domain: "integer".into(),
            unit: "pair".into(),
            parameter: Some(2),
            text: text(&terms),
            terms,
            tokens: vec![0, 1, 2],
            answer_start: 2,
            answer_length: 1,
            cluster: id / 3,
        }
    };
    let sizes = [
        ("test", 0, study.rows),
        ("validation", study.rows, study.rows / 2),
        ("train", 10_000, study.rows * 3),
    ];
    for (split, first, rows) in sizes {
        let path = folder.join(format!("{split}-00000-of-00001.parquet"));
        table(path, "build", build_config(study), (first..first + rows).map(example).collect());
    }
    let config = build_config(study);
    let sections =
        ["holdout", "tasks", "pins"].map(|section| (section, config[section].as_object().cloned()));
    let sections = sections.into_iter().filter_map(|(section, values)| Some((section, values?)));
    artifact::write_definition(&folder.join("definition.parquet"), &Provenance::default(), sections)
        .expect("a made-up table can be written");
    let token = |id: i32| Token {
        token_id: id,
        token: id.to_string(),
        kind: if id < 10 { "digit" } else { "begin" }.into(),
        value: Some(id.into()),
    };
    table(folder.join("vocabulary.parquet"), "build", build_config(study), (0..11).map(token).collect());
}

const MEMORIZERS: [(&str, &str, f64); 7] = [
    ("backoff", "memory", 1.0),
    ("bigram", "memory", 0.7),
    ("copy_last", "memory", 0.0),
    ("most_frequent", "memory", 0.3),
    ("nearest", "memory", 0.5),
    ("positional", "memory", 0.2),
    ("skip_grams", "shallow", 1.0),
];

fn audit(folder: &Path, study: &Study) {
    let config = json!({"only": null, "level": study.level});
    let mut checks = Vec::new();
    for (left, right) in [("test", "train"), ("test", "validation"), ("validation", "train")] {
        for view in ["canonical", "terms", "tokens"] {
            let compared = 3_398 * 4;
            checks.push(check("units", left, right, view, true, compared, 0));
        }
        checks.push(check("token_windows", left, right, "tokens", false, 41_020, 17));
    }
    checks.push(check("decoding", "all", "", "tokens", true, 25_300, 0));
    table(folder.join("certificate.parquet"), "audit", config.clone(), checks);

    let rows: Vec<_> = (0..study.rows).map(|id| ("test", id)).collect();
    let leakage = rows.iter().map(|&(split, example_id)| Leakage {
        split: split.into(),
        example_id,
        leaked_units: 0,
        longest_match_terms: i32::from(example_id % 9 != 0),
        longest_match_tokens: 1,
        longest_window_terms: 2,
        witness_example_id: 10_003,
        witness_offset: 1,
    });
    table(folder.join("leakage.parquet"), "audit", config.clone(), leakage.collect());

    let mut memorizers = Vec::new();
    let mut ceilings = Vec::new();
    let (u_best, s_best) = study.ceilings;
    for (name, class, share) in MEMORIZERS {
        let value = share * if class == "memory" { u_best } else { s_best };
        for &(split, example_id) in &rows {
            let correct = ((example_id as f64) + 0.5) / (study.rows as f64) > 1.0 - value;
            memorizers.push(Memorizer {
                split: split.into(),
                example_id,
                memorizer: name.into(),
                class: class.into(),
                view: "tokens".into(),
                prediction: "13".into(),
                tied: false,
                correct,
            });
        }
    }
    table(folder.join("memorizers.parquet"), "audit", config.clone(), memorizers);
    let tasks = std::iter::once(String::new()).chain([study.task.clone()]).chain(study.tasks.clone());
    for task in tasks {
        for split in ["test", "validation"] {
            let known = [
                ("u_best", "backoff", u_best),
                ("u_union", "", (u_best * 1.4).min(1.0)),
                ("s_best", "skip_grams", s_best),
            ];
            for (metric, memorizer, value) in known {
                let view = if memorizer.is_empty() { "" } else { "tokens" };
                ceilings.push(Ceiling {
                    split: split.into(),
                    task: task.clone(),
                    metric: metric.into(),
                    memorizer: memorizer.into(),
                    view: view.into(),
                    value,
                    n: study.rows,
                });
            }
        }
    }
    table(folder.join("ceilings.parquet"), "audit", config, ceilings);
}

fn check(
    name: &str,
    left: &str,
    right: &str,
    view: &str,
    gate: bool,
    compared: i64,
    violations: i64,
) -> Certificate {
    let (name, left, right, view) = (name.to_owned(), left.to_owned(), right.to_owned(), view.to_owned());
    let worst = if violations > 0 { 12 } else { -1 };
    let passed = !gate || violations == 0;
    Certificate { check: name, left, right, view, gate, compared, violations, worst, passed }
}

fn train(folder: &Path, study: &Study) -> Vec<Training> {
    let config = json!({
        "model": {"n_layers": 1, "n_heads": 4, "d_model": 64, "d_mlp": 256}, "seeds": study.accuracy.len(),
        "optimizer": {"learning_rate": 0.003, "weight_decay": 0.01, "betas": [0.9, 0.999]},
        "steps": study.steps, "batch": 72, "loss": "all",
    });
    let mut rows = Vec::new();
    let mut checkpoints = Vec::new();
    for (seed, &accuracy) in study.accuracy.iter().enumerate() {
        let seed = seed as i32;
        let mut dice = Dice(seed as u64 + 7);
        let (share, delay) = study.learned;
        let middle = study.steps as f64 * share * (1.0 + 0.9 * dice.roll());
        for step in (0..=study.steps).step_by((study.steps / 1000).max(1) as usize) {
            let rise = |middle: f64| 1.0 / (1.0 + (-(step as f64 - middle) / (0.12 * middle)).exp());
            let noise = 0.004 * (dice.roll() - 0.5);
            let (fit, generalise) = (study.train * rise(middle), accuracy * rise(delay * middle));
            let every = step % (study.steps / 100).max(1) == 0;
            rows.push(Training {
                seed,
                step,
                examples_seen: step * 72,
                train_loss: Some(((1.0 - fit) * LN_10 + 0.002 + noise.abs() * 0.1) as f32),
                train_accuracy: Some((fit + noise).clamp(0.0, 1.0) as f32),
                validation_loss: every.then_some(((1.0 - generalise) * 1.6 * LN_10 + 0.004) as f32),
                validation_accuracy: every.then_some((generalise + noise).clamp(0.0, 1.0) as f32),
                learning_rate: 0.003,
                gradient_norm: Some(1.0),
                weight_norm: Some(20.0),
            });
        }
        let path = format!("seed-{seed}.safetensors");
        checkpoints.push(Checkpoint {
            seed,
            step: study.steps,
            digest: artifact::digest_bytes(path.as_bytes()),
            path,
        });
    }
    table(folder.join("training.parquet"), "train", config.clone(), rows.clone());
    table(folder.join("checkpoints.parquet"), "train", config, checkpoints);
    let model = json!({
        "n_layers": 1, "n_heads": 4, "d_model": 64, "d_head": 16, "d_mlp": 256, "n_ctx": study.length, "d_vocab": 13,
        "act_fn": "gelu", "normalization_type": "LN", "attn_only": false,
    });
    std::fs::write(folder.join("model.json"), model.to_string()).expect("the temporary folder takes files");
    rows
}

fn analyze(folder: &Path, study: &Study) {
    let config = json!({"analyses": {"attention": {"examples": 2}, "ablation": {}}});
    let seeds = study.accuracy.len() as i32;
    let mut patterns = Vec::new();
    for seed in 0..seeds {
        for example_id in [-1, 1, 2] {
            let tokens: Vec<_> = (0..study.length)
                .map(|at| {
                    if at == 0 {
                        "BEGIN".to_owned()
                    } else if at % 6 == 0 {
                        "SEP".to_owned()
                    } else {
                        ((at * 7) % 10).to_string()
                    }
                })
                .collect();
            for head in 0..4 {
                let mut dice = Dice((seed * 17 + head) as u64);
                for query in 0..study.length {
                    let scores: Vec<f64> = (0..=query)
                        .map(|key| {
                            let peak = match head {
                                0 => query - key == 6,
                                1 => query - key == 1,
                                2 => key == 0,
                                _ => key % 6 == query % 6,
                            };
                            if peak { 3.0 + dice.roll() } else { dice.roll() }
                        })
                        .map(f64::exp)
                        .collect();
                    let sum: f64 = scores.iter().sum();
                    for (key, score) in scores.iter().enumerate() {
                        patterns.push(AttentionPattern {
                            seed,
                            step: study.steps,
                            task: study.task.clone(),
                            layer: 0,
                            head,
                            query,
                            key: key as i32,
                            weight: (score / sum) as f32,
                            n: if example_id < 0 { study.rows } else { 1 },
                            example_id,
                            tokens: if example_id < 0 { String::new() } else { tokens.join(" ") },
                        });
                    }
                }
            }
        }
    }
    table(folder.join("attention.parquet"), "analyze", config.clone(), patterns);

    let mut ablations = Vec::new();
    let components: Vec<(String, i32)> = (0..4)
        .map(|head| (format!("blocks.0.attn.head.{head}"), head))
        .chain([("blocks.0.mlp".to_owned(), -1)])
        .collect();
    let tasks: Vec<&String> = std::iter::once(&study.task).chain(&study.tasks).collect();
    for kind in ["mean", "zero"] {
        for metric in ["accuracy", "logit_difference"] {
            for (task, (component, head)) in
                tasks.iter().flat_map(|task| components.iter().map(move |one| (task, one)))
            {
                let base = f64::from(20 * (head + 2) % 97);
                for seed in -1..seeds {
                    let drop = base + f64::from(seed.max(0)) * 2.0 - 3.0;
                    ablations.push(Ablation {
                        seed,
                        step: study.steps,
                        task: (*task).clone(),
                        component: component.clone(),
                        layer: 0,
                        head: *head,
                        kind: kind.into(),
                        metric: metric.into(),
                        full: Some(1.0),
                        ablated: Some(1.0 - drop / 100.0),
                        drop_percent: Some(drop),
                        n: study.rows,
                    });
                }
            }
        }
    }
    table(folder.join("ablation.parquet"), "analyze", config, ablations);
}
