//! A table of how often which symbol follows which feature, of bounded size: where it would be larger it keeps a part of the
//! symbols.

use std::hint::black_box;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use rayon::prelude::*;

use super::estimator::VOTED;
use super::places::Places;
use crate::hash::interner::{mix, pack};

/// The symbols that are counted in one pass: those whose hash leaves this rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) modulus: u32,
    pub(crate) rest: u32,
}

impl Part {
    /// All symbols.
    pub(crate) const WHOLE: Self = Self { modulus: 1, rest: 0 };

    #[inline]
    pub(crate) fn holds(self, symbol: u32) -> bool {
        self.modulus == 1 || (mix(u64::from(symbol)) >> 33) as u32 & (self.modulus - 1) == self.rest
    }
}

/// How often a symbol follows a feature.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Follow {
    /// Place of the symbol among all that follow anything.
    pub(crate) place: u32,
    /// By [`VOTED`]; never 0 for all targets.
    pub(crate) counts: [u32; VOTED.len()],
}

/// How often which symbol follows which feature.
pub(crate) struct Follows(Vec<Shelf>);

/// The features whose numbers leave one rest.
struct Shelf {
    /// By feature: its first entry.
    starts: Vec<u32>,
    entries: Vec<Follow>,
}

impl Follows {
    /// Returns what follows a feature, in no order.
    #[inline]
    pub(crate) fn of(&self, feature: u32) -> &[Follow] {
        let Shelf { starts, entries } = &self.0[feature as usize % SHARDS];
        let at = feature as usize / SHARDS;
        &entries[starts[at] as usize..starts[at + 1] as usize]
    }
}

/// A growing table of counts.
#[derive(Default)]
struct Shard {
    /// As many as a power of two; empty where the key is.
    entries: Vec<Entry>,
    len: usize,
    /// The last part that it was cut down to.
    modulus: u32,
}

#[derive(Clone, Copy)]
struct Entry {
    /// Packed feature and symbol.
    key: u64,
    counts: [u32; VOTED.len()],
}

const EMPTY: Entry = Entry { key: u64::MAX, counts: [0; VOTED.len()] };
/// Marks a key whose target stands at the place of the answer that is asked for: features are fewer than 2^31.
const HERE: u64 = 1 << 63;
/// Keys that are looked up together: the memory answers them side by side.
const BLOCK: usize = 32;

impl Shard {
    fn take(&mut self, keys: &[u64]) {
        for keys in keys.chunks(BLOCK) {
            self.reserve(keys.len());
            let mask = self.entries.len() - 1;
            let mut places = [0; BLOCK];
            let mut seen = 0;
            for (place, key) in places.iter_mut().zip(keys) {
                *place = mix(key & !HERE) as usize & mask;
                seen ^= self.entries[*place].key;
            }
            black_box(seen);
            for (place, key) in places.into_iter().zip(keys) {
                self.add(place, Entry { key: key & !HERE, counts: [1, u32::from(key & HERE != 0)] });
            }
        }
    }

    /// Adds to the entry with the same key, at the place of its hash or behind.
    #[inline]
    fn add(&mut self, mut place: usize, entry: Entry) {
        let mask = self.entries.len() - 1;
        while self.entries[place].key != entry.key {
            if self.entries[place].key == EMPTY.key {
                self.entries[place].key = entry.key;
                self.len += 1;
                break;
            }
            place = (place + 1) & mask;
        }
        let known = self.entries[place].counts.iter_mut();
        known.zip(entry.counts).for_each(|(count, more)| *count = count.saturating_add(more));
    }

    /// Makes room for so many more: a seventh of the places stays empty.
    fn reserve(&mut self, more: usize) {
        let mut places = self.entries.len().max(64);
        while places * 6 < (self.len + more) * 7 {
            places *= 2;
        }
        if places != self.entries.len() {
            self.rebuild(places, Part::WHOLE);
        }
    }

    /// Moves the entries of a part into a table of another size.
    fn rebuild(&mut self, places: usize, part: Part) {
        let old = std::mem::replace(&mut self.entries, vec![EMPTY; places]);
        self.len = 0;
        for entry in old.into_iter().filter(|entry| entry.key != EMPTY.key && part.holds(entry.key as u32)) {
            self.add(mix(entry.key) as usize & (places - 1), entry);
        }
    }

