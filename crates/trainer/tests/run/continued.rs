//! A finished run that goes on: to the bits of one run, under its own steps, and what is refused.

use std::path::Path;

use artifact::tables::{Checkpoint, Example, Resume, Token};
use artifact::{Provenance, read_table, write_table};
use candle_core::{Device, Tensor};
use trainer::{Config, Inputs, run};

use crate::common::{Done, config, examples, inputs};

/// Trains `config` on 30 rows, going on from another run or anew.
fn train(config: &Config, from: Option<&Path>) -> Done {
    train_on(config, from, examples(0, 30))
}

fn train_on(config: &Config, from: Option<&Path>, rows: Vec<Example>) -> Done {
    let data = tempfile::tempdir().unwrap();
    let out = tempfile::tempdir().unwrap();
    let inputs = inputs(data.path(), rows, examples(30, 7));
    let inputs = Inputs { from: from.map(Path::to_owned), ..inputs };
    let result =
        run(config, &inputs, out.path(), trainer::Device::Cpu, None, &Provenance::default()).map(drop);
    Done { out, result }
}

#[test]
fn a_vocabulary_of_the_same_size_but_other_tokens_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let inputs = inputs(data.path(), examples(0, 30), examples(30, 7));
    let go = |inputs: &Inputs, out: &Path| {
        run(&steps(10), inputs, out, trainer::Device::Cpu, None, &Provenance::default())
    };
    assert_eq!(go(&inputs, first.path()).unwrap().updates, 30);
    let inputs = Inputs { from: Some(first.path().to_owned()), ..inputs };
    go(&inputs, second.path()).unwrap();
    let whole: Vec<Token> = read_table(&inputs.vocabulary).unwrap();
    let mut other = whole.clone();
    other[7].token = "seven".to_owned();
    write_table(&inputs.vocabulary, &Provenance::default(), other).unwrap();
    assert_eq!(
        go(&inputs, second.path()).unwrap_err().to_string(),
        "data: token 7 is `seven` (value), but `7` (value) in the run that `from` names; build both with the same \
         notations and values"
    );
}

fn steps(steps: u64) -> Config {
    config(|config| {
        config["steps"] = steps.into();
        config["model"]["dropout"] = 0.1.into();
        config["checkpoints"] = serde_json::json!({ "every": 12 });
    })
}

#[test]
fn some_steps_and_then_more_are_the_bits_of_all_at_once() {
    let (first, whole) = (train(&steps(20), None), train(&steps(50), None));
    let second = train(&steps(30), Some(first.out.path()));
    second.result.as_ref().unwrap();
    for file in ["checkpoints/seed-001/step-000050.safetensors", "resume/seed-001.safetensors", "model.json"]
    {
        assert!(second.file(file) == whole.file(file), "{file}");
    }
    let curve = |done: &Done| -> Vec<_> {
        let rows = done.training().into_iter();
        rows.filter(|row| row.step > 20)
            .map(|row| (row.seed, row.step, row.examples_seen, row.train_loss))
            .collect()
    };
    assert_eq!(curve(&second), curve(&whole));
    let kept = |done: &Done, seed| -> Vec<i64> {
        done.checkpoints().iter().filter(|c| c.seed == seed).map(|c| c.step).collect()
    };
    assert_eq!(kept(&second, 1), [20, 24, 36, 48, 50]);
    let begun = &second.training()[0];
    assert_eq!((begun.step, begun.examples_seen, begun.train_loss), (20, 320, None));
    assert_eq!(
        begun.validation_loss,
        first.training().iter().rfind(|row| row.seed == 0).unwrap().validation_loss
    );
    // And again.
    let third = train(&steps(10), Some(second.out.path()));
    let whole = train(&steps(60), None);
    let last = "checkpoints/seed-002/step-000060.safetensors";
    assert!(third.file(last) == whole.file(last));
}

#[test]
fn the_rows_may_be_others_as_long_as_the_model_can_read_them() {
    let first = train(&steps(20), None);
    let rows = || examples(5, 20);
    let second = train_on(&steps(10), Some(first.out.path()), rows());
    second.result.as_ref().unwrap();
    assert_eq!(second.training().last().unwrap().examples_seen, 480);
    let mut long = rows();
    long[3].tokens.extend([1, 2]);
    assert_eq!(
        train_on(&steps(10), Some(first.out.path()), long).result.unwrap_err().to_string(),
        "model.n_ctx: 3 tokens found, but a row asks for 4; build shorter rows, or give the run that `from` names a \
         longer context"
    );
}

