//! The units of the held-out rows, and the exact scan for them.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::hash::interner::{Interner, mix, pack};
use crate::prove::codes::Map;
use crate::read::lists::Lists;
use crate::read::rows::UnitKind;

/// Where something was found: the least (row, offset) in file order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Witness {
    /// Index of the row in its split.
    pub(crate) row: u64,
    /// Index of the first term in the row.
    pub(crate) offset: u32,
}

/// Which windows of a held-out row may not stand in the other split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rule {
    /// The units of the row's own family, looked for in rows of every family.
    Units,
    /// The last terms: how many, row by row.
    LastTerms(Vec<usize>),
    /// The whole row, where it is the whole row and of the same notation.
    WholeRow,
}

/// The distinct units of the held-out rows. Every kind is looked for by its shape, in any row.
pub(crate) struct Units {
    pairs: Interner,
    unordered: Interner,
    multisets: Windows,
    windows: Windows,
    whole: Map<Box<[u32]>, u32>,
    notations: Map<u64, u32>,
    count: u32,
    /// For every held-out row, its units in order.
    pub(crate) of_row: Lists<u32>,
}

impl Default for Units {
    fn default() -> Self {
        Self {
            pairs: Interner::default(),
            unordered: Interner::default(),
            multisets: Windows::new(UNORDERED),
            windows: Windows::new(ORDERED),
            whole: Map::default(),
            notations: Map::default(),
            count: 0,
            of_row: Lists::default(),
        }
    }
}

impl Units {
    /// Gathers the units of the held-out rows: their codes, what their units are, and how each is written.
    pub(crate) fn of(coded: &Lists<u32>, kinds: &[UnitKind], notations: &[u64], rule: &Rule) -> Self {
        let mut units = Self::default();
        let mut ids = Vec::new();
        for (at, row) in coded.rows().enumerate() {
            ids.clear();
            let count = &mut units.count;
            match (rule, kinds[at]) {
                (Rule::WholeRow, _) => {
                    let next = units.notations.len() as u32;
                    let notation = *units.notations.entry(notations[at]).or_insert(next);
                    let key: Box<[u32]> = [notation].iter().chain(row).copied().collect();
                    ids.push(intern(&mut units.whole, key, count));
                }
                (Rule::LastTerms(terms), _) => {
                    ids.push(units.windows.intern(&row[row.len().saturating_sub(terms[at])..], count));
                }
                (Rule::Units, UnitKind::Pair) => {
                    ids.extend(row.windows(2).map(|pair| units.pairs.intern(pack(pair[0], pair[1]), count)));
                }
                (Rule::Units, UnitKind::UnorderedPair) => {
                    if let [a, b, ..] = row {
                        ids.push(units.unordered.intern(pack(*a.min(b), *a.max(b)), count));
                    }
                }
                (Rule::Units, UnitKind::Multiset) => {
                    let mut members = row[..row.len() / 2].to_vec();
                    members.sort_unstable();
                    ids.push(units.multisets.intern(&members, count));
                }
                (Rule::Units, UnitKind::Row) => ids.push(units.windows.intern(row, count)),
                (Rule::Units, UnitKind::None) => (),
            }
            units.of_row.push(&ids);
        }
        units
    }

