//! Counts what follows the pieces that held-out rows ask about, in memory that does not grow with train.
//!
//! What follows the roots and lanes is kept for every symbol: few pieces, as many entries as there are symbols. What
//! follows the others may be as much as train has to say. Where it is more than fits, only half of the symbols are
//! counted, and train streams past once more for the other half: every question that a table is asked can be answered
//! symbol by symbol.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use rayon::prelude::*;

use super::pieces::{Pieces, Root, World};
use super::sequences::Sequences;
use crate::Result;
use crate::columns::Wanted;
use crate::numbers::{Numbers, mix, pack};
use crate::split::Split;

/// Entries of a table that are counted at a time, about 20 bytes each.
pub(crate) const ENTRIES: usize = 1 << 24;

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

/// What follows roots and lanes: (packed piece and symbol) to counts, sorted.
pub(crate) struct Wide(Vec<(u64, u32)>);

impl Wide {
    /// Returns (packed piece and symbol, count), by symbol.
    pub(crate) fn of(&self, piece: u32) -> &[(u64, u32)] {
        let start = self.0.partition_point(|(key, _)| *key < pack(piece, 0));
        let rest = &self.0[start..];
        &rest[..rest.partition_point(|(key, _)| *key <= pack(piece, u32::MAX))]
    }

    /// Returns every symbol once, sorted.
    pub(crate) fn symbols(&self) -> Vec<u32> {
        let mut symbols: Vec<u32> = self.0.iter().map(|(key, _)| *key as u32).collect();
        symbols.sort_unstable();
        symbols.dedup();
        symbols
    }
}

/// How often which symbol follows which of the other pieces.
pub(crate) struct Follows {
    /// By piece: its shard's entries from where to where.
    bounds: Vec<(u32, u32)>,
    /// Place of the symbol among all, and count; those of a piece together, by place.
    shards: Vec<Vec<(u32, u32)>>,
}

impl Follows {
    /// Returns (place of the symbol, count), by place.
    #[inline]
    pub(crate) fn of(&self, piece: u32) -> &[(u32, u32)] {
        let (start, end) = self.bounds[piece as usize];
        &self.shards[shard_of(piece, SHARDS)][start as usize..end as usize]
    }
}

fn shard_of(piece: u32, shards: usize) -> usize {
    (mix(u64::from(piece)) >> 40) as usize % shards
}

/// A growing table of counts.
#[derive(Default)]
struct Shard {
    keys: Vec<u64>,
    counts: Vec<u32>,
    len: usize,
    /// The last part that it was cut down to.
    modulus: u32,
}

const EMPTY: u64 = u64::MAX;

impl Shard {
    fn add(&mut self, key: u64, count: u32) {
        if self.keys.len() * 5 < (self.len + 1) * 8 {
            self.resize((self.keys.len() * 2).max(64), Part::WHOLE);
        }
        let mut place = mix(key) as usize & (self.keys.len() - 1);
        while self.keys[place] != key && self.keys[place] != EMPTY {
            place = (place + 1) & (self.keys.len() - 1);
        }
        if self.keys[place] == EMPTY {
            self.keys[place] = key;
            self.len += 1;
        }
        self.counts[place] = self.counts[place].saturating_add(count);
    }

    /// Moves the entries of a part into a table of another size.
    fn resize(&mut self, places: usize, part: Part) {
        let old = std::mem::replace(
            self,
            Self { keys: vec![EMPTY; places], counts: vec![0; places], len: 0, modulus: self.modulus },
        );
        for (key, count) in old.keys.into_iter().zip(old.counts) {
            if key != EMPTY && part.holds(key as u32) {
                self.add(key, count);
            }
        }
    }

    fn sorted(self) -> Vec<(u64, u32)> {
        let filled = self.keys.into_iter().zip(self.counts).filter(|(key, _)| *key != EMPTY);
        let mut entries: Vec<_> = filled.collect();
        entries.sort_unstable();
        entries
    }
}

/// A table that many threads fill.
struct Tally {
    shards: Vec<Mutex<Shard>>,
    len: AtomicUsize,
    modulus: AtomicU32,
    rest: u32,
    entries: usize,
}

