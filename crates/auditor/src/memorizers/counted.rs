//! Answers from counts, one symbol of all answers at a time: every prefix then grows by what was predicted.

use std::ops::Range;

use rayon::prelude::*;

use super::asked::View;
use super::counts::{Pass, count};
use super::estimator::{Estimator, TARGETS};
use super::features::Features;
use super::known::{Best, Known};
use super::naive_bayes::{NaiveBayes, Scratch, Winners};
use super::sequences::{Predictions, Questions};
use super::table::Part;
use crate::error::Result;
use crate::read::columns::Wanted;
use crate::read::split::Split;

/// Returns what every estimator predicts, from tables of so many entries at a time: what is answered does not
/// depend on that.
pub(crate) fn answer(
    entries: usize,
    estimators: &[Estimator],
    view: &View<'_>,
    train: &Split,
    wanted: &Wanted,
) -> Result<Vec<Predictions>> {
    let View { sequences, questions } = view;
    let mut predictions: Vec<Predictions> =
        estimators.iter().map(|_| Predictions::nothing(questions)).collect();
    for step in 0..questions.longest {
        let open = |row: usize, predictions: &Predictions| {
            predictions.row(row).len() == step && view.is_open(predictions, row)
        };
        let prefixes = |rows: Range<usize>, each: &mut Each<'_>| {
            let mut prefix = Vec::new();
            for row in rows {
                for (number, predictions) in
                    predictions.iter().enumerate().filter(|(_, predictions)| open(row, predictions))
                {
                    written(questions, predictions, row, &mut prefix);
                    each(number, row, questions.shapes[row].domain, &prefix);
                }
            }
        };
        let features = Features::of(|each| {
            prefixes(0..questions.len(), &mut |number, _, domain, prefix| {
                each(estimators[number], domain, prefix)
            });
        });
        let pass = Pass { features: &features, sequences, train, wanted, step, entries };
        let best = best(estimators, &pass, questions.len(), &prefixes)?;
        for (number, predictions) in predictions.iter_mut().enumerate() {
            for row in 0..questions.len() {
                let Some(best) = best[row * estimators.len() + number] else { continue };
                view.push(predictions, row, best.symbol, best.tied);
            }
        }
    }
    Ok(predictions)
}

/// Writes the context of a question and what was predicted behind it.
fn written(questions: &Questions, predictions: &Predictions, row: usize, prefix: &mut Vec<u32>) {
    prefix.clear();
    prefix.extend_from_slice(questions.context(row));
    prefix.extend_from_slice(predictions.row(row));
}

/// Called with the number of an estimator, the row, the domain and the symbols of a prefix that it has to continue.
type Each<'a> = dyn FnMut(usize, usize, u64, &[u32]) + 'a;

/// Calls for every prefix of some rows.
type Prefixes<'a> = dyn Fn(Range<usize>, &mut Each<'_>) + Sync + 'a;

/// Returns the best symbol of every estimator for every prefix: by row, then by estimator.
fn best(
    estimators: &[Estimator],
    pass: &Pass<'_>,
    rows: usize,
    prefixes: &Prefixes<'_>,
) -> Result<Vec<Option<Best>>> {
    const CHUNK: usize = 1024;
    let mut best: Vec<Option<Best>> = vec![None; rows * estimators.len()];
    let mut whole = None;
    let mut parts = vec![Part::WHOLE];
    while let Some(asked) = parts.pop() {
        let (follows, part) = count(pass, asked, &mut whole)?;
        let Some(whole) = &whole else { continue };
        let mut modulus = asked.modulus;
        while modulus < part.modulus {
            parts.push(Part { modulus: modulus * 2, rest: asked.rest + modulus });
            modulus *= 2;
        }
        let known = Known { pass, follows: &follows, whole, part };
        let naive_bayes = NaiveBayes::of(&known, |each| {
            prefixes(0..rows, &mut |number, _, domain, prefix| {
                let votes = matches!(estimators[number], Estimator::NaiveBayes { .. });
                pass.features
                    .domain(domain)
                    .filter(|_| votes)
                    .into_iter()
                    .for_each(|domain| each(domain, prefix));
            });
        });
        let likeliest = TARGETS.map(|targets| {
            known.domains().map(|domain| known.likeliest(domain, targets)).collect::<Vec<_>>()
        });
        best.par_chunks_mut(CHUNK * estimators.len()).enumerate().for_each(|(chunk, best)| {
            let first = chunk * CHUNK;
            let mut scratch = Scratch::default();
            let mut voted: Option<(usize, Vec<u32>, Winners)> = None;
            prefixes(first..rows.min(first + CHUNK), &mut |number, row, domain, prefix| {
                let Some(domain) = pass.features.domain(domain) else { return };
                let found = match estimators[number] {
                    Estimator::Backoff { longest, targets } => {
                        known.look_up(domain, prefix, longest).or(likeliest[targets as usize][domain.number])
                    }
                    Estimator::NaiveBayes { targets } => {
                        // All that vote mostly go by the same prefix.
                        let same = voted.as_ref().filter(|(of, symbols, _)| *of == row && symbols == prefix);
                        let found = same.map(|(_, _, found)| *found).unwrap_or_else(|| {
                            let found = naive_bayes.answer(&known, domain, prefix, &mut scratch);
                            voted = Some((row, prefix.to_vec(), found));
                            found
                        });
                        found[targets as usize]
                    }
                };
                let best = &mut best[(row - first) * estimators.len() + number];
                *best = match (*best, found) {
                    (Some(best), Some(found)) => Some(best.or(found, pass.sequences)),
                    (best, found) => best.or(found),
                };
            });
        });
    }
    Ok(best)
}
