//! What memorisers are asked, and when an answer is whole: they are asked as a model is.

use super::sequences::{Predictions, Questions, Sequences, Symbols};
use crate::error::Result;
use crate::read::columns::Wanted;
use crate::read::rows::Rows;
use crate::read::split::Split;
use crate::read::vocabulary::Vocabulary;

/// The held-out rows, and the train rows that a memoriser may read.
pub(crate) struct Asked<'a> {
    /// In whole terms, and in tokens.
    pub(crate) views: [View<'a>; 2],
    pub(crate) train: &'a Split,
    /// The columns of train.
    pub(crate) wanted: Wanted,
    /// How many pairs of a held-out row and a train row may be compared.
    pub(crate) pairs: u64,
}

impl<'a> Asked<'a> {
    /// Refuses held-out rows that are too long to be held.
    pub(crate) fn of(
        held: &[&Rows],
        (train, wanted): (&'a Split, Wanted),
        vocabulary: &'a Vocabulary,
        pairs: u64,
    ) -> Result<Self> {
        let views = [Symbols::Terms, Symbols::Tokens].map(|symbols| {
            let sequences = Sequences::new(symbols, vocabulary);
            let questions = Questions::of(&sequences, held);
            View { sequences, questions }
        });
        for View { questions, .. } in &views {
            let (rows, longest) = (questions.len() as u64, questions.widest() as u64);
            train.hold(|| format!("{rows} held-out rows of up to {longest} symbols"), rows * longest * 4)?;
        }
        Ok(Self { views, train, wanted, pairs })
    }
}

/// The held-out rows in symbols of one kind.
pub(crate) struct View<'a> {
    pub(crate) sequences: Sequences<'a>,
    pub(crate) questions: Questions,
}

impl View<'_> {
    /// Tells whether the answer to a question goes on: up to the border, or to as many symbols as the longest
    /// answer has. Where no border ends an answer it is as long as the right one.
    pub(crate) fn is_open(&self, predictions: &Predictions, row: usize) -> bool {
        let most =
            if self.is_bordered(row) { self.questions.longest } else { self.questions.answer(row).len() };
        let predictions = predictions.row(row);
        predictions.len() < most
            && (predictions.is_empty() || predictions.last().copied() != self.sequences.end())
    }

    /// Adds one more symbol to the answer of a question; behind the last term SEP is the same border as END.
    pub(crate) fn push(&self, predictions: &mut Predictions, row: usize, symbol: u32, tied: bool) {
        let (end, separator) = (self.sequences.end(), self.sequences.separator());
        let separators =
            |symbols: &[u32]| symbols.iter().filter(|symbol| Some(**symbol) == separator).count();
        let ends = self.is_bordered(row)
            && Some(symbol) == separator
            && separators(predictions.row(row)) == separators(self.questions.answer(row));
        predictions.push(row, if ends { end.unwrap_or(symbol) } else { symbol }, tied);
    }

    /// Tells whether END ends the answer to a question.
    fn is_bordered(&self, row: usize) -> bool {
        let end = self.sequences.end();
        end.is_some() && self.questions.answer(row).last().copied() == end
    }
}
