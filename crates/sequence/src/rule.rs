//! What every family says about itself.

use std::{borrow::Cow, fmt::Debug};

use crate::{Error, Range};

/// Stands for a parameter or a value where there is none; tables have a null there, see [`given`].
pub const NONE: i64 = i64::MIN;

/// Returns the number as a table has it: nothing for [`NONE`].
#[must_use]
pub fn given(number: i64) -> Option<i64> {
    (number != NONE).then_some(number)
}

/// A rule that makes sequences; one implementation a family, listed in `families.rs`.
///
/// A row is made from freely chosen terms, each within its axis, which the rule then goes on from. A rule has one or
/// several parameters (steps, ratios); what is said about a row is said under one of them.
pub trait Rule: Send + Sync {
    /// Refuses parameters that no sequence can have.
    ///
    /// # Errors
    /// Names the parameter and what it may be.
    fn check(&self) -> Result<(), Error>;

    /// Returns the rule's parameters in the order of the definition; `[i64::MIN]` for a rule without any.
    fn parameters(&self) -> Vec<i64>;

    /// Returns the range of every freely chosen term of a row with `terms` terms: the first term for a progression,
    /// the first two for Fibonacci.
    fn axes(&self, parameter: i64, terms: usize, bounds: &Bounds) -> Vec<Range>;

    /// Returns the term that follows `before` in a row with `terms` terms, or nothing where it is no `i64`.
    fn next(&self, parameter: i64, before: &[i64], terms: usize, bounds: &Bounds) -> Option<i64>;

    /// Returns which parameters can make a row that begins with these terms, without trying them all.
    fn candidates(&self, _begin: &[i64]) -> Candidates {
        Candidates::Any
    }

    /// Returns what may not be shared between splits at level `transition`.
    fn unit(&self) -> UnitKind;

    /// Returns the units of the rows within the bounds.
    fn units(&self, bounds: &Bounds) -> Box<dyn Units>;

    /// Says whether no two values go on with the same value under one parameter, so that a one-token answer that is
    /// held out can never be a target of training under that parameter alone.
    fn injective(&self) -> bool;

    /// Returns the levels of hold-out that make sense for the family; nothing where all do.
    fn levels(&self) -> Option<&'static [&'static str]> {
        None
    }

    /// Returns the values that the rule itself has (residues, days), whatever the task says; nothing where any will do.
    fn natural(&self) -> Option<Range> {
        None
    }

    /// Returns after how many values they come round again, if they do: twelve months.
    fn period(&self) -> Option<i64> {
        None
    }

    /// Returns the freely chosen terms that the rule itself has: operands of so many digits.
    fn natural_start(&self) -> Option<Range> {
        self.natural()
    }

    /// Returns the number of terms of every row, where the rule allows only one.
    fn terms(&self) -> Option<usize> {
        None
    }

    /// Refuses a fewest or a most number of terms that no row has.
    ///
    /// # Errors
    /// Names the number found and what it may be.
    fn check_terms(&self, terms: usize) -> Result<(), Error> {
        match self.terms() {
            Some(only) if only != terms => {
                let help = format!("leave `terms` out: a row of this family has {only}");
                Err(Error::parameter("terms", format!("{terms} terms found"), help))
            }
            _ => Ok(()),
        }
    }

    /// Returns the row's length as level `length` measures it: its number of terms, if the rule knows no other.
    fn length(&self, terms: &[i64]) -> i64 {
        terms.len() as i64
    }

    /// Returns how many of a row's terms are context; the others are the answer.
    fn context(&self, terms: usize) -> usize {
        terms - 1
    }

    /// Says whether the answer may stand in the context of a held-out row.
    fn answer_in_context(&self) -> bool {
        false
    }

    /// Returns the operator tokens that the family's rows have.
    fn operators(&self) -> &'static [&'static str] {
        &[]
    }

    /// Returns the operator written before the term at `position` of a row with `terms` terms.
    fn operator(&self, _position: usize, _terms: usize) -> Option<&'static str> {
        None
    }
}