#[test]
fn rows_that_are_read_once_and_schedules_count_on() {
    let once = |steps: u64| {
        config(|config| {
            config["steps"] = steps.into();
            config["batch"] = 3.into();
            config["order"] = "once".into();
            config["seeds"] = 1.into();
        })
    };
    let (first, whole) = (train(&once(4), None), train(&once(10), None));
    let second = train(&once(6), Some(first.out.path()));
    let last = "checkpoints/seed-000/step-000010.safetensors";
    assert!(second.file(last) == whole.file(last));
    assert_eq!(
        train(&once(7), Some(first.out.path())).result.unwrap_err().to_string(),
        "order: 7 updates of 3 rows behind the 12 of the earlier run take 33, but there are 30; lower `steps` or \
         `batch`, or build more rows"
    );
    let cosine = config(|config| {
        config["optimizer"] =
            serde_json::json!({ "learning_rate": 0.01, "schedule": "cosine", "warmup": 10 });
    });
    let second = train(&cosine, Some(train(&cosine, None).out.path()));
    let rates: Vec<f64> =
        second.training().iter().filter(|row| row.seed == 0).map(|row| row.learning_rate).collect();
    // Of 60 updates: at 40 and 60, 29/50 and 49/50 of the way down.
    let expected = [29.0, 49.0].map(|done: f64| 0.005 * (1.0 + (std::f64::consts::PI * done / 50.0).cos()));
    assert!((rates[1] - expected[0]).abs() < 1e-12 && (rates[3] - expected[1]).abs() < 1e-12, "{rates:?}");
}

#[test]
fn what_cannot_be_continued_is_refused_before_training() {
    let first = train(&steps(20), None);
    let folder = first.out.path();
    let refused = |config: &Config| {
        let done = train(config, Some(folder));
        assert!(!done.out.path().join("checkpoints").exists());
        done.result.unwrap_err().to_string().replace(&folder.display().to_string(), "FROM")
    };
    assert_eq!(
        refused(&config(|config| config["model"]["d_mlp"] = 64.into())),
        "model: d_mlp is 64, but 32 in the run that `from` names; give the same shape, on data with the same vocabulary"
    );
    assert_eq!(
        refused(&config(|config| config["seeds"] = serde_json::json!([1, 7]))),
        "seeds: 7 is no seed of the run that `from` names; choose from 0, 1, 2"
    );
    let state = folder.join("resume/seed-001.safetensors");
    let whole = std::fs::read(&state).unwrap();
    let Checkpoint { path, .. } = first.checkpoints().into_iter().rfind(|c| c.seed == 1).unwrap();
    let path = folder.join(path);
    let weights = std::fs::read(&path).unwrap();
    for (file, whole) in [(&state, &whole), (&path, &weights)] {
        let mut flipped = whole.clone();
        *flipped.last_mut().unwrap() ^= 1;
        for bytes in [&whole[..whole.len() - 1], &b"\x80\x02}q\x00."[..], &[], &flipped] {
            std::fs::write(file, bytes).unwrap();
            let message = refused(&steps(10));
            let name = file.strip_prefix(folder).unwrap().display();
            assert!(
                message.starts_with(&format!("cannot go on from FROM/{name}: its digest should be ")),
                "{message}"
            );
            assert!(message.ends_with("; rerun the stage that wrote it"), "{message}");
        }
        std::fs::write(file, whole).unwrap();
    }
    std::fs::remove_file(&path).unwrap();
    assert!(refused(&steps(10)).contains("step-000020.safetensors`: there is no such file"));
    std::fs::write(&path, &weights).unwrap();
    assert!(train(&steps(10), Some(folder)).result.is_ok());
    let model = first.file("model.json");
    let mut shape: serde_json::Value = serde_json::from_slice(&model).unwrap();
    for n_ctx in [1_u64 << 40, u64::MAX, 0] {
        shape["n_ctx"] = n_ctx.into();
        std::fs::write(folder.join("model.json"), shape.to_string()).unwrap();
        let message = refused(&steps(10));
        assert!(message.contains("n_ctx"), "{message}");
    }
    std::fs::write(folder.join("model.json"), model).unwrap();
    std::fs::remove_file(folder.join("resume.parquet")).unwrap();
    assert!(refused(&steps(10)).contains("resume.parquet"));
}

