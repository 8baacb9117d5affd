//! The units of the held-out rows, and the exact scan for them.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::codes::{Map, UNKNOWN};
use crate::lists::Lists;
use crate::rows::UnitKind;

/// Where something was found: the least (row, offset) in file order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Witness {
    /// Index of the row in its split.
    pub(crate) row: u64,
    /// Index of the first term in the row.
    pub(crate) offset: u32,
}

/// Which windows of a held-out row may not stand in the other split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// The units of the row's own family, looked for in rows of every family.
    Units,
    /// The last terms, this many for each row.
    LastTerms(usize),
    /// The whole row, where it is the whole row.
    WholeRow,
}

/// The distinct units of the held-out rows. Every kind is looked for by its shape, in any row.
#[derive(Default)]
pub(crate) struct Units {
    pairs: Map<u64, u32>,
    unordered: Map<u64, u32>,
    multisets: Map<Box<[u32]>, u32>,
    windows: Map<Box<[u32]>, u32>,
    whole: Map<Box<[u32]>, u32>,
    multiset_lengths: Vec<usize>,
    window_lengths: Vec<usize>,
    count: u32,
    /// For every held-out row, its units in order.
    pub(crate) of_row: Lists<u32>,
}

impl Units {
    /// Gathers the units of the held-out rows (`coded`, of which `kinds` says what their units are).
    pub(crate) fn of(coded: &Lists<u32>, kinds: &[UnitKind], rule: Rule) -> Self {
        let mut units = Self::default();
        let mut ids = Vec::new();
        for (row, kind) in coded.rows().zip(kinds) {
            ids.clear();
            match (rule, kind) {
                (Rule::WholeRow, _) => ids.push(number(&mut units.count, units.whole.entry(row.into()))),
                (Rule::LastTerms(m), _) => {
                    let window = &row[row.len().saturating_sub(m)..];
                    ids.push(number(&mut units.count, units.windows.entry(window.into())));
                }
                (Rule::Units, UnitKind::Pair) => {
                    for pair in row.windows(2) {
                        ids.push(number(&mut units.count, units.pairs.entry(pack(pair[0], pair[1]))));
                    }
                }
                (Rule::Units, UnitKind::UnorderedPair) => {
                    if let [a, b, ..] = row {
                        ids.push(number(&mut units.count, units.unordered.entry(pack(*a.min(b), *a.max(b)))));
                    }
                }
                (Rule::Units, UnitKind::Multiset) => {
                    let mut members = row[..row.len() / 2].to_vec();
                    members.sort_unstable();
                    ids.push(number(&mut units.count, units.multisets.entry(members.into())));
                }
                (Rule::Units, UnitKind::Row) => {
                    ids.push(number(&mut units.count, units.windows.entry(row.into())))
                }
                (Rule::Units, UnitKind::None) => (),
            }
            units.of_row.push(&ids);
        }
        units.multiset_lengths = lengths(&units.multisets);
        units.window_lengths = lengths(&units.windows);
        units
    }

    /// Gathers windows given one by one, those of a row together.
    pub(crate) fn of_windows<'a>(rows: impl Iterator<Item = Vec<&'a [u32]>>) -> Self {
        let mut units = Self::default();
        for windows in rows {
            let ids: Vec<u32> = windows
                .into_iter()
                .map(|window| number(&mut units.count, units.windows.entry(window.into())))
                .collect();
            units.of_row.push(&ids);
        }
        units.window_lengths = lengths(&units.windows);
        units
    }

    pub(crate) fn len(&self) -> usize {
        self.count as usize
    }

    /// Calls `found(unit, offset)` for every occurrence of a unit in a row.
    #[inline]
    pub(crate) fn scan(&self, row: &[u32], scratch: &mut Vec<u32>, mut found: impl FnMut(u32, usize)) {
        if !self.pairs.is_empty() {
            for (offset, pair) in row.windows(2).enumerate() {
                if pair[0] != UNKNOWN
                    && pair[1] != UNKNOWN
                    && let Some(unit) = self.pairs.get(&pack(pair[0], pair[1]))
                {
                    found(*unit, offset);
                }
            }
        }
        if !self.unordered.is_empty() {
            for (offset, pair) in row.windows(2).enumerate() {
                let key = pack(pair[0].min(pair[1]), pair[0].max(pair[1]));
                if let Some(unit) = self.unordered.get(&key) {
                    found(*unit, offset);
                }
            }
        }
        if let Some(unit) = self.whole.get(row) {
            found(*unit, 0);
        }
        for &length in self.window_lengths.iter().filter(|length| **length > 0) {
            for (offset, window) in row.windows(length).enumerate() {
                if let Some(unit) = self.windows.get(window) {
                    found(*unit, offset);
                }
            }
        }
        for &length in self.multiset_lengths.iter().filter(|length| **length > 0) {
            for (offset, window) in row.windows(length).enumerate() {
                scratch.clear();
                scratch.extend_from_slice(window);
                scratch.sort_unstable();
                if let Some(unit) = self.multisets.get(scratch.as_slice()) {
                    found(*unit, offset);
                }
            }
        }
    }
}

