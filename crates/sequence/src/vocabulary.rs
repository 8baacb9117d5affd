//! The tokens of a dataset, found by what they are and by what they count.

use std::collections::BTreeMap;

use crate::{Map, Range};

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A whole value.
    Value,
    /// A decimal digit.
    Digit,
    /// A word.
    Word,
    /// Stands between terms.
    Separator,
    /// Begins a row.
    Begin,
    /// Ends a row.
    End,
    /// Fills up a batch.
    Pad,
    /// Stands between operands.
    Operator,
}

impl Kind {
    const NAMES: [(Kind, &'static str); 8] = [
        (Kind::Value, "value"),
        (Kind::Digit, "digit"),
        (Kind::Word, "word"),
        (Kind::Separator, "separator"),
        (Kind::Begin, "begin"),
        (Kind::End, "end"),
        (Kind::Pad, "pad"),
        (Kind::Operator, "operator"),
    ];

    /// Returns the name in the tables.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize].1
    }

    /// Returns the kind with this name.
    pub fn from_name(name: &str) -> Option<Kind> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }
}

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The token as text.
    pub token: String,
    /// What it is for.
    pub kind: Kind,
    /// Its value, [`NONE`](crate::NONE) where it has none.
    pub value: i64,
}

/// The tokens of a dataset; a token's number is its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    tokens: Vec<Token>,
    /// By what they are for and what they count: digits, words, `BEGIN`.
    values: Map<(Kind, i64), u16>,
    /// By what they are for: operators, and values with a name, `January`.
    names: [Map<String, u16>; Kind::NAMES.len()],
    /// Whole values whose text ends with the value in decimals, by what stands before it: nothing for numerals.
    numbered: Vec<(String, Vec<Run>)>,
}

/// Tokens whose values and numbers both rise by one: most often all of a notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    values: Range,
    first: u16,
}

impl Vocabulary {
    /// The most tokens a vocabulary may have.
    pub const MOST: u32 = 1 << 16;

    /// Returns the vocabulary whose token `i` is the `i`-th.
    pub fn from_tokens(tokens: impl IntoIterator<Item = Token>) -> Vocabulary {
        let tokens: Vec<Token> = tokens.into_iter().collect();
        let (mut values, mut numbered) = (Map::default(), BTreeMap::<String, BTreeMap<i64, u16>>::new());
        let mut names: [Map<String, u16>; Kind::NAMES.len()] = Default::default();
        for (token, id) in tokens.iter().zip(0..=u16::MAX) {
            values.entry((token.kind, token.value)).or_insert(id);
            names[token.kind as usize].entry(token.token.clone()).or_insert(id);
            let before = token.token.strip_suffix(&token.value.to_string());
            if let Some(before) = before.filter(|_| token.kind == Kind::Value) {
                numbered.entry(before.to_owned()).or_default().entry(token.value).or_insert(id);
            }
        }
        let numbered = numbered.into_iter().map(|(before, tokens)| (before, runs(tokens))).collect();
        Vocabulary { tokens, values, names, numbered }
    }

    /// Returns every token in its place.
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// Returns the token with this number.
    pub fn token(&self, id: u16) -> Option<&Token> {
        self.tokens.get(usize::from(id))
    }

    /// Returns the number of the token of this kind that counts so much, where that is enough to tell it.
    pub fn find(&self, kind: Kind, value: i64) -> Option<u16> {
        self.values.get(&(kind, value)).copied()
    }

    /// Returns the number of the token of this kind and text.
    pub fn named(&self, kind: Kind, token: &str) -> Option<u16> {
        self.names[kind as usize].get(token).copied()
    }

    /// Returns the number of the token whose text is `before` and then its value in decimals.
    pub fn numbered(&self, before: &str, value: i64) -> Option<u16> {
        // Byte by byte: comparing two empty texts by `==` costs as much as all the rest of a row.
        let is_it = |known: &&(String, Vec<Run>)| known.0.bytes().eq(before.bytes());
        let runs = &self.numbered.iter().find(is_it)?.1;
        let run = runs[..runs.partition_point(|run| run.values.min <= value)].last()?;
        run.values.contains(value).then(|| run.first + run.values.min.abs_diff(value) as u16)
    }

    /// Returns the value of a token whose text is `before` and then that value in decimals.
    pub fn number(&self, before: &str, id: u16) -> Option<i64> {
        let value = self.token(id).filter(|token| token.kind == Kind::Value)?.value;
        (self.numbered(before, value) == Some(id)).then_some(value)
    }
}

/// Returns the runs of tokens by their values.
fn runs(tokens: BTreeMap<i64, u16>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (value, id) in tokens {
        match runs.last_mut() {
            Some(Run { values, first })
                if values.max.checked_add(1) == Some(value)
                    && values.count() == u128::from(id.wrapping_sub(*first)) =>
            {
                values.max = value;
            }
            _ => runs.push(Run { values: Range { min: value, max: value }, first: id }),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_tokens_are_found_in_any_order_and_with_gaps() {
        let token =
            |before: &str, value: i64| Token { token: format!("{before}{value}"), kind: Kind::Value, value };
        let values = [7, 8, 9, -3, -2, 30, 31, 4, 3, 32, i64::MAX, i64::MIN];
        let tokens = values.iter().flat_map(|&value| [token("", value), token("s", value)]);
        let tokens: Vec<Token> = tokens.chain((40..50).map(|value| token("", value))).collect();
        let vocabulary = Vocabulary::from_tokens(tokens.clone());
        for before in ["", "s", "t"] {
            for value in (-10..60).chain([i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX]) {
                let expected = tokens.iter().position(|known| *known == token(before, value));
                assert_eq!(
                    vocabulary.numbered(before, value),
                    expected.map(|id| id as u16),
                    "{before}{value}"
                );
            }
        }
    }
}