const SHARDS: usize = 128;
/// Keys that a thread gathers for a shard before it asks for its lock.
const GATHERED: usize = 2048;

impl Tally {
    fn new(part: Part, entries: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        let modulus = AtomicU32::new(part.modulus);
        Self { shards, len: AtomicUsize::new(0), modulus, rest: part.rest, entries }
    }

    fn part(&self) -> Part {
        Part { modulus: self.modulus.load(Ordering::Relaxed), rest: self.rest }
    }

    fn take(&self, shard: usize, keys: &mut Vec<u64>) {
        let mut shard = self.shards[shard].lock().expect("no thread panics while it holds this lock");
        let part = self.part();
        let before = shard.len;
        if shard.modulus != part.modulus {
            shard.modulus = part.modulus;
            let places = shard.keys.len();
            shard.resize(places.max(64), part);
        }
        keys.drain(..).filter(|key| part.holds(*key as u32)).for_each(|key| shard.add(key, 1));
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
    fn finish(self, pieces: usize, places: &Places) -> (Follows, Part) {
        let part = self.part();
        let sorted = self.shards.into_par_iter().map(|shard| {
            let mut shard = shard.into_inner().expect("no thread panics while it holds this lock");
            if shard.modulus != part.modulus && part.modulus > 1 {
                let size = shard.keys.len();
                shard.resize(size.max(64), part);
            }
            let entries = shard.sorted();
            let mut bounds: Vec<(u32, u32, u32)> = Vec::new();
            for (at, (key, _)) in (0_u32..).zip(&entries) {
                let piece = (key >> 32) as u32;
                match bounds.last_mut() {
                    Some((known, _, end)) if *known == piece => *end = at + 1,
                    _ => bounds.push((piece, at, at + 1)),
                }
            }
            let place = |(key, count): (u64, u32)| Some((places.of(key as u32)? as u32, count));
            (bounds, entries.into_iter().filter_map(place).collect())
        });
        let (sorted, shards): (Vec<_>, Vec<_>) = sorted.unzip();
        let mut bounds = vec![(0, 0); pieces];
        for (piece, start, end) in sorted.into_iter().flatten() {
            bounds[piece as usize] = (start, end);
        }
        (Follows { bounds, shards }, part)
    }
}

/// Where each symbol of a sorted list is: a plain table where they lie close together.
pub(crate) struct Places {
    pub(crate) symbols: Vec<u32>,
    least: u32,
    table: Vec<u32>,
    numbers: Numbers,
}

const NOWHERE: u32 = u32::MAX;

impl Places {
    pub(crate) fn of_symbols(symbols: Vec<u32>) -> Self {
        let least = symbols.first().copied().unwrap_or(0);
        let range = symbols.last().map_or(0, |most| (most - least) as usize + 1);
        let (mut table, mut numbers) = (Vec::new(), Numbers::default());
        if range < 8 * symbols.len() + 65_536 {
            table = vec![NOWHERE; range];
            let numbered = (0_u32..).zip(&symbols);
            numbered.for_each(|(at, symbol)| table[(symbol - least) as usize] = at);
        } else {
            let mut count = 0;
            symbols.iter().for_each(|symbol| _ = numbers.number((*symbol).into(), &mut count));
        }
        Self { symbols, least, table, numbers }
    }

    #[inline]
    pub(crate) fn of(&self, symbol: u32) -> Option<usize> {
        if self.table.is_empty() {
            return self.numbers.get(symbol.into()).map(|at| at as usize);
        }
        let at = self.table.get(symbol.wrapping_sub(self.least) as usize)?;
        (*at != NOWHERE).then_some(*at as usize)
    }
}

/// What one thread gathers.
struct Local {
    codes: Vec<u32>,
    keys: Vec<Vec<u64>>,
    /// What follows roots and lanes, by the number of symbols before the target.
    wide: Shard,
}

/// What every pass needs.
pub(crate) struct Pass<'a> {
    pub(crate) pieces: &'a Pieces,
    pub(crate) sequences: &'a Sequences<'a>,
    pub(crate) train: &'a Split,
    pub(crate) wanted: &'a Wanted,
    /// Entries that are counted at a time.
    pub(crate) entries: usize,
}

