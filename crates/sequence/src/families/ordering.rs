//! A hidden order of symbols: each goes on with the one after it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use stream::Permutation;

use crate::{Bounds, Error, NONE, Range, Rule, UnitKind, Units, rule::NoUnits};

/// The most symbols.
const MOST: u64 = 1_000_000;

/// Goes on with the next symbol of a hidden order, which only pairs can show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ordering {
    /// The number of symbols: values are 0 to one less.
    pub symbols: u64,
    /// Chooses the order.
    #[serde(default)]
    pub seed: u64,
}

impl Rule for Ordering {
    fn check(&self) -> Result<(), Error> {
        if (2..=MOST).contains(&self.symbols) {
            return Ok(());
        }
        let help = format!("an order has 2 to {MOST} symbols");
        Err(Error::parameter("family.ordering.symbols", format!("{} found", self.symbols), help))
    }

    fn parameters(&self) -> Vec<i64> {
        vec![NONE]
    }

    fn axes(&self, _: i64, _: usize, bounds: &Bounds) -> Vec<Range> {
        vec![self.values().and(bounds.start).and(bounds.values)]
    }

    fn next(&self, _: i64, before: &[i64], _: usize, _: &Bounds) -> Option<i64> {
        let last = *before.last()?;
        let order = self.order();
        let after = order.inverse(self.values().contains(last).then_some(last as u64)?) + 1;
        (after < self.symbols).then(|| order.at(after) as i64)
    }

    fn natural(&self) -> Option<Range> {
        Some(self.values())
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

impl Ordering {
    fn values(&self) -> Range {
        Range { min: 0, max: i64::try_from(self.symbols).unwrap_or(i64::MAX) - 1 }
    }

    /// Returns the symbol at each place of the order.
    fn order(&self) -> Permutation {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        Permutation::of_key(self.symbols, &key)
    }
}
