//! Long rows held out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::thresholds::Thresholds;
use crate::{Error, level::Separation, split::Split, task::Sequences};

/// From which length on rows are held out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Length(Thresholds);

impl Separation for Length {
    fn check(&self, tasks: &[Sequences]) -> Result<(), Error> {
        self.0.check("length", "lengths", tasks, |task, terms| task.space.family.length(terms))
    }

    fn names_test(&self) -> bool {
        true
    }

    fn names_validation(&self) -> bool {
        self.0.names_validation()
    }

    fn kind(&self, task: &Sequences, _: i64, terms: &[i64]) -> Split {
        self.0.split(task.space.family.length(terms))
    }

    fn lengths(&self) -> Vec<i64> {
        self.0.all().collect()
    }
}
