use std::collections::BTreeMap;

use artifact::tables::Example;
use artifact::{Provenance, write_table};

use super::estimator::VOTED;
use super::memorizer::Class;
use super::sequences::{Sequences, Symbols};
use super::*;
use crate::read::rows::tests::{Draws, rows_of};

/// Rows of train and a context to what is said, and whether something else is as good.
pub(super) type Definition = fn(&[Vec<i64>], &[i64]) -> Option<(i64, bool)>;

#[test]
fn memorizers_are_listed_once_and_those_that_combine_are_not_simpler_than_those_that_repeat() {
    let names: std::collections::BTreeSet<_> = ALL.iter().map(|memorizer| memorizer.name).collect();
    assert_eq!(names.len(), ALL.len());
    assert!(ALL.is_sorted_by_key(|memorizer| memorizer.class == Class::Shallow));
}

#[test]
fn of_those_that_count_only_the_vote_is_shallow() {
    for memorizer in ALL {
        let Method::Counted(estimator) = memorizer.method else { continue };
        let combines = matches!(estimator, Estimator::NaiveBayes { .. });
        assert_eq!(memorizer.class == Class::Shallow, combines, "{}", memorizer.name);
        if let Estimator::NaiveBayes { targets } = estimator {
            assert!(VOTED.contains(&targets), "{}: nothing is counted feature by feature", memorizer.name);
        }
    }
}

#[test]
fn a_separator_behind_an_answer_is_as_right_as_the_end() {
    let kinds = ["begin", "end", "separator", "digit"];
    let token = |(kind, id): (&&str, i32)| artifact::tables::Token {
        token_id: id,
        token: kind.to_uppercase(),
        kind: (*kind).to_owned(),
        value: Some(id.into()),
    };
    let vocabulary = Vocabulary::new(&kinds.iter().zip(0..).map(token).collect::<Vec<_>>());
    let is_right = |symbols, predictions: [i64; 2]| {
        let sequences = Sequences::new(symbols, &vocabulary);
        let code = |symbol: i64| sequences.code(symbol);
        sequences.is_right(&predictions.map(code), &[3, 1].map(code))
    };
    assert!(is_right(Symbols::Tokens, [3, 1]) && is_right(Symbols::Tokens, [3, 2]));
    assert!(!is_right(Symbols::Tokens, [2, 1]) && !is_right(Symbols::Tokens, [3, 3]));
    // In whole terms 1 and 2 are values.
    assert!(is_right(Symbols::Terms, [3, 1]) && !is_right(Symbols::Terms, [3, 2]));
}

/// The symbol with the greatest score, of equals the least, and whether there are equals.
fn most(scores: impl Iterator<Item = (i64, f64)>) -> Option<(i64, bool)> {
    let mut sorted: Vec<_> = scores.collect();
    sorted.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let (symbol, score) = sorted.first()?;
    Some((*symbol, sorted.get(1).is_some_and(|(_, next)| next == score)))
}

fn counted(symbols: impl Iterator<Item = i64>) -> BTreeMap<i64, f64> {
    let mut counts = BTreeMap::new();
    symbols.for_each(|symbol| *counts.entry(symbol).or_insert(0.0) += 1.0);
    counts
}

/// All (prefix, symbol) of train; the answer is the last term.
pub(super) fn targets(train: &[Vec<i64>], answers_only: bool) -> Vec<(&[i64], i64)> {
    let prefixes = train.iter().flat_map(|row| (1..row.len()).map(move |at| (row, at)));
    let wanted = prefixes.filter(|(row, at)| !answers_only || *at == row.len() - 1);
    wanted.map(|(row, at)| (&row[..at], row[at])).collect()
}

/// The most frequent answer.
pub(super) fn most_frequent_answer(train: &[Vec<i64>]) -> Option<(i64, bool)> {
    most(counted(targets(train, true).into_iter().map(|(_, symbol)| symbol)).into_iter())
}

/// What most often follows a suffix.
pub(super) fn after(train: &[Vec<i64>], suffix: &[i64]) -> Option<(i64, bool)> {
    let all = targets(train, false);
    let follows = all.iter().filter(|(prefix, _)| prefix.ends_with(suffix)).map(|(_, symbol)| *symbol);
    most(counted(follows).into_iter())
}

