//! Pins, and units that several tasks have.

use super::*;

fn plus(steps: Value, terms: Value, train_only: bool) -> Value {
    json!({ "family": { "arithmetic": { "steps": steps } }, "notation": "numeral", "values": { "min": 0, "max": 150 }, "terms": terms, "train_only": train_only })
}

#[test]
fn a_unit_of_several_tasks_has_the_strictest_of_its_assignments() {
    let (short, long) =
        (plus(json!([2, 3]), json!(4), false), plus(json!([3, 4]), json!({ "min": 4, "max": 7 }), false));
    let holdout = json!({ "test": 0.3, "validation": 0.2, "block": 5 });
    let split = |tasks: Value, u: i64| {
        let (_, world) = world(json!({ "tasks": tasks, "holdout": holdout }));
        world.split(PAIR, 0, &[u, u + 3])
    };
    let mut long = long;
    long["start"] = json!({ "min": 7, "max": 150 }); // other blocks than those of the first task
    let mut differ = 0;
    for u in 7..140 {
        let (one, other) = (split(json!({ "a": short }), u), split(json!({ "b": long }), u));
        assert_eq!(split(json!({ "a": short, "b": long }), u), one.max(other));
        assert_eq!(split(json!({ "b": long, "a": short }), u), one.max(other));
        differ += usize::from(one != other);
    }
    assert!(differ > 20);
}

#[test]
fn a_pinned_row_stands_once_and_belongs_to_the_task_that_the_pin_names() {
    let built = build(json!({
        "tasks": { "a": plus(json!([2, 3]), json!(4), false), "b": plus(json!([3, 4]), json!(4), false) },
        "pins": { "train": [{ "task": "b", "terms": [9, 12, 15, 18] }] },
        "holdout": { "block": 6, "min_rows": { "test": 1, "validation": 1 } },
    }))
    .unwrap();
    let found: Vec<&Example> =
        built.splits.iter().flatten().filter(|row| row.terms == [9, 12, 15, 18]).collect();
    assert_eq!((found.len(), found[0].task.as_str()), (1, "b"));
    assert_eq!(built.splits[0][0].terms, [9, 12, 15, 18]);
}

#[test]
fn a_pinned_row_that_fails_a_gate_is_an_error_at_its_path() {
    let fails = |tasks: Value, terms: Value| {
        let pins = json!({ "test": [{ "task": "a", "terms": terms }] });
        let holdout = json!({ "block": 6, "min_rows": { "test": 1, "validation": 1 } });
        build(json!({ "tasks": tasks, "pins": pins, "holdout": holdout })).err().unwrap().to_string()
    };
    // 150 is an answer of few rows; holding that one out leaves too few.
    let error = fails(json!({ "a": plus(json!([2, 30]), json!(4), false) }), json!([144, 146, 148, 150]));
    assert!(error.starts_with("pins.test.0: [144, 146, 148, 150] cannot stand in `test`"), "{error}");
    assert!(error.contains("hardly ever trained"), "{error}");
    // 4 8 goes on with 12 and with 16.
    let double = json!({ "family": { "geometric": { "ratio": 2 } }, "notation": "numeral", "values": { "min": 0, "max": 150 }, "terms": 3 });
    let error =
        fails(json!({ "a": plus(json!([2, 3, 4]), json!(3), false), "b": double }), json!([4, 8, 12]));
    assert!(error.contains("context has two answers"), "{error}");
}
