//! Rows as the memorisers see them: symbols, of which the last ones are the answer.

use crate::exposure::answer_terms;
use crate::rows::Rows;
use crate::vocabulary::Vocabulary;

/// What a memoriser counts and answers in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Symbols {
    /// Whole terms.
    Terms,
    /// Tokens, to the end of the answer span.
    Tokens,
}

impl Symbols {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Terms => "terms",
            Self::Tokens => "tokens",
        }
    }
}

/// Turns rows into sequences of symbols.
pub(crate) struct Sequences<'a> {
    pub(crate) symbols: Symbols,
    pub(crate) vocabulary: &'a Vocabulary,
}

/// One row: its symbols, the index of the first symbol of the answer, and the last term of the context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sequence {
    pub(crate) symbols: Vec<i64>,
    pub(crate) start: usize,
    pub(crate) last: std::ops::Range<usize>,
    /// Sequences of different worlds share no piece (the domain of terms; tokens are all of one).
    pub(crate) world: u64,
    pub(crate) end: Option<i64>,
}

/// A row as far as it is known: what a memoriser answers from.
pub(crate) struct Prefix<'a> {
    pub(crate) symbols: &'a [i64],
    pub(crate) start: usize,
    /// The last term of the context.
    pub(crate) last: &'a [i64],
    pub(crate) world: u64,
    pub(crate) end: Option<i64>,
}

impl Sequences<'_> {
    pub(crate) fn of(&self, rows: &Rows, row: usize) -> Sequence {
        let (terms, tokens) = (rows.terms.row(row), rows.tokens.row(row));
        match self.symbols {
            Symbols::Terms => {
                let start = answer_terms(rows, row, self.vocabulary).start;
                let last = start.saturating_sub(1)..start;
                Sequence { symbols: terms.to_vec(), start, last, world: rows.domain[row], end: None }
            }
            Symbols::Tokens => {
                let start = usize::try_from(rows.answer_start[row]).unwrap_or(0).min(tokens.len());
                let length = usize::try_from(rows.answer_length[row]).unwrap_or(0);
                let stop = start.saturating_add(length).min(tokens.len());
                let last = self
                    .vocabulary
                    .groups(tokens)
                    .take_while(|group| group.end <= start)
                    .last()
                    .unwrap_or(0..0);
                let symbols = tokens[..stop].iter().map(|token| i64::from(*token)).collect();
                Sequence { symbols, start, last, world: 0, end: self.vocabulary.end().map(i64::from) }
            }
        }
    }

    /// Returns what was said as text.
    pub(crate) fn text(&self, said: &[i64]) -> String {
        match self.symbols {
            Symbols::Terms => said.iter().map(i64::to_string).collect::<Vec<_>>().join(" "),
            Symbols::Tokens => {
                self.vocabulary.text(said.iter().filter_map(|token| u32::try_from(*token).ok()))
            }
        }
    }
}

impl Sequence {
    pub(crate) fn answer(&self) -> &[i64] {
        &self.symbols[self.start..]
    }

    /// The row up to, but without, the symbol at `length`.
    pub(crate) fn prefix(&self, length: usize) -> Prefix<'_> {
        Prefix {
            symbols: &self.symbols[..length],
            start: self.start,
            last: &self.symbols[self.last.clone()],
            world: self.world,
            end: self.end,
        }
    }
}

impl Prefix<'_> {
    /// How many symbols of the answer are known; negative inside the context.
    pub(crate) fn offset(&self) -> i64 {
        self.symbols.len() as i64 - self.start as i64
    }
}
