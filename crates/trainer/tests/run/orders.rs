//! Which rows come when, and what they cost: all at once, once through the table, or shuffled.

use artifact::tables::Training;

use crate::common::{Done, config, examples, train_on};

/// What a run leaves, of its curves: (step, loss, rows seen).
fn curve(done: &Done) -> Vec<(i64, Option<f32>, i64)> {
    done.result.as_ref().unwrap();
    let row = |row: Training| (row.step, row.train_loss, row.examples_seen);
    done.training().into_iter().map(row).collect()
}

#[test]
fn a_full_batch_is_the_table_in_its_own_order_at_every_step() {
    let full = config(|config| {
        config["batch"] = "full".into();
        config["seeds"] = serde_json::json!([5]);
        config["log_every"] = 1.into();
    });
    let full = curve(&train_on(&full, 2, examples(0, 30), examples(30, 7)));
    assert!(full.iter().all(|(step, _, seen)| *seen == 30 * step));
    // Read once, one batch of the same rows is the first step's; then the table would have to be read again.
    let once = config(|config| {
        config["batch"] = 30.into();
        config["order"] = "once".into();
        config["steps"] = 1.into();
        config["seeds"] = serde_json::json!([5]);
    });
    let once = curve(&train_on(&once, 2, examples(0, 30), examples(30, 7)));
    assert_eq!(once[1], full[1]);
    // The loss of a batch of the same rows in another order is the same but for rounding.
    let shuffled = config(|config| {
        config["batch"] = 30.into();
        config["seeds"] = serde_json::json!([5]);
        config["log_every"] = 1.into();
    });
    let shuffled = curve(&train_on(&shuffled, 2, examples(0, 30), examples(30, 7)));
    for (full, shuffled) in full.iter().zip(&shuffled).take(10).skip(1) {
        assert!((full.1.unwrap() - shuffled.1.unwrap()).abs() < 1e-4, "{full:?} {shuffled:?}");
    }
}

#[test]
fn rows_read_once_come_in_the_order_of_the_table_over_the_borders_of_files_and_batches() {
    let once = |seeds: serde_json::Value, steps: u64| {
        config(|config| {
            config["order"] = "once".into();
            config["batch"] = 7.into();
            config["steps"] = steps.into();
            config["seeds"] = seeds;
            config["log_every"] = 1.into();
        })
    };
    // 20,000 rows in two files, each read in batches of 8,192.
    let rows = || examples(0, 20_000);
    let (one, two) = (once(serde_json::json!(3), 2857), once(serde_json::json!([2]), 2857));
    let (all, alone) = (train_on(&one, 2, rows(), vec![]), train_on(&two, 1, rows(), vec![]));
    let of_seed =
        |done: &Done, seed| done.training().into_iter().filter(|row| row.seed == seed).collect::<Vec<_>>();
    assert_eq!(of_seed(&all, 2), of_seed(&alone, 2), "a seed reads for itself");
    // The untrained model's loss on a batch is that on the same rows as a table of their own.
    let first = train_on(&once(serde_json::json!([2]), 1), 1, examples(0, 7), vec![]);
    assert_eq!(curve(&first)[1].1, curve(&alone)[1].1);
    let last = "checkpoints/seed-002/step-002857.safetensors";
    assert_eq!(all.file(last), alone.file(last));
}

#[test]
fn a_table_too_short_to_be_read_once_is_refused_before_training() {
    let config = config(|config| config["order"] = "once".into());
    let done = train_on(&config, 1, examples(0, 479), examples(479, 7));
    assert_eq!(
        done.result.unwrap_err().to_string(),
        "order: 30 updates of 16 rows take 480, but there are 479; lower `steps` or `batch`, or build more rows"
    );
    assert!(!done.out.path().join("checkpoints").exists());
    train_on(&config, 1, examples(0, 480), examples(480, 7)).result.unwrap();
}

#[test]
fn dropout_and_the_spread_of_the_first_weights_are_asked_for_and_felt() {
    let last = "checkpoints/seed-000/step-000030.safetensors";
    let trained = |change: &dyn Fn(&mut serde_json::Value), threads| {
        let done = train_on(&config(change), threads, examples(0, 30), examples(30, 7));
        done.result.as_ref().unwrap();
        (done.file("checkpoints/seed-000/step-000000.safetensors"), done.file(last))
    };
    let plain = trained(&|_| (), 1);
    let dropped = trained(&|config| config["model"]["dropout"] = 0.2.into(), 1);
    assert_eq!((&plain.0, plain.1 == dropped.1), (&dropped.0, false));
    assert_eq!(dropped, trained(&|config| config["model"]["dropout"] = 0.2.into(), 2));
    assert_eq!(plain, trained(&|config| config["model"]["dropout"] = 0.into(), 1));
    assert_eq!(plain, trained(&|config| config["model"]["initializer_range"] = 0.02.into(), 1));
    assert_ne!(plain.0, trained(&|config| config["model"]["initializer_range"] = 0.5.into(), 1).0);
}