/// The parameters that can make a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Candidates {
    /// Every one of the rule's.
    Any,
    /// This one, if the rule has it.
    One(i64),
    /// None.
    None,
}

/// The units of all rows that a rule makes within a task's bounds.
///
/// The unit of every row of every task is asked for, so what does not hang on the unit is worked out beforehand.
pub trait Units: Debug + Send + Sync {
    /// Calls `found` with each parameter that can produce the unit within the bounds, and the unit's key under it.
    ///
    /// The unit is in the order of [`UnitKind::canonical`].
    fn keys(&self, unit: &[i64], found: &mut dyn FnMut(i64, Key));

    /// Returns every key of the units that rows under one parameter can have, each once.
    fn population(&self, parameter: i64) -> Box<dyn Iterator<Item = Key> + '_>;
}

/// The units of a rule without any.
#[derive(Debug)]
pub(crate) struct NoUnits;

impl Units for NoUnits {
    fn keys(&self, _: &[i64], _: &mut dyn FnMut(i64, Key)) {}

    fn population(&self, _: i64) -> Box<dyn Iterator<Item = Key> + '_> {
        Box::new(std::iter::empty())
    }
}

/// What a task allows its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bounds of the first term.
    pub start: Range,
    /// Bounds of every term.
    pub values: Range,
    /// The fewest and the most terms of a row, answer included; both at least 2.
    pub terms: (usize, usize),
    /// Units in a block of an orbit; at least 1.
    pub block: u64,
}

impl Bounds {
    /// Returns every number of terms, from the fewest to the most.
    pub fn lengths(&self) -> std::ops::RangeInclusive<usize> {
        self.terms.0..=self.terms.1
    }
}

/// Appends the chosen terms with this number: the last axis runs fastest.
pub(crate) fn choose(axes: &[Range], mut index: u128, terms: &mut Vec<i64>) {
    let place = terms.len();
    terms.resize(place + axes.len(), 0);
    let mut chosen = terms[place..].iter_mut().zip(axes);
    let first = chosen.next();
    for (term, axis) in chosen.rev() {
        *term = axis.min.wrapping_add((index % axis.count()) as i64);
        index /= axis.count();
    }
    if let Some((term, axis)) = first {
        *term = axis.min.wrapping_add(index as i64);
    }
}

/// The kind of unit that a family holds out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UnitKind {
    /// Two adjacent terms in their order.
    Pair,
    /// The two operands, in any order.
    UnorderedPair,
    /// The terms of a list, in any order.
    Multiset,
    /// The whole row.
    Row,
    /// Nothing.
    None,
}

impl UnitKind {
    /// Returns the name in the tables.
    pub fn name(self) -> &'static str {
        match self {
            UnitKind::Pair => "pair",
            UnitKind::UnorderedPair => "unordered_pair",
            UnitKind::Multiset => "multiset",
            UnitKind::Row => "row",
            UnitKind::None => "none",
        }
    }

    /// Returns the units of a row of a family of this kind, whose first `context` terms are its context.
    pub fn units(self, terms: &[i64], context: usize) -> impl Iterator<Item = &[i64]> {
        let (all, width) = match self {
            UnitKind::Pair => (terms, 2),
            UnitKind::UnorderedPair => (&terms[..2.min(terms.len())], 2),
            UnitKind::Multiset => (&terms[..context], context),
            UnitKind::Row => (terms, terms.len()),
            UnitKind::None => (&terms[..0], 1),
        };
        all.windows(width.max(1))
    }

    /// Returns the unit in the one order in which it is compared.
    pub fn canonical(self, unit: &[i64]) -> Cow<'_, [i64]> {
        let mut unit = Cow::Borrowed(unit);
        if matches!(self, UnitKind::UnorderedPair | UnitKind::Multiset) {
            unit.to_mut().sort_unstable();
        }
        unit
    }
}

