//! The rows that are scored, checked against their own columns, with what the scores need beside them.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::ops::Range;
use std::path::PathBuf;

use artifact::table_rows;
use artifact::tables::Example;
use sequence::{Kind, Vocabulary};

use crate::Error;

/// A row to score.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) example: Example,
    /// Number of terms before the answer.
    pub(crate) context: usize,
    /// Where copying the last shown term first differs from the right answer; nothing where it is the right answer.
    pub(crate) contrast: Option<Contrast>,
    /// SEP, where an answer ends with a border: behind its last term SEP and END are the same border.
    separator: Option<u16>,
}

/// A position of the answer span, the right token there, and the token that copying the last shown term puts there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Contrast {
    pub(crate) position: usize,
    pub(crate) right: u16,
    pub(crate) copied: u16,
}

impl Row {
    /// Checks the row against its own columns.
    pub(crate) fn new(split: &str, example: Example, vocabulary: &Vocabulary) -> Result<Row, Error> {
        let error = |message| Error::Row { split: split.to_owned(), example_id: example.example_id, message };
        let (start, length) = (usize::try_from(example.answer_start), usize::try_from(example.answer_length));
        if example.tokens.is_empty() {
            return Err(error("it has no tokens".to_owned()));
        }
        // END belongs to the span where a value may take several tokens.
        let ends = [example.tokens.len() - 1, example.tokens.len()];
        let span = match (start, length) {
            (Ok(start), Ok(length)) if start > 0 && length > 0 && ends.contains(&(start + length)) => {
                start..start + length
            }
            _ => {
                return Err(error(format!(
                    "the answer span (start {}, length {}) should end with the row's {} tokens, with or without END, and \
                     begin after the first",
                    example.answer_start,
                    example.answer_length,
                    example.tokens.len()
                )));
            }
        };
        if let Some(unknown) = example.tokens.iter().find(|&&id| vocabulary.token(id).is_none()) {
            return Err(error(format!(
                "token {unknown} is not in the vocabulary of {}",
                vocabulary.tokens().len()
            )));
        }
        if example.tokens.last() != vocabulary.find(Kind::End, sequence::NONE).as_ref() {
            return Err(error("the row should end with END".to_owned()));
        }
        let Some(groups) = term_groups(&example, vocabulary) else {
            return Err(error(format!(
                "its tokens do not spell as many terms as it has, {}",
                example.terms.len()
            )));
        };
        let context = groups.iter().filter(|group| group.end <= span.start).count();
        let Some(last) = context.checked_sub(1) else {
            return Err(error("no term stands before the answer".to_owned()));
        };
        let copied = example.tokens[groups[last].clone()].iter().chain(example.tokens.last()).copied();
        let answer = example.tokens[span.clone()].iter().copied().enumerate();
        let contrast = answer
            .zip(copied)
            .find(|((_, right), copied)| right != copied)
            .map(|((at, right), copied)| Contrast { position: span.start + at, right, copied });
        let separator = vocabulary.find(Kind::Separator, sequence::NONE);
        let separator = separator.filter(|_| span.end == example.tokens.len());
        Ok(Row { context, contrast, separator, example })
    }

    /// Returns where the answer span stands in the tokens.
    pub(crate) fn span(&self) -> Range<usize> {
        let start = self.example.answer_start as usize;
        start..start + self.example.answer_length as usize
    }

    /// Returns whether an answer ends with END rather than after a number of tokens.
    pub(crate) fn has_border(&self) -> bool {
        self.span().end == self.example.tokens.len()
    }

    /// Returns the token that is as right as the row's own at this position: SEP for END.
    ///
    /// Both say only that the value goes no further; whether the row does is decided by no rule where rows differ in
    /// length.
    pub(crate) fn as_right(&self, position: usize) -> Option<u16> {
        self.separator.filter(|_| position + 1 == self.example.tokens.len())
    }

    /// Returns the token as it counts behind what was said: END for a SEP that ends the answer's last term.
    pub(crate) fn heard(&self, said: &[u16], token: u16) -> u16 {
        let ended = said.iter().filter(|&&token| Some(token) == self.separator).count() + 1;
        match self.example.tokens.last() {
            Some(&end)
                if Some(token) == self.separator && ended == self.example.terms.len() - self.context =>
            {
                end
            }
            _ => token,
        }
    }
}

/// Returns where each term stands in the tokens; nothing when there are not as many as the row has terms.
///
/// Terms are the runs between BEGIN, SEP, END, PAD and operators, or single tokens where nothing separates them.
fn term_groups(example: &Example, vocabulary: &Vocabulary) -> Option<Vec<std::ops::Range<usize>>> {
    let written = |id: u16| {
        vocabulary.token(id).is_some_and(|token| matches!(token.kind, Kind::Value | Kind::Digit | Kind::Word))
    };
    let mut runs: Vec<std::ops::Range<usize>> = Vec::new();
    for (place, _) in example.tokens.iter().enumerate().filter(|&(_, &id)| written(id)) {
        match runs.last_mut() {
            Some(run) if run.end == place => run.end += 1,
            _ => runs.push(place..place + 1),
        }
    }
    if runs.len() != example.terms.len() {
        runs = runs.into_iter().flatten().map(|place| place..place + 1).collect();
    }
    (runs.len() == example.terms.len()).then_some(runs)
}

/// Returns every row of a split.
pub(crate) fn read(split: &str, paths: &[PathBuf], vocabulary: &Vocabulary) -> Result<Vec<Row>, Error> {
    let (mut rows, mut known) = (Vec::new(), HashSet::new());
    for path in paths {
        for batch in table_rows::<Example>(path)? {
            for example in batch? {
                if !known.insert(example.example_id) {
                    let message = "another row has the same `example_id`".to_owned();
                    return Err(Error::Row {
                        split: split.to_owned(),
                        example_id: example.example_id,
                        message,
                    });
                }
                rows.push(Row::new(split, example, vocabulary)?);
            }
        }
    }
    Ok(rows)
}

/// Returns a keyed sample of the train rows in their own order.
///
/// A row is in the sample by its `example_id` alone, so that other rows come and go without moving it much.
pub(crate) fn read_sample(
    paths: &[PathBuf],
    most: usize,
    vocabulary: &Vocabulary,
) -> Result<Vec<Row>, Error> {
    let mut kept = BinaryHeap::<(u64, Reverse<u64>, Keyed)>::new();
    let mut number = 0_u64;
    for path in paths {
        for batch in table_rows::<Example>(path)? {
            for example in batch? {
                let key = stream::word("evaluator/train_rows", &[example.example_id as u64]);
                if kept.len() < most || kept.peek().is_some_and(|(largest, ..)| key < *largest) {
                    kept.push((key, Reverse(number), Keyed(example)));
                }
                if kept.len() > most {
                    kept.pop();
                }
                number += 1;
            }
        }
    }
    let mut kept: Vec<(u64, Example)> =
        kept.into_iter().map(|(_, Reverse(n), Keyed(example))| (n, example)).collect();
    kept.sort_by_key(|(number, _)| *number);
    kept.into_iter().map(|(_, example)| Row::new("train", example, vocabulary)).collect()
}

/// An example that is ordered by what stands before it in a tuple only.
struct Keyed(Example);

impl PartialEq for Keyed {
    fn eq(&self, _: &Keyed) -> bool {
        true
    }
}

impl Eq for Keyed {}

impl PartialOrd for Keyed {
    fn partial_cmp(&self, other: &Keyed) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Keyed {
    fn cmp(&self, _: &Keyed) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}
