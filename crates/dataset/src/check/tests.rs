//! Every refusal, at its path.

use serde_json::{Value, json};

use super::*;

mod levels;

fn definition() -> Value {
    json!({
        "tasks": {
            "a": { "family": { "arithmetic": { "steps": [1, 2, 3] } }, "notation": "numeral", "values": { "min": 0, "max": 200 }, "terms": 4 },
            "b": { "family": { "arithmetic": { "step": 7 } }, "notation": { "digits": { "width": 3 } }, "values": { "min": 0, "max": 200 }, "terms": 4 },
        },
        "holdout": { "block": 4 },
    })
}

/// Sets the value at a dotted path of the definition, and returns what the check says.
fn with(path: &str, value: Value) -> Result<(), Error> {
    let mut definition = definition();
    let mut place = &mut definition;
    for word in path.split('.') {
        place = &mut place[word];
    }
    *place = value;
    serde_json::from_value::<Config>(definition).unwrap().check()
}

#[test]
fn a_sound_definition_passes() {
    with("seed", json!(1)).unwrap();
}

#[test]
fn each_mistake_is_refused_at_its_path() {
    let geometric = |ratio: i64| json!({ "geometric": { "ratio": ratio } });
    let pin = |task: &str, terms: Value| json!([{ "task": task, "terms": terms }]);
    let cases: Vec<(&str, Value, &str, &str)> = vec![
        ("tasks", json!({}), "tasks", "there is no task"),
        ("tasks.c", definition()["tasks"]["a"].clone(), "tasks.c", "task `a` again"),
        ("tasks.a.terms", json!(1), "tasks.a.terms", "1 to 1 terms"),
        ("tasks.a.terms", json!(-4), "tasks.a.terms", "-4 to -4 terms"),
        ("tasks.a.terms", json!({ "min": 6, "max": 4 }), "tasks.a.terms", "6 to 4 terms"),
        ("tasks.a.terms", Value::Null, "tasks.a.terms", "it is missing"),
        ("tasks.a.start", json!({ "min": 6, "max": 4 }), "tasks.a.start", "greater than"),
        ("tasks.a.values", json!({ "min": 6, "max": 4 }), "tasks.a.values", "greater than"),
        ("tasks.a.values", Value::Null, "tasks.a", "no bounds"),
        ("tasks.a.values", json!({ "min": 0, "max": 2 }), "tasks.a", "not one row"),
        ("tasks.a.values", json!({ "min": 0, "max": 70_000 }), "tasks.a.notation", "70001 values"),
        (
            "tasks.a.family",
            json!({ "arithmetic": { "step": 0 } }),
            "tasks.a.family.arithmetic.steps",
            "0 is among",
        ),
        (
            "tasks.a.family",
            json!({ "arithmetic": { "steps": [] } }),
            "tasks.a.family.arithmetic.steps",
            "0 values",
        ),
        (
            "tasks.a.family",
            json!({ "arithmetic": { "steps": [2, 2] } }),
            "tasks.a.family.arithmetic.steps",
            "twice",
        ),
        ("tasks.a.family", geometric(1), "tasks.a.family.geometric.ratios", "1 is among"),
        (
            "tasks.b.notation",
            json!({ "digits": { "width": 2 } }),
            "tasks.b.notation.digits.width",
            "200, which has 3 digits",
        ),
        ("tasks.b.values.min", json!(-5), "tasks.b.notation.digits", "down to -5"),
        ("tasks.a.notation", json!("digits"), "tasks.b.notation", "in another way"),
        (
            "tasks.a.family",
            json!({ "modular": { "modulus": 113, "step": 2 } }),
            "tasks.a.values",
            "0 to 200 reaches outside the values of the rule",
        ),
        ("tasks.a.family", json!({ "addition": { "digits": 2 } }), "tasks.a.terms", "4 terms found"),
        ("tasks.a.weight", json!(2.0), "tasks.a.weight", "no effect"),
        ("tasks.a.weight", json!(0.0), "tasks.a.weight", "no weight"),
        ("tasks.a.weight", json!(1e308), "tasks.a.weight", "1e308 is no weight"),
        ("counterfactuals.per_row", json!(101), "counterfactuals.per_row", "101 of each kind"),
        (
            "counterfactuals.kinds",
            json!(["shuffle", "one_edit", "shuffle"]),
            "counterfactuals.kinds.2",
            "`shuffle` is named twice",
        ),
        ("holdout.test", json!(1.5), "holdout.test", "1.5 is no share"),
        ("holdout.test", json!(-0.1), "holdout.test", "-0.1 is no share"),
        ("holdout.test", json!(0.96), "holdout", "take 1.01"),
        ("holdout.test", json!(0.0), "holdout.test", "0 pinned rows"),
        ("holdout.block", json!(0), "holdout.block", "0 found"),
        ("holdout.block", json!(100), "tasks.a", "2 stretches of parameter 1"),
        ("rows", json!({ "train": 10_000 }), "rows", "only"),
        ("pins.test", pin("c", json!([1, 2, 3, 4])), "pins.test.0.task", "no task `c`"),
        ("pins.test", pin("a", json!([1, 2, 3, 5])), "pins.test.0.terms", "no row of task"),
        ("pins.test", pin("a", json!([1, 2, 3])), "pins.test.0.terms", "no row of task"),
        ("pins.test", pin("a", json!([198, 200, 202, 204])), "pins.test.0.terms", "no row of task"),
        (
            "pins",
            json!({ "test": pin("a", json!([2, 4, 6, 8])), "train": pin("a", json!([6, 8, 10, 12])) }),
            "pins.test.0",
            "shares [6, 8] with pins.train.0, which is pinned in `train`",
        ),
        (
            "pins",
            json!({ "train": [{ "task": "a", "terms": [2, 4, 6, 8] }, { "task": "a", "terms": [2, 4, 6, 8] }] }),
            "pins.train.1",
            "pinned twice",
        ),
    ];
    for (path, value, at, words) in cases {
        match with(path, value.clone()) {
            Err(Error::Config { at: found, message, help }) => {
                assert_eq!(found, at, "{path} {value}: {message}");
                assert!(message.contains(words), "{path}: {message}");
                assert!(!help.is_empty());
            }
            Err(other) => panic!("{path} {value}: {other}"),
            Ok(()) => panic!("{path} {value} passed"),
        }
    }
}

