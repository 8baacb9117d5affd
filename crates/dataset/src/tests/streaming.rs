//! What is written without keeping a list, against plain lists.

use stream::Permutation;

use super::*;
use crate::{draw::allot, world::World};

/// Positions of a permutation that the oracle walks at most.
const WALKED: u64 = 300_000;

/// The ids of the rows of every file, from lists of all that may be kept.
fn lists(config: &Config, world: &World) -> [Vec<i64>; 3] {
    let pinned = |split: Split| world.pins.rows.iter().filter(move |pin| pin.0 == split);
    let mut found: [Vec<Vec<u64>>; 3] = std::array::from_fn(|_| vec![Vec::new(); world.tasks.len()]);
    for (number, task) in world.tasks.iter().enumerate() {
        let key = stream::key(&format!("dataset/draw/{}", task.name), &[config.seed]);
        let permutation = Permutation::of_key(task.space.capacity(), &key);
        for index in (0..task.space.capacity().min(WALKED)).map(|position| permutation.at(position)) {
            let Some(row) = task.space.row(index) else { continue };
            let is_pin = |pin: &(Split, usize, u64, String)| {
                let other = &world.tasks[pin.1];
                other.script == task.script && other.drawn(pin.2).terms == row.terms
            };
            if !world.pins.rows.iter().any(is_pin)
                && let Ok(split) = world.judge(number, row.parameter, &row.terms)
            {
                found[split as usize][number].push(index);
            }
        }
    }
    let mut targets: HashMap<(usize, u16), u64> = HashMap::new();
    let limits = [config.rows.train, config.rows.validation, config.rows.test];
    Split::ALL.map(|split| {
        let mut found = std::mem::take(&mut found[split as usize]);
        if split > Split::Train && !world.level.is_control() {
            for (task, rows) in world.tasks.iter().zip(&mut found) {
                rows.retain(|&index| {
                    let row = world.write(task, &task.drawn(index).terms);
                    let seen = |token| targets.get(&(task.script, token)).copied().unwrap_or(0);
                    row.tokens[row.answer_start..].iter().all(|&token| seen(token) >= config.holdout.min_seen)
                });
            }
        }
        let weights: Vec<f64> = world.tasks.iter().map(|task| task.task.weight).collect();
        let available: Vec<u64> = found.iter().map(|rows| rows.len() as u64).collect();
        let wanted = limits[split as usize].map(|limit| limit - pinned(split).count() as u64);
        let quotas = allot(wanted, &weights, &available);
        let mut mixed: Vec<(u64, u64, usize, u64)> = Vec::new();
        for (number, (rows, &quota)) in found.iter().zip(&quotas).enumerate() {
            let places = rows.iter().take(quota as usize).zip(0..);
            mixed.extend(places.map(|(&index, place)| (2 * place + 1, quota, number, index)));
        }
        mixed.sort_by(|one, other| (one.0 * other.1, one.2).cmp(&(other.0 * one.1, other.2)));
        let pinned = pinned(split).map(|pin| (pin.1, pin.2));
        let rows: Vec<(usize, u64)> = pinned.chain(mixed.iter().map(|row| (row.2, row.3))).collect();
        for &(number, index) in rows.iter().filter(|_| split == Split::Train) {
            let task = &world.tasks[number];
            let tokens = world.write(task, &task.drawn(index).terms).tokens;
            let separator = |&token: &u16| world.vocabulary.tokens()[token as usize].token == "SEP";
            let after = tokens.iter().position(separator).unwrap_or(2);
            tokens[after..].iter().for_each(|&token| *targets.entry((task.script, token)).or_default() += 1);
        }
        rows.into_iter().map(|(number, index)| world.tasks[number].example_id(index)).collect()
    })
}

fn check(definition: Value) {
    let (config, world) = world(definition.clone());
    let expected = lists(&config, &world);
    assert!(expected.iter().all(|rows| !rows.is_empty()));
    let ids = |rows: Vec<Example>| rows.iter().map(|row| row.example_id).collect::<Vec<_>>();
    assert_eq!(build(definition).unwrap().splits.map(ids), expected);
    // With room to remember nothing, a part, or all that was found out.
    for remembered in [0, 1, 3, draw::REMEMBERED] {
        let drawing = drawn(&config, &world, remembered);
        for split in Split::ALL {
            let expected = &expected[split as usize];
            let rows = drawing.rows(split);
            assert_eq!(rows, expected.len() as u64);
            for places in [0..rows, 0..1, rows / 3..rows / 2, rows - 1..rows, rows..rows] {
                let id = |(task, index): (usize, u64)| world.tasks[task].example_id(index);
                let found: Vec<i64> = drawing.list(split, places.clone()).into_iter().map(id).collect();
                assert_eq!(found, expected[places.start as usize..places.end as usize]);
            }
        }
    }
}

fn with(mut definition: Value, changes: Value) -> Value {
    for (key, value) in changes.as_object().unwrap() {
        definition[key] = value.clone();
    }
    definition
}

#[test]
fn all_rows_of_a_small_world_are_those_of_the_lists() {
    for definition in [x2(), plus2(2), plus2(20), random(), mixed()] {
        check(definition);
    }
}

#[test]
fn limits_weights_and_pins_take_the_rows_that_the_lists_take() {
    let mut weighted = mixed();
    for (task, weight) in [("plus", 0.5), ("digits", 3.0), ("double", 1.25)] {
        weighted["tasks"][task]["weight"] = json!(weight);
    }
    check(with(weighted, json!({ "rows": { "train": 611, "validation": 9, "test": 31 } })));
    check(with(plus2(20), json!({ "rows": { "train": 5000, "test": 40 } })));
    check(with(plus2(20), json!({ "rows": { "validation": 50 } })));
    check(with(plus2(6), json!({ "rows": { "train": 3210, "validation": 33, "test": 77 }, "seed": 5 })));
}

#[test]
fn of_a_world_too_large_to_count_the_first_rows_are_drawn() {
    let task = |steps: Value| json!({ "family": { "arithmetic": { "steps": steps } }, "notation": { "digits": { "width": 7 } }, "values": { "min": 0, "max": 9_999_999 }, "terms": { "min": 4, "max": 6 } });
    check(json!({
        "tasks": { "up": task(json!([2, 3, 5])), "down": task(json!([-7])) },
        "rows": { "train": 150_000, "validation": 3000, "test": 7000 },
    }));
}

#[test]
fn files_of_a_split_put_together_are_the_rows_of_one_file() {
    let (config, world) = world(plus2(20));
    let folder = tempfile::tempdir().unwrap();
    let drawing = Drawing::of_training(&config, &world, 0).unwrap();
    let whole = build(plus2(20)).unwrap().splits[0].clone();
    let targets =
        |rows| write::examples(&drawing, Split::Train, rows, folder.path(), &Provenance::default()).unwrap();
    assert_eq!(targets(700), targets(u64::MAX));
    let files = whole.len().div_ceil(700);
    assert!(files > 3);
    let paths: Vec<_> =
        (0..files).map(|i| folder.path().join(format!("train-{i:05}-of-{files:05}.parquet"))).collect();
    assert_eq!(artifact::row_count(&paths[0]).unwrap(), 700);
    assert_eq!(artifact::read_tables::<Example>(&paths).unwrap(), whole);
}
