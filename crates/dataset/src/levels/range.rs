//! Rows with large values held out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::thresholds::Thresholds;
use crate::{
    Error,
    level::{Advice, Separation},
    split::Split,
    task::{LOOKED_AT, Sequences},
};

/// From which largest value on rows are held out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Range(Thresholds);

impl Separation for Range {
    fn check(&self, tasks: &[Sequences]) -> Result<(), Error> {
        self.0.check("range", "largest values", tasks, |_, terms| largest(terms))
    }

    fn names_test(&self) -> bool {
        true
    }

    fn names_validation(&self) -> bool {
        self.0.names_validation()
    }

    fn kind(&self, _: &Sequences, _: i64, terms: &[i64]) -> Split {
        self.0.split(largest(terms))
    }

    /// Refuses a notation with one token a value in which every test row has an answer that no train row has as a value.
    fn unanswerable(&self, tasks: &[Sequences], task: &Sequences) -> Option<Advice> {
        let least = self.0.all().min()?;
        let (rows, all) = task.spread(LOOKED_AT / tasks.len() as u64);
        let mut held = rows.filter(|row| self.0.split(largest(&row.terms)) == Split::Test);
        let answer = |terms: &[i64]| terms[task.space.family.context(terms.len())..].to_vec();
        let untrained = task.task.notation.one_token()
            && all
            && !held.any(|row| answer(&row.terms).iter().all(|&term| term < least));
        untrained.then_some((
            "no held-out row could be answered: the answer is a value that no train row has, and its token is untrained",
            "write digits, or hold out another kind of row",
        ))
    }
}

fn largest(terms: &[i64]) -> i64 {
    terms.iter().copied().max().unwrap_or(i64::MIN)
}
