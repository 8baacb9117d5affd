//! Notations held out, in rows of more than two terms.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::held::{Held, Names, name};
use crate::{
    Error,
    level::{Advice, Separation},
    split::Split,
    task::Sequences,
};

name! {
    /// The name of a notation.
    NotationName, sequence::NOTATIONS
}

/// The fewest terms of a row that is held out: shorter ones are what shows how the words of a notation follow.
const FEWEST: usize = 3;

/// The notations that are held out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Notation(Held<NotationName>);

impl Notation {
    fn of_long_rows(&self, task: &Sequences) -> Split {
        self.0.split(|name| name.0 == task.task.notation.name())
    }
}

impl Separation for Notation {
    fn check(&self, tasks: &[Sequences]) -> Result<(), Error> {
        let of = |task: &Sequences| vec![task.task.notation.name().to_owned()];
        self.0.check(tasks, Names { level: "notation", what: "notation", fewest: FEWEST, of: &of })
    }

    fn names_test(&self) -> bool {
        true
    }

    fn names_validation(&self) -> bool {
        self.0.names_validation()
    }

    fn kind(&self, task: &Sequences, _: i64, terms: &[i64]) -> Split {
        if terms.len() < FEWEST { Split::Train } else { self.of_long_rows(task) }
    }

    /// Rows of two terms in a notation that is held out are all train rows.
    fn trains(&self, task: &Sequences, _: i64) -> bool {
        self.of_long_rows(task) == Split::Train
    }

    fn unanswerable(&self, tasks: &[Sequences], task: &Sequences) -> Option<Advice> {
        let mut same = tasks.iter().filter(|other| other.script == task.script);
        let unseen =
            !self.trains(task, sequence::NONE) && !same.any(|other| other.space.bounds.terms.0 < FEWEST);
        unseen.then_some((
            "no held-out row could be answered: no train row is written in its notation, where rows of two terms are \
             trained",
            "let its rows have 2 terms too (`terms: { min: 2, .. }`), or add a task of such rows",
        ))
    }
}
