//! What has a split of its own at a level: a unit of the family, the whole row, or some terms side by side.

use std::borrow::Cow;

use sequence::UnitKind;

/// What has a split of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Piece {
    /// A unit of this kind, wherever it stands in a row.
    Unit(UnitKind),
    /// The row itself: no part of another row.
    Row,
    /// So many terms side by side.
    Window(usize),
}

impl Piece {
    /// Returns the pieces that the split of a row hangs on; its first `context` terms are its context.
    pub(crate) fn of(self, terms: &[i64], context: usize) -> impl Iterator<Item = &[i64]> {
        let (kind, last) = match self {
            Piece::Unit(kind) => (kind, None),
            Piece::Row => (UnitKind::Row, None),
            Piece::Window(m) => (UnitKind::None, terms.get(terms.len().saturating_sub(m)..)),
        };
        kind.units(terms, context).chain(last)
    }

    /// Returns how many terms the windows have that may be such a piece, in a row of so many with so many of them context.
    pub(crate) fn width(self, terms: usize, context: usize) -> Option<usize> {
        match self {
            Piece::Window(m) => Some(m).filter(|&m| m > 0),
            Piece::Unit(UnitKind::Pair | UnitKind::UnorderedPair) => Some(2),
            Piece::Unit(UnitKind::Multiset) => Some(context),
            Piece::Unit(UnitKind::Row) => Some(terms),
            Piece::Unit(UnitKind::None) | Piece::Row => None,
        }
    }

    /// Returns what its keys are called, where there are too few of them.
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Piece::Unit(UnitKind::Pair) => "stretches",
            Piece::Unit(UnitKind::UnorderedPair) => "pairs of operands",
            Piece::Unit(UnitKind::Multiset) => "lists",
            Piece::Unit(UnitKind::Row | UnitKind::None) | Piece::Row => "rows",
            Piece::Window(_) => "windows",
        }
    }

    /// Says whether any two adjacent terms of a row are a piece.
    pub(crate) fn is_pair(self) -> bool {
        self == Piece::Unit(UnitKind::Pair)
    }

    /// Returns the piece in the one order in which it is compared.
    pub(crate) fn canonical(self, piece: &[i64]) -> Cow<'_, [i64]> {
        match self {
            Piece::Unit(kind) => kind.canonical(piece),
            Piece::Row | Piece::Window(_) => Cow::Borrowed(piece),
        }
    }
}
