//! The kernel beside the engine: on the processor, wherever there is a C++ compiler, and on a GPU, where there is one.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]
#![expect(unsafe_code, reason = "the kernel is loaded as a library")]

#[path = "cuda/threads.rs"]
mod threads;

use std::cell::Cell;
use std::rc::Rc;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use threads::Threads;
use transformer::cuda::{Batches, Device, Fleet, Output, Table, Update};
use transformer::engine::{AdamW, Batch, Dropout, Engine, Moments};
use transformer::{ActFn, Config, Normalization, PositionalEmbedding};

const CLIP: f32 = 0.5;
const ADAMW: AdamW = AdamW {
    mean_rate: 0.1,
    square_kept: 0.99,
    square_rate: 0.01,
    kept: 0.999,
    l2: 0.03,
    rate: 0.02,
    root: 2.0,
    eps: 1e-6,
    scale: 1.0,
};
const UPDATE: Update = Update { adamw: ADAMW, clip: CLIP, step: 0 };

struct Case {
    config: Config,
    positions: usize,
    batch: usize,
    models: usize,
    /// Of eight places how many are scored.
    scored: u32,
    dropout: f64,
}

fn shape(
    n_layers: usize,
    [d_model, n_heads, d_head, d_mlp, d_vocab]: [usize; 5],
    act_fn: ActFn,
    norm: Normalization,
) -> Config {
    Config {
        n_layers,
        d_model,
        n_ctx: 40,
        d_head,
        n_heads,
        d_mlp,
        d_vocab,
        act_fn,
        normalization_type: norm,
        positional_embedding_type: PositionalEmbedding::Standard,
        attn_only: d_mlp == 0,
        eps: 1e-5,
    }
}

fn cases() -> Vec<Case> {
    use {ActFn::*, Normalization::*};
    let case = |config, positions, batch, models, scored, dropout| Case {
        config,
        positions,
        batch,
        models,
        scored,
        dropout,
    };
    vec![
        case(shape(1, [64, 4, 16, 256, 128], GeluNew, LN), 8, 20, 2, 8, 0.0),
        case(shape(2, [37, 3, 11, 23, 50], Gelu, LNPre), 5, 30, 1, 3, 0.3),
        case(shape(1, [128, 1, 32, 0, 64], Relu, None), 9, 15, 3, 4, 0.0),
        case(shape(0, [20, 1, 4, 0, 33], Relu, LN), 7, 40, 1, 5, 0.5),
        case(shape(2, [32, 2, 40, 65, 200], Relu, None), 33, 5, 1, 1, 0.2),
    ]
}

fn table(case: &Case, random: &mut ChaCha8Rng) -> Table {
    let rows = 3 * case.batch;
    let last = case.config.d_vocab as u16;
    let flag = |random: &mut ChaCha8Rng| u8::from(random.random_range(0..8) < case.scored);
    let mut flags: Vec<u8> = (0..rows * case.positions).map(|_| flag(random)).collect();
    // The last two are the answer, whether scored or not.
    for row in flags.chunks_mut(case.positions) {
        row[case.positions - 2..].iter_mut().for_each(|flags| *flags |= Table::ANSWER);
    }
    Table {
        positions: case.positions,
        tokens: (0..rows * (case.positions + 1)).map(|_| random.random_range(0..last)).collect(),
        flags,
        border: Some((1, 2)),
    }
}

/// The same batch as the engine takes it, and of each place whether it is of an answer.
fn batch(table: &Table, order: &[u32], loss_weight: f32) -> (Batch, Vec<Vec<usize>>) {
    let (mut batch, mut answers) = (Batch { positions: table.positions, ..Batch::default() }, Vec::new());
    for (i, row) in order.iter().map(|row| *row as usize).enumerate() {
        let tokens = &table.tokens[row * (table.positions + 1)..][..table.positions + 1];
        batch.tokens.extend(tokens[..table.positions].iter().map(|token| u32::from(*token)));
        let mut answer = Vec::new();
        for (at, flags) in table.flags[row * table.positions..][..table.positions].iter().enumerate() {
            if *flags == 0 {
                continue;
            }
            if flags & Table::ANSWER != 0 {
                answer.push(batch.places.len());
            }
            batch.places.push((i * table.positions + at) as u32);
            batch.targets.push(u32::from(tokens[at + 1]));
            batch.weights.push(if flags & Table::SCORED != 0 { loss_weight } else { 0.0 });
        }
        answers.push(answer);
    }
    (batch, answers)
}

