//! Sums of the two terms before: `1 1 2 3 5`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Bounds, Error, Key, NONE, Range, Rule, UnitKind, Units, orbit::produces};

/// Adds the two terms before, from two terms of at least 0 on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fibonacci {}

impl Rule for Fibonacci {
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }

    fn parameters(&self) -> Vec<i64> {
        vec![NONE]
    }

    /// The last term is `F(n-2) a + F(n-1) b` for the first terms `a` and `b`, with the Fibonacci numbers F(1) = F(2) = 1.
    fn axes(&self, _: i64, terms: usize, bounds: &Bounds) -> Vec<Range> {
        if terms < 3 {
            return vec![Range::EMPTY];
        }
        let begin = bounds.start.and(bounds.values).and(NATURAL);
        let (mut a, mut b) = (1_i128, 1_i128);
        for _ in 3..terms {
            (a, b) = (b, (a + b).min(i64::MAX.into()));
        }
        let (least, most) = (i128::from(begin.min), i128::from(bounds.values.max));
        [(a, b), (b, a)]
            .map(|(of, other)| Range::clip(least, (most - other * least).div_euclid(of)).and(begin))
            .into()
    }

    fn next(&self, _: i64, before: &[i64], _: usize, _: &Bounds) -> Option<i64> {
        let [.., first, second] = before else { return None };
        first.checked_add(*second)
    }

    fn natural(&self) -> Option<Range> {
        Some(NATURAL)
    }

    fn check_terms(&self, terms: usize) -> Result<(), Error> {
        if terms >= 3 {
            return Ok(());
        }
        Err(Error::parameter(
            "terms",
            format!("{terms} terms found"),
            "a sum of two terms is at least the third",
        ))
    }

    fn unit(&self) -> UnitKind {
        UnitKind::Pair
    }

    fn units(&self, bounds: &Bounds) -> Box<dyn Units> {
        Box::new(Pairs(Bounds { terms: (bounds.terms.0.max(3), bounds.terms.1), ..*bounds }))
    }

    fn injective(&self) -> bool {
        false
    }

    fn levels(&self) -> Option<&'static [&'static str]> {
        Some(&["random", "window", "transition", "range", "length", "notation", "family"])
    }
}

/// Every value that a row may have.
const NATURAL: Range = Range { min: 0, max: i64::MAX };

/// The pairs of neighbours, each orbit as a whole.
#[derive(Debug)]
struct Pairs(Bounds);

impl Units for Pairs {
    fn keys(&self, unit: &[i64], found: &mut dyn FnMut(i64, Key)) {
        let unit = [unit[0], unit[1]];
        let inside = |pair: [i64; 2]| pair.iter().all(|&term| NATURAL.and(self.0.values).contains(term));
        if inside(unit) && produces(unit, &self.0, forward, backward, inside, |pair| self.starts(pair)) {
            found(NONE, key(unit));
        }
    }

    fn population(&self, _: i64) -> Box<dyn Iterator<Item = Key> + '_> {
        // An earlier pair has smaller terms, so its row fits the bounds as well: the first start of an orbit tells it.
        let [first, second] = self.axes();
        let pairs = (first.min..=first.max).flat_map(move |a| (second.min..=second.max).map(move |b| [a, b]));
        let row = |&[a, b]: &[i64; 2]| {
            let (terms, pair) = (self.0.terms.0, [a, b]);
            std::iter::successors(Some(pair), |&pair| forward(pair))
                .nth(terms - 2)
                .is_some_and(|[_, last]| self.0.values.contains(last))
        };
        let told = |&pair: &[i64; 2]| pair != [0, 0] && back(pair).skip(1).any(|pair| self.starts(pair));
        Box::new(pairs.filter(row).filter(move |pair| !told(pair)).map(key))
    }
}

impl Pairs {
    /// Returns the first terms of the shortest rows.
    fn axes(&self) -> [Range; 2] {
        let axes = Fibonacci {}.axes(NONE, self.0.terms.0, &self.0);
        [axes[0], axes[1]]
    }

    /// Says whether a row may begin with the pair.
    fn starts(&self, pair: [i64; 2]) -> bool {
        pair.iter().all(|&term| self.0.start.and(self.0.values).contains(term))
    }
}

fn forward([first, second]: [i64; 2]) -> Option<[i64; 2]> {
    Some([second, first.checked_add(second)?])
}

fn backward([first, second]: [i64; 2]) -> Option<[i64; 2]> {
    (first >= 0 && second >= first).then(|| [second - first, first])
}

/// Returns the pair and those before it, down to the last with both terms at least 0; (0, 0) is its own orbit.
fn back(pair: [i64; 2]) -> impl Iterator<Item = [i64; 2]> {
    std::iter::successors(Some(pair), |&pair| backward(pair).filter(|_| pair != [0, 0]))
}

/// Returns the key of the orbit that the pair is on.
fn key(pair: [i64; 2]) -> Key {
    Key::Orbit { family: "fibonacci", parameter: NONE, root: back(pair).last().unwrap_or(pair), block: 0 }
}
