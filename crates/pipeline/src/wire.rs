//! Which stage reads which: the roles of every stage, and the order that follows from them.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;

use globset::{Glob, GlobSet, GlobSetBuilder};
use indexmap::IndexMap;
use serde_json::Value;

use crate::error::{did_you_mean, few};
use crate::external::RUN;
use crate::problems::Problems;
use crate::{Definition, Role, Verbs};

/// Stages of a circle that a message names at most.
const CIRCLE: usize = 12;

/// The inputs of a stage as the definition names them.
pub(crate) struct Wiring {
    pub(crate) role: String,
    pub(crate) many: bool,
    pub(crate) gathers: bool,
    pub(crate) reads: Arc<GlobSet>,
    /// Stage and the path where it is named.
    pub(crate) stages: Vec<(String, String)>,
}

/// Reads the roles of every stage and checks that they name stages that fit.
pub(crate) fn wire(
    definition: &Definition,
    verbs: &dyn Verbs,
    problems: &mut Problems<'_>,
) -> IndexMap<String, Vec<Wiring>> {
    let mut wirings = IndexMap::new();
    for (stage, verb) in &definition.stages {
        if problems.is_full() {
            break;
        }
        let path = format!("stages.{stage}.{verb}");
        let mut all = Vec::new();
        let known = verbs.names();
        if verb == RUN {
            all = run_roles(definition.content(stage), &path, problems);
        } else if known.contains(&verb.as_str()) {
            for role in verbs.roles(verb) {
                all.extend(read_role(role, definition.content(stage), &path, problems));
            }
        } else {
            let allowed: Vec<String> = known.into_iter().chain([RUN]).map(str::to_owned).collect();
            let help = did_you_mean(verb, &allowed);
            problems.allow(&path, true, format!("unknown kind of stage `{verb}`"), allowed, help);
        }
        for wiring in &all {
            let fits = verbs_of(verbs, verb, &wiring.role);
            for (name, path) in &wiring.stages {
                if problems.is_full() {
                    break;
                }
                check_input(definition, stage, name, path, fits, problems);
            }
        }
        wirings.insert(stage.clone(), all);
    }
    wirings
}

fn verbs_of(verbs: &dyn Verbs, verb: &str, role: &str) -> &'static [&'static str] {
    if verb == RUN {
        return &[];
    }
    verbs.roles(verb).iter().find(|known| known.name == role).map_or(&[], |role| role.verbs)
}

pub(crate) fn names_of_roles(verbs: &dyn Verbs, verb: &str) -> Vec<&'static str> {
    match verb {
        RUN => vec!["inputs"],
        verb if verbs.names().contains(&verb) => verbs.roles(verb).iter().map(|role| role.name).collect(),
        _ => Vec::new(),
    }
}

fn check_input(
    definition: &Definition,
    stage: &str,
    name: &str,
    path: &str,
    fits: &[&str],
    problems: &mut Problems<'_>,
) {
    let Some(verb) = definition.stages.get(name) else {
        let allowed: Vec<String> =
            definition.stages.keys().filter(|other| *other != stage).cloned().collect();
        let help = did_you_mean(name, &allowed);
        problems.allow(path, false, format!("there is no stage `{name}`"), allowed, help);
        return;
    };
    if name == stage {
        problems.add(path, false, format!("stage `{stage}` reads itself"));
    } else if !fits.is_empty() && !fits.contains(&verb.as_str()) {
        let suitable = definition.stages.iter().filter(|(_, verb)| fits.contains(&verb.as_str()));
        let suitable: Vec<&str> = suitable.map(|(name, _)| name.as_str()).collect();
        let help = (!suitable.is_empty()).then(|| format!("stages of that kind: {}", few(&suitable)));
        let message =
            format!("`{name}` is a `{verb}` stage, but a `{}` stage belongs here", fits.join("` or `"));
        problems.push(path, false, message, help);
    }
}

