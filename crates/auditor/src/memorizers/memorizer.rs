//! What a memoriser is.

use artifact::tables::Certificate;

use super::asked::Asked;
use super::estimator::Estimator;
use super::sequences::Predictions;
use crate::error::Result;

/// A baseline that answers from what train holds.
pub(crate) struct Memorizer {
    pub(crate) name: &'static str,
    pub(crate) class: Class,
    pub(crate) method: Method,
    /// What it predicts behind a context, and whether something else is as good, worked out from its definition and all rows of train.
    #[cfg(test)]
    pub(crate) definition: super::tests::Definition,
}

/// What a memoriser could do at best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// It can only repeat what it saw.
    Memory,
    /// It can combine single features.
    Shallow,
}

impl Class {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Shallow => "shallow",
        }
    }
}

/// How a memoriser comes to its answers.
pub(crate) enum Method {
    /// From counts, symbol by symbol: all that do so share a pass over train.
    Counted(Estimator),
    /// In a way of its own, which may read train.
    Alone(fn(&Asked<'_>) -> Result<Answered>),
}

/// What a memoriser predicts in each view, and what is to be reported where it did not look at all of train.
pub(crate) type Answered = [(Predictions, Option<Certificate>); 2];
