//! Sums of two residues: `100 + 20 = 7` modulo 113.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::addition::{Sums, operands, operator};
use crate::{Bounds, Error, NONE, Range, Rule, UnitKind, Units};

/// The greatest modulus: its pairs of operands are gone through one by one.
const MOST: i64 = 10_000;

/// Adds two operands modulo a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModularAddition {
    /// The modulus: values are 0 to one less.
    pub modulus: i64,
}

impl Rule for ModularAddition {
    fn check(&self) -> Result<(), Error> {
        if (2..=MOST).contains(&self.modulus) {
            return Ok(());
        }
        let help = format!("a modulus is 2 to {MOST}, because all pairs of operands are gone through");
        Err(Error::parameter("family.modular_addition.modulus", format!("{} found", self.modulus), help))
    }

    fn parameters(&self) -> Vec<i64> {
        vec![NONE]
    }

    fn axes(&self, _: i64, terms: usize, bounds: &Bounds) -> Vec<Range> {
        if terms == 3 { vec![operands(self.modulus - 1, bounds); 2] } else { vec![Range::EMPTY] }
    }

    fn next(&self, _: i64, before: &[i64], _: usize, _: &Bounds) -> Option<i64> {
        let [first, second] = before else { return None };
        first.checked_add(*second)?.checked_rem_euclid(self.modulus)
    }

    fn natural(&self) -> Option<Range> {
        Some(Range { min: 0, max: self.modulus - 1 })
    }

    fn period(&self) -> Option<i64> {
        Some(self.modulus)
    }

    fn terms(&self) -> Option<usize> {
        Some(3)
    }

    fn unit(&self) -> UnitKind {
        UnitKind::UnorderedPair
    }

    fn units(&self, bounds: &Bounds) -> Box<dyn Units> {
        let operands = operands(self.modulus - 1, bounds);
        let modulus = Some(self.modulus);
        Box::new(Sums { family: "modular_addition", operands, sums: bounds.values, modulus })
    }

    fn injective(&self) -> bool {
        false
    }

    fn levels(&self) -> Option<&'static [&'static str]> {
        Some(&["random", "transition", "range", "length"])
    }

    fn operators(&self) -> &'static [&'static str] {
        &["PLUS", "EQUALS"]
    }

    fn operator(&self, position: usize, _: usize) -> Option<&'static str> {
        operator(position)
    }
}
