//! The axes of a definition and their points.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::problems::Problems;

/// More points than anybody waits for.
const POINTS: usize = 10_000;
/// More axes than anybody varies; each is a folder of a path.
const AXES: usize = 16;
/// Characters of the name of an axis, and of a value, at most: both are parts of the name of one folder.
const NAME: usize = 64;

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
pub(crate) type Axes = IndexMap<String, Vec<Arc<Choice>>>;

/// One value of each of some axes, by axis in alphabetical order.
pub(crate) type Point = BTreeMap<String, Arc<Choice>>;

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
    let mut cased: HashMap<String, &str> = HashMap::new();
    for (axis, values) in matrix {
        let path = format!("matrix.{axis}");
        if !is_axis(axis) {
            let help = Some(format!("use letters, digits and `_`, starting with a letter, at most {NAME}"));
            problems.push(&path, true, format!("`{axis}` cannot be the name of an axis"), help);
        }
        if let Some(other) = cased.insert(axis.to_lowercase(), axis) {
            let message =
                format!("the axes `{other}` and `{axis}` differ in nothing but upper and lower case");
            let help = "they would be one column for whoever reads the results: give one another name";
            problems.push(&path, true, message, Some(help.to_owned()));
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
        one_folder_each(axis, &choices, problems);
        axes.insert(axis.clone(), choices.into_iter().map(Arc::new).collect());
        if problems.is_full() {
            return axes;
        }
    }
    if axes.len() > AXES {
        problems.add("matrix", true, format!("the matrix has {} axes, more than {AXES}", axes.len()));
    }
    let points = axes.values().fold(1usize, |points, choices| points.saturating_mul(choices.len()));
    if points > POINTS {
        problems.add("matrix", true, format!("the matrix has {points} points, more than {POINTS}"));
    }
    axes
}

/// Refuses values whose folders `axis=value` would be one, on file systems that tell upper from lower case or not, and
/// those that are one number for whoever reads the folders.
fn one_folder_each(axis: &str, choices: &[Choice], problems: &mut Problems<'_>) {
    let number = |name: &str| name.parse::<f64>().ok().filter(|number| number.is_finite());
    let numbers = choices.iter().all(|choice| number(&choice.name).is_some());
    let mut seen: HashMap<String, &str> = HashMap::new();
    for Choice { name, path, .. } in choices.iter().filter(|choice| !choice.name.is_empty()) {
        let read = match number(name).filter(|_| numbers) {
            Some(number) => (number + 0.0).to_string(), // no -0
            None => name.to_lowercase(),
        };
        let Some(other) = seen.insert(read, name) else { continue };
        let (message, help) = if other == name {
            (format!("axis `{axis}` has the value {name} twice"), "name it once")
        } else if numbers {
            let message = format!("the values {other} and {name} of axis `{axis}` are one number");
            (message, "whoever reads the results by their folders would take them for one: leave one out")
        } else {
            let message = format!(
                "the values {other} and {name} of axis `{axis}` differ in nothing but upper and lower case"
            );
            (message, "where a disk does not tell them apart their folders are one: rename one")
        };
        problems.push(path, false, message, Some(help.to_owned()));
    }
}

/// Reads `[2, 20]`: every value is called what it is.
fn listed(axis: &str, list: &[Value], problems: &mut Problems<'_>) -> Vec<Choice> {
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

/// The points over some axes, numbered: axes in alphabetical order, the last one running fastest, values in the order of
/// the definition.
pub(crate) struct Grid<'a> {
    axes: Vec<(&'a String, &'a [Arc<Choice>])>,
}

impl<'a> Grid<'a> {
    /// Returns the points over the axes `used`.
    pub(crate) fn new(axes: &'a Axes, used: &BTreeSet<String>) -> Self {
        let one = |axis: &String| axes.get_key_value(axis).map(|(axis, choices)| (axis, choices.as_slice()));
        Self { axes: used.iter().filter_map(one).collect() }
    }

    /// Returns how many points there are: 1 without axes.
    pub(crate) fn len(&self) -> usize {
        self.axes.iter().map(|(_, choices)| choices.len()).product()
    }

    /// Returns the place of each axis' value in the point with this number.
    pub(crate) fn places(&self, mut number: usize) -> Vec<usize> {
        let mut places = vec![0; self.axes.len()];
        for (place, (_, choices)) in places.iter_mut().zip(&self.axes).rev() {
            (number, *place) = (number / choices.len(), number % choices.len());
        }
        places
    }

