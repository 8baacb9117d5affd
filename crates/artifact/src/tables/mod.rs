//! Every table that stages exchange: one row struct each, the columns documented where they are declared.
//!
//! Spelling and type of `seed`, `step`, `split`, `task`, `layer`, `head` and `position` are the same everywhere, so
//! that any two tables join with `USING`. "None" is -1 in columns of integers that are never negative, and null where
//! they may be: a mean is one of real values. A float that was not measured, or cannot be, is null.

mod analyze;
mod audit;
mod data;
mod evaluate;
mod train;

pub use analyze::{Ablation, AttentionPattern, Measurement};
pub use audit::{Audited, Ceiling, Certificate, Evidence, Exposure, Leakage, Memorizer, TrainedRange};
pub use data::{Counterfactual, Definition, Example, ExampleTokens, Token};
pub use evaluate::{Control, Prediction, Score, SeedScore, SeedVerdict, Verdict};
pub use train::{Checkpoint, Resume, TrainedOn, Training};

use std::ops::RangeInclusive;

use crate::{Description, Row};

/// Seeds of models.
const SEEDS: RangeInclusive<i32> = 0..=i32::MAX;
/// The same, and -1 for over seeds.
const OVER_SEEDS: RangeInclusive<i32> = -1..=i32::MAX;
/// Steps and rows seen: what a number of 64 bits floating point tells apart.
const STEPS: RangeInclusive<i64> = 0..=1 << 53;
/// The same, and -1 for none.
const NO_STEP: RangeInclusive<i64> = -1..=1 << 53;
/// Counts of rows and seeds, few enough to add up thousands of them.
const COUNT: RangeInclusive<i64> = 0..=1 << 48;
/// Layers, heads, and positions of tokens.
const PLACES: RangeInclusive<i32> = 0..=65_535;
/// The same, and -1 for none.
const NO_PLACE: RangeInclusive<i32> = -1..=65_535;

/// Describes every table, in the order in which a pipeline writes them.
#[must_use]
pub fn catalogue() -> Vec<Description> {
    vec![
        Example::describe(),
        Definition::describe(),
        Token::describe(),
        Counterfactual::describe(),
        Certificate::describe(),
        Audited::describe(),
        TrainedRange::describe(),
        Evidence::describe(),
        Leakage::describe(),
        Exposure::describe(),
        Memorizer::describe(),
        Ceiling::describe(),
        Training::describe(),
        Checkpoint::describe(),
        Resume::describe(),
        TrainedOn::describe(),
        Prediction::describe(),
        Score::describe(),
        SeedScore::describe(),
        Control::describe(),
        Verdict::describe(),
        SeedVerdict::describe(),
        AttentionPattern::describe(),
        Ablation::describe(),
        Measurement::describe(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_training_reads_of_an_example_are_columns_of_it() {
        assert_eq!(ExampleTokens::VERSION, Example::VERSION);
        let (few, all) = (ExampleTokens::schema(), Example::schema());
        assert!(few.fields().iter().all(|few| all.fields().iter().any(|all| all == few)));
    }
}
