//! The list of notations: one file and one line each.

use std::borrow::Cow;

use crate::{Error, Range, Token, Vocabulary, tagged::tagged};

pub(crate) mod digits;
pub(crate) mod numeral;

/// A way of writing a value as tokens; one implementation a notation.
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

    /// Returns those of the values that may be written with as many tokens as this one.
    fn alike(&self, value: i64, values: Range) -> Range;

    /// Returns the value as a person reads it, in the order of its tokens.
    fn text(&self, value: i64) -> String;
}

tagged! {
    /// How a value is written as tokens, as a definition names it.
    Notation, NOTATIONS, "notation", Writing;
    "digits" Digits(digits::Digits) r#"{"width":5,"order":"least_first"}"# "Writes a value digit by digit.";
    "numeral" Numeral(numeral::Numeral) "{}" "Writes a value as one token of its own.";
}
