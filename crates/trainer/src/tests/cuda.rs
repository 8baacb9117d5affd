//! The loop on a GPU beside the one on the processor, with the processor's threads in place of the GPU's.

#[expect(unsafe_code, reason = "the kernel is loaded as a library")]
#[path = "../../../transformer/tests/cuda/threads.rs"]
mod threads;

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use artifact::tables::{Checkpoint, Training};
use artifact::{Provenance, read_table, write_table};

use super::{example, token};
use crate::run::run_by;
use crate::{Config, Device, Error, Inputs, Resume, run};
use threads::Threads;

/// Rows a, a + 1, a + 2 (, a + 3) of 20 tokens, some of them longer.
fn inputs(folder: &Path) -> Inputs {
    let row = |id: u16| {
        let length = 3 + id % 2;
        let tokens: Vec<u16> = (id..id + length).map(|token| token % 20).collect();
        example(i64::from(id), &tokens, i32::from(length) - 1, 1)
    };
    let [train, validation, vocabulary] = ["t", "v", "w"].map(|name| folder.join(name));
    write_table(&train, &Provenance::default(), (0..14).map(row)).unwrap();
    write_table(&validation, &Provenance::default(), (14..20).map(row)).unwrap();
    write_table(&vocabulary, &Provenance::default(), (0..20).map(|id| token(id, "value"))).unwrap();
    Inputs { train: vec![train], validation: vec![validation], vocabulary, from: None }
}

fn config() -> Config {
    serde_json::from_value(serde_json::json!({
        "model": { "n_layers": 1, "n_heads": 2, "d_model": 16, "d_mlp": 20, "dropout": 0.1 },
        "optimizer": { "learning_rate": 0.01, "clip": 1.0, "schedule": "cosine" },
        "seeds": 3, "steps": 14, "batch": 8, "log_every": 2, "evaluate_every": 5,
        "checkpoints": { "every": 4, "best": true },
    }))
    .unwrap()
}

fn on_threads(
    config: &Config,
    inputs: &Inputs,
    out: &Path,
    resume: Option<Resume<'_>>,
    before_launch: impl Fn() + Clone + 'static,
) -> Result<(), Error> {
    // Room for two models at once: three seeds take two turns.
    let device = || Ok(Threads::new(1).expect("a compiler").before_launch(before_launch.clone()));
    run_by(config, inputs, out, resume, &Provenance::default(), |fit| crate::cuda::run(fit, device)).map(drop)
}

fn tables(out: &Path) -> (Vec<Training>, Vec<Checkpoint>) {
    let read = |name| out.join(name);
    (read_table(&read("training.parquet")).unwrap(), read_table(&read("checkpoints.parquet")).unwrap())
}

#[test]
fn what_is_written_down_is_what_the_processor_writes_and_an_interrupted_run_goes_on_to_the_same_bits() {
    if Threads::new(1).is_none() {
        return;
    }
    let folders: Vec<tempfile::TempDir> = (0..5).map(|_| tempfile::tempdir().unwrap()).collect();
    let [data, cpu, whole, parts, partial] = [0, 1, 2, 3, 4].map(|i| folders[i].path());
    let (config, inputs) = (config(), inputs(data));
    run(&config, &inputs, cpu, Device::Cpu, None, &Provenance::default()).unwrap();
    on_threads(&config, &inputs, whole, None, || {}).unwrap();
    let ((log, kept), (expected_log, expected_kept)) = (tables(whole), tables(cpu));
    assert_eq!(log.len(), expected_log.len());
    for (row, expected) in log.iter().zip(&expected_log) {
        let close = |a: Option<f32>, b: Option<f32>| match (a, b) {
            (Some(a), Some(b)) => (a - b).abs() <= 1e-3 * (1.0 + b.abs()),
            (a, b) => a == b,
        };
        assert_eq!(
            (row.seed, row.step, row.examples_seen),
            (expected.seed, expected.step, expected.examples_seen)
        );
        assert_eq!(row.learning_rate, expected.learning_rate);
        for (a, b) in [
            (row.train_loss, expected.train_loss),
            (row.train_accuracy, expected.train_accuracy),
            (row.validation_loss, expected.validation_loss),
            (row.validation_accuracy, expected.validation_accuracy),
            (row.gradient_norm, expected.gradient_norm),
            (row.weight_norm, expected.weight_norm),
        ] {
            assert!(close(a, b), "{row:?} for {expected:?}");
        }
    }
    let places = |kept: &[Checkpoint]| -> Vec<_> { kept.iter().map(|kept| (kept.seed, kept.step)).collect() };
    assert_eq!(places(&kept), places(&expected_kept));

    // Each run ends at its third launch, until one gets to the end.
    let mut runs = 0;
    loop {
        runs += 1;
        let interrupted: &'static AtomicBool = Box::leak(Box::new(AtomicBool::new(false)));
        let launches = Rc::new(Cell::new(0));
        let resume = Resume { folder: partial, interrupted };
        let result = on_threads(&config, &inputs, parts, Some(resume), move || {
            launches.set(launches.get() + 1);
            interrupted.store(launches.get() >= 3, Ordering::Relaxed);
        });
        match result {
            Ok(()) => break,
            Err(Error::Interrupted) => assert!(runs < 20, "it gets on"),
            Err(error) => panic!("{error}"),
        }
    }
    assert!(runs > 3);
    assert_eq!(tables(parts), (log, kept.clone()));
    for checkpoint in kept {
        let read = |out: &Path| std::fs::read(out.join(&checkpoint.path)).unwrap();
        assert!(read(parts) == read(whole));
    }
}

#[test]
fn what_a_gpu_cannot_do_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let inputs = inputs(data.path());
    let refused = |change: &dyn Fn(&mut Config)| {
        let mut config = config();
        change(&mut config);
        let device = || Ok(Threads::without_program(1));
        let by = |fit: &crate::fit::Fit<'_>| crate::cuda::run(fit, device);
        run_by(&config, &inputs, data.path(), None, &Provenance::default(), by).unwrap_err().to_string()
    };
    let help = "leave it out, or train on the processor";
    assert_eq!(
        refused(&|config| (config.steps, config.order) = (1, crate::Order::Once)),
        format!("order: `once` reads rows as the steps go, a GPU has to hold them; {help}")
    );
}
