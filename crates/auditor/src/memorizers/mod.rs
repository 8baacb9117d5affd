//! What the same rows give without a model: tables that can only repeat, and some that can combine single pieces.
//!
//! A memoriser is one small file and one line in [`ALL`]. It says which pieces of a prefix it goes by; counting them in
//! train and answering with them is the same for all ([`counts`]).

mod bigram;
mod copy_last;
mod counts;
mod most_frequent;
mod nearest_neighbor;
mod position_most_frequent;
mod position_skip_gram;
mod sequences;
mod skip_gram;
mod suffix_backoff;

#[cfg(test)]
mod tests;

use artifact::tables::{Certificate, Memorizer as Answer};

use crate::Result;
use crate::rows::{Rows, Wanted};
use crate::split::Split;
use crate::vocabulary::Vocabulary;
pub(crate) use nearest_neighbor::Sampling;
use sequences::{Prefix, Sequences, Symbols};

/// All memorisers, by name.
const ALL: [&Memorizer; 8] = [
    &bigram::BIGRAM,
    &copy_last::COPY_LAST,
    &most_frequent::MOST_FREQUENT,
    &nearest_neighbor::NEAREST_NEIGHBOR,
    &position_most_frequent::POSITION_MOST_FREQUENT,
    &position_skip_gram::POSITION_SKIP_GRAM,
    &skip_gram::SKIP_GRAM,
    &suffix_backoff::SUFFIX_BACKOFF,
];

/// A baseline that answers from what train holds.
pub(crate) struct Memorizer {
    name: &'static str,
    class: Class,
    method: Method,
}

/// What a memoriser could do at best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// It can only repeat what it saw.
    Memory,
    /// It can combine single pieces.
    Shallow,
}

impl Class {
    fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Shallow => "shallow",
        }
    }
}

/// Names the pieces of a prefix one by one until told to stop (`false`).
type Pieces = fn(&Prefix<'_>, &mut dyn FnMut(Piece) -> bool);

/// A piece of a prefix, as a number that no other piece has.
pub(crate) type Piece = u128;

enum Method {
    /// Pieces each more particular than the one before: the last that train knows answers with what most often follows it.
    Lookup(Pieces),
    /// A naive-Bayes vote: first the prior, then for each feature the piece that says it can be seen, and what it is.
    Vote(Pieces),
    /// Answers from the prefix alone.
    Direct(fn(&Prefix<'_>) -> Option<i64>),
    /// Answers as the train row with the nearest context.
    Nearest,
}

/// What the memorisers said.
pub(crate) struct Answers {
    /// One row for each held-out row, memoriser and view.
    pub(crate) rows: Vec<Answer>,
    /// Says where the nearest neighbour was looked for in a sample only.
    pub(crate) sample: Vec<Certificate>,
}

/// Lets every memoriser answer every held-out row, greedily in tokens and once more in whole terms.
pub(crate) fn answer(
    split: &Split,
    held: &Rows,
    train: &Split,
    vocabulary: &Vocabulary,
    wanted: &Wanted,
    sampling: &Sampling,
) -> Result<Answers> {
    let mut answers = Answers { rows: Vec::new(), sample: Vec::new() };
    if held.len() == 0 {
        return Ok(answers);
    }
    for symbols in [Symbols::Terms, Symbols::Tokens] {
        let sequences = Sequences { symbols, vocabulary };
        let mut said: Vec<Vec<Vec<i64>>> = counts::answer(&ALL, &sequences, held, train, wanted)?;
        let (nearest, sample) =
            nearest_neighbor::answer(&split.name, &sequences, held, train, wanted, sampling)?;
        for (memorizer, said) in ALL.iter().zip(&mut said) {
            if matches!(memorizer.method, Method::Nearest) {
                said.clone_from(&nearest);
            }
        }
        answers.sample.extend(sample);
        for row in 0..held.len() {
            let truth = sequences.of(held, row).answer().to_vec();
            for (memorizer, said) in ALL.iter().zip(&said) {
                answers.rows.push(Answer {
                    split: split.name.clone(),
                    example_id: held.ids[row],
                    memorizer: memorizer.name.to_owned(),
                    class: memorizer.class.name().to_owned(),
                    view: symbols.name().to_owned(),
                    prediction: sequences.text(&said[row]),
                    correct: said[row] == truth,
                });
            }
        }
    }
    Ok(answers)
}
