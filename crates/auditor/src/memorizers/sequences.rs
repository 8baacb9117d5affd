//! Rows as the memorisers see them: symbols, of which the last ones are the answer.

use std::ops::Range;
use std::sync::Mutex;

use crate::prove::codes::{Map, UNKNOWN};
use crate::prove::spelling::Spelling;
use crate::read::lists::Lists;
use crate::read::rows::{Rows, answer_terms};
use crate::read::vocabulary::Vocabulary;

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

/// Turns rows into codes of symbols.
pub(crate) struct Sequences<'a> {
    pub(crate) symbols: Symbols,
    pub(crate) vocabulary: &'a Vocabulary,
    wild: Mutex<Wild>,
}

/// Symbols too large for a code of their own.
#[derive(Default)]
struct Wild {
    codes: Map<i64, u32>,
    values: Vec<i64>,
}

/// Codes below twice this are symbols shifted by it; from there on they number wild ones.
const SHIFT: i64 = 1 << 30;

/// Where the answer of a row begins, and its domain: rows of different domains share no feature (the domain of terms; tokens are
/// all of one).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) start: usize,
    pub(crate) domain: u64,
}

impl<'a> Sequences<'a> {
    pub(crate) fn new(symbols: Symbols, vocabulary: &'a Vocabulary) -> Self {
        Self { symbols, vocabulary, wild: Mutex::default() }
    }

    /// Writes the codes of a row into `out`, up to the end of its answer.
    pub(crate) fn encode(&self, rows: &Rows, row: usize, out: &mut Vec<u32>) -> Shape {
        out.clear();
        match self.symbols {
            Symbols::Terms => {
                out.extend(rows.terms.row(row).iter().map(|term| self.code(*term)));
                // In one-token notations the answer is the last term: no need to look for groups.
                let start = match rows.answer_length[row] {
                    1 => out.len().saturating_sub(1),
                    _ => answer_terms(rows, row, self.vocabulary).start,
                };
                Shape { start, domain: rows.domain[row] }
            }
            Symbols::Tokens => {
                let tokens = rows.tokens.row(row);
                let start = usize::try_from(rows.answer_start[row]).unwrap_or(0).min(tokens.len());
                let length = usize::try_from(rows.answer_length[row]).unwrap_or(0);
                let stop = start.saturating_add(length).min(tokens.len());
                out.extend(tokens[..stop].iter().map(|token| self.code(i64::from(*token))));
                Shape { start, domain: 0 }
            }
        }
    }

    /// Returns the bounds of the last term of the context, in symbols.
    fn last(&self, rows: &Rows, row: usize, start: usize) -> Range<usize> {
        match self.symbols {
            Symbols::Terms => start.saturating_sub(1)..start,
            Symbols::Tokens => {
                let groups = self.vocabulary.groups(rows.tokens.row(row));
                groups.take_while(|group| group.end <= start).last().unwrap_or(0..0)
            }
        }
    }

    /// The symbol after which nothing more is said.
    pub(crate) fn end(&self) -> Option<u32> {
        self.token(self.vocabulary.end())
    }

    /// The symbol between terms, where there is one.
    pub(crate) fn separator(&self) -> Option<u32> {
        self.token(self.vocabulary.separator())
    }

    /// Says whether what was said is the answer; SEP behind the last term says as well as END that it goes no further.
    pub(crate) fn is_right(&self, predictions: &[u32], answer: &[u32]) -> bool {
        let (end, separator) = (self.end(), self.separator());
        let same = |(predictions, right): (&u32, &u32)| {
            predictions == right || Some(*right) == end && Some(*predictions) == separator
        };
        predictions.len() == answer.len() && predictions.iter().zip(answer).all(same)
    }

    fn token(&self, token: Option<u32>) -> Option<u32> {
        token.filter(|_| self.symbols == Symbols::Tokens).map(|token| self.code(i64::from(token)))
    }

    #[inline]
    pub(super) fn code(&self, symbol: i64) -> u32 {
        if (-SHIFT..SHIFT).contains(&symbol) {
            return (symbol + SHIFT) as u32;
        }
        let mut wild = self.wild.lock().expect("no thread panics while it holds this lock");
        let next = (2 * SHIFT) as u32 + wild.values.len() as u32;
        let code = *wild.codes.entry(symbol).or_insert(next);
        if code == next {
            wild.values.push(symbol);
        }
        code
    }