#[test]
fn extreme_numbers_are_refused_in_words_or_pass() {
    let numbers = [
        "seed",
        "tasks.a.values.min",
        "tasks.a.values.max",
        "tasks.a.terms",
        "tasks.a.weight",
        "tasks.b.notation.digits.width",
        "tasks.a.family.arithmetic.step",
        "tasks.a.family.geometric.ratio",
        "tasks.a.family.modular_addition.modulus",
        "tasks.a.family.addition.digits",
        "tasks.a.family.cyclic.cycle",
        "tasks.a.start.min",
        "tasks.a.start.max",
        "holdout.seed",
        "holdout.block",
        "holdout.test",
        "holdout.validation",
        "holdout.min_seen",
        "holdout.min_rows.test",
        "holdout.min_rows.validation",
        "holdout.level.window.m",
        "holdout.level.length.test",
        "holdout.level.range.test",
        "holdout.level.step.test",
        "rows.train",
        "rows.validation",
        "rows.test",
        "counterfactuals.per_row",
    ];
    let values = [
        "0",
        "1",
        "-1",
        "3",
        "65535",
        "65537",
        "2147483647",
        "4294967295",
        "9007199254740993",
        "9223372036854775807",
        "18446744073709551615",
        "-9223372036854775808",
        "1e308",
        "1e-320",
        "0.5",
    ];
    for at in numbers {
        for value in values {
            let mut text = definition();
            let mut place = &mut text;
            for key in at.split('.') {
                if !place.is_object() {
                    *place = json!({});
                }
                // One family or level takes the place of another.
                let others = ["arithmetic", "geometric", "digits", "window", "length", "range"];
                if let Some(map) = place.as_object_mut()
                    && map.len() == 1
                    && !map.contains_key(key)
                    && others.iter().any(|one| map.contains_key(*one))
                {
                    map.clear();
                }
                place = &mut place[key];
            }
            *place = serde_json::from_str(value).unwrap();
            if at == "holdout.level.step.test" {
                *place = json!([place.clone()]);
            }
            let Ok(config) = serde_json::from_value::<Config>(text) else { continue };
            match config.check() {
                Ok(()) => drop(config.outlook().unwrap()),
                Err(Error::Config { message, help, .. }) => assert!(!message.is_empty() && !help.is_empty()),
                Err(other) => panic!("{at} {value}: {other}"),
            }
        }
    }
}

