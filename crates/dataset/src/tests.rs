//! Whole builds of small worlds, checked against oracles that work from the written terms alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use artifact::{
    Provenance,
    tables::{Counterfactual, Example, Token},
};
use serde_json::{Value, json};

use super::*;
use crate::piece::Piece;

mod counterfactuals;
mod levels;
mod nulls;
mod oracle;
mod outlook;
mod pins;
mod properties;
mod streaming;
mod written;

/// What is held out at level `transition` of progressions.
const PAIR: Piece = Piece::Unit(sequence::UnitKind::Pair);

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
        "holdout": { "level": "random" },
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

fn world(value: Value) -> (Config, world::World) {
    let config = config(value);
    let world = world::World::new(&config).unwrap();
    (config, world)
}

/// Draws every split.
fn drawn<'a>(config: &'a Config, world: &'a world::World, remembered: u64) -> Drawing<'a> {
    let mut drawing = Drawing::of_training(config, world, remembered).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let targets = write::examples(&drawing, Split::Train, 10_000, folder.path(), &Provenance::default());
    drawing.hold_out(targets.unwrap()).unwrap();
    drawing
}

/// Rows of a task as one walk over all starts and steps finds them.
fn walk(
    steps: &[i64],
    values: std::ops::RangeInclusive<i64>,
    terms: std::ops::RangeInclusive<usize>,
) -> Vec<Vec<i64>> {
    let mut rows = Vec::new();
    for &step in steps {
        for start in values.clone() {
            for n in terms.clone() {
                let row: Vec<i64> = (0..n as i64).map(|i| start + i * step).collect();
                if row.iter().all(|term| values.contains(term)) {
                    rows.push(row);
                }
            }
        }
    }
    rows
}

/// The oracle works out blocks, drops and gates from the text of the definition; only the assignment of a block is asked.
#[test]
fn a_row_is_kept_exactly_when_its_pairs_agree() {
    let built = build(plus2(6)).unwrap();
    let pinned: HashMap<(i64, i64), usize> =
        [(2, [10, 12, 14, 16].to_vec()), (0, [2, 4, 6, 8].to_vec()), (0, (10..=16).collect())]
            .iter()
            .flat_map(|(split, row)| row.windows(2).map(|w| ((w[0], w[1]), *split)).collect::<Vec<_>>())
            .collect();
    // Blocks of 3 x 8 units along each orbit of each step, over the values from which a row of 4 terms can go on.
    let block = |u: i64, k: i64| {
        let last = 199 - k;
        let orbit: Vec<i64> = (0..=last).filter(|v| v % k == u % k).collect();
        let place = orbit.iter().position(|&v| v == u).unwrap();
        (k, u % k, (place / 24).min((orbit.len() / 24).max(1) - 1))
    };
    let mut assignments: HashMap<(i64, i64, usize), usize> = HashMap::new();
    for (split, rows) in built.splits.iter().enumerate() {
        for row in rows.iter().filter(|row| row.task == "plus2") {
            for pair in row.terms.windows(2).filter(|pair| !pinned.contains_key(&(pair[0], pair[1]))) {
                let assignment = *assignments.entry(block(pair[0], row.parameter.unwrap())).or_insert(split);
                assert_eq!(assignment, split, "the block of {pair:?} is in two splits");
            }
        }
    }
    for k in 2..=6 {
        // Each step has its own share of held-out blocks.
        let of = |split| {
            assignments.iter().filter(|(block, assignment)| block.0 == k && **assignment == split).count()
        };
        let all = (0..=199 - k).map(|u| block(u, k)).collect::<BTreeSet<_>>().len() as f64;
        assert_eq!(of(2), (all * 0.10).round().max(1.0) as usize, "step {k}");
        assert_eq!(of(1), (all * 0.05).round().max(1.0) as usize, "step {k}");
    }
    let mut expected: [BTreeSet<Vec<i64>>; 3] = Default::default();
    for row in walk(&[1, 2, 3, 4, 5, 6], 0..=199, 4..=8) {
        let k = row[1] - row[0];
        let assignment = |pair: &[i64]| match pinned.get(&(pair[0], pair[1])) {
            Some(&split) => split,
            None if k == 1 => 0,
            None => assignments[&block(pair[0], k)],
        };
        let splits: BTreeSet<usize> = row.windows(2).map(assignment).collect();
        if splits.len() == 1 {
            expected[splits.into_iter().next().unwrap()].insert(row);
        }
    }
    // Of each token, how often it comes after the first term in training.
    let mut seen: HashMap<i64, u32> = HashMap::new();
    expected[0].iter().flat_map(|row| &row[1..]).for_each(|term| *seen.entry(*term).or_default() += 1);
    for held in &mut expected[1..] {
        held.retain(|row| seen.get(&row[row.len() - 1]).copied().unwrap_or(0) >= 3);
    }
    let found = built.splits.map(|rows| rows.into_iter().map(|row| row.terms).collect::<BTreeSet<_>>());
    assert_eq!(found, expected);
}

