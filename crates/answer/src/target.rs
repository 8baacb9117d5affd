use std::ops::Range;

use artifact::tables::Example;

use crate::logits::{log_softmax, log_sum, rank};

/// What the tokens of a vocabulary are in a row.
#[derive(Debug, Clone)]
pub struct Kinds {
    /// By id: whether it is part of a term.
    written: Vec<bool>,
    separator: Option<u16>,
    end: Option<u16>,
}

impl Kinds {
    /// Returns the kinds of tokens, whose names (`value`, `digit`, `word`, `separator`, `end`, ...) are given by id.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Kinds {
        let names: Vec<&str> = names.into_iter().collect();
        let find = |kind| names.iter().position(|name| *name == kind).map(|id| id as u16);
        let (separator, end) = (find("separator"), find("end"));
        let written = names.iter().map(|name| matches!(*name, "value" | "digit" | "word")).collect();
        Kinds { written, separator, end }
    }
}

/// The right answer to a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Where it stands in the row's tokens.
    pub span: Range<usize>,
    /// Number of terms before it.
    pub context: usize,
    /// Where copying the last shown term first differs from it; nothing where that is the right answer.
    pub contrast: Option<Contrast>,
    /// Its tokens, END among them where a value may take several.
    pub tokens: Vec<u16>,
    /// Number of its terms.
    terms: usize,
    /// Whether it ends with END rather than after a number of tokens.
    pub has_border: bool,
    end: u16,
    /// SEP, where the answer ends with a border: behind its last term SEP and END are the same border.
    separator: Option<u16>,
}

/// A position of the answer span, the right token there, and the token that copying the last shown term puts there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contrast {
    /// Where in the row.
    pub position: usize,
    /// The row's own token.
    pub right: u16,
    /// That of the last shown term, or the END behind it.
    pub copied: u16,
}

/// A row whose columns do not fit each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misfit {
    /// There is nothing to read.
    #[error("it has no tokens")]
    Empty,
    /// The answer is not the row's end.
    #[error(
        "the answer span (start {start}, length {length}) should end with the row's {tokens} tokens, with or without END, and \
         begin after the first"
    )]
    Span {
        /// Where it is said to begin.
        start: i32,
        /// How long it is said to be.
        length: i32,
        /// How many tokens there are.
        tokens: usize,
    },
    /// A token that nobody can read.
    #[error("token {token} is not in the vocabulary of {size}")]
    Token {
        /// The token.
        token: u16,
        /// How many are known.
        size: usize,
    },
    /// A row without its last border.
    #[error("the row should end with END")]
    NoEnd,
    /// Tokens and terms differ.
    #[error("its tokens do not spell as many terms as it has, {terms}")]
    Terms {
        /// How many it has.
        terms: usize,
    },
    /// A question without anything shown.
    #[error("no term stands before the answer")]
    NoContext,
}

impl Target {
    /// Returns the right answer to a row, whose columns are checked against each other.
    ///
    /// # Errors
    /// When they do not fit.
    pub fn of(example: &Example, kinds: &Kinds) -> Result<Target, Misfit> {
        let (tokens, size) = (&example.tokens, kinds.written.len());
        if tokens.is_empty() {
            return Err(Misfit::Empty);
        }
        // END belongs to the span where a value may take several tokens.
        let ends = [tokens.len() - 1, tokens.len()];
        let (start, length) = (usize::try_from(example.answer_start), usize::try_from(example.answer_length));
        let span = match (start, length) {
            (Ok(start), Ok(length)) if start > 0 && length > 0 && ends.contains(&(start + length)) => {
                start..start + length
            }
            _ => {
                let (start, length) = (example.answer_start, example.answer_length);
                return Err(Misfit::Span { start, length, tokens: tokens.len() });
            }
        };
        if let Some(&token) = tokens.iter().find(|&&token| usize::from(token) >= size) {
            return Err(Misfit::Token { token, size });
        }
        let end = tokens.last().copied().filter(|last| Some(*last) == kinds.end).ok_or(Misfit::NoEnd)?;
        let terms = example.terms.len();
        let places = places(tokens, terms, kinds).ok_or(Misfit::Terms { terms })?;
        let context = places.iter().filter(|place| place.end <= span.start).count();
        let last = context.checked_sub(1).ok_or(Misfit::NoContext)?;
        let copied = tokens[places[last].clone()].iter().copied().chain([end]);
        let contrast = span
            .clone()
            .zip(tokens[span.clone()].iter().copied())
            .zip(copied)
            .find(|((_, right), copied)| right != copied)
            .map(|((position, right), copied)| Contrast { position, right, copied });
        let (answer, has_border) = (tokens[span.clone()].to_vec(), span.end == tokens.len());
        let separator = kinds.separator.filter(|_| has_border);
        Ok(Target {
            span,
            context,
            contrast,
            tokens: answer,
            terms: terms - context,
            has_border,
            end,
            separator,
        })
    }

