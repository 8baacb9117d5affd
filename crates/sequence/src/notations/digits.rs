//! A token for each decimal digit: `0 1`, or `1 0`, for ten.

use std::borrow::Cow;
use std::fmt::Write;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Kind, Range, Token, Vocabulary, Writing};

/// Writes a value digit by digit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Digits {
    /// The number of digits of every value, filled up with zeros; as many as it needs if left out.
    #[serde(default)]
    pub width: Option<u8>,
    /// Which digit comes first.
    #[serde(default)]
    pub order: Order,
}

/// Which digit comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// As people write numbers.
    #[default]
    MostFirst,
    /// The ones first.
    LeastFirst,
}

/// The most digits of an `i64`.
const MOST: usize = 19;

impl Digits {
    /// Returns the digits in their order and how many there are, or nothing if the value has too many or is negative.
    fn digits(&self, value: i64) -> Option<([u8; MOST], usize)> {
        let mut rest = u64::try_from(value).ok()?;
        let (mut digits, mut count) = ([0; MOST], 0);
        while rest > 0 || count == 0 {
            digits[count] = (rest % 10) as u8;
            rest /= 10;
            count += 1;
        }
        let width = self.width.map_or(count, usize::from);
        if width < count || width > MOST {
            return None;
        }
        if self.order == Order::MostFirst {
            digits[..width].reverse();
        }
        Some((digits, width))
    }
}

impl Writing for Digits {
    fn check(&self, values: Range) -> Result<(), Error> {
        if let Some(width @ (0 | 20..)) = self.width {
            let help = "a width is 1 to 19 digits";
            return Err(Error::parameter("notation.digits.width", format!("{width} found"), help));
        }
        if values.min < 0 {
            let help = "digits write values from 0 on: raise the bounds, or take numerals";
            return Err(Error::parameter(
                "notation.digits",
                format!("rows reach down to {}", values.min),
                help,
            ));
        }
        let needed = values.max.to_string().len();
        match self.width {
            Some(width) if needed > width.into() => {
                let found = format!(
                    "rows reach up to {}, which has {needed} digits, but the width is {width}",
                    values.max
                );
                Err(Error::parameter(
                    "notation.digits.width",
                    found,
                    format!("set `width: {needed}` or lower the bounds"),
                ))
            }
            _ => Ok(()),
        }
    }

    fn domain(&self) -> Cow<'static, str> {
        "integer".into()
    }

    fn one_token(&self) -> bool {
        false
    }

    fn tokens(&self, _: Range) -> Vec<Token> {
        (0..10).map(|value| Token { token: value.to_string(), kind: Kind::Digit, value }).collect()
    }

    fn write(&self, value: i64, vocabulary: &Vocabulary, tokens: &mut Vec<u16>) -> bool {
        let Some((digits, width)) = self.digits(value) else { return false };
        digits[..width].iter().all(|&digit| {
            let token = vocabulary.find(Kind::Digit, digit.into());
            tokens.extend(token);
            token.is_some()
        })
    }

    fn read(&self, tokens: &[u16], vocabulary: &Vocabulary) -> Option<i64> {
        let digit = |token: u16| {
            vocabulary.token(token).filter(|token| token.kind == Kind::Digit).map(|token| token.value)
        };
        let mut value = 0_i64;
        for place in 0..tokens.len() {
            let place = if self.order == Order::LeastFirst { tokens.len() - 1 - place } else { place };
            value = value.checked_mul(10)?.checked_add(digit(tokens[place])?)?;
        }
        (self.digits(value)?.1 == tokens.len()).then_some(value)
    }

    fn size(&self, value: i64) -> usize {
        self.digits(value).map_or(0, |(_, width)| width)
    }

    fn spell(&self, value: i64, text: &mut String) {
        // Order and padding are the model's affair: a person reads numbers.
        let _ = write!(text, "{value}");
    }
}
