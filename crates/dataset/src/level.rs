//! What every level says about itself.

use std::fmt::Debug;

use sequence::UnitKind;

use crate::{Error, piece::Piece, split::Split, task::Sequences};

/// What is wrong with a definition, and what to do.
pub(crate) type Advice = (&'static str, &'static str);

/// What a held-out row may not share with a train row; one implementation a level, listed in `levels.rs`.
///
/// A level either shares out keys, each of which is some pieces of rows, over the splits, or names the kinds of rows that
/// are held out; then the validation, if it is not named, is a share of the rows of the trained kinds, row by row.
pub(crate) trait Separation: Debug + Send + Sync {
    /// Fills in the parameters that hang on the tasks, the shortest of whose rows has so many terms.
    fn resolve(&mut self, _shortest: Option<u32>) {}

    /// Refuses parameters that do not fit the tasks.
    ///
    /// # Errors
    /// [`Error::Config`] at the parameter's path.
    fn check(&self, _tasks: &[Sequences]) -> Result<(), Error> {
        Ok(())
    }

    /// Returns what has a split of its own, where the family's units are of this kind.
    fn piece(&self, _unit: UnitKind) -> Piece {
        Piece::Row
    }

    /// Says whether it names the kinds of rows that are held out for the test, so that no share of keys is.
    fn names_test(&self) -> bool {
        false
    }

    /// Says whether it names those of the validation too.
    fn names_validation(&self) -> bool {
        false
    }

    /// Returns the split that the row's kind has; train where no kinds are named.
    fn kind(&self, _task: &Sequences, _parameter: i64, _terms: &[i64]) -> Split {
        Split::Train
    }

    /// Says whether rows under the parameter may be train rows that a share is taken from for the validation.
    fn trains(&self, _task: &Sequences, _parameter: i64) -> bool {
        true
    }

    /// Says whether it is the leaky control, whose held-out rows may be copied, have two answers, or none that was trained.
    fn is_control(&self) -> bool {
        false
    }

    /// Says why no held-out row of the task could be answered, whatever is drawn.
    fn unanswerable(&self, _tasks: &[Sequences], _task: &Sequences) -> Option<Advice> {
        None
    }

    /// Returns the numbers of terms from which on rows are of another kind.
    fn lengths(&self) -> Vec<i64> {
        Vec::new()
    }
}