    /// Gathers windows given one by one, those of a row together.
    pub(crate) fn of_windows<'a>(rows: impl Iterator<Item = Vec<&'a [u32]>>) -> Self {
        let mut units = Self::default();
        for windows in rows {
            let ids = windows.iter().map(|window| units.windows.intern(window, &mut units.count));
            let ids: Vec<u32> = ids.collect();
            units.of_row.push(&ids);
        }
        units
    }

    pub(crate) fn len(&self) -> usize {
        self.count as usize
    }

    /// Tells whether a unit can stand in a row that shares no ordered pair of neighbours with the held-out rows.
    pub(crate) fn need_no_pair(&self) -> bool {
        let short = |windows: &Windows| windows.filters.iter().any(|(length, _)| *length < 2);
        !self.unordered.is_empty()
            || !self.multisets.numbers.is_empty()
            || short(&self.windows)
            || self.whole.keys().any(|row| row.len() < 3)
    }

    /// Calls `found(unit, offset)` for every occurrence of a unit in a row.
    pub(crate) fn scan(
        &self,
        row: &[u32],
        notation: u64,
        scratch: &mut Vec<u32>,
        mut found: impl FnMut(u32, usize),
    ) {
        if !self.pairs.is_empty() {
            for (offset, pair) in row.windows(2).enumerate() {
                if let Some(unit) = self.pairs.get(pack(pair[0], pair[1])) {
                    found(unit, offset);
                }
            }
        }
        if !self.unordered.is_empty() {
            for (offset, pair) in row.windows(2).enumerate() {
                if let Some(unit) = self.unordered.get(pack(pair[0].min(pair[1]), pair[0].max(pair[1]))) {
                    found(unit, offset);
                }
            }
        }
        if let Some(notation) = self.notations.get(&notation) {
            scratch.clear();
            scratch.push(*notation);
            scratch.extend_from_slice(row);
            if let Some(unit) = self.whole.get(scratch.as_slice()) {
                found(*unit, 0);
            }
        }
        self.windows.scan(row, scratch, &mut found);
        self.multisets.scan(row, scratch, &mut found);
    }
}

/// Distinct windows of any lengths.
struct Windows {
    base: u64,
    numbers: Map<Box<[u32]>, u32>,
    /// By length: the hashes of the windows. What they let through is compared itself.
    filters: Vec<(usize, Interner)>,
}

/// Bases of the rolling hash: with 1 the order of the terms does not matter.
const ORDERED: u64 = 0x9E37_79B9_7F4A_7C15;
const UNORDERED: u64 = 1;

impl Windows {
    fn new(base: u64) -> Self {
        Self { base, numbers: Map::default(), filters: Vec::new() }
    }

    fn intern(&mut self, window: &[u32], count: &mut u32) -> u32 {
        let hash = window.iter().fold(0, |hash, term| self.add(hash, *term));
        let at = self.filters.iter().position(|(length, _)| *length == window.len()).unwrap_or_else(|| {
            self.filters.push((window.len(), Interner::default()));
            self.filters.len() - 1
        });
        self.filters[at].1.insert(hash >> 1);
        intern(&mut self.numbers, window.into(), count)
    }

    fn add(&self, hash: u64, term: u32) -> u64 {
        hash.wrapping_mul(self.base).wrapping_add(mix(term.into()))
    }

    fn scan(&self, row: &[u32], scratch: &mut Vec<u32>, found: &mut impl FnMut(u32, usize)) {
        for (length, filter) in self.filters.iter().filter(|(length, _)| (1..=row.len()).contains(length)) {
            let first = (1..*length).fold(1_u64, |power, _| power.wrapping_mul(self.base));
            let mut hash = 0_u64;
            for (end, term) in row.iter().enumerate() {
                if let Some(start) = end.checked_sub(*length) {
                    hash = hash.wrapping_sub(mix(row[start].into()).wrapping_mul(first));
                }
                hash = self.add(hash, *term);
                let Some(start) = (end + 1).checked_sub(*length) else { continue };
                if filter.contains(hash >> 1) {
                    scratch.clear();
                    scratch.extend_from_slice(&row[start..=end]);
                    if self.base == UNORDERED {
                        scratch.sort_unstable();
                    }
                    if let Some(unit) = self.numbers.get(scratch.as_slice()) {
                        found(*unit, start);
                    }
                }
            }
        }
    }
}

fn intern(known: &mut Map<Box<[u32]>, u32>, key: Box<[u32]>, count: &mut u32) -> u32 {
    *known.entry(key).or_insert_with(|| {
        *count += 1;
        *count - 1
    })
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

    pub(crate) fn len(&self) -> usize {
        self.0.len()
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
    use crate::read::rows::tests::Draws;

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
            let units = Units::of(&code(&held), &kinds, &vec![0; held.len()], &Rule::Units);
            let found = Found::none(units.len());
            for (row, codes) in code(&train).rows().enumerate().collect::<Vec<_>>().into_iter().rev() {
                units.scan(codes, 0, &mut Vec::new(), |unit, offset| found.put(unit, row as u64, offset));
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
