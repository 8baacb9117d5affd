//! What analyses would write, made up.

use std::path::Path;

use artifact::tables::{Ablation, AttentionPattern};
use serde_json::json;

use super::{Dice, Study, table};

pub(super) fn analyze(folder: &Path, study: &Study) {
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
