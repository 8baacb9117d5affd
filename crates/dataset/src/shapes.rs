//! The windows of a row that another row's split may hang on.

use std::collections::{BTreeMap, BTreeSet};

use crate::{piece::Piece, task::Sequences};

/// The widths of the windows that have the shape of some task's piece, by kind.
pub(crate) struct Shapes(Vec<(Piece, Vec<usize>)>);

impl Shapes {
    /// Returns the shapes of what the tasks hold out.
    pub(crate) fn of(tasks: &[Sequences]) -> Shapes {
        let mut shapes: BTreeMap<Piece, BTreeSet<usize>> = BTreeMap::new();
        for task in tasks {
            let width = |terms| task.piece.width(terms, task.space.family.context(terms));
            shapes.entry(task.piece).or_default().extend(task.space.bounds.lengths().filter_map(width));
        }
        Shapes(shapes.into_iter().map(|(kind, widths)| (kind, widths.into_iter().collect())).collect())
    }

    /// Returns every window of the terms that has such a shape.
    pub(crate) fn windows<'a>(&'a self, terms: &'a [i64]) -> impl Iterator<Item = (Piece, &'a [i64])> + 'a {
        self.0.iter().flat_map(move |(kind, widths)| {
            widths.iter().flat_map(move |&width| terms.windows(width).map(move |window| (*kind, window)))
        })
    }
}
