//! Every family in every notation that can write it: the oracle is right, and no answer is a surprise.

use answer::Kinds;
use artifact::tables::Example;
use sequence::{FAMILIES, Kind, NOTATIONS, Space};
use serde_json::json;

use super::*;

/// A few rows of one family in one notation.
struct World {
    tasks: Tasks,
    vocabulary: Vocabulary,
    rows: Vec<Row>,
}

fn kinds(vocabulary: &Vocabulary) -> Kinds {
    Kinds::of(vocabulary.tokens().iter().map(|token| token.kind.name()))
}

/// Returns rows of a family in a notation, with values that both have.
fn world(family: Value, notation: Value) -> World {
    let rule: Family = serde_json::from_value(family.clone()).unwrap();
    let writing: Notation = serde_json::from_value(notation.clone()).unwrap();
    let ranges = [(0, 40), (1, 26), (1, 12), (1, 7)].map(|(min, max)| Range { min, max });
    let values = ranges.map(|values| rule.natural().map_or(values, |natural| natural.and(values)));
    let values = values.into_iter().find(|&values| writing.check(values).is_ok()).unwrap();
    let terms = rule.terms().unwrap_or(if rule.name() == "sort" { 6 } else { 3 });
    let bounds = Bounds { start: values, values, terms: (terms, terms), block: 4 };
    let space = Space::new(&rule, bounds).unwrap();
    let vocabulary = Vocabulary::new([(&rule, &writing, values)]).unwrap();
    let example = |(number, row): (u64, sequence::Row)| {
        let written = write_row(&rule, &writing, &vocabulary, &row.terms).unwrap();
        Example {
            example_id: number as i64,
            task: "task".into(),
            family: rule.name().into(),
            notation: writing.name().into(),
            domain: writing.domain().into(),
            unit: rule.unit().name().into(),
            parameter: sequence::given(row.parameter),
            text: written.text,
            terms: row.terms,
            tokens: written.tokens,
            answer_start: written.answer_start as i32,
            answer_length: written.answer_length as i32,
            cluster: 0,
        }
    };
    let apart = (space.capacity() / 300).max(1) as usize;
    let rows = (0..space.capacity()).step_by(apart).filter_map(|i| Some((i, space.row(i)?))).take(50);
    let kinds = kinds(&vocabulary);
    let rows: Vec<Row> = rows.map(|row| Row::new("test", example(row), &kinds).unwrap()).collect();
    let config = json!({ "tasks": { "task": { "family": family, "notation": notation, "values": values } } });
    World { tasks: Tasks::of(&config, Path::new("definition.parquet")).unwrap(), vocabulary, rows }
}

fn entry(entry: &sequence::Entry) -> Value {
    json!({ entry.name: serde_json::from_str::<Value>(entry.example).unwrap() })
}

#[test]
fn the_rule_is_right_on_its_rows_and_wrong_on_others() {
    for (family, notation) in FAMILIES.iter().flat_map(|f| NOTATIONS.iter().map(move |n| (f, n))) {
        let world = world(entry(family), entry(notation));
        assert!(!world.rows.is_empty(), "{} {}", family.name, notation.name);
        for row in &world.rows {
            assert!(world.tasks.oracle("test", row, &world.vocabulary).unwrap(), "{:?}", row.example);
            let mut wrong = row.clone();
            let last = wrong.example.terms.len() - 1;
            wrong.example.terms[last] += 1;
            wrong.example.tokens[row.target.span.start] = wrong.example.tokens[0];
            assert!(!world.tasks.oracle("test", &wrong, &world.vocabulary).unwrap(), "{:?}", row.example);
        }
    }
}

#[test]
fn every_answer_has_a_class() {
    for (family, notation) in FAMILIES.iter().flat_map(|f| NOTATIONS.iter().map(move |n| (f, n))) {
        let world = world(entry(family), entry(notation));
        let tokens = world.vocabulary.tokens().len() as u16;
        let ranges = Ranges::from([("integer".to_owned(), (0, 5))]);
        let judge =
            |row, said: &[u16]| world.tasks.judge("test", row, said, &world.vocabulary, &ranges).unwrap();
        for row in &world.rows {
            let right = &row.target.tokens;
            assert_eq!(judge(row, right).class, ErrorClass::Correct);
            assert_eq!(judge(row, &[]).class, ErrorClass::Malformed);
            for token in 0..tokens {
                for place in 0..right.len() {
                    let mut said = right.to_vec();
                    said[place] = token;
                    let judged = judge(row, &said);
                    assert_eq!(
                        judged.class == ErrorClass::Correct,
                        said == *right,
                        "{judged:?} {:?}",
                        row.example
                    );
                    assert_eq!(
                        judged.prediction == judged.answer,
                        said == *right,
                        "{judged:?} {:?}",
                        row.example
                    );
                    assert!(!judged.prediction.is_empty());
                    let number = |text: &str| text.parse::<i64>().ok();
                    if let (Some(value), "digits") = (judged.prediction_value, notation.name) {
                        assert_eq!(number(&judged.prediction), Some(value));
                    }
                    let [.., answer] = row.example.terms[..] else { panic!("a row has terms") };
                    let is_number = row.example.domain == "integer" && row.example.family != "sort";
                    assert_eq!(judged.answer_value, is_number.then_some(answer), "{judged:?}");
                    said.truncate(place + 1);
                    judge(row, &said);
                }
            }
        }
    }
}

