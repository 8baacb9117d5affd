use std::collections::{BTreeMap, BTreeSet, HashMap};

use indexmap::IndexMap;
use serde_json::Value;

use crate::definition::Problems;
use crate::external::{self, External, RUN};
use crate::layout::Slot;
use crate::matrix::{self, Point};
use crate::{Definition, Error, Resolved, Result, Role, Verbs, did_you_mean, interpolate};

/// Everything that a definition asks for, checked, in an order in which it can be done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The pipeline's name.
    pub name: String,
    /// What it asks.
    pub description: String,
    /// One job a stage and matrix point; inputs come before those who read them.
    pub jobs: Vec<Job>,
}

/// One stage at one matrix point.
#[derive(Debug, Clone)]
pub struct Job {
    /// The stage's name.
    pub stage: String,
    /// The values of the axes that it is expanded over, in alphabetical order of the axes.
    pub axes: BTreeMap<String, Value>,
    /// `a=1,b=2`; empty without axes.
    pub point: String,
    /// What kind of stage it is.
    pub verb: String,
    /// Its checked content.
    pub resolved: Resolved,
    /// The external command, for the verb `run`.
    pub external: Option<External>,
    /// Its inputs, by role, in the order in which the verb declares them.
    pub inputs: Vec<Input>,
    /// Where its folder lies.
    pub(crate) slot: Slot,
}

/// One role of a job.
#[derive(Debug, Clone)]
pub struct Input {
    /// What the input is for.
    pub role: String,
    /// Whether the role takes a list.
    pub many: bool,
    /// Indices into [`Plan::jobs`]; one unless `many`.
    pub jobs: Vec<usize>,
    /// Patterns of the files that are read of it.
    pub(crate) reads: Vec<String>,
}

impl Job {
    /// Returns `stage` or `stage a=1,b=2`, for people.
    #[must_use]
    pub fn title(&self) -> String {
        if self.point.is_empty() { self.stage.clone() } else { format!("{} {}", self.stage, self.point) }
    }
}

/// The inputs of a stage as the definition names them.
struct Wiring {
    role: String,
    many: bool,
    reads: Vec<String>,
    /// Stage and the path where it is named.
    stages: Vec<(String, String)>,
}

impl Plan {
    /// Checks all of `definition` and puts it in order.
    ///
    /// # Errors
    /// [`Error::Definition`] with every mistake that was found.
    pub fn new(definition: &Definition, verbs: &dyn Verbs) -> Result<Self> {
        let mut problems = Problems::new(&definition.source);
        let wirings = wire(definition, verbs, &mut problems);
        let order = order(&wirings, &mut problems);
        let axes = axes(definition, &wirings, &order, &mut problems);
        let mut jobs: Vec<Job> = Vec::new();
        let mut made: HashMap<&str, Vec<usize>> = HashMap::new();
        for stage in &order {
            for point in matrix::points(&definition.matrix, &axes[stage]) {
                let content = content(definition, stage, &wirings[stage]);
                let roles: Vec<&str> = wirings[stage].iter().map(|wiring| wiring.role.as_str()).collect();
                let checked = resolve(definition, stage, &point, &content, verbs, &roles, &mut problems);
                let Some((resolved, external)) = checked else { continue };
                let inputs = wirings[stage].iter().map(|wiring| {
                    let fits = |index: &&usize| {
                        let theirs: &Job = &jobs[**index];
                        theirs
                            .axes
                            .iter()
                            .all(|(axis, value)| point.get(axis).is_none_or(|mine| mine == value))
                    };
                    let jobs = wiring.stages.iter().flat_map(|(name, _)| {
                        made.get(name.as_str()).into_iter().flatten().filter(fits).copied()
                    });
                    Input {
                        role: wiring.role.clone(),
                        many: wiring.many,
                        jobs: jobs.collect(),
                        reads: wiring.reads.clone(),
                    }
                });
                let inputs = inputs.collect();
                let slot = Slot::new(&definition.name, stage, &matrix::name(&point), resolved.root);
                made.entry(stage).or_default().push(jobs.len());
                jobs.push(Job {
                    stage: stage.clone(),
                    point: matrix::name(&point),
                    axes: point,
                    verb: definition.stages[stage].clone(),
                    resolved,
                    external,
                    inputs,
                    slot,
                });
            }
        }
        one_path_each(&jobs, &mut problems);
        problems.finish()?;
        Ok(Self { name: definition.name.clone(), description: definition.description.clone(), jobs })
    }

    /// Returns the indices of the jobs of `stage`.
    ///
    /// # Errors
    /// [`Error::Usage`] when there is no such stage.
    pub fn jobs_of(&self, stage: &str) -> Result<Vec<usize>> {
        let found: Vec<usize> =
            (0..self.jobs.len()).filter(|index| self.jobs[*index].stage == stage).collect();
        if found.is_empty() {
            let names: BTreeSet<&str> = self.jobs.iter().map(|job| job.stage.as_str()).collect();
            let all = names.iter().copied().collect::<Vec<_>>().join(", ");
            let help = did_you_mean(stage, names).unwrap_or(format!("the stages are {all}"));
            return Err(Error::usage(format!("there is no stage `{stage}` in {}", self.name), Some(help)));
        }
        Ok(found)
    }
}

