//! `--set data.build.tasks.x2.terms=6`: values given on the command line.

use serde_json::{Map, Value};

use crate::error::did_you_mean;
use crate::{Diagnostic, Error, Place, Result, read};

/// The keys at the top of a definition, at which a path may start as well.
pub(crate) const TOP: [&str; 4] = ["name", "description", "matrix", "stages"];

/// What `--set` did.
#[derive(Debug, Clone, Default)]
pub(crate) struct Applied {
    /// Full path and words of each.
    pub(crate) sets: Vec<(String, String)>,
    /// What stood there before.
    pub(crate) replaced: Vec<Value>,
}

/// Applies `sets` to the definition in order.
pub(crate) fn apply(definition: &mut Value, sets: &[String]) -> Result<Applied> {
    let mut applied = Applied::default();
    let mut wrong = Vec::new();
    for words in sets {
        match apply_one(definition, words) {
            Ok((path, replaced)) => {
                applied.sets.push((path, words.clone()));
                applied.replaced.push(replaced);
            }
            Err((message, help)) => wrong.push(Diagnostic {
                place: Place::Set(words.clone()),
                message,
                allowed: Vec::new(),
                help,
            }),
        }
    }
    if wrong.is_empty() { Ok(applied) } else { Err(Error::Definition(wrong)) }
}

/// More levels than any definition needs.
const DEPTH: usize = 64;

type Wrong = (String, Option<String>);

/// Puts one value into its place; returns its full path and what stood there.
fn apply_one(definition: &mut Value, words: &str) -> std::result::Result<(String, Value), Wrong> {
    let Some((path, value)) = words.split_once('=') else {
        return Err((
            "a value is missing".to_owned(),
            Some("write `path=value`, e.g. `train.steps=500`".into()),
        ));
    };
    let value =
        read::scalar(value).map_err(|(message, help)| (message, help.or(Some("quote it".to_owned()))))?;
    let keys: Vec<String> =
        path.trim().replace('[', ".").replace(']', "").split('.').map(str::to_owned).collect();
    if keys.iter().any(String::is_empty) {
        return Err((format!("`{path}` has an empty part"), None));
    }
    if keys.len() > DEPTH {
        return Err((format!("`{path}` is more than {DEPTH} levels deep"), None));
    }
    let keys = full(definition, keys)?;
    let mut place = definition;
    for (depth, key) in keys.iter().enumerate() {
        place = step(place, key).ok_or_else(|| {
            let inner = keys[..depth].join(".");
            (format!("{inner} has no `{key}`: it is neither a mapping nor a list that long"), None)
        })?;
    }
    Ok((keys.join("."), std::mem::replace(place, value)))
}

/// Completes a path that starts at a stage: `train.steps` is `stages.train.train.steps`.
fn full(definition: &Value, mut keys: Vec<String>) -> std::result::Result<Vec<String>, Wrong> {
    let empty = Map::new();
    let stages = definition.get("stages").and_then(Value::as_object).unwrap_or(&empty);
    let first = keys[0].clone();
    if let Some(stage) = stages.get(&first) {
        let verb = stage.as_object().and_then(|stage| stage.keys().next()).cloned();
        let explicit = verb.is_some() && keys.get(1) == verb.as_ref();
        keys.splice(0..1, ["stages".to_owned(), first].into_iter().chain(verb.filter(|_| !explicit)));
        return Ok(keys);
    }
    if TOP.contains(&first.as_str()) {
        return Ok(keys);
    }
    let names: Vec<&str> = stages.keys().map(String::as_str).collect();
    let help = did_you_mean(&first, &names).unwrap_or_else(|| format!("the stages are {}", names.join(", ")));
    Err((format!("there is no stage `{first}`"), Some(help)))
}

fn step<'a>(value: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => Some(map.entry(key).or_insert(Value::Null)),
        Value::Array(list) => list.get_mut(key.parse::<usize>().ok()?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(words: &str) -> std::result::Result<Value, Wrong> {
        let mut value = json!({ "stages": { "train": { "fit": { "steps": 1, "list": [1, 2] } } } });
        apply_one(&mut value, words).map(|_| value["stages"]["train"]["fit"].take())
    }

    #[test]
    fn the_verb_may_be_left_out_and_values_are_typed() {
        assert_eq!(set("train.steps=500"), Ok(json!({ "steps": 500, "list": [1, 2] })));
        assert_eq!(set("train.fit.steps=0.5"), Ok(json!({ "steps": 0.5, "list": [1, 2] })));
        assert_eq!(set("stages.train.fit.steps='5'"), Ok(json!({ "steps": "5", "list": [1, 2] })));
        assert_eq!(set("train.list[1]=x=y"), Ok(json!({ "steps": 1, "list": [1, "x=y"] })));
        assert_eq!(
            set("train.a.b={ c: [1] }"),
            Ok(json!({ "steps": 1, "list": [1, 2], "a": { "b": { "c": [1] } } }))
        );
    }

    #[test]
    fn what_cannot_be_set_is_an_error() {
        assert_eq!(set("trian.steps=1").expect_err("a typo").1.as_deref(), Some("did you mean `train`?"));
        assert!(set(&format!("train{}=1", ".a".repeat(100_000))).is_err());
        for wrong in ["train.steps", "train..x=1", "train.steps.x=1", "train.list[7]=1", "train.steps=[1"] {
            assert!(set(wrong).is_err(), "{wrong}");
        }
    }
}
