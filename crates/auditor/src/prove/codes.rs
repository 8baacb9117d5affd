//! Small numbers for the terms of the held-out rows: whatever a train row holds beside them can be in no leak.

use std::collections::HashMap;

use crate::read::lists::Lists;
use crate::read::rows::Rows;
use crate::read::vocabulary::Vocabulary;

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
    fn space(self, rows: &Rows, row: usize) -> (u64, u64) {
        match self {
            Self::Terms | Self::Tokens => (0, 0),
            Self::Canonical => (0, rows.domain[row]),
            Self::Written => (rows.notation[row], rows.domain[row]),
        }
    }
}

/// The codes of all terms of the held-out rows, in one view.
pub(crate) struct Codes<'a> {
    view: View,
    vocabulary: &'a Vocabulary,
    spaces: Map<(u64, u64), Space>,
    groups: Map<Box<[u32]>, u32>,
    /// Codes of the groups that are one token, by token.
    single: Vec<u32>,
    len: u32,
}

impl<'a> Codes<'a> {
    /// Gives every term of the held-out rows a code; returns the rows in codes too.
    pub(crate) fn of(view: View, held: &Rows, vocabulary: &'a Vocabulary) -> (Self, Lists<u32>) {
        let mut codes = Self {
            view,
            vocabulary,
            spaces: Map::default(),
            groups: Map::default(),
            single: Vec::new(),
            len: 0,
        };
        let mut coded = Lists::default();
        let mut row_codes = Vec::new();
        for row in 0..held.len() {
            row_codes.clear();
            if view == View::Tokens {
                let tokens = held.tokens.row(row);
                for group in vocabulary.groups(tokens) {
                    let fresh = *codes.groups.entry(tokens[group].into()).or_insert(codes.len);
                    codes.len += u32::from(fresh == codes.len);
                    row_codes.push(fresh);
                }
            } else {
                let space = codes.spaces.entry(view.space(held, row)).or_default();
                for value in held.terms.row(row) {
                    let fresh = *space.codes.entry(*value).or_insert(codes.len);
                    codes.len += u32::from(fresh == codes.len);
                    row_codes.push(fresh);
                }
            }
            coded.push(&row_codes);
        }
        codes.spaces.values_mut().for_each(Space::straighten);
        codes.straighten();
        (codes, coded)
    }

    pub(crate) fn view(&self) -> View {
        self.view
    }

    /// Number of codes.
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    /// Writes the codes of all rows into `out`.
    pub(crate) fn encode(&self, rows: &Rows, out: &mut Lists<u32>) {
        out.clear();
        if self.view == View::Tokens {
            for row in 0..rows.len() {
                let tokens = rows.tokens.row(row);
                let groups = self.vocabulary.groups(tokens);
                out.values.extend(groups.map(|group| self.group(&tokens[group])));
                out.offsets.push(out.values.len());
            }
            return;
        }
        out.offsets.clone_from(&rows.terms.offsets);
        // Rows of one space mostly follow each other.
        let mut row = 0;
        while row < rows.len() {
            let space = self.view.space(rows, row);
            let start = row;
            while row < rows.len() && self.view.space(rows, row) == space {
                row += 1;
            }
            let terms = &rows.terms.values[rows.terms.offsets[start]..rows.terms.offsets[row]];
            match self.spaces.get(&space) {
                Some(space) => space.encode(terms, &mut out.values),
                None => out.values.extend(terms.iter().map(|_| UNKNOWN)),
            }
        }
    }

    #[inline]
    fn group(&self, group: &[u32]) -> u32 {
        if let [token] = group
            && let Some(code) = self.single.get(*token as usize)
        {
            return *code;
        }
        self.groups.get(group).copied().unwrap_or(UNKNOWN)
    }

    /// Puts the groups of one token into a plain table.
    fn straighten(&mut self) {
        let singles =
            self.groups.iter().filter_map(|(group, code)| (group.len() == 1).then_some((group[0], *code)));
        let singles: Vec<(u32, u32)> = singles.filter(|(token, _)| *token < 1 << 22).collect();
        let size = singles.iter().map(|(token, _)| *token as usize + 1).max().unwrap_or(0);
        self.single = vec![UNKNOWN; size];
        singles.iter().for_each(|(token, code)| self.single[*token as usize] = *code);
    }
}

/// The codes of the values of one domain.
#[derive(Default)]
pub(crate) struct Space {
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

    /// Appends the codes of values.
    pub(crate) fn encode(&self, values: &[i64], out: &mut Vec<u32>) {
        if self.table.is_empty() {
            out.extend(values.iter().map(|value| self.codes.get(value).copied().unwrap_or(UNKNOWN)));
            return;
        }
        out.extend(values.iter().map(|value| {
            let index = value.wrapping_sub(self.least) as u64;
            self.table.get(usize::try_from(index).unwrap_or(usize::MAX)).copied().unwrap_or(UNKNOWN)
        }));
    }
}