/// What is assigned as one: all units with the same key are in the same split.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// A stretch of an orbit.
    Orbit {
        /// The family.
        family: &'static str,
        /// The parameter, as the family compares it (a step without its sign).
        parameter: i64,
        /// What names the orbit; 0 where one number is enough.
        root: [i64; 2],
        /// Which block of it; 0 where the orbit is not divided.
        block: u64,
    },
    /// One unit alone.
    Unit {
        /// The family.
        family: &'static str,
        /// The unit, as [`UnitKind::canonical`] orders it.
        unit: Vec<i64>,
    },
}

impl Key {
    /// Returns bytes that only this key has, for hashing.
    pub fn bytes(&self) -> Vec<u8> {
        let (tag, family) = match self {
            Key::Orbit { family, .. } => (0, family),
            Key::Unit { family, .. } => (1, family),
        };
        let mut bytes = Vec::with_capacity(64);
        bytes.push(tag);
        bytes.extend((family.len() as u64).to_le_bytes());
        bytes.extend(family.as_bytes());
        match self {
            Key::Orbit { parameter, root, block, .. } => {
                bytes.extend([*parameter, root[0], root[1]].iter().flat_map(|number| number.to_le_bytes()));
                bytes.extend(block.to_le_bytes());
            }
            Key::Unit { unit, .. } => bytes.extend(unit.iter().flat_map(|number| number.to_le_bytes())),
        }
        bytes
    }
}

/// Returns the block of the unit at `position` of an orbit of `total` units: `size` units to a block, and a last
/// block shorter than that joins the one before.
pub(crate) fn block(position: u64, total: u64, size: u64) -> u64 {
    (position / size).min(blocks(total, size) - 1)
}

/// Returns how many units an arc has, of an orbit of `total` units over few values.
///
/// A row has to fit into an arc, and an orbit that can be shared out over three splits should be.
pub(crate) fn arc(total: u64, bounds: &Bounds) -> u64 {
    (bounds.terms.1 as u64 - 1).max(bounds.block.min(total / 4)).max(1)
}

/// Returns how many blocks an orbit of `total` units has.
pub(crate) fn blocks(total: u64, size: u64) -> u64 {
    (total / size).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_last_block_joins_the_one_before() {
        let of = |total, size| (0..total).map(|i| block(i, total, size)).collect::<Vec<_>>();
        assert_eq!(of(7, 3), [0, 0, 0, 1, 1, 1, 1]);
        assert_eq!(of(6, 3), [0, 0, 0, 1, 1, 1]);
        assert_eq!(of(2, 3), [0, 0]);
    }

    #[test]
    fn an_arc_is_a_quarter_of_a_short_orbit_but_never_shorter_than_a_row() {
        let bounds =
            |terms, block| Bounds { start: Range::ALL, values: Range::ALL, terms: (2, terms), block };
        assert_eq!(arc(113, &bounds(5, 15)), 15);
        assert_eq!(arc(12, &bounds(4, 12)), 3);
        assert_eq!(arc(7, &bounds(5, 15)), 4);
        assert_eq!(arc(0, &bounds(2, 6)), 1);
    }

    #[test]
    fn units_are_the_windows_of_their_kind() {
        let units =
            |kind: UnitKind, terms: &'static [i64]| kind.units(terms, terms.len() / 2).collect::<Vec<_>>();
        assert_eq!(units(UnitKind::Pair, &[1, 2, 3]), [[1, 2], [2, 3]]);
        assert_eq!(units(UnitKind::UnorderedPair, &[9, 2, 11]), [[9, 2]]);
        assert_eq!(units(UnitKind::Multiset, &[3, 1, 1, 3]), [[3, 1]]);
        assert_eq!(units(UnitKind::Row, &[3, 1, 7]), [[3, 1, 7]]);
        assert!(units(UnitKind::None, &[3, 1, 7]).is_empty());
        assert_eq!(UnitKind::UnorderedPair.canonical(&[9, 2]), vec![2, 9]);
        assert_eq!(UnitKind::Pair.canonical(&[9, 2]), vec![9, 2]);
    }
}