/// What a finished run lists, however it came to be listed, is looked at before it is believed.
#[test]
fn files_that_are_what_was_listed_but_no_state_are_refused() {
    let first = train(&steps(20), None);
    let folder = first.out.path();
    let state = folder.join("resume/seed-001.safetensors");
    let whole = std::fs::read(&state).unwrap();
    let refused = || {
        let message = train(&steps(10), Some(folder)).result.unwrap_err().to_string();
        message.replace(&folder.display().to_string(), "FROM")
    };
    let table = folder.join("resume.parquet");
    let listed: Vec<Resume> = read_table(&table).unwrap();
    let list = |change: &dyn Fn(&mut Resume)| {
        let mut rows = listed.clone();
        change(rows.iter_mut().find(|row| row.seed == 1).unwrap());
        write_table(&table, &Provenance::default(), rows).unwrap();
        refused()
    };
    let signed = |bytes: &[u8]| {
        std::fs::write(&state, bytes).unwrap();
        list(&|row| row.digest = artifact::digest_bytes(bytes))
    };
    for path in
        ["/etc/passwd", "../resume/seed-001.safetensors", "resume/../../x", "./resume/seed-001.safetensors"]
    {
        let message = list(&|row| row.path = path.to_owned());
        assert!(
            message.contains(&format!(
                "resume.parquet: `{path}`: expected the names of folders and a file below"
            )),
            "{message}"
        );
    }
    assert!(list(&|row| row.seed = 9).contains("resume.parquet: it has no row of seed 1"));
    let mut tensors = candle_core::safetensors::load_buffer(&whole, &Device::Cpu).unwrap();
    let mean = tensors["mean"].to_vec1::<f32>().unwrap();
    let count = mean.len();
    let mut replaced = |name: &str, tensor: Tensor| {
        let before = tensors.insert(name.to_owned(), tensor).unwrap();
        candle_core::safetensors::save(&tensors, &state).unwrap();
        tensors.insert(name.to_owned(), before);
        signed(&std::fs::read(&state).unwrap())
    };
    let tensor = |values: &[f32]| Tensor::new(values, &Device::Cpu).unwrap();
    let with = |at: usize, value: f32| -> Vec<f32> {
        mean.iter().enumerate().map(|(i, &x)| if i == at { value } else { x }).collect()
    };
    assert!(
        replaced("mean", tensor(&with(3, f32::NAN)))
            .contains("mean holds NaN at flat index 3, expected finite numbers")
    );
    assert!(replaced("square", tensor(&with(3, f32::INFINITY))).contains("square holds inf at flat index 3"));
    assert!(
        replaced("square", tensor(&with(3, -1.0)))
            .contains("`square` holds -1, expected none that is negative")
    );
    let message = replaced("mean", tensor(&mean[1..]));
    assert!(
        message.contains(&format!("`mean` should be F32 [{count}], found F32 [{}]", count - 1)),
        "{message}"
    );
    let message = replaced("done", Tensor::new(&[19_i64], &Device::Cpu).unwrap());
    assert!(message.contains("it is of step 19, the last checkpoint of step 20"), "{message}");
    assert!(
        replaced("done", Tensor::new(&[-1_i64], &Device::Cpu).unwrap())
            .contains("`done` is -1, expected a count")
    );
    // Headers that promise what no file holds.
    let header = |header: &str| [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
    for (shape, end) in
        [("[4611686018427387904]", 0_u64), ("[0,9223372036854775808,4]", 0), ("[9]", u64::MAX)]
    {
        let tensor = |name| format!(r#""{name}":{{"dtype":"F32","shape":{shape},"data_offsets":[0,{end}]}}"#);
        let message = signed(&header(&format!("{{{}}}", tensor("mean"))));
        assert!(message.starts_with("cannot go on from FROM/resume/seed-001.safetensors: "), "{message}");
    }
    let message = signed(&u64::MAX.to_le_bytes());
    assert!(message.contains("not a complete safetensors file"), "{message}");
    std::fs::write(&state, &whole).unwrap();
    write_table(&table, &Provenance::default(), listed).unwrap();
    train(&steps(10), Some(folder)).result.unwrap();
}
