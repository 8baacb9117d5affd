//! What has a split of its own at a level: a unit of the family, the whole row, or some terms side by side.

use std::{borrow::Cow, collections::HashSet};

use sequence::{Key, UnitKind};

use crate::{Level, split::Split, world::Sequences};

/// What has a split of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Piece {
    /// A unit of this kind.
    Unit(UnitKind),
    /// So many terms side by side.
    Window(usize),
}

impl Piece {
    /// Returns what has a split of its own at a level, for rows whose family's units are of this kind.
    pub(crate) fn new(level: &Level, unit: UnitKind) -> Piece {
        match level {
            Level::Transition => Piece::Unit(unit),
            Level::Window(window) => Piece::Window(window.m.unwrap_or(0) as usize),
            // Where kinds of rows are held out, a share of the others is the validation, row by row.
            _ => Piece::Unit(UnitKind::Row),
        }
    }

    /// Returns the pieces that the split of a row hangs on; its first `context` terms are its context.
    pub(crate) fn of(self, terms: &[i64], context: usize) -> impl Iterator<Item = &[i64]> {
        let (kind, last) = match self {
            Piece::Unit(kind) => (kind, None),
            Piece::Window(m) => (UnitKind::None, terms.get(terms.len().saturating_sub(m)..)),
        };
        kind.units(terms, context).chain(last)
    }

    /// Returns what its keys are called, where there are too few of them.
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Piece::Unit(UnitKind::Pair) => "stretches",
            Piece::Unit(UnitKind::UnorderedPair) => "pairs of operands",
            Piece::Unit(UnitKind::Multiset) => "lists",
            Piece::Unit(UnitKind::Row | UnitKind::None) => "rows",
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
            Piece::Window(_) => Cow::Borrowed(piece),
        }
    }
}

impl Sequences {
    /// Calls `found` with the parameters and keys under which the task could make a piece of the level.
    pub(crate) fn keys(&self, piece: &[i64], found: &mut dyn FnMut(i64, Key)) {
        let key = || Key::Unit { family: self.space.family.name(), unit: piece.to_vec() };
        match self.piece {
            Piece::Unit(kind) if kind == self.space.family.unit() => self.space.keys(piece, found),
            Piece::Unit(_) => {
                if let Some((_, parameter)) = self.space.locate(piece) {
                    found(parameter, key());
                }
            }
            Piece::Window(_) => self.space.through(piece, &mut |parameter| found(parameter, key())),
        }
    }

    /// Returns the keys that share out the splits among themselves: those of one parameter.
    pub(crate) fn population<'a>(
        &'a self,
        level: &'a Level,
        parameter: i64,
    ) -> Box<dyn Iterator<Item = Key> + 'a> {
        let family = self.space.family.name();
        let rows = || self.space.rows_under(parameter).map(|row| row.terms);
        match self.piece {
            Piece::Unit(kind) if kind == self.space.family.unit() && !level.names_kinds() => {
                self.space.population(parameter)
            }
            Piece::Unit(_) if !level.shares(self, parameter) => Box::new(std::iter::empty()),
            Piece::Unit(_) => {
                let trained = move |terms: &Vec<i64>| level.of_kind(self, parameter, terms) == Split::Train;
                Box::new(rows().filter(trained).map(move |unit| Key::Unit { family, unit }))
            }
            Piece::Window(m) => {
                let mut seen = HashSet::new();
                let windows =
                    move |terms: Vec<i64>| terms.windows(m.max(1)).map(<[i64]>::to_vec).collect::<Vec<_>>();
                let new = rows().flat_map(windows).filter(move |window| seen.insert(window.clone()));
                Box::new(new.map(move |unit| Key::Unit { family, unit }))
            }
        }
    }
}
