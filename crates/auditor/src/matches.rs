//! The longest match of every held-out row: only train rows that share an adjacent pair go through the automaton.

use std::collections::HashSet;
use std::sync::Mutex;

use crate::automaton::{Automaton, Seen, remember};
use crate::codes::{Codes, UNKNOWN};
use crate::lists::Lists;
use crate::rows::Rows;
use crate::units::{Found, Witness};

/// How far a held-out row stands in the rows before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Match {
    /// Length of the longest suffix of the row that stands there, in terms.
    pub(crate) suffix: u32,
    /// Length of the longest window of the row that stands there, in terms.
    pub(crate) window: u32,
    /// Where the longest window stands; the suffix, where that is as long.
    pub(crate) witness: Option<Witness>,
}

/// An index of the held-out rows that other rows stream past.
pub(crate) struct Matcher<'a> {
    codes: &'a Codes<'a>,
    coded: &'a Lists<u32>,
    automaton: Automaton,
    adjacent: HashSet<u64, foldhash::fast::FixedState>,
    singles: Found,
    seen: Mutex<Seen>,
}

impl<'a> Matcher<'a> {
    pub(crate) fn of(codes: &'a Codes<'a>, coded: &'a Lists<u32>) -> Self {
        let adjacent = coded.rows().flat_map(|row| row.windows(2).map(pair)).collect();
        let most = coded.values.iter().max().map_or(0, |code| *code as usize + 1);
        let automaton = Automaton::of(coded);
        Self { codes, coded, automaton, adjacent, singles: Found::none(most), seen: Mutex::default() }
    }

    /// Streams rows past; `base` is the index of the first row of their split among all rows that stream past.
    pub(crate) fn observe(&self, rows: &Rows, base: u64) {
        let mut seen = Seen::default();
        let mut codes = Vec::new();
        for row in 0..rows.len() {
            let index = base + rows.first + row as u64;
            self.codes.encode(rows, row, &mut codes);
            if codes.windows(2).any(|window| self.adjacent.contains(&pair(window))) {
                self.automaton.stream(&codes, index, &mut seen);
            } else {
                for (offset, code) in codes.iter().enumerate().filter(|(_, code)| **code != UNKNOWN) {
                    self.singles.put(*code, index, offset);
                }
            }
        }
        let mut all = self.seen.lock().expect("no thread panics while it holds this lock");
        for (key, end) in seen {
            remember(&mut all, key, end);
        }
    }

    /// Returns the match of every held-out row.
    pub(crate) fn finish(self) -> Vec<Match> {
        let mut seen = self.seen.into_inner().expect("no thread panics while it holds this lock");
        let mut codes: Vec<u32> = self.coded.values.clone();
        codes.sort_unstable();
        codes.dedup();
        for code in codes {
            if let Some(witness) = self.singles.get(code) {
                self.automaton.stream_one(code, witness, &mut seen);
            }
        }
        let matches = self.automaton.close(seen);
        let best = |row: &[u32]| {
            let mut best = Match::default();
            matches.walk(row, |length, witness| {
                best.suffix = length;
                // Of two windows of one length the later wins, so that the suffix does.
                if length >= best.window && length > 0 {
                    (best.window, best.witness) = (length, witness);
                }
            });
            best
        };
        self.coded.rows().map(best).collect()
    }
}

fn pair(window: &[u32]) -> u64 {
    u64::from(window[0]) << 32 | u64::from(window[1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::View;
    use crate::rows::tests::{Draws, rows_of};
    use crate::vocabulary::Vocabulary;

    /// The first place in file order where the piece stands.
    fn first(train: &[Vec<i64>], piece: &[i64]) -> Option<Witness> {
        let places = train.iter().enumerate().flat_map(|(row, terms)| {
            terms.windows(piece.len()).enumerate().map(move |(offset, window)| (row, offset, window))
        });
        let mut hits = places.filter(|(_, _, window)| *window == piece);
        hits.next().map(|(row, offset, _)| Witness { row: row as u64, offset: offset as u32 })
    }

    /// The definition, word by word: every window of the row, longest first, later ones first.
    fn brute(train: &[Vec<i64>], row: &[i64]) -> Match {
        let lengths = || (1..=row.len()).rev();
        let suffix = lengths().find(|length| first(train, &row[row.len() - length..]).is_some()).unwrap_or(0);
        let windows = lengths()
            .flat_map(|length| (0..=row.len() - length).rev().map(move |start| start..start + length));
        let found = windows.filter_map(|range| Some((range.len(), first(train, &row[range])?))).next();
        Match {
            suffix: suffix as u32,
            window: found.map_or(0, |(length, _)| length as u32),
            witness: found.map(|(_, witness)| witness),
        }
    }

    #[test]
    fn longest_match_and_witness_are_those_of_brute_force_in_any_order() {
        let mut draws = Draws(7);
        for round in 0..4000 {
            let values = 1 + draws.below(6);
            let (held, train) = (draws.corpus(6, 7, values), draws.corpus(8, 9, values));
            let held_rows = rows_of(0, &held);
            let vocabulary = Vocabulary::default();
            let (codes, coded) = Codes::of(View::Terms, &held_rows, &vocabulary);
            let matcher = Matcher::of(&codes, &coded);
            let cut = draws.below(train.len() as u64 + 1) as usize;
            // The later part first: a scan promises no order.
            matcher.observe(&rows_of(cut as u64, &train[cut..]), 0);
            matcher.observe(&rows_of(0, &train[..cut]), 0);
            let expected: Vec<Match> = held.iter().map(|row| brute(&train, row)).collect();
            assert_eq!(matcher.finish(), expected, "round {round}: held {held:?}, train {train:?}");
        }
    }
}
