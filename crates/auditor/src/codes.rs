//! Small numbers for the terms of the held-out rows: whatever a train row holds beside them can be in no leak.

use std::collections::HashMap;

use crate::lists::Lists;
use crate::rows::Rows;
use crate::vocabulary::Vocabulary;

/// A hash map with a fast hash that is the same in every run.
pub(crate) type Map<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// The code of a term that no held-out row holds.
pub(crate) const UNKNOWN: u32 = u32::MAX;

/// How terms are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// The integers of the column `terms`, whatever they stand for.
    Terms,
    /// (domain, value): `10` and `ten` are one, month 1 and number 1 are two.
    Canonical,
    /// (notation, domain, value): `10` and `ten` are two.
    Written,
    /// Groups of tokens, border to border.
    Tokens,
}

impl View {
    /// Its name in the certificate.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Terms | Self::Written => "terms",
            Self::Canonical => "canonical",
            Self::Tokens => "tokens",
        }
    }

    fn space(self, rows: &Rows, row: usize) -> u64 {
        match self {
            Self::Terms | Self::Tokens => 0,
            Self::Canonical => rows.domain[row],
            Self::Written => rows.domain[row].rotate_left(1) ^ rows.notation[row],
        }
    }
}

/// The codes of all terms of the held-out rows, in one view.
pub(crate) struct Codes<'a> {
    view: View,
    vocabulary: &'a Vocabulary,
    spaces: Map<u64, Space>,
    groups: Map<Box<[u32]>, u32>,
}

impl<'a> Codes<'a> {
    /// Gives every term of the held-out rows a code; returns the rows in codes too.
    pub(crate) fn of(view: View, held: &Rows, vocabulary: &'a Vocabulary) -> (Self, Lists<u32>) {
        let mut codes = Self { view, vocabulary, spaces: Map::default(), groups: Map::default() };
        let mut next = 0;
        let mut coded = Lists::default();
        let mut row_codes = Vec::new();
        for row in 0..held.len() {
            row_codes.clear();
            if view == View::Tokens {
                let tokens = held.tokens.row(row);
                for group in vocabulary.groups(tokens) {
                    let fresh = *codes.groups.entry(tokens[group].into()).or_insert(next);
                    next += u32::from(fresh == next);
                    row_codes.push(fresh);
                }
            } else {
                let space = codes.spaces.entry(view.space(held, row)).or_default();
                for value in held.terms.row(row) {
                    let fresh = *space.codes.entry(*value).or_insert(next);
                    next += u32::from(fresh == next);
                    row_codes.push(fresh);
                }
            }
            coded.push(&row_codes);
        }
        codes.spaces.values_mut().for_each(Space::straighten);
        (codes, coded)
    }

    pub(crate) fn view(&self) -> View {
        self.view
    }

    /// Writes the codes of a row into `out`.
    pub(crate) fn encode(&self, rows: &Rows, row: usize, out: &mut Vec<u32>) {
        out.clear();
        if self.view == View::Tokens {
            let tokens = rows.tokens.row(row);
            let code =
                |group: std::ops::Range<usize>| self.groups.get(&tokens[group]).copied().unwrap_or(UNKNOWN);
            out.extend(self.vocabulary.groups(tokens).map(code));
            return;
        }
        let terms = rows.terms.row(row);
        match self.spaces.get(&self.view.space(rows, row)) {
            Some(space) => out.extend(terms.iter().map(|value| space.code(*value))),
            None => out.extend(terms.iter().map(|_| UNKNOWN)),
        }
    }
}

/// The codes of the values of one domain.
#[derive(Default)]
struct Space {
    codes: Map<i64, u32>,
    least: i64,
    table: Vec<u32>,
}

impl Space {
    /// Replaces the map by a plain table where the values lie close together.
    fn straighten(&mut self) {
        let (Some(&least), Some(&most)) = (self.codes.keys().min(), self.codes.keys().max()) else { return };
        let Some(range) = most.checked_sub(least).and_then(|range| usize::try_from(range).ok()) else {
            return;
        };
        if range < 8 * self.codes.len() + 65_536 {
            self.least = least;
            self.table = vec![UNKNOWN; range + 1];
            for (value, code) in &self.codes {
                self.table[(value - least) as usize] = *code;
            }
        }
    }

    #[inline]
    fn code(&self, value: i64) -> u32 {
        if self.table.is_empty() {
            return self.codes.get(&value).copied().unwrap_or(UNKNOWN);
        }
        let index = value.wrapping_sub(self.least) as u64;
        self.table.get(usize::try_from(index).unwrap_or(usize::MAX)).copied().unwrap_or(UNKNOWN)
    }
}
