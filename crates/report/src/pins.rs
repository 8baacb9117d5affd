//! What became of the rows that the definition pinned into test.

use std::collections::BTreeMap;

use artifact::tables::{Example, Leakage, Memorizer, Prediction};
use serde_json::Value;

use crate::Error;
use crate::folder::{Source, each_row};
use crate::words::{brief, halves};

/// One seed's answer to a pinned row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub seed: i32,
    pub prediction: String,
    pub correct: bool,
}

/// One pinned row.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Pin {
    pub task: String,
    /// The terms before the answer.
    pub context: String,
    pub answer: String,
    /// Whether the row stands in the test table.
    pub present: bool,
    pub answers: Vec<Answer>,
    pub right: usize,
    /// Look-up tables that solve the row, and how many were asked.
    pub memory_right: usize,
    pub memory_asked: usize,
    /// Longest suffix of the row that stands in train, in terms.
    pub longest: Option<i32>,
}

impl Pin {
    /// Returns the whole row.
    pub(crate) fn text(&self) -> String {
        format!("{} {}", self.context, self.answer)
    }
}

/// All pinned rows.
#[derive(Debug, Default)]
pub(crate) struct Pins {
    pub test: Vec<Pin>,
    /// Rows pinned into train, as text with their task.
    pub train: Vec<String>,
}

/// Reads what became of them; `None` where the definition pins no row into test.
pub(crate) fn read(source: &Source, definition: &Value) -> Result<Option<Pins>, Error> {
    let pinned = &definition["pins"];
    let wanted = list(&pinned["test"]);
    if wanted.is_empty() {
        return Ok(None);
    }
    let mut pins: Vec<Pin> = wanted.iter().map(|(task, terms)| pin(task, terms)).collect();
    let mut ids = BTreeMap::new();
    each_row(&source.examples("test"), |row: Example| {
        let Some(index) = wanted.iter().position(|(task, terms)| *task == row.task && *terms == row.terms)
        else {
            return;
        };
        let (context, answer) = halves(&row.text);
        ids.insert(row.example_id, index);
        pins[index] = Pin { context, answer, present: true, task: row.task, ..Pin::default() };
    })?;
    source.each("predictions", |row: Prediction| {
        let Some(&index) = ids.get(&row.example_id).filter(|_| row.split == "test") else { return };
        let answer = Answer { seed: row.seed, prediction: row.prediction, correct: row.correct };
        pins[index].right += usize::from(row.correct);
        pins[index].answers.push(answer);
    })?;
    source.each("memorizers", |row: Memorizer| {
        let Some(&index) = ids.get(&row.example_id).filter(|_| row.class == "memory") else { return };
        pins[index].memory_asked += 1;
        pins[index].memory_right += usize::from(row.correct);
    })?;
    source.each("leakage", |row: Leakage| {
        if let Some(&index) = ids.get(&row.example_id) {
            pins[index].longest = Some(row.longest_match_terms);
        }
    })?;
    pins.iter_mut().for_each(|pin| pin.answers.sort_by_key(|answer| answer.seed));
    let train = list(&pinned["train"])
        .into_iter()
        .map(|(task, terms)| format!("{} ({task})", words(&terms)))
        .collect();
    Ok(Some(Pins { test: pins, train }))
}

fn pin(task: &str, terms: &[i64]) -> Pin {
    let (context, answer) = halves(&words(terms));
    Pin { task: task.to_owned(), context, answer, ..Pin::default() }
}

fn words(terms: &[i64]) -> String {
    terms.iter().map(i64::to_string).collect::<Vec<_>>().join(" ")
}

/// Reads `[{ task, terms }]`; what is neither is left out.
fn list(value: &Value) -> Vec<(String, Vec<i64>)> {
    let pins = value.as_array().into_iter().flatten();
    pins.filter_map(|pin| {
        let terms = pin["terms"].as_array()?.iter().map(Value::as_i64).collect::<Option<Vec<_>>>()?;
        Some((brief(&pin["task"]), terms))
    })
    .collect()
}
