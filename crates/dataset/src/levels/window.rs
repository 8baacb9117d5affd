//! The last terms of a row held out together.

use schemars::JsonSchema;
use sequence::UnitKind;
use serde::{Deserialize, Serialize};

use super::transition::one_step;
use crate::{
    Error,
    level::{Advice, Separation},
    piece::Piece,
    task::Sequences,
};

/// How many terms are held out together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Window {
    /// The number of terms; those of the shortest row of all tasks if left out.
    #[serde(default)]
    pub(crate) m: Option<u32>,
}

impl Separation for Window {
    fn resolve(&mut self, shortest: Option<u32>) {
        self.m = self.m.or(shortest);
    }

    fn check(&self, tasks: &[Sequences]) -> Result<(), Error> {
        let m = self.m.unwrap_or(0) as usize;
        let shortest = tasks.iter().min_by_key(|task| task.space.bounds.terms.0);
        let Some((name, fewest)) = shortest.map(|task| (&task.name, task.space.bounds.terms.0)) else {
            return Ok(());
        };
        if (2..=fewest).contains(&m) {
            return Ok(());
        }
        let message =
            format!("windows of {m} terms, but the shortest rows, those of task `{name}`, have {fewest}");
        let help = format!("a window has 2 to {fewest} terms; left out, `m` is {fewest}");
        Err(Error::config("holdout.level.window.m", message, help))
    }

    fn piece(&self, _: UnitKind) -> Piece {
        Piece::Window(self.m.unwrap_or(0) as usize)
    }

    fn unanswerable(&self, tasks: &[Sequences], task: &Sequences) -> Option<Advice> {
        if self.m == Some(2) { one_step(tasks, task) } else { None }
    }
}
