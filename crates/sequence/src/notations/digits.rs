//! A token for each decimal digit: `0 1`, or `1 0`, for ten.

use std::borrow::Cow;

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

impl Digits {
    /// Returns the digits in their order, or nothing if the value has too many or is negative.
    fn digits(&self, value: i64) -> Option<Vec<u8>> {
        let text = u64::try_from(value).ok()?.to_string();
        let width = self.width.map_or(text.len(), usize::from);
        let mut digits: Vec<u8> = format!("{text:0>width$}").bytes().map(|byte| byte - b'0').collect();
        if self.order == Order::LeastFirst {
            digits.reverse();
        }
        (digits.len() == width).then_some(digits)
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
        let digits = self.digits(value).unwrap_or_default();
        tokens.extend(digits.iter().map_while(|&digit| vocabulary.find(Kind::Digit, digit.into())));
        !digits.is_empty()
    }

    fn read(&self, tokens: &[u16], vocabulary: &Vocabulary) -> Option<i64> {
        let digit = |&token| {
            vocabulary.token(token).filter(|token| token.kind == Kind::Digit).map(|token| token.value)
        };
        let mut digits = tokens.iter().map(digit).collect::<Option<Vec<i64>>>()?;
        if self.order == Order::LeastFirst {
            digits.reverse();
        }
        let value =
            digits.iter().try_fold(0_i64, |value, digit| value.checked_mul(10)?.checked_add(*digit))?;
        (self.digits(value)?.len() == tokens.len()).then_some(value)
    }

    fn alike(&self, value: i64, values: Range) -> Range {
        match (self.width, value.unsigned_abs().checked_ilog10()) {
            (Some(_), _) => values,
            (None, None | Some(0)) => values.and(Range { min: 0, max: 9 }),
            (None, Some(tens)) => {
                values.and(Range { min: 10_i64.pow(tens), max: 10_i64.saturating_pow(tens + 1) - 1 })
            }
        }
    }

    fn text(&self, value: i64) -> String {
        self.digits(value).map_or(value.to_string(), |digits| digits.iter().map(u8::to_string).collect())
    }
}