fn right(batch: &Batch, answers: &[Vec<usize>], predicted: &[u32]) -> i32 {
    let fine =
        |at: &usize| predicted[*at] == batch.targets[*at] || (batch.targets[*at], predicted[*at]) == (1, 2);
    answers.iter().filter(|answer| answer.iter().all(fine)).count() as i32
}

fn off(ours: &[f32], theirs: &[f32]) -> f64 {
    let square = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)).powi(2);
    let norm = theirs.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
    ours.iter().zip(theirs).map(square).sum::<f64>().sqrt() / (norm + 1e-12)
}

fn stream(model: usize) -> u64 {
    u64::MAX / (3 + model as u64)
}

/// Lets fleet and engine go the same steps, and compares outputs, weights and the moments.
fn check<D: Device>(device: D, case: &Case) -> (Vec<Output>, Vec<f32>) {
    const STEPS: usize = 2;
    let Case { config, batch: size, models, dropout, .. } = case;
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let table = table(case, &mut random);
    let engine = Engine::new(config).unwrap();
    let mut fleet = Fleet::new(device, config, table.clone(), *models, *size, *dropout).unwrap();
    let mut learners: Vec<(Vec<f32>, Moments)> = Vec::new();
    for model in 0..*models {
        let weights: Vec<f32> = (0..engine.parameters()).map(|_| random.random_range(-0.2..0.2)).collect();
        fleet.set(model, &weights, &engine.moments(), stream(model)).unwrap();
        assert_eq!(fleet.weights(model).unwrap(), weights);
        learners.push((weights, engine.moments()));
    }
    let rows = table.rows() as u32;
    let order: Vec<u32> = (0..STEPS * models * size).map(|_| random.random_range(0..rows)).collect();
    let loss_weights: Vec<f32> = (0..STEPS * models).map(|_| random.random_range(0.001..0.01)).collect();
    let batches = Batches { order, loss_weights };
    let updates: Vec<Update> = (1..=STEPS as u32).map(|step| Update { step, ..UPDATE }).collect();
    fleet.start(&batches, &updates).unwrap();
    let outputs = fleet.finish().unwrap();
    assert_eq!(outputs.len(), STEPS * models);
    for step in 0..STEPS {
        for (model, (weights, moments)) in learners.iter_mut().enumerate() {
            let at = step * models + model;
            let (batch, answers) =
                batch(&table, &batches.order[at * size..][..*size], batches.loss_weights[at]);
            let mut gradient = vec![0.0; weights.len()];
            let dropped = Dropout { rate: *dropout, seed: stream(model), step: step as u64 + 1 };
            let dropped = (*dropout > 0.0).then_some(dropped);
            let expected = engine.gradient(weights, &batch, dropped, &mut gradient).unwrap();
            let norm = gradient.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
            let update = AdamW { scale: (f64::from(CLIP) / (norm + 1e-6)).min(1.0) as f32, ..ADAMW };
            engine.update(update, weights, &gradient, moments);
            let output = outputs[at];
            assert!(
                (output.loss - expected.loss).abs() < 1e-4 * (1.0 + expected.loss),
                "{output:?} for {}",
                expected.loss
            );
            assert!((f64::from(output.gradient_norm) - norm).abs() < 1e-4 * norm, "{output:?} for {norm}");
            let size = weights.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
            assert!((f64::from(output.weight_norm) - size).abs() < 1e-4 * size, "{output:?} for {size}");
            assert_eq!((output.right, output.updated), (right(&batch, &answers, &expected.predicted), 1));
        }
    }
    for (model, (weights, moments)) in learners.iter().enumerate() {
        let ours = fleet.moments(model).unwrap();
        assert!(off(&ours.mean, &moments.mean) < 1e-3, "{}", off(&ours.mean, &moments.mean));
        assert!(off(&ours.square, &moments.square) < 1e-3, "{}", off(&ours.square, &moments.square));
        assert!(off(&fleet.weights(model).unwrap(), weights) < 1e-3);
    }

    // All rows, of another number than a batch has, and nothing changes.
    let all: Vec<u32> = (0..rows).collect();
    let batches = Batches { order: all.repeat(*models), loss_weights: vec![0.01; *models] };
    let before = fleet.weights(0).unwrap();
    for (output, (weights, _)) in fleet.loss(&batches).unwrap().iter().zip(&learners) {
        let (batch, _) = batch(&table, &all, 0.01);
        let expected = engine.loss(weights, &batch).unwrap().loss;
        assert!((output.loss - expected).abs() < 2e-3 * (1.0 + expected), "{output:?} for {expected}");
        assert_eq!(output.updated, 0);
    }
    assert_eq!(fleet.weights(0).unwrap(), before);
    (outputs, before)
}

