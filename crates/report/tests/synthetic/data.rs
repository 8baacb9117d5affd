//! What a build would write, made up.

use std::path::Path;

use artifact::Provenance;
use artifact::tables::{Example, Token};
use serde_json::{Value, json};

use super::{Study, table};

pub(super) fn terms(study: &Study, id: i64) -> Vec<i64> {
    if id == 0 && study.pinned {
        return vec![10, 12, 14, 16];
    }
    match study.task.as_str() {
        "x2" => (0..5).map(|power| (id % 4999 + 1) << power).collect(),
        _ => (0..4).map(|index| 11 + id % 170 + 2 * index).collect(),
    }
}

fn text(terms: &[i64]) -> String {
    terms.iter().map(i64::to_string).collect::<Vec<_>>().join(" ")
}

fn build_config(study: &Study) -> Value {
    let mut tasks = serde_json::Map::new();
    let task = json!({
        "family": study.family, "terms": 5, "start": {"min": 1, "max": 4999},
        "notation": {"digits": {"width": 5, "order": "least_first"}}, "train_only": false,
    });
    tasks.insert(study.task.clone(), task.clone());
    study.tasks.iter().for_each(|name| drop(tasks.insert(name.clone(), task.clone())));
    let pins = if study.pinned {
        json!({
            "test": [{"task": study.task, "terms": [10, 12, 14, 16]}],
            "train": [{"task": study.task, "terms": [2, 4, 6, 8]}, {"task": "plus1", "terms": [10, 11, 12, 13, 14, 15, 16]}],
        })
    } else {
        json!({"test": [], "train": []})
    };
    json!({"seed": 1729, "tasks": tasks, "holdout": {"level": study.level, "test": 0.1, "validation": 0.05}, "pins": pins})
}

pub(super) fn task_of(study: &Study, id: i64) -> String {
    let all: Vec<&String> = std::iter::once(&study.task).chain(&study.tasks).collect();
    if id == 0 { study.task.clone() } else { all[id as usize % all.len()].clone() }
}

pub(super) fn data(folder: &Path, study: &Study) {
    let example = |id: i64| {
        let terms = terms(study, id);
        Example {
            example_id: id,
            task: task_of(study, id),
            family: "geometric".into(),
            notation: "digits".into(),
            domain: "integer".into(),
            unit: "pair".into(),
            parameter: Some(2),
            text: text(&terms),
            terms,
            tokens: (0..=study.length).map(|at| token_at(study, at)).collect(),
            answer_start: 2,
            answer_length: 1,
            cluster: id / 3,
        }
    };
    let sizes = [
        ("test", 0, study.rows),
        ("validation", study.rows, study.rows / 2),
        ("train", 10_000, study.rows * 3),
    ];
    for (split, first, rows) in sizes {
        let path = folder.join(format!("{split}-00000-of-00001.parquet"));
        table(path, "build", build_config(study), (first..first + rows).map(example).collect());
    }
    let config = build_config(study);
    let sections =
        ["holdout", "tasks", "pins"].map(|section| (section, config[section].as_object().cloned()));
    let sections = sections.into_iter().filter_map(|(section, values)| Some((section, values?)));
    artifact::write_definition(&folder.join("definition.parquet"), &Provenance::default(), sections)
        .expect("a made-up table can be written");
    let token = |(id, kind): (i32, &str)| Token {
        token_id: id,
        token: if kind == "digit" { id.to_string() } else { NAMES[id as usize - 10].to_owned() },
        kind: kind.into(),
        value: (kind == "digit").then_some(id.into()),
    };
    let kinds = (0..10).map(|id| (id, "digit")).chain([(10, "separator"), (11, "begin"), (12, "end")]);
    table(folder.join("vocabulary.parquet"), "build", build_config(study), kinds.map(token).collect());
}

/// The tokens behind the digits.
const NAMES: [&str; 3] = ["SEP", "BEGIN", "END"];

/// Returns the token at a place of every row: five digits, a separator, ...
fn token_at(study: &Study, at: i32) -> u16 {
    match at {
        0 => 11,
        at if at == study.length => 12,
        at if at % 6 == 0 => 10,
        at => (at * 7 % 10) as u16,
    }
}
