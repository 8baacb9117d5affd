//! The longest match of every held-out row: only train rows that share an adjacent pair go through the automaton.

use std::sync::{Mutex, OnceLock};

use crate::prove::automaton::{Automaton, Seen, remember};
use crate::prove::units::{Found, Witness};
use crate::read::lists::Lists;

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

/// The automaton over the held-out rows. It is built when the first row comes that shares a pair with them: a clean
/// dataset never needs it.
#[derive(Default)]
pub(crate) struct Matcher {
    automaton: OnceLock<Automaton>,
}

/// What streamed past, as far as it matters for the longest matches.
pub(crate) struct Trace {
    /// By code: the first place of a term in a row that shares no pair.
    pub(crate) singles: Found,
    pub(crate) seen: Mutex<Seen>,
}

impl Trace {
    /// Nothing seen yet of so many codes.
    pub(crate) fn none(codes: usize) -> Self {
        Self { singles: Found::none(codes), seen: Mutex::default() }
    }

    /// Adds what a thread has seen.
    pub(crate) fn take(&self, local: Seen) {
        let mut all = self.seen.lock().expect("no thread panics while it holds this lock");
        for (key, end) in local {
            remember(&mut all, key, end);
        }
    }
}

impl Matcher {
    /// Streams a row past that shares a pair with the held-out rows (`coded`).
    pub(crate) fn stream(&self, coded: &Lists<u32>, codes: &[u32], index: u64, seen: &mut Seen) {
        self.automaton.get_or_init(|| Automaton::of(coded)).stream(codes, index, seen);
    }

    /// Tells whether a state of the automaton over the held-out rows can be matched over so many terms.
    pub(crate) fn knows(&self, coded: &Lists<u32>, (state, length): (u32, u32)) -> bool {
        self.automaton.get_or_init(|| Automaton::of(coded)).knows(state, length)
    }

    /// Returns the match of every held-out row.
    pub(crate) fn finish(&self, coded: &Lists<u32>, trace: Trace) -> Vec<Match> {
        let mut seen = trace.seen.into_inner().expect("no thread panics while it holds this lock");
        if seen.is_empty() {
            // No pair was shared: nothing longer than one term can match.
            let alone = |row: &[u32]| {
                best(row.iter().map(|code| {
                    let witness = trace.singles.get(*code);
                    (u32::from(witness.is_some()), witness)
                }))
            };
            return coded.rows().map(alone).collect();
        }
        let automaton = self.automaton.get_or_init(|| Automaton::of(coded));
        for code in 0..trace.singles.len() as u32 {
            if let Some(witness) = trace.singles.get(code) {
                automaton.stream_one(code, witness, &mut seen);
            }
        }
        let matches = automaton.close(seen);
        coded.rows().map(|row| best(matches.walk(row))).collect()
    }
}

/// Picks the match of a row from the longest seen suffix of each of its prefixes.
fn best(suffixes: impl Iterator<Item = (u32, Option<Witness>)>) -> Match {
    let mut best = Match::default();
    for (length, witness) in suffixes {
        best.suffix = length;
        // Of two windows of one length the later wins, so that the suffix does.
        if length >= best.window && length > 0 {
            (best.window, best.witness) = (length, witness);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prove::codes::View;
    use crate::prove::index::Index;
    use crate::read::rows::Rows;
    use crate::read::rows::tests::{Draws, rows_of};
    use crate::read::vocabulary::Vocabulary;

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
            let mut index = Index::of(View::Terms, &held_rows, &vocabulary);
            index.match_rows();
            let trace = Trace::none(index.codes.len());
            let cut = draws.below(train.len() as u64 + 1) as usize;
            let observe = |rows: &Rows| index.observe(rows, 0, &[], Some(&trace), &mut Lists::default());
            // The later part first: a scan promises no order.
            observe(&rows_of(cut as u64, &train[cut..]));
            observe(&rows_of(0, &train[..cut]));
            let expected: Vec<Match> = held.iter().map(|row| brute(&train, row)).collect();
            let found = index.matcher.as_ref().unwrap().finish(&index.coded, trace);
            assert_eq!(found, expected, "round {round}: held {held:?}, train {train:?}");
        }
    }
}
