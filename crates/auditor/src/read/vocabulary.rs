//! What the vocabulary says of each token: where a term ends, and what a group of tokens is worth.

use std::ops::Range;
use std::path::Path;

use artifact::MOST_TOKENS;
use artifact::tables::Token;

use crate::error::Result;

/// What a token is for the auditor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A border of terms: begin, end, separator, pad, operator.
    Border,
    /// One token that is a whole term, and which where the vocabulary says so.
    Value(Option<i64>),
    /// A decimal digit.
    Digit(i64),
    /// A sign before or behind digits.
    Minus,
    /// A number word, and what it counts, if anything.
    Word(Option<i64>),
    /// A part of a term that only the whole group gives a value.
    Part,
}

/// The token kinds of a vocabulary, by id.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vocabulary {
    kinds: Vec<Kind>,
    names: Vec<String>,
    /// Whether a token has a value that no other token has.
    only: Vec<bool>,
    end: Option<u32>,
    separator: Option<u32>,
}

/// What a group of tokens is worth by the vocabulary alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Worth {
    /// One token with a value of its own.
    Value(i64),
    /// Decimal digits.
    Digits(Digits),
    /// Only the rows say: words, symbols without a value.
    Unknown,
}

/// A group of decimal digits, read in both orders: its value (none where it overflows), and whether a zero leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digits {
    pub(crate) count: usize,
    pub(crate) least_first: (Option<i64>, bool),
    pub(crate) most_first: (Option<i64>, bool),
}

impl Vocabulary {
    /// Reads `vocabulary.parquet`, whose ids have no gap.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        Ok(Self::new(&artifact::read_vocabulary(path)?))
    }

    pub(crate) fn new(tokens: &[Token]) -> Self {
        let id = |token: &Token| usize::try_from(token.token_id).ok().filter(|id| *id < MOST_TOKENS);
        let size = tokens.iter().filter_map(id).max().map_or(0, |id| id + 1);
        let mut vocabulary =
            Self { kinds: vec![Kind::Part; size], names: vec![String::new(); size], ..Self::default() };
        for token in tokens {
            let Some(id) = id(token) else { continue };
            vocabulary.kinds[id] = match token.kind.as_str() {
                "value" => Kind::Value(token.value),
                "digit" => match token.value {
                    Some(digit @ 0..=9) => Kind::Digit(digit),
                    _ if token.token == "-" => Kind::Minus,
                    _ => Kind::Part,
                },
                "word" => Kind::Word(token.value),
                "separator" | "begin" | "end" | "pad" | "operator" => Kind::Border,
                _ => Kind::Part,
            };
            vocabulary.names[id].clone_from(&token.token);
            match token.kind.as_str() {
                "end" => vocabulary.end = Some(id as u32),
                "separator" => vocabulary.separator = Some(id as u32),
                _ => (),
            }
        }
        let mut tokens_of = std::collections::BTreeMap::<i64, u32>::new();
        let value = |kind: &Kind| if let Kind::Value(value) = kind { *value } else { None };
        vocabulary.kinds.iter().filter_map(value).for_each(|value| *tokens_of.entry(value).or_default() += 1);
        let only = |kind: &Kind| value(kind).is_some_and(|value| tokens_of[&value] == 1);
        vocabulary.only = vocabulary.kinds.iter().map(only).collect();
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

    /// The id of SEP.
    pub(crate) fn separator(&self) -> Option<u32> {
        self.separator
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

    /// Returns what the vocabulary alone says that a group is worth.
    pub(crate) fn worth(&self, group: &[u32]) -> Worth {
        match (group, group.first().map(|token| self.kind(*token))) {
            ([_], Some(Kind::Value(Some(value)))) => Worth::Value(value),
            (_, Some(Kind::Digit(_) | Kind::Minus)) => {
                self.digits(group).map_or(Worth::Unknown, Worth::Digits)
            }
            _ => Worth::Unknown,
        }
    }

    /// Tells whether no other token has the value of this one.
    pub(crate) fn is_only(&self, token: u32) -> bool {
        self.only.get(token as usize).copied().unwrap_or(false)
    }

    /// Reads decimal digits with at most one sign, in both orders; leading zeros are allowed.
    fn digits(&self, group: &[u32]) -> Option<Digits> {
        let (mut least_first, mut most_first) = (Some(0_i64), Some(0_i64));
        let mut place = Some(1_i64);
        let (mut first, mut last, mut count, mut negative) = (None, 0, 0, false);
        for token in group {
            let digit = match self.kind(*token) {
                Kind::Digit(digit) => digit,
                Kind::Minus if !negative => {
                    negative = true;
                    continue;
                }
                _ => return None,
            };
            most_first = most_first.and_then(|value| value.checked_mul(10)?.checked_add(digit));
            let worth = if digit == 0 { Some(0) } else { place.and_then(|place| place.checked_mul(digit)) };
            least_first = least_first.zip(worth).and_then(|(value, worth)| value.checked_add(worth));
            place = place.and_then(|place| place.checked_mul(10));
            first = first.or(Some(digit));
            last = digit;
            count += 1;
        }
        let signed = |value: Option<i64>| value.map(|value| if negative { -value } else { value });
        let padded =
            |leading: i64, value: Option<i64>| (leading == 0 && count > 1) || (negative && value == Some(0));
        Some(Digits {
            count,
            least_first: (signed(least_first), padded(last, least_first)),
            most_first: (signed(most_first), padded(first?, most_first)),
        })
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

    /// Returns the text of a group that spells a value: number words with hyphens and commas, as people write them.
    pub(crate) fn spelled(&self, group: &[u32]) -> String {
        let mut text = String::new();
        let mut before = None;
        for token in group {
            match (before, self.kind(*token)) {
                (None, _) => (),
                (Some(Kind::Word(Some(20..=90))), Kind::Word(Some(1..=9))) => text.push('-'),
                (Some(Kind::Word(Some(1000))), Kind::Word(Some(_))) => text.push_str(", "),
                _ => text.push(' '),
            }
            text.push_str(&self.text([*token]));
            before = Some(self.kind(*token));
        }
        text
    }

    /// Tells whether a group is made of number words.
    pub(crate) fn is_words(&self, group: &[u32]) -> bool {
        group.iter().all(|token| matches!(self.kind(*token), Kind::Word(_)))
    }

    /// Tells whether a token stands between terms or around them.
    pub(crate) fn is_border(&self, token: u32) -> bool {
        self.kind(token) == Kind::Border
    }

    /// Returns the values that one token alone has, with that token.
    pub(crate) fn only(&self) -> impl Iterator<Item = (i64, u32)> + '_ {
        let value = |(kind, token): (&Kind, u32)| match kind {
            Kind::Value(Some(value)) if self.is_only(token) => Some((*value, token)),
            _ => None,
        };
        self.kinds.iter().zip(0..).filter_map(value)
    }

    /// A token that the vocabulary does not list is a part of a term: the decoding gate will say what it is worth.
    fn kind(&self, token: u32) -> Kind {
        let unlisted = if self.is_known() { Kind::Part } else { Kind::Value(None) };
        self.kinds.get(token as usize).copied().unwrap_or(unlisted)
    }
}
