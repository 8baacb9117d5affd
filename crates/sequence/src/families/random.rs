//! Rows whose answer has nothing to do with what stands before it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Bounds, Error, Key, Range, Rule, UnitKind, Units, rule::choose};

/// Goes on with an answer that only memory can give: each context has one, spread evenly over the values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Random {}

impl Rule for Random {
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    fn parameters(&self) -> Vec<i64> {
        vec![crate::NONE]
    }

    fn axes(&self, _: i64, terms: usize, bounds: &Bounds) -> Vec<Range> {
        let mut axes = vec![bounds.values; terms - 1];
        axes[0] = axes[0].and(bounds.start);
        axes
    }

    fn next(&self, _: i64, before: &[i64], _: usize, bounds: &Bounds) -> Option<i64> {
        Some(answer(before, bounds))
    }

    fn unit(&self) -> UnitKind {
        UnitKind::Row
    }

    fn units(&self, bounds: &Bounds) -> Box<dyn Units> {
        Box::new(Rows(*bounds))
    }

    fn injective(&self) -> bool {
        false
    }

    fn levels(&self) -> Option<&'static [&'static str]> {
        Some(&["random"])
    }
}

/// Returns the answer of a context.
fn answer(context: &[i64], bounds: &Bounds) -> i64 {
    let hash = context.iter().fold(context.len() as u64, |hash, &term| mix(hash ^ mix(term as u64)));
    let offset = (u128::from(hash) * bounds.values.count()) >> 64;
    bounds.values.min.wrapping_add(offset as i64)
}

/// Each row by itself.
#[derive(Debug)]
struct Rows(Bounds);

impl Units for Rows {
    fn keys(&self, unit: &[i64], found: &mut dyn FnMut(i64, Key)) {
        let Some((last, context)) = unit.split_last() else { return };
        if self.0.lengths().contains(&unit.len())
            && context.first().is_some_and(|&first| self.0.start.contains(first))
            && context.iter().all(|&term| self.0.values.contains(term))
            && answer(context, &self.0) == *last
        {
            found(crate::NONE, Key::Unit { family: "random", unit: unit.to_vec() });
        }
    }

    fn population(&self, _: i64) -> Box<dyn Iterator<Item = Key> + '_> {
        Box::new(self.0.lengths().flat_map(move |terms| {
            let axes = Random {}.axes(crate::NONE, terms, &self.0);
            let contexts = axes.iter().map(|axis| axis.count()).product::<u128>();
            (0..contexts).map(move |index| {
                let mut unit = Vec::with_capacity(terms);
                choose(&axes, index, &mut unit);
                unit.push(answer(&unit, &self.0));
                Key::Unit { family: "random", unit }
            })
        }))
    }
}

/// Returns the number well mixed (the finaliser of splitmix64).
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
