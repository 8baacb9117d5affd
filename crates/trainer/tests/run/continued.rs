//! A finished run that goes on: to the bits of one run, under its own steps, and what is refused.

use std::path::Path;

use artifact::Provenance;
use artifact::tables::{Checkpoint, Example};
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
    let with = |digest: &str| Provenance {
        inputs: [("data/vocabulary.parquet".to_owned(), digest.to_owned())].into(),
        ..Provenance::default()
    };
    let summary = run(&steps(10), &inputs, first.path(), trainer::Device::Cpu, None, &with("a")).unwrap();
    assert_eq!(summary.updates, 30);
    let inputs = Inputs { from: Some(first.path().to_owned()), ..inputs };
    let refused = run(&steps(10), &inputs, second.path(), trainer::Device::Cpu, None, &with("b"))
        .unwrap_err()
        .to_string();
    assert!(
        refused.starts_with("data: its tokens are others than those of the run that `from` names"),
        "{refused}"
    );
    run(&steps(10), &inputs, second.path(), trainer::Device::Cpu, None, &with("a")).unwrap();
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
    for (bytes, expected) in [(&whole[..whole.len() - 1], ""), (&b"\x80\x02}q\x00."[..], ""), (&[][..], "")] {
        std::fs::write(&state, bytes).unwrap();
        let message = refused(&steps(10));
        assert!(message.starts_with("cannot go on from FROM/resume/seed-001.safetensors: "), "{message}");
        assert!(
            message.ends_with("; rerun the stage that wrote it") && message.contains(expected),
            "{message}"
        );
    }
    let mut tensors = candle_core::safetensors::load_buffer(&whole, &Device::Cpu).unwrap();
    let mean = tensors["mean"].to_vec1::<f32>().unwrap();
    let mut replaced = |name: &str, tensor: Tensor| {
        let before = tensors.insert(name.to_owned(), tensor).unwrap();
        candle_core::safetensors::save(&tensors, &state).unwrap();
        tensors.insert(name.to_owned(), before);
        refused(&steps(10))
    };
    let with_nan: Vec<f32> =
        mean.iter().enumerate().map(|(i, &x)| if i == 3 { f32::NAN } else { x }).collect();
    let tensor = |values: &[f32]| Tensor::new(values, &Device::Cpu).unwrap();
    assert!(replaced("mean", tensor(&with_nan)).contains("a moment is not finite"));
    let message = replaced("mean", tensor(&mean[1..]));
    assert!(message.contains("weights and moments of each, found"), "{message}");
    let message = replaced("done", Tensor::new(&[19_i64], &Device::Cpu).unwrap());
    assert!(message.contains("it is of step 19, the last checkpoint of step 20"), "{message}");
    std::fs::write(&state, &whole).unwrap();
    let Checkpoint { path, .. } = first.checkpoints().into_iter().rfind(|c| c.seed == 1).unwrap();
    let path = folder.join(path);
    let weights = std::fs::read(&path).unwrap();
    let mut flipped = weights.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for (bytes, expected) in [
        (&weights[..100], "not a complete safetensors file"),
        (&b"PK\x03\x04rest"[..], "this is a pickle"),
        (&flipped[..], "its digest should be"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let message = refused(&steps(10));
        assert!(
            message.contains(expected) && message.ends_with("; rerun the stage that wrote it"),
            "{message}"
        );
    }
    std::fs::remove_file(&path).unwrap();
    assert!(refused(&steps(10)).contains("step-000020.safetensors: No such file"));
}