    /// Returns the point with these places.
    pub(crate) fn point(&self, places: &[usize]) -> Point {
        let values = self.axes.iter().zip(places);
        values.map(|((axis, choices), place)| ((*axis).clone(), Arc::clone(&choices[*place]))).collect()
    }

    /// Returns where each axis of this grid stands among those of `other`.
    pub(crate) fn shared(&self, other: &Grid<'_>) -> Vec<Option<usize>> {
        self.axes.iter().map(|(axis, _)| other.axes.iter().position(|(theirs, _)| theirs == axis)).collect()
    }

    /// Returns the numbers of all points that have the values of a point of another grid on the axes that both have;
    /// `shared` says which these are.
    pub(crate) fn fitting(&self, shared: &[Option<usize>], places: &[usize]) -> Vec<usize> {
        let mut numbers = vec![0];
        for ((_, choices), theirs) in self.axes.iter().zip(shared) {
            let (first, count) = theirs.map_or((0, choices.len()), |theirs| (places[theirs], 1));
            let longer = |number: &usize| {
                let start = number * choices.len() + first;
                start..start + count
            };
            numbers = numbers.iter().flat_map(longer).collect();
        }
        numbers
    }
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
    !text.is_empty() && text.len() <= NAME && text.chars().all(plain)
}

/// Whether `text` can be the name of an axis: of a column, and the beginning of a folder that is not hidden.
pub(crate) fn is_axis(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.len() <= NAME
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
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
    says(value, "${")
}

/// Whether a reference to `axis` stands anywhere in `value`.
pub(crate) fn uses(value: &Value, axis: &str) -> bool {
    says(value, &format!("${{matrix.{axis}}}")) || says(value, &format!("${{matrix.{axis}."))
}

/// Whether `words` stand anywhere in the text of `value`.
fn says(value: &Value, words: &str) -> bool {
    match value {
        Value::String(text) => text.contains(words),
        Value::Array(items) => items.iter().any(|item| says(item, words)),
        Value::Object(map) => map.values().any(|value| says(value, words)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn choices(values: &[(&str, Value)]) -> Vec<Arc<Choice>> {
        let choice = |(name, value): &(&str, Value)| {
            Arc::new(Choice { name: (*name).to_owned(), value: value.clone(), path: String::new() })
        };
        values.iter().map(choice).collect()
    }

    fn axes() -> Axes {
        Axes::from([
            ("k".to_owned(), choices(&[("2", json!(2)), ("20", json!(20))])),
            ("a".to_owned(), choices(&[("x", json!({ "deep": [1] })), ("0.5", json!(0.5))])),
            ("unused".to_owned(), choices(&[("true", json!(true))])),
        ])
    }

    #[test]
    fn points_are_the_product_of_the_axes_used() {
        let axes = axes();
        let names = |used: &[&str]| {
            let grid = Grid::new(&axes, &used.iter().map(|axis| (*axis).to_owned()).collect());
            (0..grid.len()).map(|number| name(&grid.point(&grid.places(number)))).collect::<Vec<_>>()
        };
        assert_eq!(names(&["k", "a"]), ["a=x,k=2", "a=x,k=20", "a=0.5,k=2", "a=0.5,k=20"]);
        assert_eq!(names(&[]), [""]);
    }

    #[test]
    fn points_fit_where_they_agree_on_the_axes_that_both_have() {
        let axes = axes();
        let grid = |used: &[&str]| Grid::new(&axes, &used.iter().map(|axis| (*axis).to_owned()).collect());
        let (both, k, a, none) = (grid(&["a", "k"]), grid(&["k"]), grid(&["a"]), grid(&[]));
        let fitting = |theirs: &Grid<'_>, mine: &Grid<'_>, number: usize| {
            theirs.fitting(&theirs.shared(mine), &mine.places(number))
        };
        assert_eq!(fitting(&k, &both, 2), [0], "a=0.5,k=2 reads k=2");
        assert_eq!(fitting(&a, &both, 2), [1], "a=0.5,k=2 reads a=0.5");
        assert_eq!(fitting(&both, &k, 1), [1, 3], "k=20 gathers every a");
        assert_eq!(fitting(&both, &none, 0), [0, 1, 2, 3]);
        assert_eq!(fitting(&none, &both, 3), [0]);
        assert_eq!(fitting(&k, &a, 1), [0, 1]);
    }
}