#[test]
fn what_can_never_be_answered_is_refused_with_what_helps() {
    let task = |steps: Value, train_only: bool| json!({ "family": { "arithmetic": { "steps": steps } }, "notation": "numeral", "values": { "min": 0, "max": 200 }, "terms": 4, "train_only": train_only });
    let check = |tasks: Value| {
        serde_json::from_value::<Config>(json!({ "tasks": tasks, "holdout": { "block": 4 } }))
            .unwrap()
            .check()
    };
    let error = check(json!({ "a": task(json!(2), false) })).unwrap_err().to_string();
    assert!(error.contains("tasks.a.notation") && error.contains("train_only"), "{error}");
    check(json!({ "a": task(json!([2, 3]), false) })).unwrap();
    check(json!({ "a": task(json!([2, -2]), false) })).unwrap();
    check(json!({ "a": task(json!(2), false), "b": task(json!(1), true) })).unwrap();
    assert!(
        check(json!({ "a": task(json!(1), true) }))
            .unwrap_err()
            .to_string()
            .contains("nothing can be held out")
    );
}

#[test]
fn too_many_rows_to_keep_all_are_asked_for_in_numbers() {
    let check = |rows: Value| {
        let task = json!({ "family": "random", "notation": "numeral", "values": { "min": 0, "max": 199 }, "terms": 5 });
        let definition = json!({ "tasks": { "a": task }, "rows": rows, "holdout": { "level": "random" } });
        serde_json::from_value::<Config>(definition).unwrap().check()
    };
    assert!(
        check(json!({ "train": 10, "test": 30 }))
            .unwrap_err()
            .to_string()
            .contains("`validation` is missing")
    );
    check(json!({ "train": 10, "test": 30, "validation": 30 })).unwrap();
}

#[test]
fn unknown_levels_and_fields_name_what_there_is() {
    let read = |value: Value| serde_json::from_value::<Config>(value).unwrap_err().to_string();
    let read_level = |level: Value| read(json!({ "tasks": {}, "holdout": { "level": level } }));
    for (level, words) in [
        (json!("windw"), "unknown variant `windw`, expected one of `random`, `window`, `transition`, `step`"),
        (json!({ "windw": {} }), "unknown variant `windw`, expected one of `random`, `window`"),
        (json!({ "window": { "n": 3 } }), "unknown field `n`, expected `m`"),
        (json!({ "window": { "m": -3 } }), "invalid value: integer `-3`"),
        (json!("step"), "level `step` has to say what is held out: `{ step: { test: [7] } }`"),
        (json!({ "random": {} }), "level `random` has no parameters: write `level: random`"),
        (
            json!({ "step": { "test": [1] }, "range": { "test": 1 } }),
            "one level expected, found `step` and `range`",
        ),
        (json!({ "step": { "validation": [1] } }), "missing field `test`"),
        (
            json!({ "family": { "test": ["geometrical"] } }),
            "unknown variant `geometrical`, expected one of `addition`, `arithmetic`",
        ),
        (json!({ "notation": { "test": ["digit"] } }), "unknown variant `digit`, expected"),
        (json!(3), "a level: random, window"),
    ] {
        let message = read_level(level);
        assert!(message.contains(words), "{message}");
    }
    assert!(read(json!({ "tasks": {}, "hold": {} })).contains("unknown field `hold`"));
}

