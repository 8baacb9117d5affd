//! Levels that hold out rows from a threshold on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Error,
    split::Split,
    task::{LOOKED_AT, Sequences},
};

/// From where on rows are held out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Thresholds {
    /// The least that is validation; a share of the rows of the trained kinds if left out.
    #[serde(default)]
    validation: Option<i64>,
    /// The least that is test.
    test: i64,
}

impl Thresholds {
    pub(super) fn names_validation(self) -> bool {
        self.validation.is_some()
    }

    /// Returns the thresholds.
    pub(super) fn all(self) -> impl Iterator<Item = i64> {
        [Some(self.test), self.validation].into_iter().flatten()
    }

    /// Returns the split of a row that measures so much.
    pub(super) fn split(self, measure: i64) -> Split {
        match self.validation {
            _ if measure >= self.test => Split::Test,
            Some(validation) if measure >= validation => Split::Validation,
            _ => Split::Train,
        }
    }

    /// Refuses thresholds with no row on one of their sides.
    pub(super) fn check(
        self,
        level: &str,
        what: &str,
        tasks: &[Sequences],
        measure: impl Fn(&Sequences, &[i64]) -> i64,
    ) -> Result<(), Error> {
        let at = |split: Split| format!("holdout.level.{level}.{}", split.name());
        if let Some(validation) = self.validation.filter(|&validation| validation >= self.test) {
            let message = format!("{validation} is not below the {} of the test", self.test);
            let help = "validation lies between training and test";
            return Err(Error::config(at(Split::Validation), message, help));
        }
        let (mut least, mut greatest, mut found, mut exact) = (i64::MAX, i64::MIN, [false; 3], true);
        for task in tasks {
            let (rows, all) = task.spread(LOOKED_AT / tasks.len() as u64);
            exact &= all;
            for row in rows {
                let measure = measure(task, &row.terms);
                let split = self.split(measure);
                found[split as usize] |= split == Split::Train || !task.task.train_only;
                (least, greatest) = (least.min(measure), greatest.max(measure));
            }
        }
        found[Split::Validation as usize] |= self.validation.is_none();
        // Where not every row was looked at, the build will say what is missing.
        let Some(split) = Split::ALL.into_iter().find(|split| exact && !found[*split as usize]) else {
            return Ok(());
        };
        let named = if self.validation.is_none() { Split::Test } else { split.max(Split::Validation) };
        let message = format!(
            "no row is left for `{}`: the {what} of the rows go from {least} to {greatest}",
            split.name()
        );
        let help = format!("choose thresholds above {least} and up to {greatest}");
        Err(Error::config(at(named), message, help))
    }
}
