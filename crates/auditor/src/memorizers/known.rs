//! What train says of the features, and the best symbol by it.

use std::cmp::Ordering;

use super::counts::{Pass, Whole};
use super::estimator::Targets;
use super::features::Domain;
use super::sequences::Sequences;
use super::table::{Follows, Part};

/// The best symbol of the symbols looked at so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Best {
    /// Length of the suffix that knows it; 0 where there is no suffix.
    depth: usize,
    /// Its count, or its score.
    pub(crate) score: i64,
    pub(crate) symbol: u32,
    /// Whether another symbol stands as high.
    pub(crate) tied: bool,
}

impl Best {
    /// The deeper, then the better; of equals the least symbol.
    pub(crate) fn or(self, other: Self, sequences: &Sequences<'_>) -> Self {
        match (other.depth, other.score).cmp(&(self.depth, self.score)) {
            Ordering::Greater => other,
            Ordering::Less => self,
            Ordering::Equal if other.symbol == self.symbol => Self { tied: self.tied || other.tied, ..self },
            Ordering::Equal if sequences.symbol(other.symbol) < sequences.symbol(self.symbol) => {
                Self { tied: true, ..other }
            }
            Ordering::Equal => Self { tied: true, ..self },
        }
    }
}

/// What train says of the features, as far as the symbols of a part go.
pub(crate) struct Known<'a> {
    pub(crate) pass: &'a Pass<'a>,
    pub(crate) follows: &'a Follows,
    pub(crate) whole: &'a Whole,
    pub(crate) part: Part,
}

impl<'a> Known<'a> {
    /// The domains that are asked about, by number.
    pub(crate) fn domains(&self) -> impl Iterator<Item = &'a Domain> + use<'a> {
        self.pass.features.domains()
    }

    /// Returns the better one of what is known and a symbol, given by its place, that has this score.
    pub(crate) fn better(&self, best: Option<Best>, score: i64, place: u32) -> Option<Best> {
        let symbol = self.whole.places.symbols[place as usize];
        let found = Best { depth: 0, score, symbol, tied: false };
        Some(best.map_or(found, |best| best.or(found, self.pass.sequences)))
    }

    /// Returns the symbol that is a target most often, whatever stands before it, of all parts.
    pub(crate) fn likeliest(&self, domain: &Domain, targets: Targets) -> Option<Best> {
        let counted = (0_u32..).zip(self.whole.reach(domain, targets, 0)).filter(|(_, count)| **count > 0);
        counted.fold(None, |best, (place, count)| self.better(best, *count as i64, place))
    }

    /// Returns what most often follows the longest suffix that train knows.
    pub(crate) fn look_up(&self, domain: &Domain, prefix: &[u32], longest: usize) -> Option<Best> {
        let mut best = None;
        let mut suffix = None;
        for (depth, symbol) in prefix.iter().rev().take(longest).enumerate() {
            suffix = match suffix {
                None => domain.feature(*symbol, 0),
                Some(suffix) => self.pass.features.longer(suffix, depth, domain.place(*symbol)),
            };
            let found = self.follows.of(suffix?).iter().map(|follow| Best {
                depth: depth + 1,
                score: i64::from(follow.counts[Targets::All as usize]),
                symbol: self.whole.places.symbols[follow.place as usize],
                tied: false,
            });
            let Some(found) = found.reduce(|best, other| best.or(other, self.pass.sequences)) else { break };
            best = Some(found);
        }
        best
    }
}