#[test]
fn the_resolved_definition_is_read_back_as_itself() {
    let config: Config = serde_json::from_value(definition()).unwrap();
    let resolved = serde_json::to_value(&config).unwrap();
    assert_eq!(resolved["holdout"]["test"], json!(0.10));
    assert_eq!(resolved["tasks"]["b"]["family"], json!({ "arithmetic": { "steps": [7] } }));
    assert_eq!(serde_json::from_value::<Config>(resolved.clone()).unwrap(), config);
    let schema = serde_json::to_value(schemars::schema_for!(Config)).unwrap();
    assert_eq!(schema["properties"]["seed"]["type"], "integer");
}

#[test]
fn a_level_that_the_family_does_not_allow_is_refused() {
    let task =
        json!({ "family": "random", "notation": "numeral", "values": { "min": 0, "max": 9 }, "terms": 5 });
    let definition = json!({ "tasks": { "a": task }, "rows": { "train": 9, "test": 9, "validation": 9 } });
    let error = serde_json::from_value::<Config>(definition).unwrap().check().unwrap_err().to_string();
    assert!(error.contains("`random` makes no sense at level `transition`"), "{error}");
}

#[test]
fn bounds_and_terms_may_be_left_out_where_the_rule_has_its_own() {
    let check = |family: Value, more: Value| {
        let mut task = json!({ "family": family, "notation": "numeral" });
        task.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let config = json!({ "tasks": { "a": task }, "holdout": { "level": "random" } });
        serde_json::from_value::<Config>(config).unwrap().check()
    };
    check(json!({ "modular_addition": { "modulus": 113 } }), json!({})).unwrap();
    check(json!({ "modular": { "modulus": 113, "steps": [1, 2] } }), json!({ "terms": 4 })).unwrap();
    let letters = |terms: Value| {
        check(json!({ "cyclic": { "cycle": "letters", "step": 1 } }), json!({ "terms": terms }))
    };
    letters(json!({ "min": 4, "max": 5 })).unwrap();
    let error = letters(json!(4)).unwrap_err().to_string();
    assert!(error.starts_with("holdout.min_rows: 40 held-out rows are asked for, but only 26"), "{error}");
    check(json!({ "addition": { "digits": 2 } }), json!({})).unwrap();
    check(json!({ "addition": { "digits": 2 } }), json!({ "start": { "min": 0, "max": 9 } })).unwrap();
    let start = json!({ "start": { "min": 0, "max": 100 } });
    let error = check(json!({ "addition": { "digits": 2 } }), start).unwrap_err().to_string();
    assert!(error.starts_with("tasks.a.start: 0 to 100 reaches outside"), "{error}");
    let start = json!({ "start": { "min": 0, "max": 30 }, "terms": 5 });
    check(json!("fibonacci"), start).unwrap();
    let below = json!({ "start": { "min": -1, "max": 30 }, "terms": 5 });
    assert!(check(json!("fibonacci"), below).unwrap_err().to_string().contains("keep it from 0"));
    let values = json!({ "values": { "min": 0, "max": 9 }, "terms": 7 });
    assert!(check(json!("sort"), values).unwrap_err().to_string().contains("tasks.a.terms: 7 terms found"));
    let values = json!({ "values": { "min": 40, "max": 50 } });
    let error = check(json!({ "modular_addition": { "modulus": 113 } }), values).unwrap_err().to_string();
    assert!(error.contains("not one row fits its bounds"), "{error}");
}
