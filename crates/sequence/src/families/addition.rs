//! Sums of two operands: `12 + 30 = 42`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Bounds, Error, Key, NONE, Range, Rule, UnitKind, Units};

/// The most digits: the sum of two such operands is an `i64`.
const MOST_DIGITS: u32 = 18;

/// Adds two operands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Addition {
    /// The most decimal digits of an operand.
    pub digits: u32,
}

impl Rule for Addition {
    fn check(&self) -> Result<(), Error> {
        match self.digits {
            1..=MOST_DIGITS => Ok(()),
            found => {
                let help = format!("an operand has 1 to {MOST_DIGITS} digits");
                Err(Error::parameter("family.addition.digits", format!("{found} found"), help))
            }
        }
    }

    fn parameters(&self) -> Vec<i64> {
        vec![NONE]
    }

    fn axes(&self, _: i64, terms: usize, bounds: &Bounds) -> Vec<Range> {
        let operands = operands(self.most(), bounds);
        // The other operand is the least one or more.
        let most = i128::from(bounds.values.max) - i128::from(operands.min);
        let operands = operands.and(Range::clip(operands.min.into(), most));
        if terms == 3 { vec![operands; 2] } else { vec![Range::EMPTY] }
    }

    fn next(&self, _: i64, before: &[i64], _: usize, _: &Bounds) -> Option<i64> {
        let [first, second] = before else { return None };
        first.checked_add(*second)
    }

    fn natural_start(&self) -> Option<Range> {
        Some(Range { min: 0, max: self.most() })
    }

    fn terms(&self) -> Option<usize> {
        Some(3)
    }

    fn length(&self, terms: &[i64]) -> i64 {
        let larger = terms.iter().take(2).max().copied().unwrap_or(0);
        larger.checked_ilog10().map_or(1, |tens| i64::from(tens) + 1)
    }

    fn unit(&self) -> UnitKind {
        UnitKind::UnorderedPair
    }

    fn units(&self, bounds: &Bounds) -> Box<dyn Units> {
        let operands = operands(self.most(), bounds);
        Box::new(Sums { family: "addition", operands, sums: bounds.values, modulus: None })
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

impl Addition {
    /// Returns the greatest operand.
    fn most(&self) -> i64 {
        10_i64.saturating_pow(self.digits) - 1
    }
}

/// Returns the operator of `a PLUS b EQUALS c` before the term at `position`.
pub(crate) fn operator(position: usize) -> Option<&'static str> {
    match position {
        1 => Some("PLUS"),
        2 => Some("EQUALS"),
        _ => None,
    }
}

/// Returns the operands, from 0 to the greatest, that the bounds allow.
pub(crate) fn operands(most: i64, bounds: &Bounds) -> Range {
    if !bounds.lengths().contains(&3) {
        return Range::EMPTY;
    }
    Range { min: 0, max: most }.and(bounds.start).and(bounds.values)
}

/// The pairs of operands, each by itself.
#[derive(Debug)]
pub(crate) struct Sums {
    pub(crate) family: &'static str,
    pub(crate) operands: Range,
    /// What a sum may be.
    pub(crate) sums: Range,
    pub(crate) modulus: Option<i64>,
}

impl Sums {
    fn key(&self, first: i64, second: i64) -> Option<Key> {
        if !self.operands.contains(first) || !self.operands.contains(second) {
            return None;
        }
        let sum = first.checked_add(second)?;
        let sum = self.modulus.map_or(sum, |modulus| sum % modulus);
        let unit = || Key::Unit { family: self.family, unit: vec![first, second] };
        self.sums.contains(sum).then(unit)
    }
}

impl Units for Sums {
    fn keys(&self, unit: &[i64], found: &mut dyn FnMut(i64, Key)) {
        if let Some(key) = self.key(unit[0], unit[1]) {
            found(NONE, key);
        }
    }

    fn population(&self, _: i64) -> Box<dyn Iterator<Item = Key> + '_> {
        let Range { min, max } = self.operands;
        let pairs = (min..=max).flat_map(move |first| (first..=max).map(move |second| (first, second)));
        Box::new(pairs.filter_map(|(first, second)| self.key(first, second)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_as_long_as_its_larger_operand_has_digits() {
        let length = |terms: [i64; 3]| Addition { digits: 3 }.length(&terms);
        assert_eq!(
            [length([0, 0, 0]), length([9, 9, 18]), length([3, 10, 13]), length([999, 2, 1001])],
            [1, 1, 2, 3]
        );
    }
}
