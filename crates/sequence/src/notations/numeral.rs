//! One token a value: `10`.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Kind, Range, Token, Vocabulary, Writing};

/// Writes a value as one token of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Numeral {}

impl Writing for Numeral {
    fn check(&self, values: Range) -> Result<(), Error> {
        let count = values.count();
        if count <= Vocabulary::MOST.into() {
            return Ok(());
        }
        let found = format!("{count} values from {} to {} need a token each", values.min, values.max);
        let help = format!(
            "a vocabulary has at most {} tokens: bound the `values`, or write digits",
            Vocabulary::MOST
        );
        Err(Error::parameter("notation", found, help))
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
        let token = vocabulary.find(Kind::Value, value);
        tokens.extend(token);
        token.is_some()
    }

    fn read(&self, tokens: &[u16], vocabulary: &Vocabulary) -> Option<i64> {
        let [token] = tokens else { return None };
        vocabulary.token(*token).filter(|token| token.kind == Kind::Value).map(|token| token.value)
    }

    fn alike(&self, _: i64, values: Range) -> Range {
        values
    }

    fn text(&self, value: i64) -> String {
        value.to_string()
    }
}