    /// Returns the tokens that are right at a position of the span: the row's own, and SEP beside END.
    ///
    /// Both say only that the value goes no further; whether the row does is decided by no rule where rows differ in length.
    pub fn right_at(&self, position: usize) -> impl Iterator<Item = u16> + use<> {
        let separator = self.separator.filter(|_| position + 1 == self.span.end);
        [self.tokens[position - self.span.start]].into_iter().chain(separator)
    }

    /// Returns the rank of the likeliest right token, by the logits for a position of the row; 1 is the likeliest of all.
    #[must_use]
    pub fn rank(&self, position: usize, logits: &[f32]) -> i32 {
        self.right_at(position).map(|right| rank(logits, right)).min().unwrap_or(i32::MAX)
    }

    /// Returns the natural logarithm of the probability of the right tokens together, by the logits for a position of the row.
    #[must_use]
    pub fn log_probability(&self, position: usize, logits: &[f32]) -> f64 {
        log_sum(self.right_at(position).map(|right| log_softmax(logits, right)))
    }

    /// Returns a token as it counts behind those of an answer: END for a SEP that ends its last term.
    #[must_use]
    pub fn counted(&self, before: &[u16], token: u16) -> u16 {
        let ended = before.iter().filter(|&&token| Some(token) == self.separator).count() + 1;
        if Some(token) == self.separator && ended == self.terms { self.end } else { token }
    }
}