#[test]
fn the_first_wrong_term_of_a_sorted_list_says_what_kind_of_mistake_it_is() {
    let world = world(json!("sort"), json!("numeral"));
    let vocabulary = &world.vocabulary;
    let list = [30, 7, 12, 7, 12, 30];
    let (family, notation) = (json!("sort"), json!("numeral"));
    let family: Family = serde_json::from_value(family).unwrap();
    let notation: Notation = serde_json::from_value(notation).unwrap();
    let written = write_row(&family, &notation, vocabulary, &list).unwrap();
    let mut example = world.rows[0].example.clone();
    (example.terms, example.tokens, example.text) = (list.to_vec(), written.tokens, written.text);
    let row = Row::new("test", example, &kinds(vocabulary)).unwrap();
    let judge = |values: &[i64]| {
        let said: Vec<u16> =
            values.iter().map(|&value| vocabulary.find(Kind::Value, value).unwrap()).collect();
        world
            .tasks
            .judge("test", &row, &said, vocabulary, &Ranges::from([("integer".to_owned(), (0, 35))]))
            .unwrap()
    };
    let class = |values: &[i64]| judge(values).class;
    let right = judge(&[7, 12, 30]);
    assert_eq!((right.prediction.as_str(), right.class), ("7 12 30", ErrorClass::Correct));
    assert_eq!((right.answer.as_str(), right.answer_value), ("7 12 30", None));
    let wrong = judge(&[7, 30, 30]);
    assert_eq!((wrong.prediction.as_str(), wrong.class), ("7 30 30", ErrorClass::CopyOther));
    assert_eq!(class(&[7, 7, 12]), ErrorClass::CopyLast);
    assert_eq!(class(&[7, 12, 31]), ErrorClass::OffByOne);
    assert_eq!(class(&[7, 22, 30]), ErrorClass::LastDigitRight);
    assert_eq!(class(&[7, 38, 30]), ErrorClass::OutOfRange);
    assert_eq!(class(&[7, 12]), ErrorClass::Malformed);
}

#[test]
fn digits_are_written_as_numbers_and_what_is_none_as_tokens() {
    let world = world(
        json!({ "geometric": { "ratio": 2 } }),
        json!({ "digits": { "width": 5, "order": "least_first" } }),
    );
    let row = &world.rows[0];
    let digit = |digit: i64| world.vocabulary.find(Kind::Digit, digit).unwrap();
    let end = *row.example.tokens.last().unwrap();
    let text = |digits: &[i64], ended: bool| {
        let said: Vec<u16> = digits.iter().map(|&value| digit(value)).chain(ended.then_some(end)).collect();
        world.tasks.judge("test", row, &said, &world.vocabulary, &Ranges::new()).unwrap().prediction
    };
    assert_eq!(text(&[1, 9, 2, 0, 0], true), "291");
    assert_eq!(text(&[0, 0, 0, 0, 0], true), "0");
    assert_eq!(text(&[1, 9, 2, 0, 0], false), "1 9 2 0 0 ...");
    assert_eq!(text(&[1, 9, 2], true), "1 9 2");
}

#[test]
fn a_task_that_cannot_be_understood_is_named_with_the_cause() {
    let error = |task: Value| {
        let definition = json!({ "tasks": { "plus": task } });
        let error = Tasks::of(&definition, Path::new("definition.parquet")).err().expect("it is no task");
        assert!(std::error::Error::source(&error).is_some());
        error.to_string()
    };
    let family = json!({ "arithmetic": { "step": 1 } });
    let missing = error(json!({ "family": family.clone() }));
    assert!(missing.contains("definition.parquet: tasks.plus: missing field `notation`"), "{missing}");
    let unknown = error(json!({ "family": { "triples": {} }, "notation": "numeral" }));
    assert!(unknown.contains("tasks.plus: ") && unknown.contains("triples"), "{unknown}");
    let zero = error(json!({ "family": { "arithmetic": { "steps": [] } }, "notation": "numeral" }));
    assert!(zero.contains("tasks.plus: "), "{zero}");
}
