use std::ops::Range;
use std::path::Path;

use artifact::tables::{ExampleTokens, Token};

use crate::{Error, Loss, Span};

/// The most tokens of a row: attention asks for the square of their number.
const LONGEST: usize = 1 << 14;

/// A sequence, and where its answer stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) tokens: Vec<u16>,
    /// Positions of its tokens.
    pub(crate) answer: Range<usize>,
}

/// Which rows can be trained on, and which of their tokens count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scoring {
    pub(crate) vocabulary: Vocabulary,
    pub(crate) loss: Loss,
}

/// What has to be known of the vocabulary.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Vocabulary {
    /// Number of tokens.
    pub(crate) size: usize,
    pub(crate) border: Option<Border>,
}

/// END, and SEP, which ends a value as well: no rule decides which of them comes where rows differ in length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Border {
    pub(crate) end: u32,
    pub(crate) separator: u32,
}

impl Vocabulary {
    /// Reads the table.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        Self::new(&artifact::read_vocabulary(path)?)
    }

    /// Returns what has to be known of these tokens.
    pub(crate) fn new(tokens: &[Token]) -> Result<Self, Error> {
        let size = tokens.iter().map(|token| i64::from(token.token_id) + 1).max().unwrap_or(0);
        let size = usize::try_from(size).ok().filter(|&size| size > 0).ok_or_else(|| Error::Data {
            split: "vocabulary",
            message: "there is no token in it; rebuild the data".into(),
        })?;
        let find = |kind| tokens.iter().find(|token| token.kind == kind).map(|token| token.token_id as u32);
        let border = find("end").zip(find("separator")).map(|(end, separator)| Border { end, separator });
        Ok(Self { size, border })
    }
}

impl Scoring {
    /// Returns a row of `split`, after checking it.
    pub(crate) fn row(&self, split: &'static str, example: ExampleTokens) -> Result<Row, Error> {
        let ExampleTokens { tokens, answer_start, answer_length, .. } = &example;
        let refuse =
            |message| Err(Error::Data { split, message: format!("row {}: {message}", example.example_id) });
        let size = self.vocabulary.size;
        if let Some(token) = tokens.iter().find(|&&token| usize::from(token) >= size) {
            return refuse(format!("token {token} is not in the vocabulary of {size}"));
        }
        if tokens.len() > LONGEST {
            return refuse(format!("it has {} tokens, at most {LONGEST} can be trained on", tokens.len()));
        }
        let start = usize::try_from(*answer_start).unwrap_or(0);
        let length = usize::try_from(*answer_length).unwrap_or(0);
        let end = start.saturating_add(length);
        if start == 0 || length == 0 || end > tokens.len() {
            return refuse(format!(
                "the answer (start {answer_start}, length {answer_length}) must lie in the {} tokens, after the first",
                tokens.len()
            ));
        }
        if let Loss::Span(Span { from }) = self.loss
            && from >= tokens.len()
        {
            return refuse(format!(
                "loss.span.from {from} leaves none of its {} tokens to score",
                tokens.len()
            ));
        }
        Ok(Row { answer: start..end, tokens: example.tokens })
    }

    /// Returns the positions of a row's tokens that count in the loss.
    pub(crate) fn scored(&self, row: &Row) -> Range<usize> {
        match self.loss {
            Loss::Answer => row.answer.clone(),
            Loss::Span(Span { from }) => from..row.tokens.len(),
            // `Last` never gets past the check of the config.
            Loss::All | Loss::Last => 1..row.tokens.len(),
        }
    }
}
