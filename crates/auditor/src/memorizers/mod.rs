//! What the same rows give without a model: tables that can only repeat, and some that can combine single features.
//!
//! A memoriser is one file and its line in [`ALL`]. Most name the features of a prefix that they go by; counting them in train
//! ([`counts`]) and answering with them ([`counted`]) is the same for all of these. Others answer in a way of their own.

mod asked;
mod bigram;
pub(crate) mod ceilings;
mod copy_last;
mod counted;
mod counts;
mod estimator;
mod features;
mod given;
mod known;
mod memorizer;
mod most_frequent;
mod naive_bayes;
mod nearest_neighbor;
mod places;
mod position_most_frequent;
mod position_skip_gram;
mod sequences;
mod skip_gram;
mod suffix_backoff;
mod table;

#[cfg(test)]
mod tests;

use artifact::tables::Certificate;
use asked::{Asked, View};
use estimator::Estimator;
use given::Answers;
use memorizer::{Memorizer, Method};
use sequences::Predictions;
use tracing::info;

use crate::error::{Error, Result};
use crate::read::columns::{ANSWERED, Wanted};
use crate::read::rows::Rows;
use crate::read::split::Split;
use crate::read::vocabulary::Vocabulary;

/// All memorisers, from the simplest on: where several do as well, the first of them is named.
const ALL: &[&Memorizer] = &[
    &most_frequent::MOST_FREQUENT,
    &position_most_frequent::POSITION_MOST_FREQUENT,
    &copy_last::COPY_LAST,
    &bigram::BIGRAM,
    &suffix_backoff::SUFFIX_BACKOFF,
    &nearest_neighbor::NEAREST_NEIGHBOR,
    &skip_gram::SKIP_GRAM,
    &position_skip_gram::POSITION_SKIP_GRAM,
];

/// Lets every memoriser answer every row of the held-out splits, greedily in tokens and once more in whole terms; `pairs` is
/// how many pairs of rows one of them may compare.
pub(crate) fn answer<'a>(
    splits: &'a [(&'a Split, &'a Rows)],
    train: &'a Split,
    vocabulary: &'a Vocabulary,
    wanted: &Wanted,
    pairs: u64,
) -> Result<Answers<'a>> {
    let held: Vec<&Rows> = splits.iter().map(|(_, rows)| *rows).collect();
    let asked = Asked::of(&held, (train, wanted.describing(ANSWERED)), vocabulary, pairs)?;
    let (predictions, reports) = all(&asked, counts::ENTRIES)?;
    let views = asked.views.into_iter().zip(predictions).collect();
    Ok(Answers { memorizers: ALL, splits, views, reports })
}

/// Returns what all memorisers predict, view by view, and what is to be reported of it.
fn all(asked: &Asked<'_>, entries: usize) -> Result<([Vec<Predictions>; 2], Vec<Certificate>)> {
    let estimator = |memorizer: &&Memorizer| match memorizer.method {
        Method::Counted(estimator) => Some(estimator),
        Method::Alone(_) => None,
    };
    let estimators: Vec<Estimator> = ALL.iter().filter_map(estimator).collect();
    let counted = |view: &View<'_>| {
        let predictions = counted::answer(entries, &estimators, view, asked.train, &asked.wanted)?;
        info!("done: what is counted in {}", view.sequences.symbols.name());
        Ok::<_, Error>(predictions.into_iter())
    };
    let [terms, tokens] = &asked.views;
    let mut counted = [counted(terms)?, counted(tokens)?];
    let (mut all, mut reports) = ([Vec::new(), Vec::new()], Vec::new());
    for memorizer in ALL {
        let answers = match memorizer.method {
            Method::Counted(_) => counted
                .each_mut()
                .map(|predictions| (predictions.next().expect("every estimator answers"), None)),
            Method::Alone(answer) => answer(asked)?,
        };
        for (all, (predictions, report)) in all.iter_mut().zip(answers) {
            all.push(predictions);
            reports.extend(report);
        }
        info!("done: {}", memorizer.name);
    }
    Ok((all, reports))
}
