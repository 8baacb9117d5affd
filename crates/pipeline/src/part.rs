//! What a stage says and over which axes that is expanded, before any point is looked at.

use std::collections::{BTreeSet, HashMap};

use indexmap::IndexMap;
use serde_json::Value;

use crate::matrix::{self, is_axis};
use crate::problems::Problems;
use crate::wire::{Wiring, names_of_roles};
use crate::{Definition, Verbs, interpolate};

/// What stands under a stage's verb, and the axes of the matrix that it has.
pub(crate) struct Part {
    /// The content without the inputs.
    pub(crate) content: Value,
    /// The axes that the content itself uses.
    pub(crate) own: BTreeSet<String>,
    /// These, and those of its inputs. A list of inputs gathers instead: it brings no axes.
    pub(crate) axes: BTreeSet<String>,
}

/// Returns the parts of all stages, and refuses axes that none of them uses or that would hide a column.
pub(crate) fn parts(
    definition: &Definition,
    verbs: &dyn Verbs,
    wirings: &IndexMap<String, Vec<Wiring>>,
    order: &[String],
    problems: &mut Problems<'_>,
) -> HashMap<String, Part> {
    let mut parts: HashMap<String, Part> = HashMap::new();
    let mut whole = wirings.len() == order.len();
    for stage in order {
        let path = format!("stages.{stage}.{}", definition.stages[stage]);
        let content = content(definition, stage, verbs);
        let own = match interpolate::axes(definition, &content, &path) {
            Ok(own) => own,
            Err((path, message, help)) => {
                problems.push(&path, false, message, help);
                whole = false;
                continue;
            }
        };
        let mut axes = own.clone();
        for wiring in wirings[stage].iter().filter(|wiring| !wiring.gathers) {
            for (name, _) in &wiring.stages {
                axes.extend(parts.get(name).iter().flat_map(|part| &part.axes).cloned());
            }
        }
        parts.insert(stage.clone(), Part { content, own, axes });
    }
    if whole {
        check_axes(definition, order, &parts, problems);
    }
    parts
}

/// Returns what stands under the verb of `stage`, without its inputs.
fn content(definition: &Definition, stage: &str, verbs: &dyn Verbs) -> Value {
    let mut content = definition.content(stage).clone();
    if content.is_null() {
        content = Value::Object(Default::default());
    }
    if let Value::Object(map) = &mut content {
        for role in names_of_roles(verbs, &definition.stages[stage]) {
            map.shift_remove(role);
        }
    }
    content
}

/// Refuses axes that change nothing, and those whose folders `axis=value` would be read as a column that a table has.
fn check_axes(
    definition: &Definition,
    order: &[String],
    parts: &HashMap<String, Part>,
    problems: &mut Problems<'_>,
) {
    if definition.matrix.is_empty() {
        return;
    }
    let mut columns: HashMap<String, &str> = HashMap::new();
    for table in artifact::tables::catalogue() {
        for column in &table.columns {
            columns.entry(column.name.to_lowercase()).or_insert(table.table);
        }
    }
    for axis in definition.matrix.keys() {
        let path = format!("matrix.{axis}");
        let user = order.iter().find(|stage| parts.get(*stage).is_some_and(|part| part.own.contains(axis)));
        // What a `--set` has replaced may have used it: then the stage is no more expanded over it.
        let replaced = &definition.source.applied.replaced;
        if user.is_none() && replaced.iter().any(|value| matrix::uses(value, axis)) {
            continue;
        }
        let Some(user) = user else {
            let help =
                format!("write `\"${{matrix.{axis}}}\"` where its value belongs, or leave the axis out");
            problems.push(&path, true, format!("no stage uses the axis `{axis}`"), Some(help));
            continue;
        };
        let Some(table) = columns.get(&axis.to_lowercase()) else { continue };
        let taken = |name: &str| {
            columns.contains_key(&name.to_lowercase())
                || definition.matrix.keys().any(|other| other.eq_ignore_ascii_case(name))
        };
        let mut other = format!("{}_{axis}", user.replace('-', "_"));
        if !is_axis(&other) {
            other = format!("my_{axis}");
        }
        while taken(&other) {
            other.push('_');
        }
        let message = format!(
            "an axis cannot be called `{axis}`: `{table}` has a column of that name, and DuckDB and polars would put the \
             values of the axis silently in its place"
        );
        let help = format!("call it `{other}`, here and in `${{matrix.{axis}}}`");
        problems.push(&path, true, message, Some(help));
    }
}
