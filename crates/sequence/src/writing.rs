//! What every notation says about itself.

use std::borrow::Cow;

use crate::{Error, Range, Token, Vocabulary};

/// A way of writing a value as tokens; one implementation a notation, listed in `notations.rs`.
pub trait Writing: Send + Sync {
    /// Refuses values that the notation cannot write.
    ///
    /// # Errors
    /// Names the value and what to write instead.
    fn check(&self, values: Range) -> Result<(), Error>;

    /// Returns the domain of the values: values of different domains are never compared.
    fn domain(&self) -> Cow<'static, str>;

    /// Says whether a value is always one token; else terms are separated by `SEP`.
    fn one_token(&self) -> bool;

    /// Returns the tokens that write the values, in the order of the vocabulary.
    fn tokens(&self, values: Range) -> Vec<Token>;

    /// Appends the tokens of a value, or says `false` and leaves what it appended if it cannot write it.
    fn write(&self, value: i64, vocabulary: &Vocabulary, tokens: &mut Vec<u16>) -> bool;

    /// Returns the value that exactly these tokens write, if any.
    fn read(&self, tokens: &[u16], vocabulary: &Vocabulary) -> Option<i64>;

    /// Returns the number of tokens that write the value.
    fn size(&self, _value: i64) -> usize {
        1
    }

    /// Appends the value as a person writes it: digits as a decimal number, whatever their order and padding.
    fn spell(&self, value: i64, text: &mut String);

    /// Returns the value as a person writes it.
    fn text(&self, value: i64) -> String {
        let mut text = String::new();
        self.spell(value, &mut text);
        text
    }

    /// Returns what stands between two values in the text that a person reads.
    fn between(&self) -> &'static str {
        " "
    }
}

/// Refuses more values than there can be tokens, where each is one of its own.
pub(crate) fn check_count(values: Range) -> Result<(), Error> {
    let count = values.count();
    if count <= Vocabulary::MOST.into() {
        return Ok(());
    }
    let found = format!("{count} values from {} to {} need a token each", values.min, values.max);
    let most = Vocabulary::MOST;
    let help = format!("a vocabulary has at most {most} tokens: bound the `values`, or write digits");
    Err(Error::parameter("notation", found, help))
}
