//! A model is a function of its seed alone, and every seed trains.

use super::*;

const STEPS: u64 = 30;

/// Returns the losses and the weights of a model that was trained from `seed`.
fn train(shape: &transformer::Config, seed: i32) -> (Vec<f32>, Vec<u8>) {
    let config = config(
        r#"{ "model": { "n_layers": 1, "n_heads": 2, "d_model": 8 }, "optimizer": { "learning_rate": 0.01 },
             "seeds": 1, "steps": 30, "batch": "full" }"#,
    );
    let batch = batch(&tokens(0, false), 11, Loss::All);
    let mut learner = Learner::new(shape, &engine(shape), &config.unwrap(), STEPS, seed).unwrap();
    let losses = (0..STEPS).map(|_| learner.step(&batch).unwrap().ok().unwrap().loss).collect();
    (losses, learner.to_safetensors().unwrap())
}

fn learns((losses, _): &(Vec<f32>, Vec<u8>)) -> bool {
    losses[29] < 0.8 * losses[0]
}

#[test]
fn a_seed_trains_to_the_same_bits_on_every_repeat_whatever_was_made_before() {
    let shape = shape(1, 11, 6);
    for seed in [42, 66, 1729] {
        let first = train(&shape, seed);
        assert!(learns(&first), "seed {seed}: {:?}", first.0);
        for repeat in 1..20 {
            train(&shape, 1000 + repeat); // another model, just before
            assert!(train(&shape, seed) == first, "seed {seed}, repeat {repeat}");
        }
    }
}

#[test]
fn all_of_a_hundred_seeds_train_each_to_its_own_weights() {
    let shape = shape(1, 11, 6);
    let mut seen = std::collections::HashSet::new();
    for seed in 0..100 {
        let trained = train(&shape, seed);
        assert!(learns(&trained), "seed {seed}: {:?}", trained.0);
        assert!(seen.insert(trained.1), "seed {seed} has the weights of another");
    }
}
