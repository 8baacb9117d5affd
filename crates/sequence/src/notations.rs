//! The list of notations: one file and one line each.

use crate::{tagged::tagged, writing::Writing};

mod days;
mod digits;
mod letters;
mod months;
mod names;
mod numeral;
mod symbols;
mod words;

tagged! {
    /// How a value is written as tokens, as a definition names it.
    Notation, NOTATIONS, "notation", Writing;
    "days" Days(days::Days) "{}" "Writes 1 to 7 as the days from Monday on.";
    "digits" Digits(digits::Digits) r#"{"width":5,"order":"least_first"}"# "Writes a value digit by digit.";
    "letters" Letters(letters::Letters) "{}" "Writes 1 to 26 as the letters from A on.";
    "months" Months(months::Months) "{}" "Writes 1 to 12 as the months from January on.";
    "numeral" Numeral(numeral::Numeral) "{}" "Writes a value as one token of its own.";
    "symbols" Symbols(symbols::Symbols) r#"{"name":"abc"}"# "Writes a value as a symbol of a domain of its own.";
    "words" Words(words::Words) "{}" "Writes a value in English number words.";
}
