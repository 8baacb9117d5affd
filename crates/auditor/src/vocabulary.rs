//! What the vocabulary says of each token: where a term ends, and what a group of tokens is worth.

use std::ops::Range;
use std::path::Path;

use artifact::tables::Token;

use crate::Result;

/// What a token is for the auditor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A border of terms: begin, end, separator, pad, operator.
    Border,
    /// One token that is a whole term.
    Value(i64),
    /// A decimal digit.
    Digit(i64),
    /// A sign before or behind digits.
    Minus,
    /// A part of a term that only the whole group gives a value.
    Part,
}

/// The token kinds of a vocabulary, by id.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vocabulary {
    kinds: Vec<Kind>,
    names: Vec<String>,
    end: Option<u32>,
}

/// The order in which digits are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DigitOrder {
    /// The ones come first.
    LeastFirst,
    /// As people write.
    MostFirst,
}

impl Vocabulary {
    /// Reads `vocabulary.parquet`.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        Ok(Self::new(&artifact::read_table::<Token>(path)?))
    }

    pub(crate) fn new(tokens: &[Token]) -> Self {
        // Ids of tokens are 16 bits wide in our files; a wild one in a foreign file must not fill the memory.
        let id = |token: &Token| usize::try_from(token.token_id).ok().filter(|id| *id < 1 << 22);
        let size = tokens.iter().filter_map(id).max().map_or(0, |id| id + 1);
        let mut vocabulary =
            Self { kinds: vec![Kind::Part; size], names: vec![String::new(); size], end: None };
        for token in tokens {
            let Some(id) = id(token) else { continue };
            vocabulary.kinds[id] = match token.kind.as_str() {
                "value" => Kind::Value(token.value),
                "digit" if (0..=9).contains(&token.value) => Kind::Digit(token.value),
                "digit" if token.token == "-" => Kind::Minus,
                "separator" | "begin" | "end" | "pad" | "operator" => Kind::Border,
                _ => Kind::Part,
            };
            vocabulary.names[id].clone_from(&token.token);
            if token.kind == "end" {
                vocabulary.end = Some(id as u32);
            }
        }
        vocabulary
    }

    /// Whether there is a vocabulary at all; without one every token is a term.
    pub(crate) fn is_known(&self) -> bool {
        !self.kinds.is_empty()
    }

    /// The id of END.
    pub(crate) fn end(&self) -> Option<u32> {
        self.end
    }

    /// Returns the bounds of the term groups of a row: maximal runs of tokens that are no border; a token that is a
    /// whole value is a group by itself.
    pub(crate) fn groups<'a>(&'a self, tokens: &'a [u32]) -> impl Iterator<Item = Range<usize>> + 'a {
        let mut at = 0;
        std::iter::from_fn(move || {
            while at < tokens.len() && self.kind(tokens[at]) == Kind::Border {
                at += 1;
            }
            if at == tokens.len() {
                return None;
            }
            let start = at;
            at += 1;
            if !matches!(self.kind(tokens[start]), Kind::Value(_)) {
                while at < tokens.len() && !matches!(self.kind(tokens[at]), Kind::Border | Kind::Value(_)) {
                    at += 1;
                }
            }
            Some(start..at)
        })
    }

    /// Returns the value of a group that is one token with a value of its own.
    pub(crate) fn value(&self, group: &[u32]) -> Option<i64> {
        match (group, self.kind(*group.first()?)) {
            ([_], Kind::Value(value)) if value != i64::MIN => Some(value),
            _ => None,
        }
    }

    /// Returns the value of a group of decimal digits, leading zeros allowed; `None` where it is no such group or overflows.
    pub(crate) fn digits(&self, group: &[u32], order: DigitOrder) -> Option<i64> {
        let mut value = 0_i64;
        let mut negative = false;
        let mut digits = 0;
        let mut add = |token: u32| -> Option<()> {
            match self.kind(token) {
                Kind::Digit(digit) => value = value.checked_mul(10)?.checked_add(digit)?,
                Kind::Minus if !negative => negative = true,
                _ => return None,
            }
            digits += i32::from(matches!(self.kind(token), Kind::Digit(_)));
            Some(())
        };
        match order {
            DigitOrder::MostFirst => group.iter().try_for_each(|token| add(*token))?,
            DigitOrder::LeastFirst => group.iter().rev().try_for_each(|token| add(*token))?,
        }
        (digits > 0).then_some(if negative { -value } else { value })
    }

    /// Tells whether the group is written in digits.
    pub(crate) fn is_digits(&self, group: &[u32]) -> bool {
        group.iter().all(|token| matches!(self.kind(*token), Kind::Digit(_) | Kind::Minus))
    }

    /// Returns the text of tokens, separated by spaces, without END.
    pub(crate) fn text(&self, tokens: impl IntoIterator<Item = u32>) -> String {
        let mut text = String::new();
        for token in tokens.into_iter().filter(|token| Some(*token) != self.end) {
            if !text.is_empty() {
                text.push(' ');
            }
            match self.names.get(token as usize) {
                Some(name) => text.push_str(name),
                None => text.push_str(&format!("<{token}>")),
            }
        }
        text
    }

    /// A token that the vocabulary does not list is a part of a term: the decoding gate will say what it is worth.
    fn kind(&self, token: u32) -> Kind {
        let unlisted = if self.is_known() { Kind::Part } else { Kind::Value(i64::MIN) };
        self.kinds.get(token as usize).copied().unwrap_or(unlisted)
    }
}
