//! The stage from tables to tables: what it leaves, on how many threads, and what it refuses.
#![expect(clippy::disallowed_methods, reason = "a test may take a failing disk for absence")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
mod continued;
mod orders;
mod states;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use artifact::{Provenance, digest_bytes};
use candle_core::{DType, Device};
use common::{config, examples, files, inputs, train, train_on};
use trainer::{Error, Resume, run};
use transformer::Transformer;

#[test]
fn a_run_leaves_curves_checkpoints_and_the_models_shape() {
    let done = train(&config(|config| config["checkpoints"] = serde_json::json!({ "every": 12 })), 2);
    done.result.as_ref().unwrap();
    let shape: transformer::Config = serde_json::from_slice(&done.file("model.json")).unwrap();
    assert_eq!((shape.d_vocab, shape.n_ctx, shape.d_mlp, shape.d_head), (40, 3, 32, 8));

    let rows = done.training();
    let steps = |seed| rows.iter().filter(|row| row.seed == seed).map(|row| row.step).collect::<Vec<_>>();
    for seed in 0..3 {
        assert_eq!(steps(seed), [0, 10, 20, 30]);
    }
    for row in &rows {
        assert_eq!(row.examples_seen, row.step * 16);
        assert_eq!(row.train_loss.is_some(), row.step > 0);
        assert_eq!(row.validation_loss.is_some(), [0, 20, 30].contains(&row.step));
        assert_eq!(row.validation_accuracy.is_some(), row.validation_loss.is_some());
        assert!(row.weight_norm.unwrap() > 1.0);
        assert_eq!(row.learning_rate, if row.step > 0 { 0.01 } else { 0.0 });
    }
    // Untrained: about ln 40; trained: less.
    assert!((rows[0].validation_loss.unwrap() - 40_f32.ln()).abs() < 0.1);
    assert!(rows[3].train_loss.unwrap() < rows[1].train_loss.unwrap());

    let checkpoints = done.checkpoints();
    assert_eq!(checkpoints.len(), 3 * 4);
    assert_eq!(checkpoints[1].path, "checkpoints/seed-000/step-000012.safetensors");
    for checkpoint in &checkpoints {
        let bytes = done.file(&checkpoint.path);
        assert_eq!(digest_bytes(&bytes), checkpoint.digest);
        Transformer::from_safetensors(&shape, &bytes, DType::F32, &Device::Cpu).unwrap();
    }
}

#[test]
fn bits_depend_neither_on_threads_nor_on_the_other_seeds() {
    let (one, two) = (train(&config(|_| ()), 1), train(&config(|_| ()), 2));
    for name in ["training.parquet", "checkpoints.parquet", "model.json"] {
        assert_eq!(one.file(name), two.file(name), "{name}");
    }
    let alone = train(&config(|config| config["seeds"] = serde_json::json!([2])), 2);
    let last = "checkpoints/seed-002/step-000030.safetensors";
    assert_eq!(one.file(last), two.file(last));
    assert_eq!(one.file(last), alone.file(last));
    let other = "checkpoints/seed-001/step-000030.safetensors";
    assert_ne!(one.file(last), one.file(other));
}

#[test]
fn how_often_it_is_looked_at_changes_no_weight() {
    let often = config(|config| {
        config["log_every"] = 1.into();
        config["evaluate_every"] = 1.into();
    });
    let last = "checkpoints/seed-000/step-000030.safetensors";
    assert_eq!(train(&often, 1).file(last), train(&config(|_| ()), 1).file(last));
}

#[test]
fn a_rule_of_successors_is_learned() {
    let config = config(|config| {
        config["steps"] = 150.into();
        config["seeds"] = 2.into();
    });
    let done = train(&config, 2);
    let last = done.training().into_iter().rfind(|row| row.seed == 0).unwrap();
    assert!(last.train_accuracy.unwrap() > 0.9, "{last:?}");
    assert!(last.train_loss.unwrap() < 1.0, "{last:?}");
}

#[test]
fn a_loss_that_is_no_number_stops_with_seed_and_step_and_keeps_what_was_good() {
    let done = train(&config(|config| config["optimizer"] = serde_json::json!({ "learning_rate": 1e30 })), 1);
    let message = done.result.as_ref().unwrap_err().to_string();
    assert!(message.starts_with("seed 0: the ") && message.contains(" at step 2;"), "{message}");
    let checkpoints = done.checkpoints();
    assert_eq!((checkpoints[0].seed, checkpoints[0].step), (0, 0));
    let shape: transformer::Config = serde_json::from_slice(&done.file("model.json")).unwrap();
    for checkpoint in &checkpoints {
        Transformer::from_safetensors(&shape, &done.file(&checkpoint.path), DType::F32, &Device::Cpu)
            .unwrap();
    }
    assert!(!done.training().is_empty());
}

