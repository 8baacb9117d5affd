//! Says what a sequence is: families (rules), notations (how a value is written), vocabularies.
//!
//! A [`Family`] is a rule with its parameters, a [`Space`] is all rows that the rule makes within a task's bounds,
//! numbered from 0, and a [`Notation`] writes a value as tokens of a [`Vocabulary`]. Everything here is a pure
//! function: there is no file, no random draw and no split in this crate.

mod config;
mod families;
mod notations;
mod orbit;
mod rule;
mod space;
mod tagged;
mod vocabulary;

pub use config::{Cycle, Range, Terms, Values};
pub use families::{
    FAMILIES, Family, addition::Addition, arithmetic::Arithmetic, cyclic::Cyclic, fibonacci::Fibonacci,
    geometric::Geometric, modular::Modular, modular_addition::ModularAddition, ordering::Ordering,
    random::Random, sort::Sort, successor_pairs::SuccessorPairs,
};
pub use notations::{
    NOTATIONS, Notation, Writing, days::Days, digits::Digits, digits::Order, letters::Letters,
    months::Months, numeral::Numeral, symbols::Symbols, words::Words,
};
pub use rule::{Bounds, Candidates, Key, Rule, UnitKind, Units};
pub use space::{Row, Space};
pub use tagged::Entry;
pub use vocabulary::{Kind, NONE, Token, Vocabulary, Written, given, read_answer, write_row};

/// A map whose hashes are quick, and the same in every run.
type Map<K, V> = std::collections::HashMap<K, V, foldhash::fast::FixedState>;

/// What can be wrong with the definition of a sequence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A parameter that no sequence can have.
    #[error("{at}: {message}; {help}")]
    Parameter {
        /// The path of the parameter, from the task on: `family.arithmetic.steps`.
        at: String,
        /// What is wrong, with the value found.
        message: String,
        /// What to write instead.
        help: String,
    },
}

impl Error {
    pub(crate) fn parameter(at: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Error::Parameter { at: at.into(), message: message.into(), help: help.into() }
    }
}
