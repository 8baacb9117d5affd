//! Says what a sequence is: families (rules), notations (how a value is written), vocabularies.
//!
//! A [`Family`] is a rule with its parameters, a [`Space`] is all rows that the rule makes within a task's bounds,
//! numbered from 0, and a [`Notation`] writes a value as tokens of a [`Vocabulary`]. Everything here is a pure
//! function: there is no file, no random draw and no split in this crate.

mod config;
mod error;
mod families;
mod layout;
mod map;
mod notations;
mod orbit;
mod rule;
mod space;
mod tagged;
mod vocabulary;
mod writing;

pub use config::{Range, Terms};
pub use error::Error;
pub use families::{FAMILIES, Family};
pub use layout::{Written, read_answer, write_row};
pub use notations::{NOTATIONS, Notation};
pub use rule::{Bounds, Key, NONE, UnitKind, given};
pub use space::{Row, Space};
pub use tagged::Entry;
pub use vocabulary::{Kind, Token, Vocabulary};

pub(crate) use config::{Cycle, Values};
pub(crate) use map::Map;
pub(crate) use rule::{Candidates, Rule, Units};
pub(crate) use writing::Writing;