fn read_role(role: &Role, content: &Value, path: &str, problems: &mut Problems<'_>) -> Option<Wiring> {
    let at = format!("{path}.{}", role.name);
    let value = content.get(role.name).unwrap_or(&Value::Null);
    if value.is_null() {
        if !role.optional {
            let message = format!("missing key `{}`: the name of the stage to read", role.name);
            problems.add(path, true, message);
        }
        return None;
    }
    let stages = names(value, &at, role.many, problems)?;
    let reads = globs(role.reads);
    let (many, gathers) = (role.many, role.gathers);
    Some(Wiring { role: role.name.to_owned(), many, gathers, reads, stages })
}

/// Returns what fits one of `patterns`, in which `*` stands for any characters.
fn globs(patterns: &[&str]) -> Arc<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(Glob::new(pattern).expect("the patterns of roles stand in code"));
    }
    Arc::new(set.build().expect("they are few"))
}

/// Reads `inputs` of a `run` stage: `{ role: stage, role: [stage, ...] }` or `[stage, ...]`.
fn run_roles(content: &Value, path: &str, problems: &mut Problems<'_>) -> Vec<Wiring> {
    let at = format!("{path}.inputs");
    let everything = globs(&["*"]);
    match content.get("inputs") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Object(roles)) => {
            let (mut all, mut variables) = (Vec::new(), HashMap::new());
            for (role, value) in roles {
                let at = format!("{at}.{role}");
                if role.is_empty() || !role.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                    let help = Some("use letters, digits and `_`".to_owned());
                    problems.push(&at, true, format!("`{role}` cannot be the name of an input"), help);
                }
                one_variable_each(role, role, &mut variables, &at, true, problems);
                if let Some(stages) = names(value, &at, value.is_array(), problems) {
                    let reads = everything.clone();
                    let many = value.is_array();
                    all.push(Wiring { role: role.clone(), many, gathers: many, reads, stages });
                }
            }
            all
        }
        Some(list) => {
            let mut variables = HashMap::new();
            let stages = names(list, &at, true, problems).unwrap_or_default();
            let wiring = |(name, at): (String, String)| {
                let role = name.replace('-', "_");
                one_variable_each(&role, &name, &mut variables, &at, false, problems);
                Wiring {
                    role,
                    many: true,
                    gathers: true,
                    reads: everything.clone(),
                    stages: vec![(name, at)],
                }
            };
            stages.into_iter().map(wiring).collect()
        }
    }
}

/// Refuses two inputs of a command whose folders would stand in one variable of its environment.
fn one_variable_each(
    role: &str,
    name: &str,
    variables: &mut HashMap<String, String>,
    at: &str,
    on_key: bool,
    problems: &mut Problems<'_>,
) {
    let variable = format!("SEQLAB_INPUT_{}", role.to_uppercase());
    if let Some(other) = variables.insert(variable.clone(), name.to_owned()).filter(|other| other != name) {
        let message = format!("`{other}` and `{name}` would both stand in {variable}");
        let help = Some("give the inputs names: `inputs: { one: .., other: .. }`".to_owned());
        problems.push(at, on_key, message, help);
    }
}

/// Reads a stage's name, or a list of them if `many`, each with its path.
fn names(value: &Value, at: &str, many: bool, problems: &mut Problems<'_>) -> Option<Vec<(String, String)>> {
    let items = match value {
        Value::Array(list) if many => {
            list.iter().enumerate().map(|(index, item)| (item, format!("{at}[{index}]"))).collect()
        }
        _ => vec![(value, at.to_owned())],
    };
    let mut names = Vec::new();
    for (item, at) in items {
        match item {
            Value::String(name) if !name.contains("${") => names.push((name.clone(), at)),
            _ => {
                let wanted = if many { "a list of names of stages" } else { "the name of a stage" };
                problems.add(&at, false, format!("expected {wanted}, as plain text"));
                return None;
            }
        }
    }
    let mut seen = HashSet::new();
    for (name, at) in &names {
        if !seen.insert(name) {
            problems.add(at, false, format!("stage `{name}` is given twice"));
        }
    }
    Some(names)
}

