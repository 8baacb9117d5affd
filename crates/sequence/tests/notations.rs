//! What single notations write, and that a vocabulary tells them apart.

use std::collections::BTreeSet;

use sequence::*;

fn notation(json: &str) -> Notation {
    serde_json::from_str(json).expect("valid notation")
}

fn plus(step: i64) -> Family {
    serde_json::from_str(&format!(r#"{{"arithmetic":{{"step":{step}}}}}"#)).expect("valid family")
}

fn range(min: i64, max: i64) -> Range {
    Range { min, max }
}

fn names(vocabulary: &Vocabulary, tokens: &[u16]) -> String {
    let name = |&id: &u16| vocabulary.token(id).expect("a token").token.as_str();
    tokens.iter().map(name).collect::<Vec<_>>().join(" ")
}

#[test]
fn words_are_those_of_num2words() {
    let golden: serde_json::Value = serde_json::from_str(include_str!("golden/words.json")).unwrap();
    let words = notation(r#""words""#);
    for (value, expected) in golden["sample"].as_object().unwrap() {
        assert_eq!(words.text(value.parse().unwrap()), expected.as_str().unwrap());
    }
    let mut digest = blake3::Hasher::new();
    let mut line = String::new();
    for value in 0..1_000_000 {
        line.clear();
        words.spell(value, &mut line);
        line.push('\n');
        digest.update(line.as_bytes());
    }
    assert_eq!(digest.finalize().to_hex().as_str(), golden["blake3"].as_str().unwrap());
}

#[test]
fn the_tokens_of_a_number_are_its_words_and_only_they_are_read_as_it() {
    let (family, words) = (plus(1), notation(r#""words""#));
    let values = range(0, 999_999);
    let vocabulary = Vocabulary::new([(&family, &words, values)]).unwrap();
    let mut tokens = Vec::new();
    for value in (0..1_000_000).step_by(7).chain([999_999]) {
        tokens.clear();
        assert!(words.write(value, &vocabulary, &mut tokens));
        let text = words.text(value).replace(['-', ','], " ");
        assert!(text.split_whitespace().eq(names(&vocabulary, &tokens).split(' ')));
        assert_eq!((words.read(&tokens, &vocabulary), words.size(value)), (Some(value), tokens.len()));
    }
    let read = |text: &str| {
        let tokens: Vec<u16> =
            text.split(' ').map(|word| vocabulary.named(Kind::Word, word).unwrap()).collect();
        words.read(&tokens, &vocabulary)
    };
    assert_eq!(read("seven hundred and twenty one thousand and five"), Some(721_005));
    let wrong =
        ["and one", "one one", "one hundred one", "one hundred and", "twenty ten", "zero one", "hundred"];
    for text in
        wrong.into_iter().chain(["one thousand thousand", "one thousand and one hundred", "ten twenty"])
    {
        assert_eq!(read(text), None, "{text}");
    }
    assert_eq!(read(&["hundred"; 11].join(" ")), None);
    assert_eq!(vocabulary.tokens().len(), 3 + 31);
    let few = Vocabulary::new([(&family, &words, range(0, 30))]).unwrap();
    assert_eq!((few.named(Kind::Word, "thirty").is_some(), few.named(Kind::Word, "hundred")), (true, None));
}

#[test]
fn one_vocabulary_tells_equal_values_of_different_notations_apart() {
    let family = plus(1);
    let all = [
        (r#""numeral""#, range(-12, 12), "1"),
        (r#""months""#, range(1, 12), "January"),
        (r#""days""#, range(1, 7), "Monday"),
        (r#""letters""#, range(1, 26), "A"),
        (r#"{"symbols":{"name":"abc"}}"#, range(0, 12), "abc1"),
        (r#"{"symbols":{"name":"ab"}}"#, range(0, 3), "ab1"),
        (r#""words""#, range(0, 12), "one"),
        (r#"{"digits":{"width":2}}"#, range(0, 12), "0 1"),
    ];
    let notations: Vec<(Notation, Range)> =
        all.iter().map(|(json, range, _)| (notation(json), *range)).collect();
    let uses = || notations.iter().map(|(notation, range)| (&family, notation, *range));
    let vocabulary = Vocabulary::new(uses()).unwrap();
    assert_eq!(
        Vocabulary::new(uses().rev().chain(uses())).unwrap(),
        vocabulary,
        "order and repeats are no matter"
    );
    assert_eq!(vocabulary.tokens().len(), 3 + 10 + 13 + 25 + 12 + 7 + 26 + 13 + 4);
    let texts: BTreeSet<&str> = vocabulary.tokens().iter().map(|token| token.token.as_str()).collect();
    assert_eq!(texts.len(), vocabulary.tokens().len() - 10, "only a digit is written as a numeral is");
    for (place, (one, values)) in notations.iter().enumerate() {
        for value in values.min..=values.max {
            let mut tokens = Vec::new();
            assert!(one.write(value, &vocabulary, &mut tokens));
            if value == 1 {
                assert_eq!(names(&vocabulary, &tokens), all[place].2);
            }
            for (other, (another, _)) in notations.iter().enumerate() {
                let expected = (other == place).then_some(value);
                assert_eq!(another.read(&tokens, &vocabulary), expected, "{one:?} {value} as {another:?}");
            }
        }
    }
    let domains: BTreeSet<String> = notations.iter().map(|(one, _)| one.domain().into_owned()).collect();
    assert!(domains.iter().eq(["day", "integer", "letter", "month", "symbol:ab", "symbol:abc"]));
}

#[test]
fn a_value_that_a_notation_cannot_write_is_refused_with_what_helps() {
    let cases = [
        (r#""words""#, range(-1, 5), "notation.words", "-1 to 5"),
        (r#""words""#, range(0, 1_000_000), "notation.words", "0 to 1000000"),
        (r#""digits""#, range(-3, 5), "notation.digits", "down to -3"),
        (r#""months""#, range(0, 12), "notation.months", "0 to 12"),
        (r#""months""#, range(1, 13), "notation.months", "1 to 13"),
        (r#""days""#, range(1, 8), "notation.days", "1 to 8"),
        (r#""letters""#, range(0, 5), "notation.letters", "0 to 5"),
        (r#"{"symbols":{"name":"abc"}}"#, range(-1, 5), "notation.symbols", "down to -1"),
        (r#"{"symbols":{"name":"abc"}}"#, range(0, 70_000), "notation", "70001 values"),
        (r#"{"symbols":{"name":"a1"}}"#, range(0, 5), "notation.symbols.name", "`a1` found"),
        (r#"{"symbols":{"name":""}}"#, range(0, 5), "notation.symbols.name", "`` found"),
    ];
    for (json, values, path, words) in cases {
        let Error::Parameter { at, message, help } = notation(json).check(values).unwrap_err();
        assert_eq!(at, path, "{json}");
        assert!(message.contains(words) && !help.is_empty(), "{json}: {message}");
        // Who writes it all the same gets no token, and a text.
        let family = plus(1);
        let vocabulary = Vocabulary::new([(&family, &notation(r#""numeral""#), range(0, 1))]).unwrap();
        assert!(!notation(json).write(values.min.min(-1), &vocabulary, &mut Vec::new()));
        assert!(!notation(json).text(i64::MIN).is_empty() && notation(json).read(&[], &vocabulary).is_none());
    }
}

#[test]
fn digits_come_least_or_most_first_and_fill_a_width_and_are_numbers_as_text() {
    let most = notation(r#""digits""#);
    assert_eq!([most.text(0), most.text(7), most.text(1200)], ["0", "7", "1200"]);
    let wide = notation(r#"{"digits":{"width":3}}"#);
    assert_eq!([wide.text(7), wide.text(999)], ["7", "999"]);
    let least = notation(r#"{"digits":{"order":"least_first"}}"#);
    assert_eq!([least.text(0), least.text(1200)], ["0", "1200"]);
    let both = notation(r#"{"digits":{"width":19,"order":"least_first"}}"#);
    assert_eq!(both.text(i64::MAX), "9223372036854775807");
    let Error::Parameter { message, help, .. } = wide.check(range(0, 1000)).unwrap_err();
    assert!(message.contains("1000, which has 4 digits") && help.contains("width: 4"), "{message}");
    let family = plus(1);
    let vocabulary = Vocabulary::new([(&family, &most, range(0, 9))]).unwrap();
    let read = |notation: &Notation, digits: &[i64]| {
        let tokens: Vec<u16> =
            digits.iter().map(|&digit| vocabulary.find(Kind::Digit, digit).unwrap()).collect();
        notation.read(&tokens, &vocabulary)
    };
    assert_eq!([read(&most, &[0, 1]), read(&most, &[1, 0])], [None, Some(10)]);
    assert_eq!([read(&least, &[1, 0]), read(&least, &[0, 1])], [None, Some(10)]);
    assert_eq!([read(&wide, &[1, 0]), read(&wide, &[0, 1, 0])], [None, Some(10)]);
    assert_eq!(read(&most, &[9; 20]), None);
}

#[test]
fn a_row_is_laid_out_with_its_operators_and_its_answer_last() {
    let layout = |family: &str, json: &str, values: Range, terms: &[i64]| {
        let (family, one) = (serde_json::from_str::<Family>(family).unwrap(), notation(json));
        let vocabulary = Vocabulary::new([(&family, &one, values)]).unwrap();
        let mut row = write_row(&family, &one, &vocabulary, terms).unwrap();
        let answer = row.answer_start..row.answer_start + row.answer_length;
        let context = family.context(terms.len());
        assert_eq!(read_answer(&one, &vocabulary, &row.tokens[answer.clone()]).unwrap(), terms[context..]);
        let laid_out = (names(&vocabulary, &row.tokens), answer, row.text.clone());
        // The same row again in the memory of another.
        assert!(!row.write(&family, &one, &vocabulary, &[-7]));
        assert!(row.write(&family, &one, &vocabulary, terms));
        assert_eq!(row, write_row(&family, &one, &vocabulary, terms).unwrap());
        laid_out
    };
    let months =
        layout(r#"{"cyclic":{"cycle":"months","step":2}}"#, r#""months""#, range(1, 12), &[9, 11, 1]);
    let text = "September November January";
    assert_eq!(months, ("BEGIN September November January END".into(), 3..4, text.into()));
    let sum = layout(r#"{"addition":{"digits":2}}"#, r#""digits""#, range(0, 198), &[7, 99, 106]);
    assert_eq!(sum, ("BEGIN 7 PLUS 9 9 EQUALS 1 0 6 END".into(), 6..10, "7 PLUS 99 EQUALS 106".into()));
    let sorted = layout(r#""sort""#, r#""numeral""#, range(0, 9), &[3, 1, 2, 1, 2, 3]);
    assert_eq!(sorted, ("BEGIN 3 1 2 MID 1 2 3 END".into(), 5..8, "3 1 2 MID 1 2 3".into()));
    let words = layout(r#"{"arithmetic":{"step":2}}"#, r#""words""#, range(0, 30), &[19, 21, 23]);
    let tokens = "BEGIN nineteen SEP twenty one SEP twenty three END";
    assert_eq!(words, (tokens.into(), 6..9, "nineteen; twenty-one; twenty-three".into()));
}
