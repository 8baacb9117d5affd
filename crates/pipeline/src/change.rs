//! What differs between a stage as it was committed and as it is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use artifact::Manifest;
use serde_json::Value;

use crate::key::Parts;

/// One difference between a stage as it was last committed and as it is asked for now.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// A value of its content; `None` where there was or is none.
    Config {
        /// Path inside the content under the verb.
        path: String,
        /// Value of the last committed run.
        old: Option<Value>,
        /// Value now.
        new: Option<Value>,
    },
    /// A table that it reads; `None` where there was or is none.
    Input {
        /// Role and file.
        table: String,
        /// Digest of the last committed run.
        old: Option<String>,
        /// Digest now.
        new: Option<String>,
    },
    /// The kind of the stage.
    Kind {
        /// The verb then.
        old: String,
        /// The verb now.
        new: String,
    },
    /// The stage's algorithm.
    Version {
        /// Its number then.
        old: u32,
        /// Its number now.
        new: u32,
    },
    /// The format of the tables.
    Format {
        /// Its number then.
        old: u32,
        /// Its number now.
        new: u32,
    },
    /// Something else that is part of the key: the device, the pipeline's description, the points that are gathered.
    Other {
        /// What it is.
        what: String,
        /// As it was.
        old: String,
        /// As it is.
        new: String,
    },
    /// The finished folder is not what it was when it was committed.
    Damaged(String),
    /// Its last result is not shown any more: it was made from other inputs than those that are.
    Hidden,
    /// It was asked for (`--force`).
    Forced,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), Value::to_string);
        match self {
            Self::Config { path, old, new } => write!(f, "{path}: {} -> {}", value(old), value(new)),
            Self::Input { table, old: Some(_), new: Some(_) } => write!(f, "input {table} changed"),
            Self::Input { table, old: None, .. } => write!(f, "input {table} is new"),
            Self::Input { table, .. } => write!(f, "input {table} is gone"),
            Self::Kind { old, new } => write!(f, "kind of stage: {old} -> {new}"),
            Self::Version { old, new } => write!(f, "algorithm version: {old} -> {new}"),
            Self::Format { old, new } => write!(f, "table format: {old} -> {new}"),
            Self::Other { what, old, new } => write!(f, "{what}: {old} -> {new}"),
            Self::Damaged(reason) => f.write_str(reason),
            Self::Hidden => {
                f.write_str("its last result was made from other inputs and is not shown any more")
            }
            Self::Forced => f.write_str("forced"),
        }
    }
}

/// Compares the last committed run with the parts of the key now.
pub(crate) fn changes(last: &Manifest, now: &Parts) -> Vec<Change> {
    let mut changes = Vec::new();
    if last.verb != now.kind {
        changes.push(Change::Kind { old: last.verb.clone(), new: now.kind.clone() });
    }
    differences("", Some(&last.config), Some(&now.config), &mut changes);
    inputs(&last.inputs, &now.inputs, &mut changes);
    if last.version != now.version {
        changes.push(Change::Version { old: last.version, new: now.version });
    }
    if last.format != now.format {
        changes.push(Change::Format { old: last.format, new: now.format });
    }
    let text = |value: Option<&Value>| match value {
        None => "nothing".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    let names: BTreeSet<&String> = last.other.keys().chain(now.other.keys()).collect();
    for what in names {
        let (old, new) = (last.other.get(what), now.other.get(what));
        if old != new {
            changes.push(Change::Other { what: what.clone(), old: text(old), new: text(new) });
        }
    }
    changes
}

type Digests = BTreeMap<String, String>;

fn inputs(old: &Digests, new: &Digests, changes: &mut Vec<Change>) {
    let tables: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for table in tables {
        let (old, new) = (old.get(table).cloned(), new.get(table).cloned());
        if old != new {
            changes.push(Change::Input { table: table.clone(), old, new });
        }
    }
}

/// Lists the innermost values that differ.
pub(crate) fn differences(path: &str, old: Option<&Value>, new: Option<&Value>, changes: &mut Vec<Change>) {
    match (old, new) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => {
            let added = new.keys().filter(|key| !old.contains_key(*key));
            for key in old.keys().chain(added) {
                let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                differences(&inner, old.get(key), new.get(key), changes);
            }
            let order = |map: &serde_json::Map<String, Value>| map.keys().cloned().collect::<Vec<_>>();
            if old == new && order(old) != order(new) {
                let what = format!("order of {path}");
                changes.push(Change::Other { what, old: order(old).join(", "), new: order(new).join(", ") });
            }
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                differences(&format!("{path}[{index}]"), Some(old), Some(new), changes);
            }
        }
        (old, new) if old != new => {
            changes.push(Change::Config { path: path.to_owned(), old: old.cloned(), new: new.cloned() });
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_innermost_differences_are_told_with_old_and_new_value() {
        let old = json!({ "a": { "b": 1, "gone": true }, "l": [1, 2], "m": [1], "t": { "x": 1, "y": 2 } });
        let new = json!({ "a": { "b": 2 }, "l": [1, 3], "m": [1, 2], "new": "x", "t": { "y": 2, "x": 1 } });
        let mut changes = Vec::new();
        differences("", Some(&old), Some(&new), &mut changes);
        let told: Vec<String> = changes.iter().map(ToString::to_string).collect();
        let expected = [
            "a.b: 1 -> 2",
            "a.gone: true -> nothing",
            "l[1]: 2 -> 3",
            "m: [1] -> [1,2]",
            "order of t: x, y -> y, x",
            "new: nothing -> \"x\"",
        ];
        assert_eq!(told, expected);
    }
}