/// Returns where each term stands in the tokens; nothing when there are not as many as the row has terms.
///
/// Terms are the runs between BEGIN, SEP, END, PAD and operators, or single tokens where nothing separates them.
fn places(tokens: &[u16], terms: usize, kinds: &Kinds) -> Option<Vec<Range<usize>>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (place, _) in tokens.iter().enumerate().filter(|&(_, &token)| kinds.written[usize::from(token)]) {
        match runs.last_mut() {
            Some(run) if run.end == place => run.end += 1,
            _ => runs.push(place..place + 1),
        }
    }
    if runs.len() != terms {
        runs = runs.into_iter().flatten().map(|place| place..place + 1).collect();
    }
    (runs.len() == terms).then_some(runs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(
        terms: usize,
        tokens: &[u16],
        start: i32,
        length: i32,
        known: &[&str],
    ) -> Result<Target, Misfit> {
        let example = Example {
            example_id: 7,
            task: "t".into(),
            family: "f".into(),
            notation: "n".into(),
            domain: "integer".into(),
            unit: "pair".into(),
            parameter: Some(1),
            text: String::new(),
            terms: vec![0; terms],
            tokens: tokens.to_vec(),
            answer_start: start,
            answer_length: length,
            cluster: 5,
        };
        Target::of(&example, &Kinds::of(known.iter().copied()))
    }

    const DIGITS: [&str; 7] = ["begin", "end", "separator", "digit", "digit", "digit", "digit"];
    const VALUES: [&str; 5] = ["begin", "end", "value", "value", "value"];

    #[test]
    fn the_last_shown_term_with_separators() {
        // BEGIN 4 3 SEP 4 6 END: the right answer `4 6` and the last term `4 3` first differ at the second digit.
        let target = target(2, &[0, 4, 3, 2, 4, 6, 1], 4, 3, &DIGITS).expect("a good row");
        assert_eq!(target.contrast, Some(Contrast { position: 5, right: 6, copied: 3 }));
        assert_eq!((target.context, &*target.tokens, target.has_border), (1, &[4, 6, 1][..], true));
    }

    #[test]
    fn the_last_shown_term_without_separators() {
        let target = target(3, &[0, 2, 3, 4, 1], 3, 1, &VALUES).expect("a good row");
        assert_eq!(target.contrast, Some(Contrast { position: 3, right: 4, copied: 3 }));
        assert_eq!((target.context, &*target.tokens, target.has_border), (2, &[4][..], false));
    }

    #[test]
    fn a_shorter_answer_differs_at_its_end() {
        // BEGIN 3 4 SEP 3 END
        let target = target(2, &[0, 3, 4, 2, 3, 1], 4, 2, &DIGITS).expect("a good row");
        assert_eq!(target.contrast, Some(Contrast { position: 5, right: 1, copied: 4 }));
    }

    #[test]
    fn the_right_answer_copied_has_no_contrast() {
        assert_eq!(target(2, &[0, 2, 2, 1], 2, 1, &VALUES).expect("a good row").contrast, None);
    }

    #[test]
    fn a_separator_behind_the_answer_is_as_right_as_the_end() {
        let target = target(2, &[0, 4, 2, 5, 1], 3, 2, &DIGITS).expect("a good row");
        assert_eq!(target.right_at(3).collect::<Vec<_>>(), [5]);
        assert_eq!(target.right_at(4).collect::<Vec<_>>(), [1, 2]);
        // Probabilities 1/10, 2/10, 3/10, 4/10.
        let logits = [1.0_f32, 2.0, 3.0, 4.0].map(f32::ln);
        assert!((target.log_probability(4, &logits) - 0.5_f64.ln()).abs() < 1e-6);
        assert_eq!(target.rank(4, &logits), 2);
        assert_eq!(target.rank(4, &[0.0, 1.0, 3.0, 2.0]), 1);
        assert_eq!((target.counted(&[5], 2), target.counted(&[5], 1), target.counted(&[], 4)), (1, 1, 4));
        // Without END in the span there is no border, and SEP is one token among others.
        let open = self::target(2, &[0, 4, 2, 5, 1], 3, 1, &DIGITS).expect("a good row");
        assert_eq!((open.right_at(3).collect::<Vec<_>>(), open.counted(&[], 2)), (vec![5], 2));
    }

    #[test]
    fn of_an_answer_of_two_terms_the_second_border_ends_it() {
        // BEGIN 3 SEP 4 SEP 5 END: two terms are asked for.
        let target = target(3, &[0, 3, 2, 4, 2, 5, 1], 3, 4, &DIGITS).expect("a good row");
        assert_eq!((target.context, target.counted(&[4], 2), target.counted(&[4, 2, 5], 2)), (1, 2, 1));
    }

    #[test]
    fn a_row_that_does_not_fit_itself_is_refused() {
        for (terms, tokens, start, length, expected) in [
            (2, &[][..], 1, 1, "it has no tokens"),
            (
                2,
                &[0, 2, 2, 1],
                0,
                1,
                "the answer span (start 0, length 1) should end with the row's 4 tokens",
            ),
            (2, &[0, 2, 2, 1], i32::MAX, i32::MAX, "the answer span"),
            (2, &[0, 2, 2, 1], 2, -1, "the answer span"),
            (2, &[0, 2, 9, 1], 2, 1, "token 9 is not in the vocabulary of 5"),
            (2, &[0, 2, 2, 2], 2, 2, "the row should end with END"),
            (3, &[0, 2, 2, 1], 2, 1, "its tokens do not spell as many terms as it has, 3"),
            (1, &[0, 2, 1], 1, 1, "no term stands before the answer"),
        ] {
            let error = target(terms, tokens, start, length, &VALUES).expect_err(expected).to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
