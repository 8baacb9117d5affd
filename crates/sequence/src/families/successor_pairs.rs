//! A number and the next: rows of two terms only.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Bounds, Error, NONE, Range, Rule, UnitKind, Units, rule::NoUnits};

/// Goes on with the next number, in rows of two terms: what shows an order and no progression.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuccessorPairs {}

impl Rule for SuccessorPairs {
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    fn parameters(&self) -> Vec<i64> {
        vec![NONE]
    }

    fn axes(&self, _: i64, terms: usize, bounds: &Bounds) -> Vec<Range> {
        let last = i128::from(bounds.values.max) - 1;
        let starts = Range::clip(bounds.values.min.into(), last).and(bounds.start);
        vec![if terms == 2 { starts } else { Range::EMPTY }]
    }

    fn next(&self, _: i64, before: &[i64], _: usize, _: &Bounds) -> Option<i64> {
        before.last()?.checked_add(1)
    }

    fn terms(&self) -> Option<usize> {
        Some(2)
    }

    fn unit(&self) -> UnitKind {
        UnitKind::None
    }

    fn units(&self, _: &Bounds) -> Box<dyn Units> {
        Box::new(NoUnits)
    }

    fn injective(&self) -> bool {
        true
    }

    fn levels(&self) -> Option<&'static [&'static str]> {
        Some(&["window", "length", "notation"])
    }
}
