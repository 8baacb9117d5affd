//! Every refusal of a level, at its path.

use super::*;
use crate::levels::Level;

fn plus(steps: Value, notation: &str, terms: Value) -> Value {
    json!({ "family": { "arithmetic": { "steps": steps } }, "notation": notation, "values": { "min": 0, "max": 99 }, "terms": terms })
}

/// Steps 2, 3 and 7 in numerals, doubling in digits.
fn two() -> Value {
    let double = json!({ "family": { "geometric": { "ratio": 2 } }, "notation": "digits", "start": { "min": 1, "max": 60 }, "terms": 4 });
    json!({ "plus": plus(json!([2, 3, 7]), "numeral", json!({ "min": 4, "max": 6 })), "double": double })
}

fn check(tasks: Value, holdout: Value) -> Result<(), Error> {
    let definition = json!({ "tasks": tasks, "holdout": holdout });
    serde_json::from_value::<Config>(definition).unwrap().check()
}

#[test]
fn each_mistake_in_a_level_is_refused_at_its_path() {
    let level = |level: Value| json!({ "level": level, "block": 4 });
    let mut train_only = two();
    train_only["plus7"] = plus(json!([7, 11]), "digits", json!(4));
    train_only["plus7"]["train_only"] = json!(true);
    let mut pairs = two();
    pairs["double"]["terms"] = json!(2);
    let digits = || json!({ "plus": plus(json!([2, 3, 7]), "digits", json!(4)) });
    let cases = [
        (two(), level(json!({ "window": { "m": 1 } })), "holdout.level.window.m", "windows of 1 terms"),
        (
            two(),
            level(json!({ "window": { "m": 5 } })),
            "holdout.level.window.m",
            "those of task `plus`, have 4",
        ),
        (
            two(),
            level(json!({ "step": { "test": [9] } })),
            "holdout.level.step.test.0",
            "no task has the parameter `9`; the tasks have: 2, 3, 7",
        ),
        (two(), level(json!({ "step": { "test": [] } })), "holdout.level.step.test", "nothing is named"),
        (
            two(),
            level(json!({ "step": { "validation": [], "test": [7] } })),
            "holdout.level.step.validation",
            "or leave it out",
        ),
        (
            two(),
            level(json!({ "step": { "validation": [7], "test": [3, 7] } })),
            "holdout.level.step.test.1",
            "`7` is named twice",
        ),
        (
            two(),
            level(json!({ "step": { "test": [2, 3, 7] } })),
            "holdout.level.step",
            "every parameter is held out",
        ),
        (
            train_only.clone(),
            level(json!({ "step": { "test": [7] } })),
            "holdout.level.step.test.0",
            "task `plus7` is train_only",
        ),
        (
            train_only,
            level(json!({ "family": { "test": ["arithmetic"] } })),
            "holdout.level.family.test.0",
            "task `plus7` is train_only",
        ),
        (
            two(),
            level(json!({ "family": { "test": ["random"] } })),
            "holdout.level.family.test.0",
            "no task has the family `random`; the tasks have: arithmetic, geometric",
        ),
        (
            two(),
            level(json!({ "family": { "test": ["geometric"] } })),
            "tasks.double.notation",
            "no trained row is written in its notation",
        ),
        (
            two(),
            level(json!({ "notation": { "test": ["digits"] } })),
            "tasks.double.notation",
            "no train row is written in its notation",
        ),
        (
            two(),
            level(json!({ "notation": { "test": ["digits", "numeral"] } })),
            "holdout.level.notation",
            "every notation is held out",
        ),
        (
            pairs,
            level(json!({ "notation": { "test": ["digits"] } })),
            "holdout.level.notation.test.0",
            "no row of more than two terms is written in `digits`",
        ),
        (
            digits(),
            level(json!({ "range": { "test": 100 } })),
            "holdout.level.range.test",
            "no row is left for `test`: the largest values of the rows go from 6 to 99",
        ),
        (
            digits(),
            level(json!({ "range": { "test": 6 } })),
            "holdout.level.range.test",
            "no row is left for `train`",
        ),
        (
            digits(),
            level(json!({ "range": { "validation": 6, "test": 50 } })),
            "holdout.level.range.validation",
            "no row is left for `train`",
        ),
        (
            digits(),
            level(json!({ "range": { "validation": 50, "test": 50 } })),
            "holdout.level.range.validation",
            "50 is not below the 50",
        ),
        (
            two(),
            level(json!({ "length": { "validation": 5, "test": 7 } })),
            "holdout.level.length.test",
            "go from 4 to 6",
        ),
        (
            two(),
            level(json!({ "range": { "test": 80 } })),
            "tasks.plus.notation",
            "a value that no train row has",
        ),
        (
            two(),
            json!({ "level": { "step": { "test": [7] } }, "test": 0.1 }),
            "holdout.test",
            "level `step` says itself",
        ),
        (
            two(),
            json!({ "level": { "step": { "validation": [3], "test": [7] } }, "validation": 0.1 }),
            "holdout.validation",
            "level `step` says itself",
        ),
        (
            two(),
            json!({ "level": { "step": { "test": [7] } }, "validation": 0.0 }),
            "holdout.validation",
            "0 pinned rows",
        ),
        (
            two(),
            json!({ "level": "window", "test": 0.6, "validation": 0.399 }),
            "tasks.plus",
            "the shares hold out all",
        ),
        (
            json!({ "plus": plus(json!([1, 2]), "numeral", json!(2)) }),
            json!({ "block": 4 }),
            "tasks.plus.terms",
            "but only 1 can be held out, not [0, 1] for one: held out, context has two answers",
        ),
        (
            json!({ "plus": plus(json!([1, 30]), "digits", json!(4)) }),
            json!({ "min_rows": { "test": 100 } }),
            "holdout.min_rows",
            "but only",
        ),
    ];
    for (tasks, holdout, at, words) in cases {
        match check(tasks, holdout.clone()) {
            Err(error @ Error::Config { .. }) => {
                let text = error.to_string();
                assert!(text.starts_with(&format!("{at}: ")) && text.contains(words), "{holdout}: {text}");
            }
            Err(other) => panic!("{holdout}: {other}"),
            Ok(()) => panic!("{holdout} passed"),
        }
    }
}

