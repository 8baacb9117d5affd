//! Each level against the brute-force oracle, and its guarantee from the written rows alone.

use super::*;

fn task(family: Value, notation: &str, max: i64, terms: Value) -> Value {
    json!({ "family": family, "notation": notation, "values": { "min": 0, "max": max }, "terms": terms })
}

fn train_only(mut task: Value) -> Value {
    task["train_only"] = json!(true);
    task
}

/// Two families, two notations, and one step that is only trained.
fn tasks() -> Value {
    let long = json!({ "min": 4, "max": 6 });
    json!({
        "plus": task(json!({ "arithmetic": { "steps": [2, 3, -5, 7] } }), "numeral", 60, long.clone()),
        "double": task(json!({ "geometric": { "ratios": [2, 3] } }), "numeral", 700, json!({ "min": 3, "max": 4 })),
        "digits": task(json!({ "arithmetic": { "steps": [3, 4] } }), "digits", 70, json!({ "min": 2, "max": 5 })),
        "plus1": train_only(task(json!({ "arithmetic": { "step": 1 } }), "numeral", 60, long)),
    })
}

fn at(level: Value) -> Value {
    json!({ "tasks": tasks(), "holdout": { "level": level, "block": 3, "min_rows": { "test": 1, "validation": 1 } } })
}

/// Every level, with and without a validation of its own.
fn levels() -> Vec<Value> {
    let window = |tasks: fn(&mut Value)| {
        let mut definition = at(json!("window"));
        tasks(&mut definition);
        definition
    };
    let mut all: Vec<Value> = [
        json!("random"),
        json!("transition"),
        json!({ "window": { "m": 2 } }),
        json!({ "step": { "test": [7] } }),
        json!({ "step": { "validation": [3], "test": [7, -5] } }),
        json!({ "length": { "test": 6 } }),
        json!({ "length": { "validation": 5, "test": 6 } }),
        json!({ "notation": { "test": ["digits"] } }),
        json!({ "family": { "test": ["geometric"] } }),
    ]
    .map(at)
    .into();
    // Windows of three terms: the shortest rows.
    all.push(window(|definition| definition["tasks"]["digits"]["terms"] = json!({ "min": 3, "max": 5 })));
    // A one-token notation has no token for a value that is never trained.
    for level in [json!({ "range": { "test": 50 } }), json!({ "range": { "validation": 40, "test": 50 } })] {
        let mut definition = at(level);
        definition["tasks"].as_object_mut().unwrap().retain(|name, _| name == "digits" || name == "plus");
        definition["tasks"]["plus"]["family"] = json!({ "arithmetic": { "steps": [-2, -3, -5] } });
        all.push(definition);
    }
    all
}

