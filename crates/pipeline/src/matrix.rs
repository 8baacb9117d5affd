//! The axes of a definition and their points.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::definition::Problems;

/// More points than anybody waits for.
const POINTS: usize = 10_000;

/// One value of an axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Choice {
    /// What it is called: part of the names of folders.
    pub(crate) name: String,
    /// What `${matrix.<axis>}` becomes.
    pub(crate) value: Value,
    /// Where it stands in the definition: `matrix.level.window`, `matrix.k[1]`.
    pub(crate) path: String,
}

/// The values of every axis, both in the order of the definition.
pub(crate) type Axes = IndexMap<String, Vec<Choice>>;

/// One value of each of some axes, by axis in alphabetical order.
pub(crate) type Point = BTreeMap<String, Choice>;

/// Reads `matrix:`, a mapping from axis to its values: a list of words and numbers, or a mapping from a word to any
/// value.
pub(crate) fn axes(definition: &Value, problems: &mut Problems<'_>) -> Axes {
    let mut axes = Axes::new();
    let matrix = match definition.get("matrix") {
        None | Some(Value::Null) => return axes,
        Some(Value::Object(matrix)) => matrix,
        Some(_) => {
            problems.add("matrix", false, "`matrix` has to be a mapping from axis to its values");
            return axes;
        }
    };
    for (axis, values) in matrix {
        let path = format!("matrix.{axis}");
        if axis.is_empty() || !axis.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            let help = Some("use letters, digits and `_`".to_owned());
            problems.push(&path, true, format!("`{axis}` cannot be the name of an axis"), help);
        }
        let choices = match values {
            Value::Array(list) => listed(axis, list, problems),
            Value::Object(map) => named(axis, map, problems),
            _ => Vec::new(),
        };
        if choices.is_empty() {
            let help = format!("for example `{axis}: [2, 20]`, or `{axis}: {{ few: [2], many: [2, 20] }}`");
            let message = format!("axis `{axis}` has to be a list or a mapping with at least one value");
            problems.push(&path, false, message, Some(help));
            continue;
        }
        axes.insert(axis.clone(), choices);
    }
    let points = axes.values().fold(1usize, |points, choices| points.saturating_mul(choices.len()));
    if points > POINTS {
        problems.add("matrix", true, format!("the matrix has {points} points, more than {POINTS}"));
    }
    axes
}

/// Reads `[2, 20]`: every value is called what it is.
fn listed(axis: &str, list: &[Value], problems: &mut Problems<'_>) -> Vec<Choice> {
    let mut seen = BTreeSet::new();
    let choices = list.iter().enumerate().map(|(index, value)| {
        let path = format!("matrix.{axis}[{index}]");
        let name = label(value).unwrap_or_else(|| {
            let help = match value {
                Value::Array(_) | Value::Object(_) | Value::Null => {
                    format!("give it a name: `{axis}: {{ some_name: {value} }}`")
                }
                _ => format!("use numbers, true, false, or {WORDS}"),
            };
            problems.push(&path, false, format!("{value} cannot be a value of axis `{axis}`"), Some(help));
            String::new()
        });
        if !name.is_empty() && !seen.insert(name.clone()) {
            problems.add(&path, false, format!("axis `{axis}` has the value {name} twice"));
        }
        Choice { name, value: value.clone(), path }
    });
    choices.collect()
}

/// Reads `{ random: random, window: { window: { m: 4 } } }`: every value has a name of its own.
fn named(axis: &str, map: &Map<String, Value>, problems: &mut Problems<'_>) -> Vec<Choice> {
    let choices = map.iter().map(|(name, value)| {
        let path = format!("matrix.{axis}.{name}");
        if !is_word(name) {
            let message = format!("`{name}` cannot name a value of axis `{axis}`");
            problems.push(&path, true, message, Some(format!("use {WORDS}")));
        }
        if refers(value) {
            let message = "`${` in the matrix: its values are taken as they stand";
            let help = "write the value itself, or refer to it where the axis is used".to_owned();
            problems.push(&path, false, message, Some(help));
        }
        Choice { name: name.clone(), value: value.clone(), path }
    });
    choices.collect()
}

/// Returns all points over `used`, the last axis running fastest, values in the order of the definition.
pub(crate) fn points(axes: &Axes, used: &BTreeSet<String>) -> Vec<Point> {
    let mut points = vec![Point::new()];
    for axis in used {
        let longer = |point: &Point, choice: &Choice| {
            let mut point = point.clone();
            point.insert(axis.clone(), choice.clone());
            point
        };
        points = points
            .iter()
            .flat_map(|point| axes[axis].iter().map(move |choice| longer(point, choice)))
            .collect();
    }
    points
}

/// Returns `a=1,b=2`: axes in alphabetical order, so that reordering a definition moves no folder.
pub(crate) fn name(point: &Point) -> String {
    let parts = point.iter().map(|(axis, choice)| format!("{axis}={}", choice.name));
    parts.collect::<Vec<_>>().join(",")
}

/// What [`is_word`] accepts, for messages.
const WORDS: &str = "words of letters, digits, `_`, `.`, `+` and `-`";

/// Whether `text` can be part of a file name, behind `axis=`.
fn is_word(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '+' | '-');
    !text.is_empty() && text.len() <= 64 && text.chars().all(plain)
}

/// Returns what `value` is called in a list, if it can be part of a file name.
fn label(value: &Value) -> Option<String> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    is_word(&text).then_some(text)
}

/// Whether a reference stands anywhere in `value`.
fn refers(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("${"),
        Value::Array(items) => items.iter().any(refers),
        Value::Object(map) => map.values().any(refers),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn choices(values: &[(&str, Value)]) -> Vec<Choice> {
        let choice = |(name, value): &(&str, Value)| Choice {
            name: (*name).to_owned(),
            value: value.clone(),
            path: String::new(),
        };
        values.iter().map(choice).collect()
    }

    #[test]
    fn points_are_the_product_of_the_axes_used() {
        let axes = Axes::from([
            ("k".to_owned(), choices(&[("2", json!(2)), ("20", json!(20))])),
            ("a".to_owned(), choices(&[("x", json!({ "deep": [1] })), ("0.5", json!(0.5))])),
            ("unused".to_owned(), choices(&[("true", json!(true))])),
        ]);
        let used = BTreeSet::from(["k".to_owned(), "a".to_owned()]);
        let names: Vec<_> = points(&axes, &used).iter().map(name).collect();
        assert_eq!(names, ["a=x,k=2", "a=x,k=20", "a=0.5,k=2", "a=0.5,k=20"]);
        assert_eq!(points(&axes, &BTreeSet::new()).iter().map(name).collect::<Vec<_>>(), [""]);
    }
}
