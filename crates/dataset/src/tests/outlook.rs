//! What a definition shows of its rows is what is then built.

use super::*;

/// Returns the outlook, the longest rows of train and validation and of the test, and the number of train rows.
fn both(value: Value) -> (Outlook, [usize; 2], u64) {
    let outlook = config(value.clone()).outlook().unwrap();
    let built = build(value).unwrap();
    let vocabulary = built.vocabulary.iter().map(|token| format!("{} {}", token.kind, token.token));
    assert_eq!(outlook.vocabulary, vocabulary.collect::<Vec<_>>());
    let longest = |rows: &[Example]| rows.iter().map(|row| row.tokens.len()).max().unwrap_or(0);
    let [train, validation, test] = &built.splits;
    let rows = train.len() as u64;
    assert!(rows <= outlook.train && validation.len() as u64 <= outlook.validation);
    (outlook, [longest(train).max(longest(validation)), longest(test)], rows)
}

#[test]
fn the_longest_rows_are_those_that_are_built() {
    let length = json!({ "length": { "test": 7 } });
    for (value, held) in [(x2(), false), (plus2(20), false), (random(), false)] {
        let (outlook, [seen, _], _) = both(value);
        assert!(outlook.exact);
        assert_eq!((outlook.seen, outlook.held > 0), (seen, held));
    }
    let mut value = plus2(20);
    value.as_object_mut().unwrap().remove("pins");
    value["tasks"]["plus1"]["terms"] = json!(4);
    value["holdout"] = json!({ "level": length });
    let (outlook, longest, _) = both(value);
    assert_eq!(([outlook.seen, outlook.held], outlook.exact), (longest, true));
    assert!(outlook.held > outlook.seen && outlook.longest() == outlook.held);
}

#[test]
fn rows_that_are_limited_are_no_more() {
    let (outlook, _, rows) = both(random());
    assert_eq!((outlook.train, outlook.validation, outlook.test), (4000, 250, 500));
    assert_eq!(rows, 4000);
}

#[test]
fn where_values_take_different_numbers_of_tokens_it_says_so() {
    let mut value = x2();
    value["tasks"]["x2"]["notation"] = json!("words");
    let outlook = config(value).outlook().unwrap();
    assert!(!outlook.exact);
}