/// Definitions in which families of every shape of unit meet.
fn families() -> Vec<Value> {
    let own = |family: Value, notation: &str, terms: Value| json!({ "family": family, "notation": notation, "terms": terms });
    let sums = |family: Value, notation: &str| json!({ "family": family, "notation": notation });
    let build = |tasks: Value, level: Value| json!({ "tasks": tasks, "holdout": { "level": level, "block": 3, "min_rows": { "test": 1, "validation": 1 } } });
    let plus =
        || task(json!({ "arithmetic": { "steps": [2, 3] } }), "numeral", 40, json!({ "min": 4, "max": 5 }));
    let chains = || {
        json!({
            "plus": plus(),
            "fibonacci": task(json!("fibonacci"), "numeral", 40, json!({ "min": 4, "max": 5 })),
            "round": own(json!({ "modular": { "modulus": 17, "steps": [3, 5] } }), "numeral", json!(4)),
            "powers": own(json!({ "modular": { "modulus": 19, "ratios": [2, 3] } }), "numeral", json!(4)),
        })
    };
    let mut steps = chains();
    steps.as_object_mut().unwrap().remove("fibonacci"); // it has none
    let mut small = task(json!({ "sort": { "repeats": true } }), "numeral", 6, json!(6));
    small["values"]["min"] = json!(1);
    let lists = json!({
        "sort": small,
        "plus": plus(),
        "sum": sums(json!({ "modular_addition": { "modulus": 13 } }), "numeral"),
        "plus1": train_only(task(json!({ "arithmetic": { "step": 1 } }), "numeral", 40, json!(4))),
    });
    let months = json!({
        "months": own(json!({ "cyclic": { "cycle": "months", "steps": [1, 2, 5] } }), "months", json!({ "min": 3, "max": 4 })),
        "plus": plus(),
    });
    // Rows that another task writes in another way, and rows that differ in their operators alone.
    let twice = json!({
        "plus": plus(),
        "again": train_only(task(json!({ "arithmetic": { "step": 2 } }), "digits", 40, json!(4))),
    });
    let pairs = json!({
        "plus": task(json!({ "arithmetic": { "steps": [1, 2] } }), "numeral", 40, json!({ "min": 2, "max": 4 })),
        "digits": task(json!({ "arithmetic": { "steps": [1, 2] } }), "digits", 40, json!({ "min": 2, "max": 4 })),
    });
    let triples = json!({
        "plus": task(json!({ "arithmetic": { "steps": [1, 2] } }), "digits", 30, json!(3)),
        "sum": sums(json!({ "addition": { "digits": 1 } }), "digits"),
    });
    let sum = json!({ "sum": sums(json!({ "addition": { "digits": 2 } }), "digits") });
    vec![
        build(chains(), json!("transition")),
        build(chains(), json!({ "window": { "m": 3 } })),
        build(chains(), json!({ "family": { "validation": ["fibonacci"], "test": ["arithmetic"] } })),
        build(steps, json!({ "step": { "test": [3] } })),
        build(lists.clone(), json!("transition")),
        build(lists, json!("random")),
        build(months.clone(), json!("transition")),
        build(months, json!({ "window": { "m": 2 } })),
        build(twice, json!({ "step": { "test": [3] } })),
        build(pairs, json!({ "notation": { "test": ["digits"] } })),
        build(triples, json!("random")),
        build(sum.clone(), json!("transition")),
        build(sum.clone(), json!({ "length": { "test": 2 } })),
        build(sum, json!({ "range": { "validation": 120, "test": 150 } })),
    ]
}

#[test]
fn every_row_stands_where_the_text_of_its_level_says() {
    for definition in levels().into_iter().chain(families()) {
        let built =
            build(definition.clone()).unwrap_or_else(|error| panic!("{}: {error}", definition["holdout"]));
        let written = built.splits.each_ref().map(Vec::len);
        let found = built
            .splits
            .map(|rows| rows.into_iter().map(|row| (row.task, row.terms)).collect::<BTreeSet<_>>());
        let expected = oracle::splits(&definition);
        for split in 0..3 {
            let missing: Vec<_> = expected[split].difference(&found[split]).take(3).collect();
            let wrong: Vec<_> = found[split].difference(&expected[split]).take(3).collect();
            let level = &definition["holdout"]["level"];
            assert!(missing.is_empty() && wrong.is_empty(), "{level}, split {split}: {missing:?} {wrong:?}");
            assert_eq!(found[split].len(), written[split], "{level}: a row stands twice");
            assert!(!found[split].is_empty(), "{level}: split {split} is empty");
        }
    }
}

#[test]
fn pins_act_on_windows() {
    let mut definition = at(json!({ "window": { "m": 3 } }));
    definition["tasks"]["digits"]["terms"] = json!(5);
    definition["pins"] = json!({
        "test": [{ "task": "plus", "terms": [10, 12, 14, 16, 18] }],
        "train": [{ "task": "plus", "terms": [20, 22, 24, 26] }, { "task": "plus1", "terms": [10, 11, 12, 13, 14, 15] }],
    });
    let built = build(definition.clone()).unwrap();
    assert_eq!(built.splits[2][0].terms, [10, 12, 14, 16, 18]);
    assert_eq!(built.splits[0][0].terms, [20, 22, 24, 26]);
    let found =
        built.splits.map(|rows| rows.into_iter().map(|row| (row.task, row.terms)).collect::<BTreeSet<_>>());
    assert!(found == oracle::splits(&definition));
    definition["pins"]["train"][0]["terms"] = json!([14, 16, 18, 20]);
    let error = build(definition).err().unwrap().to_string();
    assert!(error.contains("shares [14, 16, 18] with pins.train.0"), "{error}");
}

