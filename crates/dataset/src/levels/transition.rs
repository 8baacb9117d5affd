//! Units of the families held out: two adjacent terms, the operands, the list.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use sequence::UnitKind;
use serde::{Deserialize, Serialize};

use crate::{
    level::{Advice, Separation},
    piece::Piece,
    task::Sequences,
};

/// Any unit of any task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Transition {}

impl Separation for Transition {
    fn piece(&self, unit: UnitKind) -> Piece {
        Piece::Unit(unit)
    }

    fn unanswerable(&self, tasks: &[Sequences], task: &Sequences) -> Option<Advice> {
        one_step(tasks, task)
    }
}

/// Refuses a task in a notation with one token a value that has one rule with all that are written so, under which a value
/// follows one other value only.
pub(super) fn one_step(tasks: &[Sequences], task: &Sequences) -> Option<Advice> {
    let rules = tasks.iter().filter(|other| other.script == task.script).flat_map(|other| {
        let name = other.space.family.name();
        other.space.family.parameters().into_iter().map(move |parameter| (name, parameter))
    });
    let is_one_step = task.task.notation.one_token()
        && task.space.family.injective()
        && task.space.family.unit() == UnitKind::Pair
        && rules.collect::<BTreeSet<_>>().len() == 1;
    is_one_step.then_some((
        "no held-out row could be answered: each answer follows one value only, so holding that step out leaves its token \
         untrained",
        "write digits, give more steps or ratios, or add a second task that is train_only",
    ))
}