#[test]
fn steps_written_as_one_task_or_as_many_have_the_same_splits() {
    let task = |steps: Value| json!({ "family": { "arithmetic": { "steps": steps } }, "notation": "numeral", "values": { "min": 0, "max": 120 }, "terms": 4 });
    let one =
        build(json!({ "tasks": { "a": task(json!([2, 3, -5])) }, "holdout": { "min_seen": 0 } })).unwrap();
    let many = build(
        json!({ "tasks": { "c": task(json!(-5)), "a": task(json!([2])), "b": task(json!(3)) }, "holdout": { "min_seen": 0 } }),
    );
    let terms = |built: Built| {
        built.splits.map(|rows| rows.into_iter().map(|row| row.terms).collect::<BTreeSet<_>>())
    };
    assert_eq!(terms(one), terms(many.unwrap()));
}

#[test]
fn a_train_only_row_never_holds_what_another_task_holds_out() {
    let mut definition = plus2(3);
    definition["tasks"]["plus2"]["family"] = json!({ "arithmetic": { "steps": [1, 2, 3] } });
    definition["pins"] = json!({});
    let built = build(definition.clone()).unwrap();
    let held: BTreeSet<_> = pairs(&built.splits[2]).union(&pairs(&built.splits[1])).copied().collect();
    assert!(pairs(&built.splits[0]).is_disjoint(&held));
    let (config, world) = world(definition);
    let prices = drawn(&config, &world, draw::REMEMBERED).prices();
    assert!(prices[0].dropped[split::Reason::ForeignWindow as usize] > 0);
    assert!(prices[1].dropped[split::Reason::Duplicate as usize] > 0);
    assert!(built.splits[1].iter().chain(&built.splits[2]).all(|row| row.task == "plus2"));
}

#[test]
fn held_out_rows_are_answerable_by_neither_copying_nor_guessing_the_rule() {
    for definition in [x2(), plus2(20), mixed()] {
        let built = build(definition).unwrap();
        let mut seen: HashMap<(String, u16), u32> = HashMap::new();
        for row in &built.splits[0] {
            let separator = |id: &u16| built.vocabulary[usize::from(*id)].kind == "separator";
            let first = row.tokens.iter().position(separator).unwrap_or(2);
            for &token in &row.tokens[first..] {
                *seen.entry((row.notation.clone(), token)).or_default() += 1;
            }
        }
        for row in built.splits[1].iter().chain(&built.splits[2]) {
            let (answer, context) = row.terms.split_last().unwrap();
            assert!(!context.contains(answer));
            let start = row.answer_start as usize;
            let border = usize::from(row.notation == "numeral");
            assert_eq!(row.tokens.len(), start + row.answer_length as usize + border);
            assert!(row.tokens[start..].iter().all(|&token| seen[&(row.notation.clone(), token)] >= 3));
        }
    }
}

#[test]
fn one_context_has_one_answer_in_held_out_rows() {
    // 2 4 goes on with 6 and with 8, 3 6 with 9 and 12: terms of 3 are where the rules meet.
    let definition = json!({
        "tasks": {
            "plus": { "family": { "arithmetic": { "steps": [1, 2, 3, 4, 5, 6, 7] } }, "notation": "numeral", "values": { "min": 0, "max": 80 }, "terms": 3 },
            "double": { "family": { "geometric": { "ratios": [2, 3] } }, "notation": "numeral", "values": { "min": 0, "max": 80 }, "terms": 3 },
        },
        "holdout": { "block": 2, "min_rows": { "test": 1, "validation": 1 } },
    });
    let built = build(definition).unwrap();
    let mut held = 0;
    for row in built.splits[1].iter().chain(&built.splits[2]) {
        let (a, b) = (row.terms[0], row.terms[1]);
        let mut answers: BTreeSet<i64> = BTreeSet::new();
        answers.extend((1..=7).filter(|k| b - a == *k).map(|k| b + k));
        answers.extend((2..=3).filter(|r| a * r == b).map(|r| b * r));
        answers.retain(|answer| (0..=80).contains(answer));
        assert_eq!(answers.len(), 1, "{:?}", row.terms);
        held += 1;
    }
    assert!(held > 20);
}

#[test]
fn many_keys_are_assigned_by_their_own_hash_in_the_same_shares() {
    let (_, world) = world(json!({ "tasks": { "a": {
        "family": { "arithmetic": { "step": 1 } }, "notation": "digits", "values": { "min": 0, "max": 60_000 }, "terms": 4,
    } }, "holdout": { "block": 3 } }));
    let count =
        |split| (0..60_000).filter(|u| world.split(PAIR, 0, &[*u, u + 1]) == split).count() as f64 / 3.0;
    // 20,000 keys: standard deviations 42 and 31.
    assert!((count(Split::Test) - 2000.0).abs() < 200.0);
    assert!((count(Split::Validation) - 1000.0).abs() < 150.0);
}

#[test]
fn at_level_random_rows_are_split_and_pieces_shared() {
    let mut definition = x2();
    definition["holdout"]["level"] = json!("random");
    definition["pins"] = json!({ "test": [{ "task": "x2", "terms": [3, 6, 12, 24, 48] }] });
    let built = build(definition).unwrap();
    let [train, validation, test] = built.splits.each_ref().map(|rows| rows.len());
    assert_eq!(train + validation + test, 4999);
    assert!((495..=505).contains(&test) && (245..=255).contains(&validation), "{test} {validation}");
    assert_eq!(built.splits[2][0].terms, [3, 6, 12, 24, 48]);
    assert!(!pairs(&built.splits[2]).is_disjoint(&pairs(&built.splits[0])));
}