/// The guarantees, in the words of the level, over the rows as they are written.
#[test]
fn the_rows_keep_the_guarantee_of_their_level() {
    for definition in levels() {
        let level = &definition["holdout"]["level"];
        let name = level
            .as_str()
            .or(level.as_object().and_then(|map| map.keys().next()).map(String::as_str))
            .unwrap();
        let own = |list: &str| !level[name][list].is_null();
        let [train, validation, test] = build(definition.clone()).unwrap().splits;
        let before = [(&test, vec![&train, &validation]), (&validation, vec![&train])];
        for (held, others) in before {
            let others: Vec<&Example> = others.into_iter().flatten().collect();
            let fresh = |row: &Example| match name {
                "random" => {
                    others.iter().all(|other| (&other.notation, &other.terms) != (&row.notation, &row.terms))
                }
                "transition" | "window" => {
                    let m = if name == "window" {
                        level["window"]["m"].as_u64().unwrap_or(3) as usize
                    } else {
                        2
                    };
                    let first = if name == "window" { row.terms.len() - m } else { 0 };
                    let stands =
                        |piece: &[i64]| others.iter().any(|other| other.terms.windows(m).any(|w| w == piece));
                    !row.terms[first..].windows(m).any(stands)
                }
                // Of trained kinds: the guarantee of level `random`.
                _ if std::ptr::eq(held, &validation) && !own("validation") => {
                    others.iter().all(|other| (&other.notation, &other.terms) != (&row.notation, &row.terms))
                }
                "step" => others
                    .iter()
                    .all(|other| (&other.family, other.parameter) != (&row.family, row.parameter)),
                "range" => others.iter().all(|other| other.terms.iter().max() < row.terms.iter().max()),
                "length" => others.iter().all(|other| other.terms.len() < row.terms.len()),
                "notation" => {
                    others.iter().all(|other| other.notation != row.notation || other.terms.len() == 2)
                }
                "family" => others.iter().all(|other| other.family != row.family),
                other => panic!("{other}"),
            };
            assert!(!held.is_empty() && held.iter().all(fresh), "{level}");
        }
    }
}

#[test]
fn a_held_out_kind_takes_no_share_of_the_others() {
    // 20 rows of step 2, one in ten a validation row; those of step 7 are all test rows.
    let definition = json!({
        "tasks": { "plus": task(json!({ "arithmetic": { "steps": [2, 7] } }), "digits", 29, json!(4)) },
        "holdout": { "level": { "step": { "test": [7] } }, "validation": 0.125, "min_rows": { "test": 1, "validation": 1 }, "min_seen": 0 },
    });
    let sizes = build(definition).unwrap().splits.map(|rows| rows.len());
    assert_eq!(sizes, [21, 3, 9]);
}

#[test]
fn the_share_is_one_of_the_trained_rows() {
    // 24 rows of 4 terms, one in eight a validation row; the 22 of 5 terms are all test rows, whatever the seed.
    for seed in 0..8 {
        let plus = task(json!({ "arithmetic": { "step": 2 } }), "digits", 29, json!({ "min": 4, "max": 5 }));
        let definition = json!({
            "seed": seed,
            "tasks": { "plus": plus },
            "holdout": { "level": { "length": { "test": 5 } }, "validation": 0.125, "min_rows": { "test": 1, "validation": 1 }, "min_seen": 0 },
        });
        assert_eq!(build(definition).unwrap().splits.map(|rows| rows.len()), [21, 3, 22]);
    }
}

#[test]
fn the_card_says_the_guarantee() {
    for definition in levels() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(definition);
        run(&config, &Inputs {}, folder.path(), &Provenance::default()).unwrap();
        let card = std::fs::read_to_string(folder.path().join("README.md")).unwrap();
        assert!(card.contains(&format!("Held out at level `{}`: ", config.holdout.level.name())), "{card}");
    }
}