    /// Returns the symbol of a code.
    pub(crate) fn symbol(&self, code: u32) -> i64 {
        let code = i64::from(code);
        if code < 2 * SHIFT {
            return code - SHIFT;
        }
        let wild = self.wild.lock().expect("no thread panics while it holds this lock");
        wild.values.get((code - 2 * SHIFT) as usize).copied().unwrap_or_default()
    }

    /// Returns what was said where `answer` is right, as a row of this (notation, domain) has it in its text.
    pub(crate) fn text(
        &self,
        spelling: &Spelling,
        script: (u64, u64),
        predictions: &[u32],
        answer: &[u32],
    ) -> String {
        let symbols = |codes: &[u32]| codes.iter().map(|code| self.symbol(*code)).collect::<Vec<_>>();
        let tokens = |codes: &[u32]| {
            let tokens = symbols(codes).into_iter().filter_map(|token| u32::try_from(token).ok());
            tokens.collect::<Vec<_>>()
        };
        match self.symbols {
            Symbols::Terms => spelling.terms(script, &symbols(predictions), self.vocabulary),
            Symbols::Tokens => {
                spelling.tokens(script, &tokens(predictions), &tokens(answer), self.vocabulary)
            }
        }
    }
}

/// The held-out rows that every memoriser answers.
pub(crate) struct Questions {
    pub(crate) symbols: Lists<u32>,
    pub(crate) shapes: Vec<Shape>,
    /// By row, the bounds of the last term of the context.
    last: Vec<Range<usize>>,
    /// Number of symbols of the longest answer.
    pub(crate) longest: usize,
}

impl Questions {
    pub(crate) fn of(sequences: &Sequences<'_>, held: &[&Rows]) -> Self {
        let mut questions =
            Self { symbols: Lists::default(), shapes: Vec::new(), last: Vec::new(), longest: 0 };
        let mut codes = Vec::new();
        for rows in held {
            for row in 0..rows.len() {
                let shape = sequences.encode(rows, row, &mut codes);
                questions.symbols.push(&codes);
                questions.last.push(sequences.last(rows, row, shape.start));
                questions.longest = questions.longest.max(codes.len() - shape.start);
                questions.shapes.push(shape);
            }
        }
        questions
    }

    pub(crate) fn len(&self) -> usize {
        self.shapes.len()
    }

    /// Number of symbols of the longest row.
    pub(crate) fn widest(&self) -> usize {
        self.symbols.rows().map(<[u32]>::len).max().unwrap_or(0)
    }

    pub(crate) fn context(&self, row: usize) -> &[u32] {
        &self.symbols.row(row)[..self.shapes[row].start]
    }

    pub(crate) fn answer(&self, row: usize) -> &[u32] {
        &self.symbols.row(row)[self.shapes[row].start..]
    }

    /// The last term of the context.
    pub(crate) fn last(&self, row: usize) -> &[u32] {
        self.symbols.row(row).get(self.last[row].clone()).unwrap_or(&[])
    }
}

/// What one memoriser has predicted so far, question by question.
#[derive(Debug, Clone)]
pub(crate) struct Predictions {
    symbols: Vec<u32>,
    lengths: Vec<u32>,
    tied: Vec<bool>,
    width: usize,
}

impl Predictions {
    pub(crate) fn nothing(questions: &Questions) -> Self {
        let (rows, width) = (questions.len(), questions.longest);
        Self { symbols: vec![UNKNOWN; rows * width], lengths: vec![0; rows], tied: vec![false; rows], width }
    }

    pub(crate) fn row(&self, row: usize) -> &[u32] {
        &self.symbols[row * self.width..][..self.lengths[row] as usize]
    }

    /// Returns whether another answer stood as high.
    pub(crate) fn is_tied(&self, row: usize) -> bool {
        self.tied[row]
    }

    /// Adds one more symbol, beside which another stands as high where it is tied; what is longer than the longest answer is
    /// not kept.
    pub(crate) fn push(&mut self, row: usize, symbol: u32, tied: bool) {
        self.tied[row] |= tied;
        let length = &mut self.lengths[row];
        if (*length as usize) < self.width {
            self.symbols[row * self.width + *length as usize] = symbol;
            *length += 1;
        }
    }
}