/// The naive-Bayes vote of the symbols at every distance.
pub(super) fn vote(targets: &[(&[i64], i64)], context: &[i64]) -> Option<(i64, bool)> {
    let prior = counted(targets.iter().map(|(_, symbol)| *symbol));
    let likeliest = most(prior.iter().map(|(symbol, count)| (*symbol, *count)));
    let before = |prefix: &[i64], distance: usize| prefix.iter().rev().nth(distance).copied();
    let mut supported: Vec<i64> = likeliest.into_iter().map(|(symbol, _)| symbol).collect();
    for (distance, symbol) in context.iter().rev().enumerate() {
        let speaks = targets.iter().filter(|(prefix, _)| before(prefix, distance) == Some(*symbol));
        supported.extend(speaks.map(|(_, symbol)| *symbol));
    }
    supported.sort_unstable();
    supported.dedup();
    let score = |symbol: i64| {
        let mut score = prior[&symbol].ln();
        for (distance, there) in context.iter().rev().enumerate() {
            let reaches = targets.iter().filter(|(prefix, to)| *to == symbol && prefix.len() > distance);
            let with = reaches.clone().filter(|(prefix, _)| before(prefix, distance) == Some(*there));
            let (with, reaches) = (with.count() as f64, reaches.count() as f64);
            score += ((with + 1e-6) / (reaches + 1e-6 * prior.len() as f64)).ln();
        }
        // Sums of logarithms in another order differ in their last digits: what is as good is a tie.
        (score * 1e9).round()
    };
    most(supported.into_iter().map(|symbol| (symbol, score(symbol))))
}

#[test]
fn answers_are_those_of_the_definitions_whatever_fits_into_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.parquet");
    let mut draws = Draws(17);
    for round in 0..150 {
        let values = 2 + draws.below(12);
        // Values that need codes of their own, too.
        let far = if round % 5 == 0 { 1 << 40 } else { 1 };
        let mut corpus = |rows: u64| -> Vec<Vec<i64>> {
            let rows = draws.corpus(rows, 5, values).into_iter().filter(|row| row.len() > 1);
            rows.map(|row| row.into_iter().map(|term| term * far).collect()).collect()
        };
        let (train, held) = (corpus(40), corpus(12));
        if train.is_empty() || held.is_empty() {
            continue;
        }
        let examples = train.iter().enumerate().map(|(id, terms)| Example {
            example_id: id as i64,
            task: String::new(),
            family: String::new(),
            notation: String::new(),
            domain: "integer".to_owned(),
            unit: "pair".to_owned(),
            parameter: None,
            text: String::new(),
            terms: terms.clone(),
            tokens: Vec::new(),
            answer_start: 0,
            answer_length: 1,
            cluster: 0,
        });
        write_table(&path, &Provenance::default(), examples).unwrap();
        let split = Split::open("train", std::slice::from_ref(&path)).unwrap();
        let mut rows = rows_of(0, &held);
        rows.domain.fill(crate::read::columns::name_key("integer"));
        let vocabulary = Vocabulary::default();
        let wanted = Wanted { terms: Some("terms".to_owned()), described: ANSWERED, ..Wanted::default() };
        let asked = Asked::of(&[&rows], (&split, wanted), &vocabulary, u64::MAX).unwrap();
        let ([whole, _], reports) = all(&asked, usize::MAX).unwrap();
        assert!(reports.is_empty(), "all rows are compared");
        let ([parts, _], _) = all(&asked, 16).unwrap();
        let [View { sequences, .. }, _] = &asked.views;
        for (at, row) in held.iter().enumerate() {
            for ((memorizer, whole), parts) in ALL.iter().zip(&whole).zip(&parts) {
                let predictions: Vec<i64> =
                    whole.row(at).iter().map(|code| sequences.symbol(*code)).collect();
                let expected = (memorizer.definition)(&train, &row[..row.len() - 1]);
                if let (Class::Memory, Some((_, tied))) = (memorizer.class, expected) {
                    assert_eq!(whole.is_tied(at), tied, "round {round}: {} after {row:?}", memorizer.name);
                    assert_eq!(whole.is_tied(at), parts.is_tied(at), "round {round}: {}", memorizer.name);
                }
                let expected: Vec<i64> = expected.into_iter().map(|(symbol, _)| symbol).collect();
                assert_eq!(
                    predictions, expected,
                    "round {round}: {} after {row:?}, {train:?}",
                    memorizer.name
                );
                assert_eq!(whole.row(at), parts.row(at), "round {round}: {}", memorizer.name);
            }
        }
    }
}