fn pack(first: u32, second: u32) -> u64 {
    u64::from(first) << 32 | u64::from(second)
}

fn number<K>(count: &mut u32, entry: std::collections::hash_map::Entry<'_, K, u32>) -> u32 {
    *entry.or_insert_with(|| {
        *count += 1;
        *count - 1
    })
}

fn lengths(windows: &Map<Box<[u32]>, u32>) -> Vec<usize> {
    let mut lengths: Vec<_> = windows.keys().map(|window| window.len()).collect();
    lengths.sort_unstable();
    lengths.dedup();
    lengths
}

/// The least witness of each unit, gathered by any number of threads in any order.
pub(crate) struct Found(Vec<AtomicU64>);

const OFFSET_BITS: u32 = 20;

impl Found {
    /// Nothing found yet of `len` things.
    pub(crate) fn none(len: usize) -> Self {
        Self((0..len).map(|_| AtomicU64::new(u64::MAX)).collect())
    }

    /// Remembers a witness where it is less than the one known. Rows count to 2^44; offsets from 2^20 on are one.
    #[inline]
    pub(crate) fn put(&self, thing: u32, row: u64, offset: usize) {
        let packed = row << OFFSET_BITS | (offset as u64).min((1 << OFFSET_BITS) - 1);
        let place = &self.0[thing as usize];
        if place.load(Ordering::Relaxed) > packed {
            place.fetch_min(packed, Ordering::Relaxed);
        }
    }

    pub(crate) fn get(&self, thing: u32) -> Option<Witness> {
        let packed = self.0[thing as usize].load(Ordering::Relaxed);
        (packed != u64::MAX).then_some(Witness {
            row: packed >> OFFSET_BITS,
            offset: (packed & ((1 << OFFSET_BITS) - 1)) as u32,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::tests::Draws;

    /// The definition, word by word: does a window of the train row have the unit's shape and content?
    fn holds(window: &[i64], kind: UnitKind, unit: &[i64]) -> bool {
        let sorted = |terms: &[i64]| {
            let mut terms = terms.to_vec();
            terms.sort();
            terms
        };
        match kind {
            UnitKind::Pair | UnitKind::Row => window == unit,
            UnitKind::UnorderedPair | UnitKind::Multiset => sorted(window) == sorted(unit),
            UnitKind::None => false,
        }
    }

    fn units_of(row: &[i64], kind: UnitKind) -> Vec<Vec<i64>> {
        match kind {
            UnitKind::Pair => row.windows(2).map(<[i64]>::to_vec).collect(),
            UnitKind::UnorderedPair if row.len() > 1 => vec![row[..2].to_vec()],
            UnitKind::Multiset => vec![row[..row.len() / 2].to_vec()],
            UnitKind::Row => vec![row.to_vec()],
            UnitKind::UnorderedPair | UnitKind::None => vec![],
        }
    }

    #[test]
    fn leaked_units_and_first_places_are_those_of_brute_force() {
        const KINDS: [UnitKind; 5] =
            [UnitKind::Pair, UnitKind::UnorderedPair, UnitKind::Multiset, UnitKind::Row, UnitKind::None];
        let mut draws = Draws(11);
        for round in 0..4000 {
            let values = 1 + draws.below(7);
            let (held, train) = (draws.corpus(5, 6, values), draws.corpus(7, 7, values));
            let kinds: Vec<UnitKind> = held.iter().map(|_| KINDS[draws.below(5) as usize]).collect();
            let code = |rows: &[Vec<i64>]| {
                let mut coded = Lists::default();
                for row in rows {
                    coded.push(&row.iter().map(|term| *term as u32).collect::<Vec<_>>());
                }
                coded
            };
            let units = Units::of(&code(&held), &kinds, Rule::Units);
            let found = Found::none(units.len());
            for (row, codes) in code(&train).rows().enumerate().collect::<Vec<_>>().into_iter().rev() {
                units.scan(codes, &mut Vec::new(), |unit, offset| found.put(unit, row as u64, offset));
            }
            for (row, kind) in kinds.iter().enumerate() {
                let expected: Vec<Option<Witness>> = units_of(&held[row], *kind)
                    .iter()
                    .map(|unit| {
                        let places = train.iter().enumerate().flat_map(|(row, terms)| {
                            let windows = terms.windows(unit.len().max(1)).enumerate();
                            windows.map(move |(offset, window)| (row as u64, offset as u32, window))
                        });
                        let mut hits =
                            places.filter(|(_, _, window)| !unit.is_empty() && holds(window, *kind, unit));
                        hits.next().map(|(row, offset, _)| Witness { row, offset })
                    })
                    .collect();
                let got: Vec<_> = units.of_row.row(row).iter().map(|unit| found.get(*unit)).collect();
                assert_eq!(got, expected, "round {round}: {kind:?} {:?} in {train:?}", held[row]);
            }
        }
    }
}