#[test]
fn data_that_cannot_be_trained_on_is_refused() {
    let refused = |change: &dyn Fn(&mut serde_json::Value), train, validation| {
        train_on(&config(change), 1, train, validation).result.unwrap_err().to_string()
    };
    let nothing = &|_: &mut serde_json::Value| ();
    assert_eq!(
        refused(&|config| config["batch"] = 31.into(), examples(0, 30), examples(30, 7)),
        "train rows: 30 rows are fewer than the batch of 31; lower `batch`, or build more rows"
    );
    assert_eq!(refused(nothing, vec![], examples(30, 7)), "train rows: there are none; build more rows");
    assert!(
        refused(nothing, examples(0, 1), vec![])
            .starts_with("train rows: 1 rows are fewer than the batch of 16")
    );
    train_on(&config(|config| config["batch"] = 1.into()), 1, examples(0, 1), vec![]).result.unwrap();
    assert_eq!(
        refused(&|config| config["model"]["n_ctx"] = 2.into(), examples(0, 30), examples(30, 7)),
        "model.n_ctx: 2 tokens found, but a row asks for 3; give as many, or leave it out"
    );
    assert_eq!(
        refused(
            &|config| config["checkpoints"] = serde_json::json!({ "best": true }),
            examples(0, 30),
            vec![]
        ),
        "validation rows: there are none to choose the best checkpoint by; leave `checkpoints.best` out, or build some"
    );
    let mut foreign = examples(30, 7);
    foreign[3].tokens[0] = 40;
    assert_eq!(
        refused(nothing, examples(0, 30), foreign),
        "validation rows: row 33: token 40 is not in the vocabulary of 40"
    );
}

#[test]
fn without_validation_rows_its_columns_are_empty() {
    let done = train_on(&config(|config| config["seeds"] = 1.into()), 1, examples(0, 30), vec![]);
    done.result.as_ref().unwrap();
    assert!(
        done.training().iter().all(|row| row.validation_loss.is_none() && row.validation_accuracy.is_none())
    );
}

#[test]
fn a_run_interrupted_anywhere_goes_on_to_the_same_bits() {
    interrupt("shuffled", 30);
}

#[test]
fn a_run_that_reads_rows_once_and_is_interrupted_anywhere_goes_on_to_the_same_bits() {
    interrupt("once", 90 * 16);
}

fn interrupt(order: &str, rows: u16) {
    let config = config(|config| {
        config["order"] = order.into();
        config["steps"] = 90.into();
        config["evaluate_every"] = 3.into();
        config["checkpoints"] = serde_json::json!({ "every": 7, "log_spaced": 4, "best": true });
        config["model"]["dropout"] = 0.1.into();
        config["optimizer"] = serde_json::json!({ "schedule": "cosine", "warmup": 5, "clip": 0.5 });
    });
    let (data, whole) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let inputs = inputs(data.path(), examples(0, rows), examples(rows, 7));
    run(&config, &inputs, whole.path(), trainer::Device::Cpu, None, &Provenance::default()).unwrap();
    let expected = files(whole.path());
    let state = tempfile::tempdir().unwrap();
    let mut interruptions = 0;
    for attempt in 0_u64.. {
        assert!(attempt < 10_000, "it never ends");
        // What was written outside the state is lost each time.
        let out = tempfile::tempdir().unwrap();
        let interrupted = AtomicBool::new(false);
        let resume = Resume { folder: state.path(), interrupted: &interrupted };
        let result = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_micros(500 + attempt * 7_370 % 60_000 + attempt * 1_000));
                interrupted.store(true, Ordering::Relaxed);
            });
            run(&config, &inputs, out.path(), trainer::Device::Cpu, Some(resume), &Provenance::default())
        });
        match result {
            Err(Error::Interrupted) => interruptions += 1,
            Err(error) => panic!("{error}"),
            Ok(_) => {
                assert!(files(out.path()) == expected, "after {interruptions} interruptions");
                break;
            }
        }
    }
    assert!(interruptions > 2, "{interruptions} interruptions");
}

#[test]
fn the_best_checkpoint_is_the_first_of_the_lowest_validation_losses_beside_the_others() {
    // Steps so long that the validation loss goes up and down.
    let run_with = |checkpoints: serde_json::Value| {
        let config = config(|config| {
            config["steps"] = 60.into();
            config["evaluate_every"] = 1.into();
            config["optimizer"]["learning_rate"] = 0.05.into();
            config["checkpoints"] = checkpoints;
        });
        let done = train_on(&config, 2, examples(0, 24), examples(20, 7));
        done.result.as_ref().unwrap();
        done
    };
    let (done, without) = (
        run_with(serde_json::json!({ "every": 25, "best": true })),
        run_with(serde_json::json!({ "every": 25 })),
    );
    let steps = |done: &common::Done, seed: i32| -> Vec<i64> {
        done.checkpoints().iter().filter(|c| c.seed == seed).map(|c| c.step).collect()
    };
    let mut apart = 0;
    for seed in 0..3 {
        let log = done.training();
        let measured = log.iter().filter(|row| row.seed == seed && row.validation_loss.is_some());
        let lowest = measured.clone().map(|row| row.validation_loss.unwrap()).fold(f32::INFINITY, f32::min);
        let best = measured.clone().find(|row| row.validation_loss == Some(lowest)).unwrap().step;
        let mut expected = steps(&without, seed);
        if !expected.contains(&best) {
            expected.push(best);
            expected.sort_unstable();
            apart += 1;
        }
        assert_eq!(steps(&done, seed), expected);
        assert_eq!(expected.last(), Some(&60));
    }
    assert!(apart > 0, "no best step lies apart from the others");
    let listed: Vec<_> = done.checkpoints().into_iter().map(|c| c.path).collect();
    let found: Vec<_> = files(&done.out.path().join("checkpoints")).into_keys().collect();
    assert_eq!(found.len(), listed.len(), "no file is left of what was the best before: {found:?}");
}
