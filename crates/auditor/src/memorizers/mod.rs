//! What the same rows give without a model: tables that can only repeat, and some that can combine single pieces.
//!
//! A memoriser is one small file and one line in [`ALL`]. It says by which pieces of a prefix it goes; counting them in
//! train ([`counts`]) and answering with them ([`counted`]) is the same for all.

mod bigram;
pub(crate) mod ceilings;
mod copy_last;
mod counted;
mod counts;
mod most_frequent;
mod nearest_neighbor;
mod pieces;
mod places;
mod position_most_frequent;
mod position_skip_gram;
mod sequences;
mod skip_gram;
mod suffix_backoff;
mod table;
mod votes;

#[cfg(test)]
mod tests;

use artifact::tables::{Certificate, Memorizer as Answer};
use tracing::info;

use crate::error::Result;
use crate::prove::spelling::Spelling;
use crate::read::columns::{ANSWERED, Wanted};
use crate::read::rows::Rows;
use crate::read::split::Split;
use crate::read::vocabulary::Vocabulary;
pub(crate) use nearest_neighbor::Sampling;
use sequences::{Questions, Said, Sequences, Symbols};

/// All memorisers, from the simplest on: where several do as well, the first of them is named.
const ALL: [&Memorizer; 8] = [
    &most_frequent::MOST_FREQUENT,
    &position_most_frequent::POSITION_MOST_FREQUENT,
    &copy_last::COPY_LAST,
    &bigram::BIGRAM,
    &suffix_backoff::SUFFIX_BACKOFF,
    &nearest_neighbor::NEAREST_NEIGHBOR,
    &skip_gram::SKIP_GRAM,
    &position_skip_gram::POSITION_SKIP_GRAM,
];

/// A baseline that answers from what train holds.
pub(crate) struct Memorizer {
    pub(crate) name: &'static str,
    pub(crate) class: Class,
    method: Method,
}

/// What a memoriser could do at best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// It can only repeat what it saw.
    Memory,
    /// It can combine single pieces.
    Shallow,
}

impl Class {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Shallow => "shallow",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    /// What most often follows the longest suffix of the prefix that train knows, up to this length; of equals the least.
    Suffix { longest: usize, targets: Targets },
    /// A naive-Bayes vote of the symbols at every distance before the target; targets are of [`VOTED`].
    Distances { targets: Targets },
    /// Repeats the last term of the context.
    Copy,
    /// Answers as the train row with the nearest context.
    Nearest,
}

/// Which symbols of train rows count as following a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Targets {
    /// All but the first.
    All,
    /// Those of the answer, each place of it by itself.
    Places,
    /// Those of the answer.
    Answers,
}

/// All kinds of targets, in order.
const TARGETS: [Targets; 3] = [Targets::All, Targets::Places, Targets::Answers];
/// The first ones, which are counted piece by piece.
const VOTED: [Targets; 2] = [Targets::All, Targets::Places];

/// What the memorisers said.
pub(crate) struct Answers<'a> {
    views: Vec<(Sequences<'a>, Questions, Vec<Said>)>,
    splits: &'a [(&'a Split, &'a Rows)],
    /// Says where the nearest neighbour was looked for in a sample only.
    pub(crate) sample: Vec<Certificate>,
}

/// Lets every memoriser answer every row of the held-out splits, greedily in tokens and once more in whole terms.
pub(crate) fn answer<'a>(
    splits: &'a [(&'a Split, &'a Rows)],
    train: &Split,
    vocabulary: &'a Vocabulary,
    wanted: &Wanted,
    sampling: &Sampling,
) -> Result<Answers<'a>> {
    let held: Vec<&Rows> = splits.iter().map(|(_, rows)| *rows).collect();
    let views = [Symbols::Terms, Symbols::Tokens].map(|symbols| {
        let sequences = Sequences::new(symbols, vocabulary);
        let questions = Questions::of(&sequences, &held);
        (sequences, questions)
    });
    for (_, questions) in &views {
        let (rows, longest) = (questions.len() as u64, questions.widest() as u64);
        train.hold(|| format!("{rows} held-out rows of up to {longest} symbols"), rows * longest * 4)?;
    }
    let wanted = wanted.describing(ANSWERED);
    let nearest = nearest_neighbor::answer(&views, train, &wanted, sampling)?;
    info!("done: nearest neighbours");
    let mut answers = Answers { views: Vec::new(), splits, sample: Vec::new() };
    for ((sequences, questions), (nearest, sample)) in views.into_iter().zip(nearest) {
        let mut said = counted::answer(&ALL, &sequences, &questions, train, &wanted)?;
        info!("done: memorisers of {}", sequences.symbols.name());
        let neighbor = ALL.iter().zip(&mut said).find(|(memorizer, _)| memorizer.method == Method::Nearest);
        neighbor.into_iter().for_each(|(_, said)| said.clone_from(&nearest));
        answers.sample.extend(sample);
        answers.views.push((sequences, questions, said));
    }
    Ok(answers)
}

/// One answer, and whether it is right.
pub(crate) struct Given<'a> {
    pub(crate) memorizer: &'static Memorizer,
    /// Its place among all, from the simplest on.
    pub(crate) rank: usize,
    pub(crate) split: &'a str,
    /// Index of the split, and of the row in it.
    pub(crate) place: (usize, usize),
    pub(crate) view: &'static str,
    pub(crate) correct: bool,
}

impl Answers<'_> {
    /// Calls `each` for every held-out row, view and memoriser, split by split; answers are written as `spelling` has it.
    pub(crate) fn each(
        &self,
        spelling: &Spelling,
        mut each: impl FnMut(&Given<'_>, &dyn Fn() -> Answer) -> Result<()>,
    ) -> Result<()> {
        let mut first = 0;
        for (number, (split, rows)) in self.splits.iter().enumerate() {
            for (sequences, questions, said) in &self.views {
                for row in 0..rows.len() {
                    let question = first + row;
                    for (rank, (memorizer, said)) in ALL.iter().zip(said).enumerate() {
                        let correct = sequences.is_right(said.row(question), questions.answer(question));
                        let view = sequences.symbols.name();
                        let (split_name, place) = (split.name.as_str(), (number, row));
                        let given = Given { memorizer, rank, split: split_name, place, view, correct };
                        each(&given, &|| Answer {
                            split: split.name.clone(),
                            example_id: rows.ids[row],
                            memorizer: memorizer.name.to_owned(),
                            class: memorizer.class.name().to_owned(),
                            view: view.to_owned(),
                            prediction: sequences.text(
                                spelling,
                                (rows.notation[row], rows.domain[row]),
                                said.row(question),
                                questions.answer(question),
                            ),
                            tied: said.is_tied(question),
                            correct,
                        })?;
                    }
                }
            }
            first += rows.len();
        }
        Ok(())
    }
}
