//! The axes of a definition and their points.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use serde_json::Value;

use crate::definition::Problems;

/// More points than anybody waits for.
const POINTS: usize = 10_000;

/// One value of each of some axes, by axis in alphabetical order.
pub(crate) type Point = BTreeMap<String, Value>;

/// Reads `matrix:`, a mapping from axis to the list of its values.
pub(crate) fn axes(definition: &Value, problems: &mut Problems<'_>) -> IndexMap<String, Vec<Value>> {
    let mut axes = IndexMap::new();
    let matrix = match definition.get("matrix") {
        None | Some(Value::Null) => return axes,
        Some(Value::Object(matrix)) => matrix,
        Some(_) => {
            problems.add("matrix", false, "`matrix` has to be a mapping from axis to a list of values");
            return axes;
        }
    };
    for (axis, values) in matrix {
        let path = format!("matrix.{axis}");
        if axis.is_empty() || !axis.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            let help = Some("use letters, digits and `_`".to_owned());
            problems.push(&path, true, format!("`{axis}` cannot be the name of an axis"), help);
        }
        let Some(values) = values.as_array().filter(|values| !values.is_empty()) else {
            let help = Some(format!("for example `{axis}: [2, 20]`"));
            problems.push(
                &path,
                false,
                format!("axis `{axis}` has to be a list with at least one value"),
                help,
            );
            continue;
        };
        let mut seen = BTreeSet::new();
        for (index, value) in values.iter().enumerate() {
            let path = format!("{path}[{index}]");
            match label(value) {
                None => problems.push(
                    &path,
                    false,
                    format!("{value} cannot be a value of axis `{axis}`"),
                    Some(
                        "use numbers, true, false, or words of letters, digits, `_`, `.`, `+` and `-`"
                            .to_owned(),
                    ),
                ),
                Some(label) if !seen.insert(label.clone()) => {
                    problems.add(&path, false, format!("axis `{axis}` has the value {label} twice"));
                }
                Some(_) => {}
            }
        }
        axes.insert(axis.clone(), values.clone());
    }
    let points = axes.values().fold(1usize, |points, values| points.saturating_mul(values.len()));
    if points > POINTS {
        problems.add("matrix", true, format!("the matrix has {points} points, more than {POINTS}"));
    }
    axes
}

/// Returns all points over `used`, the last axis running fastest, values in the order of the definition.
pub(crate) fn points(axes: &IndexMap<String, Vec<Value>>, used: &BTreeSet<String>) -> Vec<Point> {
    let mut points = vec![Point::new()];
    for axis in used {
        let longer = |point: &Point, value: &Value| {
            let mut point = point.clone();
            point.insert(axis.clone(), value.clone());
            point
        };
        points = points
            .iter()
            .flat_map(|point| axes[axis].iter().map(move |value| longer(point, value)))
            .collect();
    }
    points
}

/// Returns `a=1,b=2`: axes in alphabetical order, so that reordering a definition moves no folder.
pub(crate) fn name(point: &Point) -> String {
    let parts = point.iter().map(|(axis, value)| format!("{axis}={}", label(value).unwrap_or_default()));
    parts.collect::<Vec<_>>().join(",")
}

/// Returns `value` as part of a file name, if it can be one.
fn label(value: &Value) -> Option<String> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '+' | '-');
    (!text.is_empty() && text.len() <= 64 && text.chars().all(plain)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn points_are_the_product_of_the_axes_used() {
        let axes = IndexMap::from([
            ("k".to_owned(), vec![json!(2), json!(20)]),
            ("a".to_owned(), vec![json!("x"), json!(0.5)]),
            ("unused".to_owned(), vec![json!(true)]),
        ]);
        let used = BTreeSet::from(["k".to_owned(), "a".to_owned()]);
        let names: Vec<_> = points(&axes, &used).iter().map(name).collect();
        assert_eq!(names, ["a=x,k=2", "a=x,k=20", "a=0.5,k=2", "a=0.5,k=20"]);
        assert_eq!(points(&axes, &BTreeSet::new()).iter().map(name).collect::<Vec<_>>(), [""]);
    }
}
