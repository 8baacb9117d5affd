use std::collections::HashMap;

use answer::Kinds;
use artifact::tables::Example;

use super::*;
use crate::memory::{Memory, tests::memory};
use crate::rows::Row;
use crate::scoring::Answer;

/// Rows 0..n in clusters of their own, in numerals: `1 2`.
fn rows(n: usize) -> Vec<Row> {
    let kinds = Kinds::of(["begin", "end", "value", "value"]);
    let example = |id: usize| Example {
        example_id: id as i64,
        task: "t".into(),
        family: "arithmetic".into(),
        notation: "numeral".into(),
        domain: "integer".into(),
        unit: "pair".into(),
        parameter: Some(1),
        text: "1 2".into(),
        terms: vec![1, 2],
        tokens: vec![0, 2, 3, 1],
        answer_start: 2,
        answer_length: 1,
        cluster: id as i64,
    };
    (0..n).map(|id| Row::new("test", example(id), &kinds).expect("a sound row")).collect()
}

/// Seeds that answer row by row in the words of the tables; nothing is an answer of no table.
fn answers(memory: &Memory, seeds: &[Vec<&str>]) -> Vec<Answers> {
    let answer = Answer {
        correct: false,
        teacher_forced: false,
        tokens: 1,
        right_tokens: 0,
        log_probability: 0.0,
        rank: 2,
        logit_difference: None,
        output: Vec::new(),
    };
    let seed = |(seed, said): (usize, &Vec<&str>)| Answers {
        seed: seed as i32,
        step: 10,
        answers: vec![answer.clone(); said.len()],
        matched: said.iter().map(|answer| memory.id(answer)).collect(),
    };
    seeds.iter().enumerate().map(seed).collect()
}

/// Returns the agreement over seeds: table, value, low, rows, effective clusters.
fn over(memory: &Memory, seeds: &[Vec<&str>]) -> (Option<String>, Option<f64>, Option<f64>, u64, f64) {
    let rows = rows(seeds[0].len());
    let answer_seen = HashMap::new();
    let split = Split { name: "test", rows: &rows, memory: Some(memory), answer_seen: &answer_seen };
    let group = Group { task: String::new(), slice: "all".into(), rows: (0..rows.len()).collect() };
    let answers = answers(memory, seeds);
    let bootstrap = Bootstrap { draws: 500, stream: 0 };
    let found = scores(&split, &group, &answers.iter().collect::<Vec<_>>(), bootstrap);
    let over = found.into_iter().find(|found| found.seed.is_none()).expect("there is one over seeds");
    let clusters = over.clusters.expect("it is about rows");
    (over.table.map(|(name, _)| name), over.value, over.low, over.n, clusters.effective)
}

/// A table that says the same wrong word to the rows below `n`; the last ones of them are tied.
fn table<'a>(
    name: &'a str,
    word: &'a str,
    n: i64,
    tied: i64,
) -> Vec<(&'a str, &'a str, &'a str, i64, &'a str, bool, bool)> {
    (0..n).map(|id| (name, "memory", "terms", id, word, false, id >= n - tied)).collect()
}

#[test]
fn the_table_that_agrees_most_counts_and_the_simplest_of_equals() {
    let memory = memory(&[table("most_frequent", "5", 40, 0), table("bigram", "6", 40, 0)].concat());
    let said = |sixes: usize| (0..40).map(|row| if row < sixes { "6" } else { "5" }).collect::<Vec<_>>();
    let (name, value, low, n, effective) = over(&memory, &[said(30)]);
    assert_eq!((name.as_deref(), value, n), (Some("bigram"), Some(0.75), 40));
    assert!((effective - 40.0).abs() < 1e-9);
    // Two tables were asked: each at 1 - 0.05 / 2.
    let expected = wilson(0.75, 40.0, ALPHA / 2.0).map(|interval| interval.low);
    assert_eq!(low, expected);
    assert!(low < wilson(0.75, 40.0, ALPHA).map(|interval| interval.low));
    assert_eq!(over(&memory, &[said(20)]).0.as_deref(), Some("most_frequent"));
    // Over seeds it is the mean, and the interval no narrower.
    let (name, value, low, ..) = over(&memory, &[said(30), said(40)]);
    assert_eq!((name.as_deref(), value), (Some("bigram"), Some(0.875)));
    assert!(low <= wilson(0.875, 40.0, ALPHA / 2.0).map(|interval| interval.low));
}

#[test]
fn a_tied_answer_is_none_and_few_wrong_answers_say_nothing() {
    let forty = memory(&table("bigram", "6", 40, 10));
    let (_, value, _, n, _) = over(&forty, &[vec!["6"; 40]]);
    assert_eq!((value, n), (Some(1.0), 30));
    let few = memory(&table("bigram", "6", 40, 21));
    let (name, value, low, n, effective) = over(&few, &[vec!["6"; 40]]);
    assert_eq!((name, value, low, n), (None, None, None, 19));
    assert!((effective - 19.0).abs() < 1e-9);
}

#[test]
fn a_right_answer_of_a_table_is_no_row_of_it() {
    let mut rows = table("bigram", "6", 40, 0);
    rows.iter_mut().take(10).for_each(|row| row.5 = true);
    let memory = memory(&rows);
    assert_eq!(over(&memory, &[vec!["6"; 40]]).3, 30);
    assert_eq!(over(&memory, &[vec!["7"; 40]]).1, Some(0.0));
}