/// Returns the stages so that inputs come first, otherwise in the order of the definition.
pub(crate) fn order(wirings: &IndexMap<String, Vec<Wiring>>, problems: &mut Problems<'_>) -> Vec<String> {
    // What a stage waits for, with the place where it is named; a stage that reads itself was refused before.
    let inputs: Vec<Vec<(usize, &str)>> = wirings
        .iter()
        .enumerate()
        .map(|(stage, (_, all))| {
            let named = all.iter().flat_map(|wiring| &wiring.stages);
            let number = |name: &String| wirings.get_index_of(name).filter(|input| *input != stage);
            named.filter_map(|(name, path)| Some((number(name)?, path.as_str()))).collect()
        })
        .collect();
    let mut readers = vec![Vec::new(); inputs.len()];
    for (stage, inputs) in inputs.iter().enumerate() {
        inputs.iter().for_each(|(input, _)| readers[*input].push(stage));
    }
    let mut waits: Vec<usize> = inputs.iter().map(Vec::len).collect();
    let mut ready: BinaryHeap<Reverse<usize>> =
        (0..inputs.len()).filter(|stage| waits[*stage] == 0).map(Reverse).collect();
    let mut order = Vec::with_capacity(inputs.len());
    while let Some(Reverse(stage)) = ready.pop() {
        order.push(stage);
        for reader in &readers[stage] {
            waits[*reader] -= 1;
            if waits[*reader] == 0 {
                ready.push(Reverse(*reader));
            }
        }
    }
    circle(wirings, &inputs, &waits, problems);
    order
        .into_iter()
        .map(|stage| wirings.get_index(stage).map(|(name, _)| name.clone()).unwrap_or_default())
        .collect()
}

/// Names a circle among the stages that still wait: each waits for another one, so going from input to input comes round.
fn circle(
    wirings: &IndexMap<String, Vec<Wiring>>,
    inputs: &[Vec<(usize, &str)>],
    waits: &[usize],
    problems: &mut Problems<'_>,
) {
    let name = |stage: usize| wirings.get_index(stage).map_or("", |(name, _)| name.as_str());
    let Some(mut last) = waits.iter().position(|waits| *waits > 0) else { return };
    let (mut walk, mut place) = (Vec::new(), HashMap::new());
    while let Some((next, path)) = inputs[last].iter().find(|(input, _)| waits[*input] > 0) {
        place.insert(last, walk.len());
        walk.push(last);
        if let Some(start) = place.get(next) {
            let around = walk[*start..].iter().zip(walk[start + 1..].iter().chain([next]));
            let mut circle: Vec<String> =
                around.map(|(stage, input)| format!("{} reads {}", name(*stage), name(*input))).collect();
            if circle.len() > CIRCLE {
                let left = circle.len() - CIRCLE;
                circle.splice(CIRCLE - 1..circle.len() - 1, [format!("... {left} more ...")]);
            }
            let message = format!("the stages read each other in a circle: {}", circle.join(", "));
            problems.add(path, false, message);
            return;
        }
        last = *next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        for (pattern, name, expected) in [
            ("train-*.parquet", "train-00000-of-00001.parquet", true),
            ("train-*.parquet", "test-00000-of-00001.parquet", false),
            ("a.parquet", "a.parquet", true),
            ("a.parquet", "xa.parquet", false),
            ("*", "seed-0/weights.safetensors", true),
            ("resume/*.safetensors", "resume/seed-0.safetensors", true),
            ("*.parquet", "a.parquet.txt", false),
        ] {
            assert_eq!(globs(&[pattern]).is_match(name), expected, "{pattern} {name}");
        }
    }
}
