use artifact::tables::Token;

use super::*;
use crate::prove::decoding;
use crate::read::lists::Lists;
use crate::read::rows::tests::rows_of;

/// Ids: 0 to 9 the digits, 10 BEGIN, 11 END, 12 SEP, 13 the sign, then what is named.
fn vocabulary(named: &[(&str, &str, Option<i64>)]) -> Vocabulary {
    let digits: Vec<String> = (0..10).map(|digit| digit.to_string()).collect();
    let digits = digits.iter().zip(0..).map(|(name, digit)| (name.as_str(), "digit", Some(digit)));
    let special =
        [("BEGIN", "begin", None), ("END", "end", None), ("SEP", "separator", None), ("-", "digit", None)];
    let all = digits.chain(special).chain(named.iter().copied()).zip(0..);
    let token = |((token, kind, value), token_id): ((&str, &str, _), i32)| Token {
        token_id,
        token: token.to_owned(),
        kind: kind.to_owned(),
        value,
    };
    Vocabulary::new(&all.map(token).collect::<Vec<_>>())
}

/// Terms, and the tokens of each.
type Written<'a> = [(i64, &'a [u32])];

/// The spelling of one row, whose script is (0, 0).
fn spelling(vocabulary: &Vocabulary, written: &Written<'_>) -> Spelling {
    let mut rows = rows_of(0, &[written.iter().map(|(term, _)| *term).collect()]);
    let groups: Vec<&[u32]> = written.iter().map(|(_, group)| *group).collect();
    rows.tokens = Lists::default();
    rows.tokens.push(&groups.join(&12));
    let mut spaces = Spaces::new();
    decoding::observe(&mut spaces, vocabulary, &rows, 0);
    Spelling::of(spaces, vocabulary)
}

const HERE: (u64, u64) = (0, 0);

#[test]
fn digits_are_decimal_numbers_whatever_their_order_and_padding() {
    let vocabulary = vocabulary(&[]);
    let text = |written: &Written<'_>, said: &[u32]| {
        let spelling = spelling(&vocabulary, written);
        spelling.tokens(HERE, said, &[1, 2, 11], &vocabulary)
    };
    // `30000 59000 19200` is 3 95 291.
    let least: &Written<'_> = &[(3, &[3, 0, 0, 0, 0]), (95, &[5, 9, 0, 0, 0])];
    assert_eq!(text(least, &[1, 9, 2, 0, 0, 11]), "291");
    // SEP behind the last term says as well as END that it goes no further.
    assert_eq!(text(least, &[1, 9, 2, 0, 0, 12]), "291");
    assert_eq!(text(least, &[0, 0, 0, 0, 0, 11]), "0");
    let wide: &Written<'_> = &[(3, &[0, 0, 3]), (95, &[0, 9, 5])];
    assert_eq!(text(wide, &[2, 9, 1, 11]), "291");
    assert_eq!(text(wide, &[0, 0, 7, 11]), "7");
    let most: &Written<'_> = &[(3, &[3]), (195, &[1, 9, 5]), (-12, &[13, 1, 2])];
    assert_eq!(text(most, &[2, 9, 0, 11]), "290");
    assert_eq!(text(most, &[13, 4, 0, 11]), "-40");
    let bare: &Written<'_> = &[(3, &[3]), (195, &[5, 9, 1]), (-12, &[2, 1, 13])];
    assert_eq!(text(bare, &[0, 9, 2, 11]), "290");
    assert_eq!(text(bare, &[0, 4, 13, 11]), "-40");
    // Where both orders fit, that of people.
    assert_eq!(text(&[(7, &[7]), (33, &[3, 3])], &[1, 2, 11]), "12");
}

#[test]
fn what_spells_no_value_stays_tokens() {
    let vocabulary = vocabulary(&[]);
    let most: &Written<'_> = &[(3, &[3]), (195, &[1, 9, 5])];
    let wide: &Written<'_> = &[(3, &[0, 0, 3]), (195, &[1, 9, 5])];
    for (written, said, expected) in [
        // It goes on, it is two terms, it has no term, a zero leads, the width is another, it overflows.
        (most, &[2, 9][..], "2 9 ..."),
        (most, &[2, 12, 9, 11], "2 SEP 9"),
        (most, &[11], ""),
        (most, &[10, 2, 11], "BEGIN 2"),
        (most, &[0, 2, 11], "0 2"),
        (wide, &[0, 2, 11], "0 2"),
        (wide, &[0, 0, 2, 9, 11], "0 0 2 9"),
        (most, &[9; 20], "9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 ..."),
        (most, &[13, 13, 11], "- -"),
    ] {
        assert_eq!(spelling(&vocabulary, written).tokens(HERE, said, &[1, 2, 11], &vocabulary), expected);
    }
    // Without a vocabulary there is nothing to spell by.
    let nothing = Spelling::default();
    assert_eq!(nothing.tokens(HERE, &[7], &[8], &Vocabulary::default()), "<7>");
    assert_eq!(nothing.terms(HERE, &[7, -8], &Vocabulary::default()), "7 -8");
}

#[test]
fn both_views_write_a_value_alike() {
    let named = [
        ("twenty", "word", Some(20)),
        ("one", "word", Some(1)),
        ("thousand", "word", Some(1000)),
        ("hundred", "word", Some(100)),
        ("and", "word", None),
        ("March", "value", Some(3)),
        ("3", "value", Some(3)),
        ("40", "value", Some(40)),
    ];
    let vocabulary = vocabulary(&named);
    let alike = |written: &Written<'_>, value: i64, said: &[u32], answer: &[u32]| {
        let spelling = spelling(&vocabulary, written);
        let text = spelling.terms(HERE, &[value], &vocabulary);
        assert_eq!(spelling.tokens(HERE, said, answer, &vocabulary), text);
        text
    };
    let words: &Written<'_> =
        &[(21, &[14, 15]), (1001, &[15, 16, 18, 15]), (1121, &[15, 16, 15, 17, 18, 14, 15])];
    assert_eq!(alike(words, 21, &[14, 15, 11], &[15, 11]), "twenty-one");
    assert_eq!(alike(words, 1001, &[15, 16, 18, 15, 11], &[15, 11]), "one thousand and one");
    let large = "one thousand, one hundred and twenty-one";
    assert_eq!(alike(words, 1121, &[15, 16, 15, 17, 18, 14, 15, 11], &[15, 11]), large);
    let two = spelling(&vocabulary, words);
    assert_eq!(two.terms(HERE, &[21, 1001], &vocabulary), "twenty-one; one thousand and one");
    assert_eq!(
        two.tokens(HERE, &[14, 15, 12, 14, 15, 11], &[15, 12, 15, 11], &vocabulary),
        "twenty-one; twenty-one"
    );
    // A value that train never wrote in words.
    assert_eq!(two.terms(HERE, &[40], &vocabulary), "40");
    assert_eq!(alike(&[(3, &[19]), (40, &[21])], 3, &[19], &[21]), "March");
    assert_eq!(alike(&[(3, &[20]), (40, &[21])], 3, &[20], &[21]), "3");
    assert_eq!(alike(&[(3, &[20]), (40, &[21])], 40, &[21], &[20]), "40");
    // Of whole values the token that says so; of digits the number.
    assert_eq!(alike(&[(3, &[3, 0]), (40, &[0, 4])], 40, &[0, 4, 11], &[1, 2, 11]), "40");
}
