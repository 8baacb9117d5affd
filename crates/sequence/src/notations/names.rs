//! Notations with a name for each value, from 1 on: one token a value.

use std::borrow::Cow;

use crate::{Error, Kind, Range, Token, Vocabulary, Writing};

/// A notation that is no more than a list of names.
pub(crate) trait Names: Send + Sync {
    /// The name of the notation.
    const NOTATION: &'static str;
    /// The domain of the values.
    const DOMAIN: &'static str;
    /// The names of 1, 2, ...; no name is that of another domain.
    const NAMES: &'static [&'static str];
}

/// Returns the name of a value.
fn name<T: Names>(value: i64) -> Option<&'static str> {
    T::NAMES.get(usize::try_from(value.checked_sub(1)?).ok()?).copied()
}

impl<T: Names> Writing for T {
    fn check(&self, values: Range) -> Result<(), Error> {
        let count = T::NAMES.len();
        if values.min >= 1 && values.max <= count as i64 {
            return Ok(());
        }
        let at = format!("notation.{}", T::NOTATION);
        let message = format!("rows reach from {} to {}", values.min, values.max);
        Err(Error::parameter(&at, message, format!("its values are 1 to {count}: set `values`")))
    }

    fn domain(&self) -> Cow<'static, str> {
        T::DOMAIN.into()
    }

    fn one_token(&self) -> bool {
        true
    }

    fn tokens(&self, values: Range) -> Vec<Token> {
        let names = T::NAMES.iter().zip(1..).filter(|(_, value)| values.contains(*value));
        names.map(|(name, value)| Token { token: (*name).into(), kind: Kind::Value, value }).collect()
    }

    fn write(&self, value: i64, vocabulary: &Vocabulary, tokens: &mut Vec<u16>) -> bool {
        let token = name::<T>(value).and_then(|name| vocabulary.named(Kind::Value, name));
        tokens.extend(token);
        token.is_some()
    }

    fn read(&self, tokens: &[u16], vocabulary: &Vocabulary) -> Option<i64> {
        let [token] = tokens else { return None };
        let token = vocabulary.token(*token).filter(|token| token.kind == Kind::Value)?;
        (name::<T>(token.value)? == token.token).then_some(token.value)
    }

    fn spell(&self, value: i64, text: &mut String) {
        match name::<T>(value) {
            Some(name) => text.push_str(name),
            None => text.push_str(&value.to_string()),
        }
    }
}