#[test]
fn pins_are_refused_where_the_kind_of_a_row_decides() {
    let definition = json!({
        "tasks": two(), "holdout": { "level": { "length": { "test": 6 } } },
        "pins": { "test": [{ "task": "plus", "terms": [1, 3, 5, 7, 9, 11] }] },
    });
    let error = serde_json::from_value::<Config>(definition).unwrap().check().unwrap_err().to_string();
    assert!(error.starts_with("pins.test.0: at level `length`"), "{error}");
}

#[test]
fn defaults_that_hang_on_the_level_are_filled_in() {
    let resolved = |level: Value| {
        let config = json!({ "tasks": two(), "holdout": { "level": level } });
        let config: Config = serde_json::from_value(config).unwrap();
        let resolved = serde_json::to_value(&config).unwrap();
        assert_eq!(serde_json::from_value::<Config>(resolved.clone()).unwrap(), config);
        resolved["holdout"].clone()
    };
    let holdout = resolved(json!("window"));
    assert_eq!((&holdout["level"], &holdout["test"]), (&json!({ "window": { "m": 4 } }), &json!(0.10)));
    for level in [
        json!({ "step": { "validation": null, "test": [7] } }),
        json!({ "range": { "validation": 800, "test": 900 } }),
        json!({ "length": { "validation": 7, "test": 8 } }),
        json!({ "notation": { "validation": null, "test": ["digits"] } }),
        json!({ "family": { "validation": ["arithmetic"], "test": ["geometric"] } }),
    ] {
        let holdout = resolved(level.clone());
        assert_eq!(holdout["level"], level);
        assert_eq!(holdout["test"], Value::Null);
        let named = level.as_object().unwrap().values().all(|held| !held["validation"].is_null());
        assert_eq!(holdout["validation"], if named { Value::Null } else { json!(0.05) });
    }
}

#[test]
fn the_schema_knows_every_level() {
    let schema = serde_json::to_string(&schemars::schema_for!(Level)).unwrap();
    for name in ["random", "window", "transition", "step", "range", "length", "notation", "family"] {
        assert!(schema.contains(&format!("\"{name}\"")), "{name}: {schema}");
    }
    assert!(
        schema.contains(r#""const":"window""#) && schema.contains(r#""enum":["addition","arithmetic""#),
        "{schema}"
    );
}
