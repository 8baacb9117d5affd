//! Arithmetic progressions: `2 4 6 8`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Bounds, Error, Key, Range, Rule, UnitKind, Values, config::singular, rule::block, rule::blocks};

/// Adds the same step again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = one_or_many)]
pub struct Arithmetic {
    /// The steps: a number, a list, or `{ min, max }`. Negative ones count down.
    #[serde(alias = "step")]
    pub steps: Values,
}

/// Lets the schema say the parameter in the singular too.
fn one_or_many(schema: &mut schemars::Schema) {
    singular(schema, "steps");
}

impl Rule for Arithmetic {
    fn check(&self) -> Result<(), Error> {
        self.steps.check(
            "family.arithmetic.steps",
            &[0, i64::MIN],
            "a step of 0 repeats one value: leave it out",
        )
    }

    fn parameters(&self) -> Vec<i64> {
        self.steps.iter().collect()
    }

    fn axes(&self, step: i64, terms: usize, bounds: &Bounds) -> Vec<Range> {
        vec![starts(step, terms, bounds)]
    }

    fn next(&self, step: i64, before: &[i64], _: &Bounds) -> Option<i64> {
        before.last()?.checked_add(step)
    }

    fn unit(&self) -> UnitKind {
        UnitKind::Pair
    }

    fn keys(&self, unit: &[i64], bounds: &Bounds, found: &mut dyn FnMut(i64, Key)) {
        if let Some(step) = unit[1].checked_sub(unit[0])
            && self.steps.contains(step)
            && produces(step, unit[0], bounds)
        {
            found(step, key(step, unit[0].min(unit[1]), extent(step, bounds), bounds.block));
        }
    }

    fn population<'a>(&'a self, step: i64, bounds: &'a Bounds) -> Box<dyn Iterator<Item = Key> + 'a> {
        let (size, extent) = (step.unsigned_abs(), extent(step, bounds));
        let orbits = (extent.count().min(size.into())) as u64;
        Box::new((0..orbits).flat_map(move |orbit| {
            let least = extent.min + orbit as i64;
            let total = extent.max.abs_diff(least) / size + 1;
            let value = move |position: u64| least.wrapping_add((position * size) as i64);
            (0..blocks(total, bounds.block)).filter_map(move |block| {
                let end =
                    if block + 1 == blocks(total, bounds.block) { total } else { (block + 1) * bounds.block };
                let first =
                    |lower: &i64| produces(step, if step > 0 { *lower } else { lower - step }, bounds);
                let lower = (block * bounds.block..end).map(value).find(first)?;
                Some(key(step, lower, extent, bounds.block))
            })
        }))
    }

    fn injective(&self) -> bool {
        true
    }
}

/// Returns the first terms from which all `terms` terms stay within the bounds.
fn starts(step: i64, terms: usize, bounds: &Bounds) -> Range {
    let rise = i128::from(step) * (terms as i128 - 1);
    Range::clip(i128::from(bounds.values.min) - rise.min(0), i128::from(bounds.values.max) - rise.max(0))
        .and(bounds.start)
}

/// Says whether a row within the bounds goes on from `value` by `step`.
fn produces(step: i64, value: i64, bounds: &Bounds) -> bool {
    bounds.lengths().any(|terms| {
        let starts = starts(step, terms, bounds);
        let (value, min, max) = (i128::from(value), i128::from(starts.min), i128::from(starts.max));
        let (near, far) = if step > 0 { (value - max, value - min) } else { (min - value, max - value) };
        let size = i128::from(step).abs();
        let earliest = (near + size - 1).div_euclid(size).max(0);
        min <= max && earliest <= far.div_euclid(size).min(terms as i128 - 2)
    })
}

/// Returns the least and the greatest value that is the smaller one of a unit.
fn extent(step: i64, bounds: &Bounds) -> Range {
    let mut extent = (i128::MAX, i128::MIN);
    for terms in bounds.lengths() {
        let starts = starts(step, terms, bounds);
        if starts.min <= starts.max {
            let last = i128::from(step) * (terms as i128 - 2);
            extent.0 = extent.0.min(i128::from(starts.min) + last.min(0));
            extent.1 = extent.1.max(i128::from(starts.max) + last.max(0));
        }
    }
    let down = i128::from(step.min(0));
    if extent.0 > extent.1 { Range::EMPTY } else { Range::clip(extent.0 + down, extent.1 + down) }
}

/// Returns the key of the unit whose smaller value is `lower`.
fn key(step: i64, lower: i64, extent: Range, size: u64) -> Key {
    let step = step.unsigned_abs();
    let position = lower.abs_diff(extent.min) / step;
    let total = position + extent.max.abs_diff(lower) / step + 1;
    let root = i128::from(lower).rem_euclid(step.into()) as i64;
    Key::Orbit {
        family: "arithmetic",
        parameter: step as i64,
        root: [root, 0],
        block: block(position, total, size),
    }
}
