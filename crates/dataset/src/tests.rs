//! Whole builds of small worlds, checked against oracles that work from the written terms alone.

use std::collections::BTreeSet;

use artifact::{
    Provenance,
    tables::{Counterfactual, Example, Token},
};
use serde_json::{Value, json};

use super::*;

/// A built dataset, read back from its files.
struct Built {
    splits: [Vec<Example>; 3],
    vocabulary: Vec<Token>,
    counterfactuals: Vec<Counterfactual>,
}

fn config(value: Value) -> Config {
    serde_json::from_value(value).unwrap()
}

fn build(value: Value) -> Result<Built, Error> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    run(&config(value), &Inputs {}, out, &Provenance::default())?;
    let read = |split: Split| {
        artifact::read_table(&out.join(format!("{}-00000-of-00001.parquet", split.name()))).unwrap()
    };
    Ok(Built {
        splits: Split::ALL.map(read),
        vocabulary: artifact::read_table(&out.join("vocabulary.parquet")).unwrap(),
        counterfactuals: artifact::read_table(&out.join("counterfactuals.parquet")).unwrap(),
    })
}

fn x2() -> Value {
    json!({
        "seed": 1729,
        "tasks": { "x2": {
            "family": { "geometric": { "ratio": 2 } }, "start": { "min": 1, "max": 4999 }, "terms": 5,
            "notation": { "digits": { "width": 5, "order": "least_first" } },
        } },
        "holdout": { "level": "transition", "test": 0.10, "validation": 0.05 },
    })
}

fn plus2(steps: i64) -> Value {
    json!({
        "tasks": {
            "plus1": { "family": { "arithmetic": { "step": 1 } }, "notation": "numeral", "values": { "min": 0, "max": 199 },
                       "terms": { "min": 4, "max": 8 }, "train_only": true },
            "plus2": { "family": { "arithmetic": { "steps": { "min": 2, "max": steps } } }, "notation": "numeral",
                       "values": { "min": 0, "max": 199 }, "terms": { "min": 4, "max": 8 } },
        },
        "pins": {
            "test": [{ "task": "plus2", "terms": [10, 12, 14, 16] }],
            "train": [{ "task": "plus2", "terms": [2, 4, 6, 8] }, { "task": "plus1", "terms": [10, 11, 12, 13, 14, 15, 16] }],
        },
    })
}

fn random() -> Value {
    json!({
        "tasks": { "random": { "family": "random", "notation": "numeral", "values": { "min": 0, "max": 99 }, "terms": 5 } },
        "rows": { "train": 4000, "validation": 250, "test": 500 },
    })
}

/// Several families, notations and shapes of unit at once.
fn mixed() -> Value {
    json!({
        "tasks": {
            "plus": { "family": { "arithmetic": { "steps": [2, 3, -2] } }, "notation": "numeral", "values": { "min": 0, "max": 90 }, "terms": { "min": 4, "max": 6 } },
            "digits": { "family": { "arithmetic": { "steps": [3, 4] } }, "notation": "digits", "start": { "min": 5, "max": 120 }, "terms": 5 },
            "double": { "family": { "geometric": { "ratios": [2, 3] } }, "notation": "numeral", "start": { "min": 1, "max": 60 }, "values": { "min": 0, "max": 900 }, "terms": { "min": 3, "max": 4 } },
            "plus1": { "family": { "arithmetic": { "step": 1 } }, "notation": "numeral", "values": { "min": 0, "max": 90 }, "terms": 4, "train_only": true },
        },
        "holdout": { "test": 0.2, "validation": 0.1, "block": 4, "min_rows": { "test": 1, "validation": 1 } },
    })
}

/// Every adjacent pair, from the terms alone.
fn pairs(rows: &[Example]) -> BTreeSet<(i64, i64)> {
    rows.iter().flat_map(|row| row.terms.windows(2).map(|pair| (pair[0], pair[1]))).collect()
}

#[test]
fn no_transition_stands_in_two_splits() {
    for definition in [x2(), plus2(2), plus2(20), mixed()] {
        let built = build(definition).unwrap();
        let [train, validation, test] = built.splits.each_ref().map(|rows| pairs(rows));
        assert!(test.is_disjoint(&train) && test.is_disjoint(&validation) && validation.is_disjoint(&train));
        assert!(!train.is_empty() && !validation.is_empty() && !test.is_empty());
    }
}

#[test]
fn the_definitions_of_the_ready_made_pipelines_give_the_rows_they_promise() {
    let counts = |definition| {
        let built = build(definition).unwrap();
        let counts = built.splits.each_ref().map(|rows| rows.len());
        println!(
            "{counts:?} counterfactuals {} tokens {}",
            built.counterfactuals.len(),
            built.vocabulary.len()
        );
        (built, counts)
    };
    let (_, [train, validation, test]) = counts(x2());
    assert_eq!(train + validation + test, 4999);
    assert!((3300..=4300).contains(&train) && test > 400, "{train} {test}");
    for steps in [2, 20] {
        let (built, _) = counts(plus2(steps));
        assert_eq!(built.splits[2][0].terms, [10, 12, 14, 16]);
        assert_eq!(built.splits[0][0].terms, [2, 4, 6, 8]);
        assert_eq!(built.splits[0][1].terms, [10, 11, 12, 13, 14, 15, 16]);
    }
    let (_, sizes) = counts(random());
    assert_eq!(sizes, [4000, 250, 500]);
}
