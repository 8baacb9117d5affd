//! What an audit would write, made up.

use std::path::Path;

use artifact::tables::{Ceiling, Certificate, Leakage, Memorizer};
use serde_json::json;

use super::{Study, table};

const MEMORIZERS: [(&str, &str, f64); 7] = [
    ("backoff", "memory", 1.0),
    ("bigram", "memory", 0.7),
    ("copy_last", "memory", 0.0),
    ("most_frequent", "memory", 0.3),
    ("nearest", "memory", 0.5),
    ("positional", "memory", 0.2),
    ("skip_grams", "shallow", 1.0),
];

pub(super) fn audit(folder: &Path, study: &Study) {
    let config = json!({"only": null, "level": study.level});
    let mut checks = Vec::new();
    for (left, right) in [("test", "train"), ("test", "validation"), ("validation", "train")] {
        for view in ["canonical", "terms", "tokens"] {
            let compared = 3_398 * 4;
            checks.push(check("units", left, right, view, true, compared, 0));
        }
        checks.push(check("token_windows", left, right, "tokens", false, 41_020, 17));
    }
    checks.push(check("decoding", "all", "", "tokens", true, 25_300, 0));
    table(folder.join("certificate.parquet"), "audit", config.clone(), checks);

    let rows: Vec<_> = (0..study.rows).map(|id| ("test", id)).collect();
    let leakage = rows.iter().map(|&(split, example_id)| Leakage {
        split: split.into(),
        example_id,
        leaked_units: 0,
        longest_match_terms: i32::from(example_id % 9 != 0),
        longest_match_tokens: 1,
        longest_window_terms: 2,
        witness_example_id: 10_003,
        witness_offset: 1,
    });
    table(folder.join("leakage.parquet"), "audit", config.clone(), leakage.collect());

    let mut memorizers = Vec::new();
    let mut ceilings = Vec::new();
    let (u_best, s_best) = study.ceilings;
    for (name, class, share) in MEMORIZERS {
        let value = share * if class == "memory" { u_best } else { s_best };
        for &(split, example_id) in &rows {
            let correct = ((example_id as f64) + 0.5) / (study.rows as f64) > 1.0 - value;
            memorizers.push(Memorizer {
                split: split.into(),
                example_id,
                memorizer: name.into(),
                class: class.into(),
                view: "tokens".into(),
                prediction: "13".into(),
                tied: false,
                correct,
            });
        }
    }
    table(folder.join("memorizers.parquet"), "audit", config.clone(), memorizers);
    let tasks = std::iter::once(String::new()).chain([study.task.clone()]).chain(study.tasks.clone());
    for task in tasks {
        for split in ["test", "validation"] {
            let known = [
                ("u_best", "backoff", u_best),
                ("u_union", "", (u_best * 1.4).min(1.0)),
                ("s_best", "skip_grams", s_best),
            ];
            for (metric, memorizer, value) in known {
                let view = if memorizer.is_empty() { "" } else { "tokens" };
                ceilings.push(Ceiling {
                    split: split.into(),
                    task: task.clone(),
                    metric: metric.into(),
                    memorizer: memorizer.into(),
                    view: view.into(),
                    value,
                    n: study.rows,
                });
            }
        }
    }
    table(folder.join("ceilings.parquet"), "audit", config, ceilings);
}

fn check(
    name: &str,
    left: &str,
    right: &str,
    view: &str,
    gate: bool,
    compared: i64,
    violations: i64,
) -> Certificate {
    let (name, left, right, view) = (name.to_owned(), left.to_owned(), right.to_owned(), view.to_owned());
    let worst = if violations > 0 { 12 } else { -1 };
    let passed = !gate || violations == 0;
    Certificate { check: name, left, right, view, gate, compared, violations, worst, passed }
}
