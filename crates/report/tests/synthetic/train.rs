//! What a training would write, made up.

use std::f64::consts::LN_10;
use std::path::Path;

use artifact::tables::{Checkpoint, Training};
use serde_json::json;

use super::{Dice, Study, table};

pub(super) fn train(folder: &Path, study: &Study) -> Vec<Training> {
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