/// Reads the roles of every stage and checks that they name stages that fit.
fn wire(
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

fn names_of_roles(verbs: &dyn Verbs, verb: &str) -> Vec<&'static str> {
    verbs.roles(verb).iter().map(|role| role.name).collect()
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
fn order(wirings: &IndexMap<String, Vec<Wiring>>, problems: &mut Problems<'_>) -> Vec<String> {
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
            let mut cycle = walk[start..].to_vec();
            cycle.push(next.clone());
            problems.add(
                path,
                false,
                format!("the stages read each other in a circle: {}", cycle.join(" <- ")),
            );
            return order;
        }
        walk.push(next.clone());
    }
}

/// Returns the axes that every stage is expanded over: those it uses, and those of its inputs. A list of inputs
/// gathers instead: it brings no axes.
fn axes(
    definition: &Definition,
    wirings: &IndexMap<String, Vec<Wiring>>,
    order: &[String],
    problems: &mut Problems<'_>,
) -> HashMap<String, BTreeSet<String>> {
    let mut axes: HashMap<String, BTreeSet<String>> = HashMap::new();
    for stage in order {
        let path = format!("stages.{stage}.{}", definition.stages[stage]);
        let content = content(definition, stage, &wirings[stage]);
        let mut mine = match interpolate::axes(definition, &content, &path) {
            Ok(mine) => mine,
            Err((path, message, help)) => {
                problems.push(&path, false, message, help);
                BTreeSet::new()
            }
        };
        for wiring in wirings[stage].iter().filter(|wiring| !wiring.many) {
            for (name, _) in &wiring.stages {
                mine.extend(axes.get(name).into_iter().flatten().cloned());
            }
        }
        axes.insert(stage.clone(), mine);
    }
    axes
}

/// Returns what stands under the verb of `stage`, without its inputs.
fn content(definition: &Definition, stage: &str, wirings: &[Wiring]) -> Value {
    let mut content = definition.content(stage).clone();
    if content.is_null() {
        content = Value::Object(Default::default());
    }
    if let Value::Object(map) = &mut content {
        if definition.stages[stage] == RUN {
            map.shift_remove("inputs");
        } else {
            wirings.iter().for_each(|wiring| drop(map.shift_remove(&wiring.role)));
        }
    }
    content
}

/// Fills in and checks the content of `stage` at `point`; `None` after a mistake.
fn resolve(
    definition: &Definition,
    stage: &str,
    point: &Point,
    content: &Value,
    verbs: &dyn Verbs,
    roles: &[&str],
    problems: &mut Problems<'_>,
) -> Option<(Resolved, Option<External>)> {
    let verb = &definition.stages[stage];
    let path = format!("stages.{stage}.{verb}");
    let filled = match interpolate::fill(definition, point, content, &path) {
        Ok(filled) => filled,
        Err((path, message, help)) => {
            problems.push(&path, false, message, help);
            return None;
        }
    };
    if !filled.is_object() {
        problems.add(&path, false, format!("what stands under `{verb}` has to be a mapping"));
        return None;
    }
    let resolved = if verb == RUN {
        external::resolve(&filled, roles).map(|(external, resolved)| (resolved, Some(external)))
    } else if verbs.names().contains(&verb.as_str()) {
        verbs.resolve(verb, &filled).map(|resolved| (resolved, None))
    } else {
        return None;
    };
    let wrong = match resolved {
        Ok(resolved) => return Some(resolved),
        Err(wrong) => wrong,
    };
    for mut problem in wrong {
        if problem.on_key && !problem.at.contains('.') {
            let roles = if verb == RUN { vec!["inputs"] } else { names_of_roles(verbs, verb) };
            problem.allowed.splice(0..0, roles.into_iter().map(str::to_owned));
        }
        let at = match problem.at.as_str() {
            "" => path.clone(),
            inner if inner.starts_with('[') => format!("{path}{inner}"),
            inner => format!("{path}.{inner}"),
        };
        let unknown = problem.message.split('`').nth(1).filter(|_| !problem.allowed.is_empty());
        let help = problem.help.or_else(|| unknown.and_then(|name| did_you_mean(name, &problem.allowed)));
        let around =
            if problem.on_key { at.rsplit_once('.').map_or(at.as_str(), |(parent, _)| parent) } else { &at };
        let message = format!("{} in {around}", problem.message);
        problems.allow(&at, problem.on_key, message, problem.allowed, help);
    }
    None
}

/// No two jobs may write one folder, on file systems that tell upper from lower case or not.
fn one_path_each(jobs: &[Job], problems: &mut Problems<'_>) {
    let mut seen: HashMap<String, &Job> = HashMap::new();
    for job in jobs {
        if let Some(other) = seen.insert(job.slot.link().to_string_lossy().to_lowercase(), job) {
            let path = format!("stages.{}", job.stage);
            let message = format!(
                "{} and {} would both write {}",
                other.title(),
                job.title(),
                job.slot.link().display()
            );
            problems.push(&path, true, message, Some("give one of the stages another name".to_owned()));
        }
    }
}