/// What the first pass finds, for all symbols.
pub(crate) struct Whole {
    pub(crate) wide: Wide,
    pub(crate) places: Places,
}

/// Streams train past and counts what follows the pieces; returns it with the part of the symbols that it holds. The first
/// pass fills `whole`.
pub(crate) fn count(pass: &Pass<'_>, part: Part, whole: &mut Option<Whole>) -> Result<(Follows, Part)> {
    let Pass { pieces, sequences, train, wanted, entries } = *pass;
    let first = whole.is_none();
    let tally = Tally::new(part, entries);
    let new = || Local {
        codes: Vec::new(),
        keys: (0..SHARDS).map(|_| Vec::with_capacity(GATHERED)).collect(),
        wide: Shard::default(),
    };
    let threads = train.scan(wanted, new, |local, rows| {
        let mut world: Option<(u64, Option<&World>)> = None;
        for row in 0..rows.len() {
            let shape = sequences.encode(rows, row, &mut local.codes);
            if world.is_none_or(|(known, _)| known != shape.world) {
                world = Some((shape.world, pieces.world(shape.world)));
            }
            let Some((_, Some(world))) = world else { continue };
            for target in 1..local.codes.len() {
                let (before, symbol) = (&local.codes[..target], local.codes[target]);
                let said = target.checked_sub(shape.start);
                let at_answer = said.and_then(|said| world.places.get(said)?.as_ref());
                let answers = world.answers.as_ref().filter(|_| said.is_some());
                let held = tally.part().holds(symbol);
                if !held && !first {
                    continue;
                }
                for root in [world.all.as_ref(), answers, at_answer].into_iter().flatten() {
                    if first {
                        let lane = root.lanes[(target - 1).min(root.lanes.len() - 1)];
                        local.wide.add(pack(lane, symbol), 1);
                    }
                    if held {
                        narrow(pieces, root, before, |piece| {
                            let shard = shard_of(piece, SHARDS);
                            let keys = &mut local.keys[shard];
                            keys.push(pack(piece, symbol));
                            if keys.len() == GATHERED {
                                tally.take(shard, keys);
                            }
                        });
                    }
                }
            }
        }
        Ok(())
    })?;
    // Room first: keys that come in the order of their hash would crowd the front of a smaller table.
    let mut wide = Shard::default();
    let places = threads.iter().map(|local| local.wide.keys.len()).sum::<usize>().next_power_of_two();
    wide.resize(places, Part::WHOLE);
    for mut local in threads {
        local.keys.iter_mut().enumerate().for_each(|(shard, keys)| tally.take(shard, keys));
        let filled = local.wide.keys.iter().zip(&local.wide.counts).filter(|(key, _)| **key != EMPTY);
        filled.for_each(|(key, count)| wide.add(*key, *count));
    }
    let whole = whole.get_or_insert_with(|| {
        let wide = Wide(wide.sorted());
        let places = Places::of_symbols(wide.symbols());
        Whole { wide, places }
    });
    Ok(tally.finish(pieces.len(), &whole.places))
}

/// Names the pieces of a prefix that somebody asks for, but roots and lanes.
fn narrow(pieces: &Pieces, root: &Root, before: &[u32], mut each: impl FnMut(u32)) {
    let mut suffix = root.lanes[0];
    for symbol in before.iter().rev().take(root.longest) {
        // Nobody asked for this suffix, so nobody asked for a longer one.
        let Some(longer) = pieces.step(suffix, *symbol) else { break };
        suffix = longer;
        each(suffix);
    }
    if root.distances {
        // The last symbol is a suffix of length 1: counted once.
        let first = usize::from(root.longest > 0);
        for (symbol, lane) in before.iter().rev().zip(&root.lanes).skip(first) {
            if let Some(piece) = pieces.step(*lane, *symbol) {
                each(piece);
            }
        }
    }
}
