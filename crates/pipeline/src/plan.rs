use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use indexmap::IndexMap;
use serde_json::Value;

use crate::definition::Problems;
use crate::external::{self, External, RUN};
use crate::layout::Slot;
use crate::matrix::{self, Point};
use crate::wire::{Wiring, names_of_roles, order, wire};
use crate::{Definition, Error, Resolved, Result, Verbs, did_you_mean, interpolate};

/// Everything that a definition asks for, checked, in an order in which it can be done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The pipeline's name.
    pub name: String,
    /// What it asks.
    pub description: String,
    /// What `--set` changed, as it follows the name in folders; empty where nothing is changed.
    pub variant: String,
    /// One job a stage and matrix point; inputs come before those who read them.
    pub jobs: Vec<Job>,
    /// What stands above the points of stages.
    pub(crate) covers: Vec<Above>,
}

/// The file above the points of one stage.
#[derive(Debug, Clone)]
pub(crate) struct Above {
    /// Relative to the base.
    pub(crate) path: PathBuf,
    pub(crate) head: String,
    /// What it says of each job.
    pub(crate) parts: Vec<(usize, String)>,
    pub(crate) tail: String,
}

/// One stage at one matrix point.
#[derive(Debug, Clone)]
pub struct Job {
    /// The stage's name.
    pub stage: String,
    /// The values of the axes that it is expanded over.
    pub(crate) axes: Point,
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
    /// Where people see it.
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

    /// Returns the folder that people see, relative to that of the project: `results/<pipeline>/<stage>/k=10`.
    #[must_use]
    pub fn shown(&self) -> String {
        self.slot.path().to_string_lossy().into_owned()
    }
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
        let axes = axes(definition, verbs, &wirings, &order, &mut problems);
        let mut jobs: Vec<Job> = Vec::new();
        let mut made: HashMap<&str, Vec<usize>> = HashMap::new();
        for stage in &order {
            for point in matrix::points(&definition.matrix, &axes[stage]) {
                let content = content(definition, stage, verbs);
                let roles: Vec<&str> = wirings[stage].iter().map(|wiring| wiring.role.as_str()).collect();
                let checked = resolve(definition, stage, &point, &content, verbs, &roles, &mut problems);
                let Some((resolved, external)) = checked else { continue };
                let inputs = wirings[stage].iter().map(|wiring| {
                    let fits = |index: &&usize| {
                        let theirs: &Job = &jobs[**index];
                        theirs
                            .axes
                            .iter()
                            .all(|(axis, choice)| point.get(axis).is_none_or(|mine| mine == choice))
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
                let point_name = matrix::name(&point);
                let slot = Slot::new(&definition.name, &definition.variant, stage, &point_name, resolved.root);
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
        let covers = covers(definition, &jobs, verbs);
        let (name, description) = (definition.name.clone(), definition.description.clone());
        Ok(Self { name, description, variant: definition.variant.clone(), jobs, covers })
    }

    /// Returns the pipeline's name with what `--set` changed, as its folders are called.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("{}{}", self.name, self.variant)
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

/// Returns what the verbs want to stand above the points of their stages.
fn covers(definition: &Definition, jobs: &[Job], verbs: &dyn Verbs) -> Vec<Above> {
    let mut covers: Vec<Above> = Vec::new();
    for (index, job) in jobs.iter().enumerate().filter(|(_, job)| !job.point.is_empty() && job.verb != RUN) {
        let folder = job.slot.axes.join("/");
        let Some(cover) = verbs.cover(&job.verb, &definition.name, &folder) else { continue };
        let path = job.slot.stage.join(cover.file);
        let part = (index, cover.part);
        match covers.last_mut().filter(|last| last.path == path) {
            Some(last) => last.parts.push(part),
            None => covers.push(Above { path, head: cover.head, parts: vec![part], tail: cover.tail }),
        }
    }
    covers
}

/// Returns the axes that every stage is expanded over: those it uses, and those of its inputs. A list of inputs
/// gathers instead: it brings no axes.
fn axes(
    definition: &Definition,
    verbs: &dyn Verbs,
    wirings: &IndexMap<String, Vec<Wiring>>,
    order: &[String],
    problems: &mut Problems<'_>,
) -> HashMap<String, BTreeSet<String>> {
    let mut axes: HashMap<String, BTreeSet<String>> = HashMap::new();
    for stage in order {
        let path = format!("stages.{stage}.{}", definition.stages[stage]);
        let content = content(definition, stage, verbs);
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
    let before = problems.len();
    for mut problem in wrong {
        if problem.on_key && !problem.at.contains('.') {
            let roles = names_of_roles(verbs, verb);
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
        let about_a_name = ["unknown ", "missing "].iter().any(|start| problem.message.starts_with(start));
        let mut message = match about_a_name {
            true => format!("{} in {around}", problem.message),
            false => format!("{at}: {}", problem.message),
        };
        // What came from elsewhere is mended there: in the matrix, or where a reference leads.
        let at = interpolate::origin(definition, point, &at);
        if !point.is_empty() {
            // The same mistake at another point says nothing new.
            if problems.is_known(&at, problem.on_key, before) {
                continue;
            }
            message += &format!(" (at {})", matrix::name(point));
        }
        problems.allow(&at, problem.on_key, message, problem.allowed, help);
    }
    None
}

/// No two jobs may write one folder, on file systems that tell upper from lower case or not.
fn one_path_each(jobs: &[Job], problems: &mut Problems<'_>) {
    let mut seen: HashMap<String, &Job> = HashMap::new();
    for job in jobs {
        if let Some(other) = seen.insert(job.shown().to_lowercase(), job) {
            let path = format!("stages.{}", job.stage);
            let message = format!(
                "{} and {} would both write {}",
                other.title(),
                job.title(),
                job.shown()
            );
            problems.push(&path, true, message, Some("give one of the stages another name".to_owned()));
        }
    }
}
