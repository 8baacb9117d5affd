use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use crate::error::{did_you_mean, few};
use crate::external::RUN;
use crate::join::Combinations;
use crate::make::{Making, one_path_each};
use crate::part::parts;
use crate::problems::Problems;
use crate::wire::{order, wire};
use crate::{Definition, Error, Job, Result, Verbs};

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
    /// The definition, as it was named.
    pub(crate) file: PathBuf,
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

impl Plan {
    /// Checks all of `definition` and puts it in order.
    ///
    /// Takes time and room in the number of its jobs and of what they read: contents are checked once for each value of the
    /// axes that they use themselves.
    ///
    /// # Errors
    /// [`Error::Definition`] with the mistakes that were found.
    pub fn new(definition: &Definition, verbs: &dyn Verbs) -> Result<Self> {
        let mut problems = Problems::new(&definition.source);
        let wirings = wire(definition, verbs, &mut problems);
        let order = order(&wirings, &mut problems);
        let parts = parts(definition, verbs, &wirings, &order, &mut problems);
        let mut making = Making {
            definition,
            verbs,
            wirings: &wirings,
            parts: &parts,
            jobs: Vec::new(),
            made: HashMap::new(),
            combinations: Combinations::new(definition, verbs),
            of: Vec::new(),
            contents: 0,
            size: 0,
            links: 0,
        };
        if making.is_bounded(&mut problems) {
            for stage in order.iter().filter(|stage| parts.contains_key(stage.as_str())) {
                if problems.is_full() {
                    break;
                }
                making.stage(stage, &mut problems);
            }
        }
        let jobs = making.jobs;
        one_path_each(&jobs, &mut problems);
        problems.finish()?;
        let covers = covers(definition, &jobs, verbs);
        let (name, description) = (definition.name.clone(), definition.description.clone());
        Ok(Self {
            name,
            description,
            variant: definition.variant.clone(),
            jobs,
            covers,
            file: definition.source.file.clone(),
        })
    }

    /// Returns the pipeline's name with what `--set` changed, as its folders are called.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("{}{}", self.name, self.variant)
    }

    /// Returns the command that makes the result of `job` again.
    pub(crate) fn heal(&self, job: &Job) -> String {
        format!("seqlab run {} {}", self.file.display(), job.stage)
    }

    /// Returns the indices of the jobs of `stage`.
    ///
    /// # Errors
    /// [`Error::Usage`] when there is no such stage.
    pub(crate) fn jobs_of(&self, stage: &str) -> Result<Vec<usize>> {
        let found: Vec<usize> =
            (0..self.jobs.len()).filter(|index| self.jobs[*index].stage == stage).collect();
        if found.is_empty() {
            let names: BTreeSet<&str> = self.jobs.iter().map(|job| job.stage.as_str()).collect();
            let all = few(&names.iter().collect::<Vec<_>>());
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
