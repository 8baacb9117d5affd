//! Wrong answers by class, with examples.

use std::collections::{BTreeMap, BTreeSet};

use artifact::tables::{Example, Prediction};
use serde::Serialize;

use crate::Error;
use crate::folder::{Source, each_row};
use crate::number::{count, position};

/// The class of a right answer.
const CORRECT: &str = "correct";

/// One wrong answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Mistake {
    seed: i32,
    example_id: i64,
    task: String,
    context: String,
    answer: String,
    prediction: String,
}

/// All wrong answers of one class.
#[derive(Debug, Serialize)]
struct Class {
    name: String,
    meaning: &'static str,
    answers: String,
    /// Share of all answers, for the bar, in percent.
    width: f64,
    /// Answers of each seed, in the order of the seeds.
    by_seed: Vec<String>,
    examples: Vec<Mistake>,
}

/// The section.
#[derive(Debug, Serialize)]
pub(crate) struct Section {
    split: &'static str,
    seeds: Vec<i32>,
    answers: String,
    wrong: String,
    any_wrong: bool,
    classes: Vec<Class>,
}

/// Builds the section with at most `examples` examples a class; `None` without predictions on `split`.
pub(crate) fn build(source: &Source, split: &'static str, examples: usize) -> Result<Option<Section>, Error> {
    let mut counts = BTreeMap::<String, BTreeMap<i32, i64>>::new();
    let mut chosen = BTreeMap::<String, Vec<Mistake>>::new();
    let mut seeds = BTreeSet::new();
    source.each("predictions", |row: Prediction| {
        if row.split != split {
            return;
        }
        seeds.insert(row.seed);
        let class = if row.correct { CORRECT.to_owned() } else { row.error_class };
        *counts.entry(class.clone()).or_default().entry(row.seed).or_default() += 1;
        let chosen = chosen.entry(class).or_default();
        // Other rows rather than the same row of another seed.
        let fresh =
            chosen.len() < examples && chosen.iter().all(|mistake| mistake.example_id != row.example_id);
        if !row.correct && fresh {
            let (context, answer) = Default::default();
            let (seed, example_id, task, prediction) = (row.seed, row.example_id, row.task, row.prediction);
            chosen.push(Mistake { seed, example_id, task, context, answer, prediction });
        }
    })?;
    if counts.is_empty() {
        return Ok(None);
    }
    fill_in(source, split, &mut chosen)?;
    let total = |class: &BTreeMap<i32, i64>| class.values().sum::<i64>();
    let all: i64 = counts.values().map(total).sum();
    let right = counts.get(CORRECT).map_or(0, total);
    let mut classes: Vec<_> = counts.into_iter().filter(|(name, _)| name != CORRECT).collect();
    classes.sort_by_key(|(_, seeds)| -total(seeds));
    let classes = classes.into_iter().map(|(name, by_seed)| Class {
        meaning: meaning(&name),
        answers: count(total(&by_seed)),
        width: position(total(&by_seed) as f64 / all as f64),
        by_seed: seeds.iter().map(|seed| count(by_seed.get(seed).copied().unwrap_or(0))).collect(),
        examples: chosen.remove(&name).unwrap_or_default(),
        name: name.replace('_', " "),
    });
    Ok(Some(Section {
        split,
        answers: count(all),
        wrong: count(all - right),
        any_wrong: all > right,
        classes: classes.collect(),
        seeds: seeds.into_iter().collect(),
    }))
}

/// Looks up context and right answer of the chosen rows.
fn fill_in(source: &Source, split: &str, chosen: &mut BTreeMap<String, Vec<Mistake>>) -> Result<(), Error> {
    let mut wanted: BTreeMap<i64, (String, String)> =
        chosen.values().flatten().map(|mistake| (mistake.example_id, Default::default())).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    each_row(&source.examples(split), |row: Example| {
        if let Some(text) = wanted.get_mut(&row.example_id) {
            *text = halves(&row.text);
        }
    })?;
    for mistake in chosen.values_mut().flatten() {
        if let Some((context, answer)) = wanted.get(&mistake.example_id) {
            (mistake.context, mistake.answer) = (context.clone(), answer.clone());
        }
    }
    Ok(())
}

/// Splits a row's text into what is shown and the answer: behind `MID` all terms of a sorted list, else the last term.
/// Number words, which have spaces of their own, are divided by semicolons.
pub(crate) fn halves(text: &str) -> (String, String) {
    if let Some((list, sorted)) = text.split_once(" MID ") {
        return (format!("{list} MID"), sorted.to_owned());
    }
    let cut = text.rsplit_once("; ").or_else(|| text.rsplit_once(' '));
    let (context, answer) = cut.unwrap_or(("", text));
    (context.to_owned(), answer.to_owned())
}

/// What a class means, in the words of a reader.
fn meaning(class: &str) -> &'static str {
    match class {
        "copy_last" => "says the last shown term again",
        "copy_other" => "says another of the shown terms",
        "last_digit_right" => "wrong, but the last digit is right",
        "malformed" => "spells no value, or never ends",
        "off_by_one" => "one beside the right answer",
        "missed_carry" => "the right calculation, digit by digit, with a carry or a borrow left out",
        "out_of_range" => "outside the values of the training rows",
        "plus_one" => "counts by one where the rule says otherwise",
        "other" => "none of the other classes",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_what_the_row_ends_with() {
        let halves = |text: &str| {
            let (context, answer) = halves(text);
            format!("{context}|{answer}")
        };
        assert_eq!(halves("2 4 6 8"), "2 4 6|8");
        assert_eq!(halves("twenty-one; twenty-two; twenty-three"), "twenty-one; twenty-two|twenty-three");
        let large = "one thousand, one hundred";
        assert_eq!(halves(&format!("{large}; {large} and two")), format!("{large}|{large} and two"));
        assert_eq!(halves("7 PLUS 99 EQUALS 106"), "7 PLUS 99 EQUALS|106");
        assert_eq!(halves("3 1 2 MID 1 2 3"), "3 1 2 MID|1 2 3");
        assert_eq!(halves("8"), "|8");
        assert_eq!(halves(""), "|");
    }
}
