//! Geometric progressions: `3 6 12 24`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Bounds, Candidates, Error, Key, Map, Range, Rule, UnitKind, Units, Values, config::singular};

/// Multiplies by the same ratio again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = one_or_many)]
pub struct Geometric {
    /// The ratios: a number, a list, or `{ min, max }`.
    #[serde(alias = "ratio")]
    pub ratios: Values,
}

/// Lets the schema say the parameter in the singular too.
fn one_or_many(schema: &mut schemars::Schema) {
    singular(schema, &["ratios"]);
}

impl Rule for Geometric {
    fn check(&self) -> Result<(), Error> {
        let why = "ratios of -1, 0 and 1 repeat themselves: leave them out";
        self.ratios.check("family.geometric.ratios", &[-1, 0, 1, i64::MIN], why)
    }

    fn parameters(&self) -> Vec<i64> {
        self.ratios.iter().collect()
    }

    fn axes(&self, ratio: i64, terms: usize, bounds: &Bounds) -> Vec<Range> {
        vec![starts(ratio, terms, bounds)]
    }

    fn next(&self, ratio: i64, before: &[i64], _: usize, _: &Bounds) -> Option<i64> {
        before.last()?.checked_mul(ratio)
    }

    fn candidates(&self, begin: &[i64]) -> Candidates {
        match begin {
            [] | [_] | [0, 0, ..] => Candidates::Any,
            [first, second, ..] => match second.checked_div(*first) {
                Some(ratio) => Candidates::One(ratio),
                None => Candidates::None,
            },
        }
    }

    fn unit(&self) -> UnitKind {
        UnitKind::Pair
    }

    fn units(&self, bounds: &Bounds) -> Box<dyn Units> {
        let starts = |ratio: i64| {
            let starts = bounds.lengths().map(|terms| (terms, starts(ratio, terms, bounds)));
            (ratio, starts.filter(|(_, starts)| starts.min <= starts.max).collect())
        };
        Box::new(Ratios {
            ratios: self.ratios.iter().collect(),
            starts: self.ratios.iter().map(starts).collect(),
        })
    }

    fn injective(&self) -> bool {
        true
    }
}

/// The orbits of every ratio, each as a whole.
#[derive(Debug)]
struct Ratios {
    ratios: Vec<i64>,
    /// By ratio and number of terms, the first terms of the rows; only where there are any.
    starts: Map<i64, Vec<(usize, Range)>>,
}

impl Units for Ratios {
    fn keys(&self, unit: &[i64], found: &mut dyn FnMut(i64, Key)) {
        let mut produced = |ratio: i64| {
            if unit[0].checked_mul(ratio) == Some(unit[1]) && self.produce(ratio, unit[0]) {
                found(ratio, key(ratio, unit[0]));
            }
        };
        if unit == [0, 0] {
            self.ratios.iter().copied().for_each(produced);
        } else if let Some(ratio) = unit[1].checked_div(unit[0]) {
            produced(ratio);
        }
    }

    fn population(&self, ratio: i64) -> Box<dyn Iterator<Item = Key> + '_> {
        // Longer rows have fewer starts, so the shortest rows show every orbit; each is told by its first start.
        let shortest = self.starts.get(&ratio).and_then(|starts| starts.first());
        let starts = shortest.map_or(Range::EMPTY, |(_, starts)| *starts);
        let first = move |start: &i64| {
            *start == 0 || !back(ratio, *start).skip(1).any(|value| starts.contains(value))
        };
        Box::new((starts.min..=starts.max).filter(first).map(move |start| key(ratio, start)))
    }
}

impl Ratios {
    /// Says whether a row goes on from `value` by `ratio`.
    fn produce(&self, ratio: i64, value: i64) -> bool {
        let starts = self.starts.get(&ratio).map_or(&[][..], |starts| starts);
        starts
            .iter()
            .any(|(terms, starts)| back(ratio, value).take(terms - 1).any(|start| starts.contains(start)))
    }
}

/// Returns the first terms from which all `terms` terms stay within the bounds.
fn starts(ratio: i64, terms: usize, bounds: &Bounds) -> Range {
    let (min, max) = (i128::from(bounds.values.min), i128::from(bounds.values.max));
    let (mut starts, mut factor) = (bounds.start.and(bounds.values), 1_i128);
    for _ in 1..terms {
        factor *= i128::from(ratio);
        let (low, high) = if factor > 0 { (min, max) } else { (max, min) };
        starts = starts.and(Range::clip(ceil(low, factor), floor(high, factor)));
        if factor.unsigned_abs() > u64::MAX.into() {
            break; // only 0 is left, and stays
        }
    }
    starts
}

/// Returns the quotient rounded up.
fn ceil(number: i128, by: i128) -> i128 {
    -floor(-number, by)
}

/// Returns the quotient rounded down.
fn floor(number: i128, by: i128) -> i128 {
    let quotient = number / by;
    if number % by != 0 && (number < 0) != (by < 0) { quotient - 1 } else { quotient }
}

/// Returns the value and those before it in its orbit, as far back as it goes.
fn back(ratio: i64, value: i64) -> impl Iterator<Item = i64> {
    std::iter::successors(Some(value), move |&value| {
        (value != 0 && value % ratio == 0).then(|| value / ratio)
    })
}

/// Returns the key of the orbit that the value is on.
fn key(ratio: i64, value: i64) -> Key {
    let root = back(ratio, value).last().unwrap_or(value);
    Key::Orbit { family: "geometric", parameter: ratio, root: [root, 0], block: 0 }
}
