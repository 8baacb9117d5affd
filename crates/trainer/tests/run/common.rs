//! What the tests of the stage share: a small config, rows of successors, and a run in temporary folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use artifact::tables::{Checkpoint, Example, Token, Training};
use artifact::{Provenance, read_table, write_table};
use trainer::{Config, Inputs, run};

pub(crate) fn config(change: impl FnOnce(&mut serde_json::Value)) -> Config {
    let mut config = serde_json::json!({
        "model": { "n_layers": 1, "n_heads": 2, "d_model": 16, "d_mlp": 32 },
        "optimizer": { "learning_rate": 0.01 },
        "seeds": 3, "steps": 30, "batch": 16, "log_every": 10, "evaluate_every": 20,
    });
    change(&mut config);
    serde_json::from_value(config).unwrap()
}

/// Rows a, a + 1, a + 2 (, a + 3) of numerals, `n` of them from number `first`, of 3 or 4 terms in turn.
pub(crate) fn examples(first: u16, n: u16) -> Vec<Example> {
    let row = |i: u16| {
        let length = 3 + i % 2;
        let tokens: Vec<u16> = (0..length).map(|term| (i + term) % 40).collect();
        Example {
            example_id: i64::from(i),
            task: "plus1".into(),
            family: "arithmetic".into(),
            notation: "numeral".into(),
            domain: "integer".into(),
            unit: "pair".into(),
            parameter: Some(1),
            text: String::new(),
            terms: vec![],
            tokens,
            answer_start: i32::from(length) - 1,
            answer_length: 1,
            cluster: 0,
        }
    };
    (first..first + n).map(row).collect()
}

pub(crate) fn inputs(folder: &Path, train: Vec<Example>, validation: Vec<Example>) -> Inputs {
    let token = |id: u16| Token {
        token_id: i32::from(id),
        token: id.to_string(),
        kind: "value".into(),
        value: Some(id.into()),
    };
    let [a, b, v, vocabulary] =
        ["a", "b", "v", "vocabulary"].map(|name| folder.join(format!("{name}.parquet")));
    let half = train.len() / 2;
    let (first, second) = train.split_at(half);
    write_table(&a, &Provenance::default(), first.to_vec()).unwrap();
    write_table(&b, &Provenance::default(), second.to_vec()).unwrap();
    write_table(&v, &Provenance::default(), validation).unwrap();
    write_table(&vocabulary, &Provenance::default(), (0..40).map(token)).unwrap();
    Inputs { train: vec![a, b], validation: vec![v], vocabulary, from: None }
}

pub(crate) struct Done {
    pub(crate) out: tempfile::TempDir,
    pub(crate) result: Result<(), trainer::Error>,
}

pub(crate) fn train(config: &Config, threads: usize) -> Done {
    train_on(config, threads, examples(0, 30), examples(30, 7))
}

pub(crate) fn train_on(
    config: &Config,
    threads: usize,
    train: Vec<Example>,
    validation: Vec<Example>,
) -> Done {
    let data = tempfile::tempdir().unwrap();
    let out = tempfile::tempdir().unwrap();
    let inputs = inputs(data.path(), train, validation);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let result = pool.install(|| {
        run(config, &inputs, out.path(), trainer::Device::Cpu, None, &Provenance::default()).map(drop)
    });
    Done { out, result }
}

impl Done {
    pub(crate) fn file(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.out.path().join(name)).unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.out.path().join(name)
    }

    pub(crate) fn checkpoints(&self) -> Vec<Checkpoint> {
        read_table(&self.path("checkpoints.parquet")).unwrap()
    }

    pub(crate) fn training(&self) -> Vec<Training> {
        read_table(&self.path("training.parquet")).unwrap()
    }
}

/// Every file below a folder, with its content.
pub(crate) fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = PathBuf::from(path.file_name().unwrap());
        match path.is_dir() {
            true => found.extend(files(&path).into_iter().map(|(file, bytes)| (name.join(file), bytes))),
            false => _ = found.insert(name, std::fs::read(&path).unwrap()),
        }
    }
    found
}