#[test]
fn the_kernel_on_the_processor_learns_as_the_engine_does() {
    for (number, case) in cases().iter().enumerate() {
        // One block a model, and several.
        let Some(device) = Threads::new(case.models * (1 + number % 3)) else { return };
        check(device, case);
    }
}

/// A model without numbers stops, the others go on.
fn check_divergence<D: Device>(device: D) {
    let case = &cases()[3];
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let engine = Engine::new(&case.config).unwrap();
    let mut fleet = Fleet::new(device, &case.config, table(case, &mut random), 2, 4, 0.0).unwrap();
    let fine: Vec<f32> = (0..engine.parameters()).map(|_| random.random_range(-0.2..0.2)).collect();
    let broken: Vec<f32> = fine.iter().map(|x| x * 1e30).collect();
    fleet.set(0, &broken, &engine.moments(), 0).unwrap();
    fleet.set(1, &fine, &engine.moments(), 0).unwrap();
    let batches = Batches { order: vec![0; 2 * 2 * 4], loss_weights: vec![0.1; 4] };
    fleet.start(&batches, &[UPDATE; 2]).unwrap();
    let outputs = fleet.finish().unwrap();
    let updated: Vec<i32> = outputs.iter().map(|output| output.updated).collect();
    assert_eq!(updated, [0, 1, 0, 1]);
    assert!(!outputs[0].loss.is_finite());
    assert_eq!(fleet.weights(0).unwrap(), broken);
    assert_ne!(fleet.weights(1).unwrap(), fine);
}

#[test]
fn a_model_that_diverges_stops_alone_and_steps_go_without_the_host() {
    let Some(device) = Threads::new(2) else { return };
    let launches = Rc::new(Cell::new(0));
    let counter = launches.clone();
    check_divergence(device.before_launch(move || counter.set(counter.get() + 1)));
    assert_eq!(launches.get(), 1);
}

#[test]
fn what_does_not_fit_is_an_error() {
    let case = &cases()[3];
    let table = table(case, &mut ChaCha8Rng::seed_from_u64(7));
    let new = |table: Table, models| {
        let device = Threads::without_program(1);
        Fleet::new(device, &case.config, table, models, 4, 0.0).unwrap_err().to_string()
    };
    let mut wrong = table.clone();
    wrong.tokens[5] = 33;
    assert_eq!(new(wrong, 1), "input: expected tokens below 33, found 33");
    let wrong = Table { positions: 41, ..table.clone() };
    assert_eq!(new(wrong, 1), "input: expected rows of 1 to 40 inputs, found 41");
    let wrong = Table { flags: vec![0; 3], ..table.clone() };
    assert_eq!(new(wrong, 1), "input: 960 tokens and 3 flags are no rows of 7 inputs");
    assert_eq!(new(table, 3), "input: expected 1 to 2 models side by side, found 3");
}

#[cfg(feature = "cuda")]
mod gpu {
    use super::*;
    use transformer::cuda::{Gpu, assemble};

    #[test]
    fn the_kernel_assembles_for_every_kind_of_model() {
        for (number, case) in cases().iter().enumerate() {
            let architecture = ["sm_80", "sm_90"][number % 2];
            match assemble(&case.config, case.positions, architecture) {
                Err(error) if error.to_string().contains("is not found") => return println!("{error}"),
                result => result.unwrap(),
            }
        }
    }

    #[test]
    fn the_gpu_learns_as_the_engine_does_and_twice_the_same() {
        if let Err(error) = Gpu::new() {
            println!("{error}");
            return;
        }
        for case in cases() {
            let first = check(Gpu::new().unwrap(), &case);
            assert!(first == check(Gpu::new().unwrap(), &case), "a run repeats bit for bit");
        }
        check_divergence(Gpu::new().unwrap());
    }
}
