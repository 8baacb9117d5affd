//! Which stage reads which: the roles of every stage, and the order that follows from them.

use indexmap::IndexMap;
use serde_json::Value;

use crate::definition::Problems;
use crate::external::RUN;
use crate::{Definition, Role, Verbs, did_you_mean};

/// The inputs of a stage as the definition names them.
pub(crate) struct Wiring {
    pub(crate) role: String,
    pub(crate) many: bool,
    pub(crate) reads: Vec<String>,
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
        let help = (!suitable.is_empty()).then(|| format!("stages of that kind: {}", suitable.join(", ")));
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
    let reads = role.reads.iter().map(|pattern| (*pattern).to_owned()).collect();
    Some(Wiring { role: role.name.to_owned(), many: role.many, reads, stages })
}

/// Reads `inputs` of a `run` stage: `{ role: stage, role: [stage, ...] }` or `[stage, ...]`.
fn run_roles(content: &Value, path: &str, problems: &mut Problems<'_>) -> Vec<Wiring> {
    let at = format!("{path}.inputs");
    let everything = vec!["*".to_owned()];
    match content.get("inputs") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Object(roles)) => {
            let mut all = Vec::new();
            for (role, value) in roles {
                let at = format!("{at}.{role}");
                if !role.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                    let help = Some("use letters, digits and `_`".to_owned());
                    problems.push(&at, true, format!("`{role}` cannot be the name of an input"), help);
                }
                if let Some(stages) = names(value, &at, value.is_array(), problems) {
                    let reads = everything.clone();
                    all.push(Wiring { role: role.clone(), many: value.is_array(), reads, stages });
                }
            }
            all
        }
        Some(list) => {
            let stages = names(list, &at, true, problems).unwrap_or_default();
            let wiring = |(name, at): (String, String)| Wiring {
                role: name.replace('-', "_"),
                many: true,
                reads: everything.clone(),
                stages: vec![(name, at)],
            };
            stages.into_iter().map(wiring).collect()
        }
    }
}

/// Reads a stage's name, or a list of them if `many`, each with its path.
fn names(value: &Value, at: &str, many: bool, problems: &mut Problems<'_>) -> Option<Vec<(String, String)>> {
    let single = |value: &Value, at: String| match value {
        Value::String(name) if !name.contains("${") => Ok((name.clone(), at)),
        _ => Err(at),
    };
    let read: std::result::Result<Vec<_>, String> = match value {
        Value::Array(list) if many => {
            list.iter().enumerate().map(|(index, item)| single(item, format!("{at}[{index}]"))).collect()
        }
        _ => single(value, at.to_owned()).map(|one| vec![one]),
    };
    match read {
        Ok(names) => {
            for (index, (name, at)) in names.iter().enumerate() {
                if names[..index].iter().any(|(other, _)| other == name) {
                    problems.add(at, false, format!("stage `{name}` is given twice"));
                }
            }
            Some(names)
        }
        Err(at) => {
            let wanted = if many { "a list of names of stages" } else { "the name of a stage" };
            problems.add(&at, false, format!("expected {wanted}, as plain text"));
            None
        }
    }
}

/// Returns the stages so that inputs come first, otherwise in the order of the definition.
pub(crate) fn order(wirings: &IndexMap<String, Vec<Wiring>>, problems: &mut Problems<'_>) -> Vec<String> {
    let mut order: Vec<String> = Vec::new();
    loop {
        let ready = |stage: &&String| {
            let mut inputs = wirings[*stage].iter().flat_map(|wiring| &wiring.stages);
            !order.contains(stage)
                && inputs
                    .all(|(name, _)| order.contains(name) || !wirings.contains_key(name) || name == *stage)
        };
        match wirings.keys().find(ready) {
            Some(stage) => order.push(stage.clone()),
            None => break,
        }
    }
    let Some(stuck) = wirings.keys().find(|stage| !order.contains(stage)) else { return order };
    // Every stage left waits for another one left: going from input to input must come round.
    let mut walk = vec![stuck.clone()];
    loop {
        let last = &walk[walk.len() - 1];
        let waits = wirings[last].iter().flat_map(|wiring| &wiring.stages);
        let mut waits = waits.filter(|(name, _)| name != last && wirings.contains_key(name));
        let Some((next, path)) = waits.find(|(name, _)| !order.contains(name)) else { return order };
        if let Some(start) = walk.iter().position(|stage| stage == next) {
            let around = walk[start..].iter().zip(walk[start + 1..].iter().chain([next]));
            let cycle: Vec<String> = around.map(|(stage, input)| format!("{stage} reads {input}")).collect();
            problems.add(
                path,
                false,
                format!("the stages read each other in a circle: {}", cycle.join(", ")),
            );
            return order;
        }
        walk.push(next.clone());
    }
}
