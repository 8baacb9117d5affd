//! Rows whose answer has nothing to do with what stands before it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Bounds, Error, Key, Range, Rule, UnitKind};

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

    fn next(&self, _: i64, before: &[i64], bounds: &Bounds) -> Option<i64> {
        let hash = before.iter().fold(before.len() as u64, |hash, &term| mix(hash ^ mix(term as u64)));
        let offset = (u128::from(hash) * bounds.values.count()) >> 64;
        Some(bounds.values.min.wrapping_add(offset as i64))
    }

    fn unit(&self) -> UnitKind {
        UnitKind::Row
    }

    fn keys(&self, unit: &[i64], bounds: &Bounds, found: &mut dyn FnMut(i64, Key)) {
        let (answer, context) = (unit[unit.len() - 1], &unit[..unit.len() - 1]);
        if bounds.lengths().contains(&unit.len())
            && self
                .axes(crate::NONE, unit.len(), bounds)
                .iter()
                .zip(context)
                .all(|(axis, &term)| axis.contains(term))
            && self.next(crate::NONE, context, bounds) == Some(answer)
        {
            found(crate::NONE, Key::Unit { family: "random", unit: unit.to_vec() });
        }
    }

    fn population<'a>(&'a self, _: i64, bounds: &'a Bounds) -> Box<dyn Iterator<Item = Key> + 'a> {
        Box::new(bounds.lengths().flat_map(move |terms| {
            let axes = self.axes(crate::NONE, terms, bounds);
            let contexts = axes.iter().map(|axis| axis.count()).product::<u128>();
            (0..contexts).filter_map(move |index| {
                let mut unit = crate::space::choose(&axes, index);
                unit.push(self.next(crate::NONE, &unit, bounds)?);
                Some(Key::Unit { family: "random", unit })
            })
        }))
    }

    fn injective(&self) -> bool {
        false
    }

    fn levels(&self) -> &'static [&'static str] {
        &["random"]
    }
}

/// Returns the number well mixed (the finaliser of splitmix64).
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
