//! Families held out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::held::{Held, Names, name, untrained};
use crate::{
    Error,
    level::{Advice, Separation},
    split::Split,
    task::Sequences,
};

name! {
    /// The name of a family.
    FamilyName, sequence::FAMILIES
}

/// The families that are held out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Family(Held<FamilyName>);

impl Separation for Family {
    fn check(&self, tasks: &[Sequences]) -> Result<(), Error> {
        let of = |task: &Sequences| vec![task.space.family.name().to_owned()];
        self.0.check(tasks, Names { level: "family", what: "family", fewest: 2, of: &of })
    }

    fn names_test(&self) -> bool {
        true
    }

    fn names_validation(&self) -> bool {
        self.0.names_validation()
    }

    fn kind(&self, task: &Sequences, _: i64, _: &[i64]) -> Split {
        self.0.split(|name| name.0 == task.space.family.name())
    }

    fn trains(&self, task: &Sequences, parameter: i64) -> bool {
        self.kind(task, parameter, &[]) == Split::Train
    }

    fn unanswerable(&self, tasks: &[Sequences], task: &Sequences) -> Option<Advice> {
        untrained(self, tasks, task)
    }
}