    /// Sorts the entries by feature.
    fn shelve(self, features: usize, places: &Places) -> Shelf {
        let filled = || self.entries.iter().filter(|entry| entry.key != EMPTY.key);
        let feature = |entry: &Entry| (entry.key >> 32) as usize / SHARDS;
        let mut starts = vec![0; features.div_ceil(SHARDS) + 1];
        filled().for_each(|entry| starts[feature(entry) + 1] += 1);
        (1..starts.len()).for_each(|at| starts[at] += starts[at - 1]);
        let mut next = starts.clone();
        let mut entries = vec![Follow { place: 0, counts: [0; VOTED.len()] }; self.len];
        for entry in filled() {
            let place =
                places.of(entry.key as u32).expect("whatever follows a feature follows anything") as u32;
            let at = &mut next[feature(entry)];
            entries[*at as usize] = Follow { place, counts: entry.counts };
            *at += 1;
        }
        Shelf { starts, entries }
    }
}

/// A table that many threads fill.
pub(crate) struct Tally {
    shards: Vec<Mutex<Shard>>,
    len: AtomicUsize,
    modulus: AtomicU32,
    rest: u32,
    entries: usize,
}

const SHARDS: usize = 128;
/// Keys that a thread gathers for a shard before it asks for its lock.
const GATHERED: usize = 16384;

impl Tally {
    /// Nothing counted yet of a part of the symbols; where there are more entries than so many, the part is halved.
    pub(crate) fn new(part: Part, entries: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        let modulus = AtomicU32::new(part.modulus);
        Self { shards, len: AtomicUsize::new(0), modulus, rest: part.rest, entries }
    }

    /// The part of the symbols that is still counted.
    pub(crate) fn part(&self) -> Part {
        Part { modulus: self.modulus.load(Ordering::Relaxed), rest: self.rest }
    }

    fn take(&self, shard: usize, keys: &mut Vec<u64>) {
        let mut shard = self.shards[shard].lock().expect("no thread panics while it holds this lock");
        let part = self.part();
        let before = shard.len;
        if shard.modulus != part.modulus {
            shard.modulus = part.modulus;
            let places = shard.entries.len();
            shard.rebuild(places.max(64), part);
        }
        if part.modulus > 1 {
            keys.retain(|key| part.holds(*key as u32));
        }
        shard.take(keys);
        keys.clear();
        let after = shard.len;
        drop(shard);
        if after < before {
            // What was cut is no longer in the sum: see below.
            return;
        }
        let len = self.len.fetch_add(after - before, Ordering::Relaxed) + after - before;
        // Shards are cut down when they are next asked: half of them may be full once more before that.
        if len > self.entries && part.modulus < 1 << 20 {
            let halved = self.modulus.compare_exchange(
                part.modulus,
                part.modulus * 2,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            if halved.is_ok() {
                self.len.fetch_sub(len / 2, Ordering::Relaxed);
            }
        }
    }

    /// Returns what was counted, with the places of symbols instead of their codes.
    pub(crate) fn finish(self, features: usize, places: &Places) -> (Follows, Part) {
        let part = self.part();
        let shelves = self.shards.into_par_iter().map(|shard| {
            let mut shard = shard.into_inner().expect("no thread panics while it holds this lock");
            if shard.modulus != part.modulus && part.modulus > 1 {
                let size = shard.entries.len();
                shard.rebuild(size.max(64), part);
            }
            shard.shelve(features, places)
        });
        (Follows(shelves.collect()), part)
    }
}

/// A symbol that follows a feature, marked where it stands at the place of the answer that is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Target(u64);

impl Target {
    pub(crate) fn of(symbol: u32, here: bool) -> Self {
        Self(u64::from(symbol) | if here { HERE } else { 0 })
    }
}

/// What one thread has gathered for a table: by shard.
pub(crate) struct Gathered(Vec<Vec<u64>>);

impl Gathered {
    pub(crate) fn nothing() -> Self {
        Self(vec![Vec::new(); SHARDS])
    }

    /// Counts a target behind a feature.
    #[inline]
    pub(crate) fn add(&mut self, tally: &Tally, feature: u32, target: Target) {
        let shard = feature as usize % SHARDS;
        let keys = &mut self.0[shard];
        keys.push(pack(feature, 0) | target.0);
        if keys.len() == GATHERED {
            tally.take(shard, keys);
        }
    }

    /// Hands in what is left.
    pub(crate) fn hand_in(mut self, tally: &Tally) {
        self.0.iter_mut().enumerate().for_each(|(shard, keys)| tally.take(shard, keys));
    }
}
