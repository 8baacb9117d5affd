//! The pieces of prefixes that held-out rows ask about, each with a number: exact, and only those.
//!
//! A piece is a symbol at some distance before the target, or a suffix of the prefix. The symbol at distance 0 is the suffix
//! of length 1; a longer suffix is a step from the one that is a symbol shorter.

use std::collections::{BTreeMap, BTreeSet};

use super::estimator::Estimator;
use super::places::Places;
use crate::hash::numbers::{Numbers, pack};
use crate::prove::codes::{Map, UNKNOWN};

/// Rows of one domain; no piece is shared by two worlds.
pub(crate) struct World {
    /// Index among all worlds.
    pub(crate) number: usize,
    /// The symbols of the prefixes.
    symbols: Places,
    /// Symbols of the longest prefix, at least 1.
    pub(crate) distances: usize,
    /// By symbol, then by distance: the piece, where anybody asks for it.
    pieces: Vec<u32>,
}

impl World {
    /// The symbols of the prefixes, sorted.
    pub(crate) fn symbols(&self) -> &[u32] {
        &self.symbols.symbols
    }

    /// Returns the place of a symbol among those of the prefixes.
    #[inline]
    pub(crate) fn place(&self, symbol: u32) -> u32 {
        self.symbols.of(symbol).map_or(UNKNOWN, |place| place as u32)
    }

    /// Returns the pieces of the symbol in this place, by distance.
    #[inline]
    pub(crate) fn pieces(&self, place: u32) -> &[u32] {
        &self.pieces[place as usize * self.distances..][..self.distances]
    }

    /// Returns the piece of a symbol at a distance; a new one gets the next number.
    fn ask(&mut self, symbol: u32, distance: usize, count: &mut u32) -> u32 {
        let at = self.place(symbol) as usize * self.distances + distance;
        if self.pieces[at] == UNKNOWN {
            self.pieces[at] = *count;
            *count += 1;
        }
        self.pieces[at]
    }

    /// Returns the piece of a symbol at a distance, if anybody asks for it.
    pub(crate) fn piece(&self, symbol: u32, distance: usize) -> Option<u32> {
        let place = self.symbols.of(symbol)?;
        self.pieces(place as u32).get(distance).copied().filter(|piece| *piece != UNKNOWN)
    }
}

/// Numbers for all pieces that are asked for.
pub(crate) struct Pieces {
    /// By number.
    worlds: Vec<World>,
    numbers: Map<u64, usize>,
    /// By length of the suffix less 1: (suffix, place of the symbol before it) to the longer suffix. The first is asked all
    /// the time, and small: few of the longer ones are ever reached.
    suffixes: Vec<Numbers>,
    count: u32,
}

impl Pieces {
    /// Numbers the pieces that the estimators go by; `prefixes` calls for every prefix that one of them has to continue.
    pub(crate) fn of(prefixes: impl Fn(&mut dyn FnMut(Estimator, u64, &[u32]))) -> Self {
        let mut found: BTreeMap<u64, (BTreeSet<u32>, usize)> = BTreeMap::new();
        prefixes(&mut |_, world, prefix| {
            let (symbols, longest) = found.entry(world).or_default();
            symbols.extend(prefix);
            *longest = prefix.len().max(*longest).max(1);
        });
        let numbers = found.keys().enumerate().map(|(number, world)| (*world, number)).collect();
        let worlds = found.into_values().enumerate().map(|(number, (symbols, distances))| {
            let pieces = vec![UNKNOWN; symbols.len() * distances];
            World { number, symbols: Places::of_symbols(symbols.into_iter().collect()), distances, pieces }
        });
        let worlds = worlds.collect();
        let mut pieces = Self { worlds, numbers, suffixes: Vec::new(), count: 0 };
        prefixes(&mut |estimator, world, prefix| pieces.ask(estimator, world, prefix));
        pieces
    }

    fn ask(&mut self, estimator: Estimator, world: u64, prefix: &[u32]) {
        let Self { worlds, numbers, suffixes, count } = self;
        let world = &mut worlds[numbers[&world]];
        match estimator {
            Estimator::Backoff { longest, .. } => {
                let mut suffix = 0;
                for (depth, symbol) in prefix.iter().rev().take(longest).enumerate() {
                    suffix = match depth {
                        0 => world.ask(*symbol, 0, count),
                        _ => {
                            suffixes.resize_with(suffixes.len().max(depth), Numbers::default);
                            suffixes[depth - 1].number(pack(suffix, world.place(*symbol)), count)
                        }
                    };
                }
            }
            Estimator::NaiveBayes { .. } => {
                let symbols = prefix.iter().rev().enumerate();
                symbols.for_each(|(distance, symbol)| _ = world.ask(*symbol, distance, count));
            }
        }
    }

    /// Number of pieces.
    pub(crate) fn len(&self) -> usize {
        self.count as usize
    }

    pub(crate) fn worlds(&self) -> impl Iterator<Item = &World> {
        self.worlds.iter()
    }

    pub(crate) fn world(&self, world: u64) -> Option<&World> {
        Some(&self.worlds[*self.numbers.get(&world)?])
    }

    /// Returns the suffix that has one symbol more than this one of a length, if anybody asks for it.
    #[inline]
    pub(crate) fn longer(&self, suffix: u32, length: usize, place: u32) -> Option<u32> {
        self.suffixes.get(length - 1)?.get(pack(suffix, place))
    }
}
