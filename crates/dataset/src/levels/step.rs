//! Parameters of rules held out: a step, a ratio.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::held::{Held, Names, untrained};
use crate::{
    Error,
    level::{Advice, Separation},
    split::Split,
    task::Sequences,
};

/// The parameters that are held out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Step(Held<i64>);

impl Separation for Step {
    fn check(&self, tasks: &[Sequences]) -> Result<(), Error> {
        let of = |task: &Sequences| {
            let parameters = task.space.family.parameters().into_iter();
            parameters.filter(|&parameter| parameter != sequence::NONE).map(|p| p.to_string()).collect()
        };
        self.0.check(tasks, Names { level: "step", what: "parameter", fewest: 2, of: &of })
    }

    fn names_test(&self) -> bool {
        true
    }

    fn names_validation(&self) -> bool {
        self.0.names_validation()
    }

    fn kind(&self, _: &Sequences, parameter: i64, _: &[i64]) -> Split {
        self.0.split(|step| *step == parameter)
    }

    fn trains(&self, task: &Sequences, parameter: i64) -> bool {
        self.kind(task, parameter, &[]) == Split::Train
    }

    fn unanswerable(&self, tasks: &[Sequences], task: &Sequences) -> Option<Advice> {
        untrained(self, tasks, task)
    }
}
