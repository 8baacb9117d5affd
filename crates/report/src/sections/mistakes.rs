//! Wrong answers by class, with examples.

use std::collections::{BTreeMap, BTreeSet};

use artifact::tables::{Example, Prediction};
use maud::{Markup, html};

use crate::Error;
use crate::folder::{Source, each_row};
use crate::number::{count, counted};
use crate::plot::bar;
use crate::point::Point;
use crate::section::{Limit, Section};
use crate::words::halves;

pub(crate) const SECTION: Section = Section {
    id: "mistakes",
    title: "Wrong answers",
    table: "predictions",
    // Examples of each class.
    limit: Limit { most: 4, all: usize::MAX, least: 1 },
    build,
    script: "",
};

/// The class of a right answer.
const CORRECT: &str = "correct";
/// Seeds that have a column of their own.
const COLUMNS: usize = 16;

/// One wrong answer.
#[derive(Debug, Clone, PartialEq)]
struct Mistake {
    seed: i32,
    example_id: i64,
    task: String,
    context: String,
    answer: String,
    prediction: String,
}

fn build(point: &Point<'_>, examples: usize) -> Result<Option<Markup>, Error> {
    let mut counts = BTreeMap::<String, BTreeMap<i32, i64>>::new();
    let mut chosen = BTreeMap::<String, Vec<Mistake>>::new();
    let mut seeds = BTreeSet::new();
    point.source.each("predictions", |row: Prediction| {
        if row.split != point.split {
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
    fill_in(point.source, point.split, &mut chosen)?;
    let total = |class: &BTreeMap<i32, i64>| class.values().sum::<i64>();
    let all: i64 = counts.values().map(total).sum();
    let right = counts.remove(CORRECT).as_ref().map_or(0, total);
    let of_seeds = counted(seeds.len() as i64, "seed");
    if all == right {
        return Ok(Some(
            html! { p { "None: all " (count(all)) " answers of " (of_seeds) " to " (point.split) " rows are right." } },
        ));
    }
    let mut classes: Vec<_> = counts.into_iter().collect();
    classes.sort_by_key(|(_, seeds)| -total(seeds));
    let columns: Vec<i32> = seeds.iter().copied().take(COLUMNS).collect();
    Ok(Some(html! {
        p { (count(all - right)) " of " (count(all)) " answers to " (point.split) " rows are wrong, over " (of_seeds) "." }
        div.scroll { table {
            thead { tr { th scope="col" { "Class" } th.n scope="col" { "Answers" } th.plot scope="col" { "Share of all answers" } @for seed in &columns { th.n scope="col" { "seed " (seed) } } } }
            tbody { @for (class, by_seed) in &classes { tr {
                th scope="row" { (class.replace('_', " ")) @if !meaning(class).is_empty() { br; small { (meaning(class)) } } }
                td.n { (count(total(by_seed))) }
                td.plot { (bar(total(by_seed) as f64 / all as f64, "neutral")) }
                @for seed in &columns { td.n { (count(by_seed.get(seed).copied().unwrap_or(0))) } }
            } } }
        } }
        @if seeds.len() > COLUMNS { p.note { "Counts of the first " (COLUMNS) " seeds; the others stand in " code { "predictions.parquet" } "." } }
        h3 { "Examples" }
        div.scroll { table {
            thead { tr { @for name in ["Class", "Shown", "Right", "Answered", "Task", "Seed", "Row"] { th scope="col" { (name) } } } }
            tbody { @for (class, _) in &classes { @for mistake in chosen.get(class).into_iter().flatten() { tr {
                td { (class.replace('_', " ")) } td { code { (or(&mistake.context, "–")) } } td { code { (or(&mistake.answer, "–")) } }
                td { code.wrong { (or(&mistake.prediction, "nothing")) } } td { (mistake.task) } td { (mistake.seed) } td { (mistake.example_id) }
            } } } }
        } }
        p.note { "The first rows of each class in the order of the table, not a random sample." }
    }))
}

fn or<'a>(text: &'a str, nothing: &'a str) -> &'a str {
    if text.is_empty() { nothing } else { text }
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
