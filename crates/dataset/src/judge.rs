//! The one function that decides which split a row is in.

use crate::{
    piece::Piece,
    split::{Reason, Split},
    task::Sequences,
    world::World,
};

impl World {
    /// Returns the split of a row, or why it has none.
    ///
    /// Everything but what train rows were drawn (`Reason::Unanswerable`) is decided here, from the definition alone.
    pub(crate) fn judge(&self, number: usize, parameter: i64, terms: &[i64]) -> Result<Split, Reason> {
        let task = &self.tasks[number];
        if self.is_duplicate(number, parameter, terms) {
            return Err(Reason::Duplicate);
        }
        let split = if self.level.names_test() {
            self.assign_by_kind(task, parameter, terms)?
        } else {
            self.assign(task, terms)?
        };
        if split > Split::Train && !self.level.is_control() {
            self.gate(task, terms)?;
        }
        Ok(split)
    }

    /// Returns the split of the row's kind; of the rows of trained kinds, a share is the validation.
    fn assign_by_kind(&self, task: &Sequences, parameter: i64, terms: &[i64]) -> Result<Split, Reason> {
        match self.level.kind(task, parameter, terms) {
            Split::Train if task.task.train_only || !self.level.trains(task, parameter) => Ok(Split::Train),
            Split::Train => Ok(self.split(task.piece, task.domain, terms)),
            _ if task.task.train_only => Err(Reason::HeldOutKind),
            split => Ok(split),
        }
    }

    /// Returns the one split of all the row's pieces, if there is one and no window is stricter.
    pub(crate) fn assign(&self, task: &Sequences, terms: &[i64]) -> Result<Split, Reason> {
        let context = task.space.family.context(terms.len());
        let split = if task.task.train_only {
            Split::Train
        } else {
            let pieces = task.piece.of(terms, context);
            let mut splits = pieces.map(|piece| self.split(task.piece, task.domain, piece));
            let first = splits.next().unwrap_or(Split::Train);
            if splits.any(|split| split != first) {
                return Err(Reason::MixedUnits);
            }
            first
        };
        let stricter = |(kind, window): (Piece, &[i64])| self.split(kind, task.domain, window) > split;
        let known = |kind: Piece| kind.is_pair() && task.piece == kind && !task.task.train_only;
        if self.shapes.windows(terms).filter(|(kind, _)| !known(*kind)).any(stricter) {
            return Err(Reason::ForeignWindow);
        }
        Ok(split)
    }

    /// Refuses a held-out row that can be answered by copying, or that has two answers.
    pub(crate) fn gate(&self, task: &Sequences, terms: &[i64]) -> Result<(), Reason> {
        let family = &task.space.family;
        let (context, answer) = terms.split_at(family.context(terms.len()));
        if !family.answer_in_context() && answer.iter().any(|term| context.contains(term)) {
            return Err(Reason::Copy);
        }
        let same = |other: &&Sequences| {
            other.script == task.script && other.space.family.operators() == family.operators()
        };
        let conflict = self.tasks.iter().filter(same).any(|other| {
            let lengths = other.space.bounds.lengths();
            let mut lengths = lengths.filter(|&terms| other.space.family.context(terms) == context.len());
            lengths.any(|terms| other.space.answers(context, terms).any(|found| found != answer))
        });
        if conflict { Err(Reason::Conflict) } else { Ok(()) }
    }

    fn is_duplicate(&self, number: usize, parameter: i64, terms: &[i64]) -> bool {
        let task = &self.tasks[number];
        let earlier = self.tasks[..number].iter().filter(|other| other.script == task.script);
        let operators = task.space.family.operators();
        let mut earlier = earlier.filter(|other| other.space.family.operators() == operators);
        earlier.any(|other| other.space.locate(terms).is_some())
            || task.space.locate(terms).is_some_and(|(_, first)| first != parameter)
    }
}
