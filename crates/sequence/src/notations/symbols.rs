//! Symbols that mean nothing: `abc0`, `abc1`.

use std::{borrow::Cow, fmt::Write as _};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Kind, Range, Token, Vocabulary, Writing, writing::check_count};

/// Writes a value as a symbol of a domain of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Symbols {
    /// Names the domain: letters and underscores, with which each symbol begins.
    pub name: String,
}

impl Writing for Symbols {
    fn check(&self, values: Range) -> Result<(), Error> {
        // A digit at its end would run into the number of the symbol.
        let sound = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
        if self.name.is_empty() || !self.name.bytes().all(sound) {
            let message = format!("`{}` found", self.name);
            let help = "a name is made of the letters a to z and underscores";
            return Err(Error::parameter("notation.symbols.name", message, help));
        }
        if values.min < 0 {
            let message = format!("rows reach down to {}", values.min);
            return Err(Error::parameter("notation.symbols", message, "symbols are numbered from 0 on"));
        }
        check_count(values)
    }

    fn domain(&self) -> Cow<'static, str> {
        format!("symbol:{}", self.name).into()
    }

    fn one_token(&self) -> bool {
        true
    }

    fn tokens(&self, values: Range) -> Vec<Token> {
        let token = |value: i64| Token { token: self.text(value), kind: Kind::Value, value };
        (values.min..=values.max).map(token).collect()
    }

    fn write(&self, value: i64, vocabulary: &Vocabulary, tokens: &mut Vec<u16>) -> bool {
        let token = vocabulary.numbered(&self.name, value);
        tokens.extend(token);
        token.is_some()
    }

    fn read(&self, tokens: &[u16], vocabulary: &Vocabulary) -> Option<i64> {
        let [token] = tokens else { return None };
        vocabulary.number(&self.name, *token)
    }

    fn spell(&self, value: i64, text: &mut String) {
        let _ = write!(text, "{}{value}", self.name);
    }
}
