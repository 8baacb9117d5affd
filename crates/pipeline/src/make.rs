//! From the parts of a definition to its jobs, one a stage and point.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;

use crate::error::did_you_mean;
use crate::external::{self, External, RUN};
use crate::join::{Candidate, Combinations};
use crate::layout::Slot;
use crate::matrix::{self, Grid, Point};
use crate::part::Part;
use crate::problems::Problems;
use crate::wire::{Wiring, names_of_roles};
use crate::{Definition, Input, Job, Problem, Resolved, Verbs, interpolate};

/// Jobs of a plan, at most.
const JOBS: usize = 100_000;
/// Inputs of all jobs together, at most.
const LINKS: usize = 4_000_000;
/// Values and bytes of all contents with everything filled in, at most.
const SIZE: usize = 16 << 20;

/// A plan on its way.
pub(crate) struct Making<'a> {
    pub(crate) definition: &'a Definition,
    pub(crate) verbs: &'a dyn Verbs,
    pub(crate) wirings: &'a IndexMap<String, Vec<Wiring>>,
    pub(crate) parts: &'a HashMap<String, Part>,
    pub(crate) jobs: Vec<Job>,
    /// The job of each point of a stage; nothing where its content is wrong.
    pub(crate) made: HashMap<&'a str, Vec<Option<usize>>>,
    pub(crate) combinations: Combinations<'a>,
    /// The combination of each job.
    pub(crate) of: Vec<usize>,
    /// Contents checked, inputs linked and values filled in until now.
    pub(crate) contents: usize,
    pub(crate) links: usize,
    pub(crate) size: usize,
}

/// The checked content of a stage at some points.
struct Content {
    number: usize,
    resolved: Arc<Resolved>,
    external: Option<External>,
}

/// What a role reads, as far as the points of a stage tell it apart.
struct Gathering<'a> {
    wiring: &'a Wiring,
    stages: Vec<Read<'a>>,
}

/// A stage that is read.
struct Read<'a> {
    /// The jobs of its points.
    made: &'a [Option<usize>],
    grid: Grid<'a>,
    /// Where its axes stand among those of the reader.
    shared: Vec<Option<usize>>,
}

impl<'a> Making<'a> {
    /// Refuses more jobs than can be kept in mind.
    pub(crate) fn is_bounded(&self, problems: &mut Problems<'_>) -> bool {
        let points = |part: &Part| Grid::new(&self.definition.matrix, &part.axes).len();
        let jobs: usize = self.parts.values().map(points).sum();
        if jobs > JOBS {
            let message = format!("the stages have {jobs} matrix points together, more than {JOBS}");
            problems.push("matrix", true, message, Some("leave values or stages out".to_owned()));
        }
        jobs <= JOBS
    }

    /// Makes the jobs of one stage; those that it reads are made.
    pub(crate) fn stage(&mut self, stage: &'a str, problems: &mut Problems<'_>) {
        let (part, matrix) = (&self.parts[stage], &self.definition.matrix);
        let (grid, own) = (Grid::new(matrix, &part.axes), Grid::new(matrix, &part.own));
        let shared = own.shared(&grid);
        let contents: Vec<Option<Content>> = (0..own.len())
            .map(|number| self.content(stage, &own.point(&own.places(number)), problems))
            .collect();
        let made = std::mem::take(&mut self.made);
        let gatherings = self.gatherings(stage, &grid, &made);
        let mut mine = Vec::with_capacity(grid.len());
        for number in 0..grid.len() {
            let places = grid.places(number);
            let content = own.fitting(&shared, &places).first().and_then(|own| contents[*own].as_ref());
            let inputs = content.and_then(|_| self.inputs(&gatherings, &places, problems));
            let (Some(content), Some(inputs)) = (content, inputs) else {
                mine.push(None);
                continue;
            };
            mine.push(Some(self.jobs.len()));
            self.job(stage, grid.point(&places), content, inputs, problems);
        }
        self.made = made;
        self.made.insert(stage, mine);
    }

    fn job(
        &mut self,
        stage: &str,
        axes: Point,
        content: &Content,
        inputs: Vec<Input>,
        problems: &mut Problems<'_>,
    ) {
        let verb = &self.definition.stages[stage];
        let resolved = Arc::clone(&content.resolved);
        let config = &resolved.config;
        let candidate = Candidate { stage, verb, content: content.number, config, inputs: &inputs };
        let (combination, wrong) = self.combinations.join(&candidate, &self.of);
        self.tell(stage, &axes, wrong, problems);
        self.of.push(combination);
        let point = matrix::name(&axes);
        self.jobs.push(Job {
            stage: stage.to_owned(),
            slot: Slot::new(&self.definition.name, &self.definition.variant, stage, &point, resolved.root),
            point,
            axes,
            verb: verb.clone(),
            resolved,
            external: content.external.clone(),
            inputs,
        });
    }

