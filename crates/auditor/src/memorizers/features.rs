//! The features of prefixes that held-out rows ask about, each with a number: exact, and only those.
//!
//! A feature is a symbol at some distance before the target, or a suffix of the prefix. The symbol at distance 0 is the suffix
//! of length 1; a longer suffix is a step from the one that is a symbol shorter.

use std::collections::{BTreeMap, BTreeSet};

use super::estimator::Estimator;
use super::places::Places;
use crate::hash::interner::{Interner, pack};
use crate::prove::codes::{Map, UNKNOWN};

/// What is asked about rows of one domain; no feature is shared by two domains, and tokens are all of one.
pub(crate) struct Domain {
    /// Index among all domains.
    pub(crate) number: usize,
    /// The symbols of the prefixes.
    symbols: Places,
    /// Symbols of the longest prefix, at least 1.
    pub(crate) distances: usize,
    /// By symbol, then by distance: the feature, where anybody asks for it.
    features: Vec<u32>,
}

impl Domain {
    /// The symbols of the prefixes, sorted.
    pub(crate) fn symbols(&self) -> &[u32] {
        &self.symbols.symbols
    }

    /// Returns the place of a symbol among those of the prefixes.
    #[inline]
    pub(crate) fn place(&self, symbol: u32) -> u32 {
        self.symbols.of(symbol).map_or(UNKNOWN, |place| place as u32)
    }

    /// Returns the features of the symbol in this place, by distance.
    #[inline]
    pub(crate) fn features(&self, place: u32) -> &[u32] {
        &self.features[place as usize * self.distances..][..self.distances]
    }

    /// Returns the feature of a symbol at a distance; a new one gets the next number.
    fn ask(&mut self, symbol: u32, distance: usize, count: &mut u32) -> u32 {
        let at = self.place(symbol) as usize * self.distances + distance;
        if self.features[at] == UNKNOWN {
            self.features[at] = *count;
            *count += 1;
        }
        self.features[at]
    }

    /// Returns the feature of a symbol at a distance, if anybody asks for it.
    pub(crate) fn feature(&self, symbol: u32, distance: usize) -> Option<u32> {
        let place = self.symbols.of(symbol)?;
        self.features(place as u32).get(distance).copied().filter(|feature| *feature != UNKNOWN)
    }
}

/// Numbers for all features that are asked for.
pub(crate) struct Features {
    /// By number.
    domains: Vec<Domain>,
    numbers: Map<u64, usize>,
    /// By length of the suffix less 1: (suffix, place of the symbol before it) to the longer suffix. The first is asked all
    /// the time, and small: few of the longer ones are ever reached.
    suffixes: Vec<Interner>,
    count: u32,
}

impl Features {
    /// Numbers the features that the estimators go by; `prefixes` calls for every prefix that one of them has to continue.
    pub(crate) fn of(prefixes: impl Fn(&mut dyn FnMut(Estimator, u64, &[u32]))) -> Self {
        let mut found: BTreeMap<u64, (BTreeSet<u32>, usize)> = BTreeMap::new();
        prefixes(&mut |_, domain, prefix| {
            let (symbols, longest) = found.entry(domain).or_default();
            symbols.extend(prefix);
            *longest = prefix.len().max(*longest).max(1);
        });
        let numbers = found.keys().enumerate().map(|(number, domain)| (*domain, number)).collect();
        let domains = found.into_values().enumerate().map(|(number, (symbols, distances))| {
            let features = vec![UNKNOWN; symbols.len() * distances];
            Domain { number, symbols: Places::of_symbols(symbols.into_iter().collect()), distances, features }
        });
        let domains = domains.collect();
        let mut features = Self { domains, numbers, suffixes: Vec::new(), count: 0 };
        prefixes(&mut |estimator, domain, prefix| features.ask(estimator, domain, prefix));
        features
    }

    fn ask(&mut self, estimator: Estimator, domain: u64, prefix: &[u32]) {
        let Self { domains, numbers, suffixes, count } = self;
        let domain = &mut domains[numbers[&domain]];
        match estimator {
            Estimator::Backoff { longest, .. } => {
                let mut suffix = 0;
                for (depth, symbol) in prefix.iter().rev().take(longest).enumerate() {
                    suffix = match depth {
                        0 => domain.ask(*symbol, 0, count),
                        _ => {
                            suffixes.resize_with(suffixes.len().max(depth), Interner::default);
                            suffixes[depth - 1].intern(pack(suffix, domain.place(*symbol)), count)
                        }
                    };
                }
            }
            Estimator::NaiveBayes { .. } => {
                let symbols = prefix.iter().rev().enumerate();
                symbols.for_each(|(distance, symbol)| _ = domain.ask(*symbol, distance, count));
            }
        }
    }

    /// Number of features.
    pub(crate) fn len(&self) -> usize {
        self.count as usize
    }

    pub(crate) fn domains(&self) -> impl Iterator<Item = &Domain> {
        self.domains.iter()
    }

    pub(crate) fn domain(&self, domain: u64) -> Option<&Domain> {
        Some(&self.domains[*self.numbers.get(&domain)?])
    }

    /// Returns the suffix that has one symbol more than this one of a length, if anybody asks for it.
    #[inline]
    pub(crate) fn longer(&self, suffix: u32, length: usize, place: u32) -> Option<u32> {
        self.suffixes.get(length - 1)?.get(pack(suffix, place))
    }
}
