//! Arithmetic progressions: `2 4 6 8`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Bounds, Candidates, Error, Key, Map, Range, Rule, UnitKind, Units, Values, config::singular, rule::block,
    rule::blocks,
};

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
    singular(schema, &["steps"]);
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

    fn next(&self, step: i64, before: &[i64], _: usize, _: &Bounds) -> Option<i64> {
        before.last()?.checked_add(step)
    }

    fn candidates(&self, begin: &[i64]) -> Candidates {
        match begin {
            [first, second, ..] => second.checked_sub(*first).map_or(Candidates::None, Candidates::One),
            _ => Candidates::Any,
        }
    }

    fn unit(&self) -> UnitKind {
        UnitKind::Pair
    }

    fn units(&self, bounds: &Bounds) -> Box<dyn Units> {
        let orbits = |step| (step, Orbits::new(step, bounds));
        Box::new(Steps(self.steps.iter().map(orbits).collect()))
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

/// The orbits of every step.
#[derive(Debug)]
struct Steps(Map<i64, Orbits>);

impl Units for Steps {
    fn keys(&self, unit: &[i64], found: &mut dyn FnMut(i64, Key)) {
        if let Some(step) = unit[1].checked_sub(unit[0])
            && let Some(orbits) = self.0.get(&step)
            && orbits.produce(unit[0])
        {
            found(step, orbits.key(unit[0].min(unit[1])));
        }
    }

    fn population(&self, step: i64) -> Box<dyn Iterator<Item = Key> + '_> {
        match self.0.get(&step) {
            Some(orbits) => Box::new(orbits.population()),
            None => Box::new(std::iter::empty()),
        }
    }
}

/// The orbits of one step: all values that differ by it.
#[derive(Debug)]
struct Orbits {
    step: i64,
    /// Units in a block.
    size: u64,
    /// By number of terms, the first terms of the rows; only where there are any.
    starts: Vec<(u64, Range)>,
    /// The least and the greatest value that is the smaller one of a unit.
    extent: Range,
}

impl Orbits {
    fn new(step: i64, bounds: &Bounds) -> Orbits {
        let starts = bounds.lengths().map(|terms| (terms as u64, starts(step, terms, bounds)));
        let starts: Vec<(u64, Range)> = starts.filter(|(_, starts)| starts.min <= starts.max).collect();
        let mut extent = (i128::MAX, i128::MIN);
        for (terms, starts) in &starts {
            let last = i128::from(step) * (i128::from(*terms) - 2);
            extent.0 = extent.0.min(i128::from(starts.min) + last.min(0));
            extent.1 = extent.1.max(i128::from(starts.max) + last.max(0));
        }
        let down = i128::from(step.min(0));
        let extent =
            if starts.is_empty() { Range::EMPTY } else { Range::clip(extent.0 + down, extent.1 + down) };
        Orbits { step, size: bounds.block, starts, extent }
    }

    /// Says whether a row goes on from the value.
    fn produce(&self, value: i64) -> bool {
        let size = self.step.unsigned_abs();
        self.starts.iter().any(|&(terms, starts)| {
            let (near, far) = if self.step > 0 { (starts.max, starts.min) } else { (starts.min, starts.max) };
            let nearest = self.beyond(near, value).unwrap_or(0).div_ceil(size);
            self.beyond(far, value).is_some_and(|far| nearest <= (far / size).min(terms - 2))
        })
    }

    /// Returns how far the value lies from another, if in the direction of the step.
    fn beyond(&self, from: i64, value: i64) -> Option<u64> {
        let beyond = if self.step > 0 { value >= from } else { value <= from };
        beyond.then(|| value.abs_diff(from))
    }

    /// Returns the key of the unit whose smaller value is `lower`.
    fn key(&self, lower: i64) -> Key {
        let step = self.step.unsigned_abs();
        let position = lower.abs_diff(self.extent.min) / step;
        let total = position + self.extent.max.abs_diff(lower) / step + 1;
        Key::Orbit {
            family: "arithmetic",
            parameter: step as i64,
            root: [lower.rem_euclid(step as i64), 0],
            block: block(position, total, self.size),
        }
    }

    fn population(&self) -> impl Iterator<Item = Key> + '_ {
        let step = self.step.unsigned_abs();
        let orbits = self.extent.count().min(step.into()) as u64;
        (0..orbits).flat_map(move |orbit| {
            let least = self.extent.min + orbit as i64;
            let total = self.extent.max.abs_diff(least) / step + 1;
            let value = move |position: u64| least.wrapping_add((position * step) as i64);
            (0..blocks(total, self.size)).filter_map(move |block| {
                let end = if block + 1 == blocks(total, self.size) { total } else { (block + 1) * self.size };
                let produced =
                    |lower: &i64| self.produce(if self.step > 0 { *lower } else { lower - self.step });
                let lower = (block * self.size..end).map(value).find(produced)?;
                Some(self.key(lower))
            })
        })
    }
}
