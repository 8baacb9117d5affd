use std::sync::Arc;

use globset::GlobSet;

use crate::external::External;
use crate::layout::Slot;
use crate::matrix::Point;
use crate::verbs::Resolved;

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
    /// Its checked content, which jobs of one stage share where it is the same.
    pub resolved: Arc<Resolved>,
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
    /// Indices into [`crate::Plan::jobs`]; one unless `many`.
    pub jobs: Vec<usize>,
    /// Patterns of the files that are read of it.
    pub(crate) reads: Arc<GlobSet>,
}

impl Job {
    /// Returns the axes of its point and what their values are called, by axis in alphabetical order.
    pub fn axes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.axes.iter().map(|(axis, choice)| (axis.as_str(), choice.name.as_str()))
    }

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

    /// Returns where the job would be seen if `--set` changed nothing.
    pub(crate) fn slot_of_definition(&self, pipeline: &str) -> Slot {
        Slot::new(pipeline, "", &self.stage, &self.point, self.resolved.root)
    }
}
