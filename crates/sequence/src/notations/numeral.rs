//! One token a value: `10`.

use std::{borrow::Cow, fmt::Write as _};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Kind, Range, Token, Vocabulary, Writing, writing::check_count};

/// Writes a value as one token of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Numeral {}

impl Writing for Numeral {
    fn check(&self, values: Range) -> Result<(), Error> {
        check_count(values)
    }

    fn domain(&self) -> Cow<'static, str> {
        "integer".into()
    }

    fn one_token(&self) -> bool {
        true
    }

    fn tokens(&self, values: Range) -> Vec<Token> {
        let token = |value: i64| Token { token: value.to_string(), kind: Kind::Value, value };
        (values.min..=values.max).map(token).collect()
    }

    fn write(&self, value: i64, vocabulary: &Vocabulary, tokens: &mut Vec<u16>) -> bool {
        let token = vocabulary.numbered("", value);
        tokens.extend(token);
        token.is_some()
    }

    fn read(&self, tokens: &[u16], vocabulary: &Vocabulary) -> Option<i64> {
        let [token] = tokens else { return None };
        vocabulary.number("", *token)
    }

    fn spell(&self, value: i64, text: &mut String) {
        let _ = write!(text, "{value}");
    }
}
