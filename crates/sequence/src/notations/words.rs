//! English number words: `one thousand and one`.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Kind, NONE, Range, Token, Vocabulary, Writing};

/// The greatest value.
const MOST: i64 = 999_999;
/// The most words that a value needs.
const LONGEST: usize = 11;
/// `and` counts nothing.
const AND: i64 = NONE;

/// Writes a value in English words, a token each; as text as num2words does, with commas and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Words {}

/// Every word with what it counts.
const WORDS: [(i64, &str); 31] = [
    (AND, "and"),
    (0, "zero"),
    (1, "one"),
    (2, "two"),
    (3, "three"),
    (4, "four"),
    (5, "five"),
    (6, "six"),
    (7, "seven"),
    (8, "eight"),
    (9, "nine"),
    (10, "ten"),
    (11, "eleven"),
    (12, "twelve"),
    (13, "thirteen"),
    (14, "fourteen"),
    (15, "fifteen"),
    (16, "sixteen"),
    (17, "seventeen"),
    (18, "eighteen"),
    (19, "nineteen"),
    (20, "twenty"),
    (30, "thirty"),
    (40, "forty"),
    (50, "fifty"),
    (60, "sixty"),
    (70, "seventy"),
    (80, "eighty"),
    (90, "ninety"),
    (100, "hundred"),
    (1000, "thousand"),
];

impl Writing for Words {
    fn check(&self, values: Range) -> Result<(), Error> {
        if values.min >= 0 && values.max <= MOST {
            return Ok(());
        }
        let message = format!("rows reach from {} to {}", values.min, values.max);
        let help = format!("words write 0 to {MOST}: bound the `values`, or take numerals");
        Err(Error::parameter("notation.words", message, help))
    }

    fn domain(&self) -> Cow<'static, str> {
        "integer".into()
    }

    fn one_token(&self) -> bool {
        false
    }

    fn tokens(&self, values: Range) -> Vec<Token> {
        let needed = |value: i64| if value == AND { values.max > 100 } else { value <= values.max };
        let token = |&(value, word): &(i64, &str)| Token { token: word.into(), kind: Kind::Word, value };
        WORDS.iter().filter(|(value, _)| needed(*value)).map(token).collect()
    }

    fn write(&self, value: i64, vocabulary: &Vocabulary, tokens: &mut Vec<u16>) -> bool {
        let mut written = (0..=MOST).contains(&value);
        if written {
            say(value, &mut |word| match vocabulary.find(Kind::Word, word) {
                Some(token) => tokens.push(token),
                None => written = false,
            });
        }
        written
    }

    fn read(&self, tokens: &[u16], vocabulary: &Vocabulary) -> Option<i64> {
        if tokens.is_empty() || tokens.len() > LONGEST {
            return None;
        }
        let (mut thousands, mut rest) = (0_i64, 0_i64);
        for &token in tokens {
            match vocabulary.token(token).filter(|token| token.kind == Kind::Word)?.value {
                AND => {}
                1000 => (thousands, rest) = (rest, 0),
                100 => rest = rest.checked_mul(100)?,
                word => rest = rest.checked_add(word)?,
            }
        }
        let value = thousands.checked_mul(1000)?.checked_add(rest)?;
        let mut again = Vec::with_capacity(LONGEST);
        (self.write(value, vocabulary, &mut again) && again == tokens).then_some(value)
    }

    fn size(&self, value: i64) -> usize {
        let mut size = 0;
        say(value.clamp(0, MOST), &mut |_| size += 1);
        size
    }

    fn between(&self) -> &'static str {
        "; "
    }

    fn spell(&self, value: i64, text: &mut String) {
        if !(0..=MOST).contains(&value) {
            text.push_str(&value.to_string());
            return;
        }
        let mut before = None;
        say(value, &mut |word| {
            match before {
                None => {}
                Some(20..=90) if word < 10 && word != AND => text.push('-'),
                Some(1000) if word != AND => text.push_str(", "),
                Some(_) => text.push(' '),
            }
            text.push_str(name(word));
            before = Some(word);
        });
    }
}

/// Returns the word that counts so much.
fn name(word: i64) -> &'static str {
    let place = match word {
        AND => 0,
        0..20 => word + 1,
        20..100 => word / 10 + 19,
        100 => 29,
        _ => 30,
    };
    WORDS[place as usize].1
}

/// Calls `word` with what each word of the value counts.
fn say(value: i64, word: &mut impl FnMut(i64)) {
    let (thousands, rest) = (value / 1000, value % 1000);
    if thousands > 0 {
        say_below_thousand(thousands, word);
        word(1000);
    }
    if thousands > 0 && (1..100).contains(&rest) {
        word(AND);
    }
    if rest > 0 || value == 0 {
        say_below_thousand(rest, word);
    }
}

fn say_below_thousand(value: i64, word: &mut impl FnMut(i64)) {
    let (hundreds, rest) = (value / 100, value % 100);
    if hundreds > 0 {
        word(hundreds);
        word(100);
        if rest == 0 {
            return;
        }
        word(AND);
    }
    match rest {
        0..20 => word(rest),
        _ => {
            word(rest / 10 * 10);
            if rest % 10 > 0 {
                word(rest % 10);
            }
        }
    }
}
