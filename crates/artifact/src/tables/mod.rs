//! Every table that stages exchange: one row struct each, the columns documented where they are declared.
//!
//! Spelling and type of `seed`, `step`, `split`, `task`, `layer`, `head` and `position` are the same everywhere, so
//! that any two tables join with `USING`. "None" is -1 in columns of integers that are never negative, and null where
//! they may be: a mean is one of real values. A float that was not measured, or cannot be, is null.

mod analyze;
mod audit;
mod bounds;
mod data;
mod evaluate;
mod train;

pub use analyze::*;
pub use audit::*;
pub use data::*;
pub use evaluate::*;
pub use train::*;

use bounds::{COUNT, NO_PLACE, NO_STEP, OVER_SEEDS, PLACES, SEEDS, STEPS};

use crate::Description;

/// The tables of every kind of stage, in the order in which a pipeline writes them.
const OF_STAGES: &[&[fn() -> Description]] =
    &[data::TABLES, audit::TABLES, train::TABLES, evaluate::TABLES, analyze::TABLES];

/// Describes every table, in the order in which a pipeline writes them.
#[must_use]
pub fn catalogue() -> Vec<Description> {
    OF_STAGES.iter().copied().flatten().map(|describe| describe()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Row as _;

    #[test]
    fn what_training_reads_of_an_example_are_columns_of_it() {
        assert_eq!(ExampleTokens::VERSION, Example::VERSION);
        let (few, all) = (ExampleTokens::schema(), Example::schema());
        assert!(few.fields().iter().all(|few| all.fields().iter().any(|all| all == few)));
    }
}