    fn gatherings<'b>(
        &self,
        stage: &str,
        grid: &Grid<'_>,
        made: &'b HashMap<&'a str, Vec<Option<usize>>>,
    ) -> Vec<Gathering<'b>>
    where
        'a: 'b,
    {
        let gathering = |wiring: &'a Wiring| {
            let stages = wiring.stages.iter().filter_map(|(name, _)| {
                let (part, made) = (self.parts.get(name)?, made.get(name.as_str())?);
                let theirs = Grid::new(&self.definition.matrix, &part.axes);
                let shared = theirs.shared(grid);
                Some(Read { made, grid: theirs, shared })
            });
            Gathering { wiring, stages: stages.collect() }
        };
        self.wirings[stage].iter().map(gathering).collect()
    }

    /// Returns what a job reads at a point; nothing where some of that is wrong itself.
    fn inputs(
        &mut self,
        gatherings: &[Gathering<'_>],
        places: &[usize],
        problems: &mut Problems<'_>,
    ) -> Option<Vec<Input>> {
        let mut inputs = Vec::with_capacity(gatherings.len());
        for Gathering { wiring, stages } in gatherings {
            if stages.len() < wiring.stages.len() {
                return None;
            }
            let mut jobs = Vec::new();
            for Read { made, grid, shared } in stages {
                for number in grid.fitting(shared, places) {
                    jobs.push(made[number]?);
                }
            }
            self.links += jobs.len();
            if self.links > LINKS {
                let message =
                    format!("the stages read more than {LINKS} inputs at all matrix points together");
                problems.push("matrix", true, message, Some("leave values or stages out".to_owned()));
                return None;
            }
            let (role, reads) = (wiring.role.clone(), Arc::clone(&wiring.reads));
            inputs.push(Input { role, many: wiring.many, jobs, reads });
        }
        Some(inputs)
    }

    /// Fills in and checks the content of `stage` at `point`; `None` after a mistake.
    fn content(&mut self, stage: &str, point: &Point, problems: &mut Problems<'_>) -> Option<Content> {
        if problems.is_full() || self.size > SIZE {
            return None;
        }
        let verb = &self.definition.stages[stage];
        let path = format!("stages.{stage}.{verb}");
        let filled = match interpolate::fill(self.definition, point, &self.parts[stage].content, &path) {
            Ok((filled, size)) => {
                self.size += size;
                filled
            }
            Err((path, message, help)) => {
                problems.push(&path, false, message, help);
                return None;
            }
        };
        if self.size > SIZE {
            let message = format!(
                "with its references filled in at all matrix points, more than {SIZE} values and bytes"
            );
            problems.push("matrix", true, message, Some("leave values or stages out".to_owned()));
            return None;
        }
        if !filled.is_object() {
            problems.add(&path, false, format!("what stands under `{verb}` has to be a mapping"));
            return None;
        }
        match self.resolve(stage, verb, &filled)? {
            Ok((resolved, external)) => {
                self.contents += 1;
                Some(Content { number: self.contents, resolved: Arc::new(resolved), external })
            }
            Err(wrong) => {
                self.tell(stage, point, wrong, problems);
                None
            }
        }
    }

    /// Checks a content; `None` where there is no such kind of stage.
    #[expect(clippy::type_complexity, reason = "said once")]
    fn resolve(
        &self,
        stage: &str,
        verb: &str,
        filled: &Value,
    ) -> Option<Result<(Resolved, Option<External>), Vec<Problem>>> {
        if verb == RUN {
            let roles: Vec<&str> = self.wirings[stage].iter().map(|wiring| wiring.role.as_str()).collect();
            let resolved = external::resolve(filled, &roles);
            return Some(resolved.map(|(external, resolved)| (resolved, Some(external))));
        }
        let known = self.verbs.names().contains(&verb);
        known.then(|| self.verbs.resolve(verb, filled).map(|resolved| (resolved, None)))
    }

    /// Tells what is wrong with a content, where that was written.
    fn tell(&self, stage: &str, point: &Point, wrong: Vec<Problem>, problems: &mut Problems<'_>) {
        let verb = &self.definition.stages[stage];
        let path = format!("stages.{stage}.{verb}");
        let before = problems.len();
        for mut problem in wrong {
            if problem.on_key && !problem.at.contains('.') {
                let roles = names_of_roles(self.verbs, verb);
                problem.allowed.splice(0..0, roles.into_iter().map(str::to_owned));
            }
            let at = match problem.at.as_str() {
                "" => path.clone(),
                inner if inner.starts_with('[') => format!("{path}{inner}"),
                inner => format!("{path}.{inner}"),
            };
            let unknown = problem.message.split('`').nth(1).filter(|_| !problem.allowed.is_empty());
            let help = problem.help.or_else(|| unknown.and_then(|name| did_you_mean(name, &problem.allowed)));
            let around = if problem.on_key {
                at.rsplit_once('.').map_or(at.as_str(), |(parent, _)| parent)
            } else {
                &at
            };
            let about_a_name =
                ["unknown ", "missing "].iter().any(|start| problem.message.starts_with(start));
            let mut message = match about_a_name {
                true => format!("{} in {around}", problem.message),
                false => format!("{at}: {}", problem.message),
            };
            // What came from elsewhere is mended there: in the matrix, or where a reference leads.
            let at = interpolate::origin(self.definition, point, &at);
            if !point.is_empty() {
                // The same mistake at another point says nothing new.
                if problems.is_known(&at, problem.on_key, before) {
                    continue;
                }
                message += &format!(" (at {})", matrix::name(point));
            }
            problems.allow(&at, problem.on_key, message, problem.allowed, help);
        }
    }
}

/// No two stages may write one folder, on file systems that tell upper from lower case or not.
pub(crate) fn one_path_each(jobs: &[Job], problems: &mut Problems<'_>) {
    let mut seen: HashMap<String, &str> = HashMap::new();
    // Jobs of one stage stand side by side, and the values of an axis differ in more than upper and lower case.
    for job in jobs.chunk_by(|one, other| one.stage == other.stage).filter_map(<[Job]>::first) {
        let path = &job.slot.stage;
        if let Some(other) = seen.insert(path.to_string_lossy().to_lowercase(), &job.stage) {
            let message = format!("{other} and {} would both write {}", job.stage, path.display());
            let help = Some("give one of the stages another name".to_owned());
            problems.push(&format!("stages.{}", job.stage), true, message, help);
        }
    }
}
