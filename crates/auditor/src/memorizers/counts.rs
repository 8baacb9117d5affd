//! Counts what follows the pieces that held-out rows ask about, in memory that does not grow with train.
//!
//! What follows anything at all is kept for every symbol. What follows single pieces may be as much as train has to say:
//! where it is more than fits, only half of the symbols are counted, and train streams past once more for the other half.
//! Every question that a table is asked can be answered symbol by symbol.

use std::hint::black_box;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use rayon::prelude::*;

use super::pieces::{Pieces, World};
use super::places::Places;
use super::sequences::{Sequences, Shape};
use super::{TARGETS, Targets, VOTED};
use crate::Result;
use crate::codes::UNKNOWN;
use crate::columns::Wanted;
use crate::numbers::{Numbers, mix, pack};
use crate::split::Split;

/// Entries of a table that are counted at a time, about 20 bytes each.
pub(crate) const ENTRIES: usize = 3 << 23;

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

/// How often a symbol follows a piece.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Follow {
    /// Place of the symbol among all that follow anything.
    pub(crate) place: u32,
    /// By [`VOTED`]; never 0 for all targets.
    pub(crate) counts: [u32; VOTED.len()],
}

/// How often which symbol follows which piece.
pub(crate) struct Follows(Vec<Shelf>);

/// The pieces whose numbers leave one rest.
struct Shelf {
    /// By piece: its first entry.
    starts: Vec<u32>,
    entries: Vec<Follow>,
}

impl Follows {
    /// Returns what follows a piece, in no order.
    #[inline]
    pub(crate) fn of(&self, piece: u32) -> &[Follow] {
        let Shelf { starts, entries } = &self.0[piece as usize % SHARDS];
        let at = piece as usize / SHARDS;
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
    /// Packed piece and symbol.
    key: u64,
    counts: [u32; VOTED.len()],
}

const EMPTY: Entry = Entry { key: u64::MAX, counts: [0; VOTED.len()] };
/// Marks a key whose target stands at the place of the answer that is asked for: pieces are fewer than 2^31.
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

    /// Sorts the entries by piece.
    fn shelve(self, pieces: usize, places: &Places) -> Shelf {
        let filled = || self.entries.iter().filter(|entry| entry.key != EMPTY.key);
        let piece = |entry: &Entry| (entry.key >> 32) as usize / SHARDS;
        let mut starts = vec![0; pieces.div_ceil(SHARDS) + 1];
        filled().for_each(|entry| starts[piece(entry) + 1] += 1);
        (1..starts.len()).for_each(|at| starts[at] += starts[at - 1]);
        let mut next = starts.clone();
        let mut entries = vec![Follow { place: 0, counts: [0; VOTED.len()] }; self.len];
        for entry in filled() {
            let place =
                places.of(entry.key as u32).expect("whatever follows a piece follows anything") as u32;
            let at = &mut next[piece(entry)];
            entries[*at as usize] = Follow { place, counts: entry.counts };
            *at += 1;
        }
        Shelf { starts, entries }
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
const GATHERED: usize = 16384;

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
    fn finish(self, pieces: usize, places: &Places) -> (Follows, Part) {
        let part = self.part();
        let shelves = self.shards.into_par_iter().map(|shard| {
            let mut shard = shard.into_inner().expect("no thread panics while it holds this lock");
            if shard.modulus != part.modulus && part.modulus > 1 {
                let size = shard.entries.len();
                shard.rebuild(size.max(64), part);
            }
            shard.shelve(pieces, places)
        });
        (Follows(shelves.collect()), part)
    }
}

/// What every pass needs.
pub(crate) struct Pass<'a> {
    pub(crate) pieces: &'a Pieces,
    pub(crate) sequences: &'a Sequences<'a>,
    pub(crate) train: &'a Split,
    pub(crate) wanted: &'a Wanted,
    /// Symbols of the answer that were said before: the next is the place that is asked for.
    pub(crate) said: usize,
    /// Entries that are counted at a time.
    pub(crate) entries: usize,
}

/// What follows anything, for all symbols.
pub(crate) struct Whole {
    pub(crate) places: Places,
    /// By world, distance, targets and place: how many targets have more than that many symbols before them.
    reach: Vec<Vec<[Vec<u64>; TARGETS.len()]>>,
}

impl Whole {
    /// Adds up what the threads found.
    fn of(pieces: &Pieces, threads: &[Wide]) -> Self {
        let all = || threads.iter().flat_map(|wide| wide.all(pieces));
        let mut symbols: Vec<u32> = all().map(|(_, symbol, _)| symbol).collect();
        symbols.sort_unstable();
        symbols.dedup();
        let places = Places::of_symbols(symbols);
        let none = || std::array::from_fn(|_| vec![0; places.symbols.len()]);
        let nothing = |world: &World| (0..world.distances).map(|_| none()).collect();
        let mut reach: Vec<Vec<[Vec<u64>; TARGETS.len()]>> = pieces.worlds().map(nothing).collect();
        for (world, symbol, counts) in all() {
            let at = places.of(symbol).expect("every symbol of every thread has a place");
            for (reach, counts) in reach[world].iter_mut().zip(counts) {
                reach.iter_mut().zip(counts).for_each(|(reach, count)| reach[at] += u64::from(*count));
            }
        }
        // A target with t symbols before it reaches all distances below t.
        for reach in &mut reach {
            for distance in (1..reach.len()).rev() {
                let (nearer, farther) = reach.split_at_mut(distance);
                for (nearer, farther) in nearer[distance - 1].iter_mut().zip(&farther[0]) {
                    nearer.iter_mut().zip(farther).for_each(|(nearer, farther)| *nearer += *farther);
                }
            }
        }
        Self { places, reach }
    }

    /// Returns by place how many targets have a symbol at this distance, one of those that are asked for.
    pub(crate) fn reach(&self, world: &World, targets: Targets, distance: usize) -> &[u64] {
        &self.reach[world.number][distance][targets as usize]
    }
}

/// What one thread gathers.
struct Local {
    codes: Vec<u32>,
    places: Vec<u32>,
    /// By place in the row: the symbol as a target, marked; none where it is not counted.
    targets: Vec<Option<u64>>,
    keys: Vec<Vec<u64>>,
    wide: Wide,
}

/// By [`TARGETS`]: how often a symbol is one.
type Targeted = [u32; TARGETS.len()];

/// Targets by world, symbol and number of symbols before it.
struct Wide {
    /// By world, then by place among the symbols of its prefixes, then by distance of the first symbol before the target;
    /// those farther than all that is asked for share the last.
    known: Vec<Vec<Targeted>>,
    /// World and symbol of those that are in no prefix, numbered, and their counts by number and distance.
    others: Numbers,
    symbols: Vec<(u32, u32)>,
    counts: Vec<Targeted>,
    distances: usize,
}

impl Wide {
    fn of(pieces: &Pieces) -> Self {
        let known = |world: &World| vec![Targeted::default(); world.symbols().len() * world.distances];
        Self {
            known: pieces.worlds().map(known).collect(),
            others: Numbers::default(),
            symbols: Vec::new(),
            counts: Vec::new(),
            distances: pieces.worlds().map(|world| world.distances).max().unwrap_or(0),
        }
    }

    /// Counts a target with so many symbols before it.
    #[inline]
    fn add(&mut self, world: &World, (symbol, place): (u32, u32), before: usize, more: Targeted) {
        let distance = (before - 1).min(world.distances - 1);
        let counts = if place == UNKNOWN {
            let next = self.symbols.len();
            let key = pack(world.number as u32, symbol);
            let number = self.others.number(key, &mut (next as u32)) as usize;
            if number == next {
                self.symbols.push((world.number as u32, symbol));
                self.counts.resize((next + 1) * self.distances, Targeted::default());
            }
            &mut self.counts[number * self.distances + distance]
        } else {
            &mut self.known[world.number][place as usize * world.distances + distance]
        };
        counts.iter_mut().zip(more).for_each(|(count, more)| *count = count.saturating_add(more));
    }

    /// Returns world, symbol and counts by distance of all that was counted.
    fn all<'a>(&'a self, pieces: &'a Pieces) -> impl Iterator<Item = (usize, u32, &'a [Targeted])> {
        let known = pieces.worlds().zip(&self.known).flat_map(|(world, counts)| {
            let counts = world.symbols().iter().zip(counts.chunks(world.distances));
            counts.map(|(symbol, counts)| (world.number, *symbol, counts))
        });
        let others = self.symbols.iter().zip(self.counts.chunks(self.distances.max(1)));
        let others = others.map(|((world, symbol), counts)| (*world as usize, *symbol, counts));
        known.chain(others).filter(|(_, _, counts)| counts.iter().any(|[all, ..]| *all > 0))
    }
}

/// Streams train past and counts what follows the pieces; returns it with the part of the symbols that it holds. The first
/// pass fills `whole`.
pub(crate) fn count(pass: &Pass<'_>, part: Part, whole: &mut Option<Whole>) -> Result<(Follows, Part)> {
    let Pass { pieces, sequences, train, wanted, said: here, entries } = *pass;
    let first = whole.is_none();
    let tally = Tally::new(part, entries);
    let new = || Local {
        codes: Vec::new(),
        places: Vec::new(),
        targets: Vec::new(),
        keys: (0..SHARDS).map(|_| Vec::with_capacity(GATHERED)).collect(),
        wide: Wide::of(pieces),
    };
    let threads = train.scan(wanted, new, |Local { codes, places, targets, keys, wide }, rows| {
        let mut known: Option<(u64, Option<&World>)> = None;
        let mut gather = |piece: u32, target: u64| {
            let shard = piece as usize % SHARDS;
            let keys = &mut keys[shard];
            keys.push(pack(piece, 0) | target);
            if keys.len() == GATHERED {
                tally.take(shard, keys);
            }
        };
        for row in 0..rows.len() {
            let Shape { start, world } = sequences.encode(rows, row, codes);
            let world = match known {
                Some((number, known)) if number == world => known,
                _ => {
                    known = Some((world, pieces.world(world)));
                    pieces.world(world)
                }
            };
            let Some(world) = world else { continue };
            places.clear();
            places.extend(codes.iter().map(|symbol| world.place(*symbol)));
            targets.clear();
            let part = tally.part();
            for (at, symbol) in codes.iter().enumerate() {
                let answers = at >= start;
                let said = answers && at - start == here;
                if first && at > 0 {
                    let more = [1, u32::from(said), u32::from(answers)];
                    wide.add(world, (*symbol, places[at]), at, more);
                }
                let mark = if said { HERE } else { 0 };
                targets.push(part.holds(*symbol).then_some(u64::from(*symbol) | mark));
            }
            for (at, place) in places.iter().enumerate().filter(|(_, place)| **place != UNKNOWN) {
                for (piece, target) in world.pieces(*place).iter().zip(&targets[at + 1..]) {
                    if let Some(target) = target
                        && *piece != UNKNOWN
                    {
                        gather(*piece, *target);
                    }
                }
            }
            for at in 2..codes.len() {
                let Some(target) = targets[at] else { continue };
                let mut before = places[..at].iter().rev().take_while(|place| **place != UNKNOWN);
                let last = before.next().map(|place| world.pieces(*place)[0]);
                let Some(mut suffix) = last.filter(|suffix| *suffix != UNKNOWN) else { continue };
                for (length, place) in (1..).zip(before) {
                    // Nobody asked for this suffix, so nobody asked for a longer one.
                    let Some(longer) = pieces.longer(suffix, length, *place) else { break };
                    suffix = longer;
                    gather(suffix, target);
                }
            }
        }
        Ok(())
    })?;
    let mut wide = Vec::new();
    for mut local in threads {
        local.keys.iter_mut().enumerate().for_each(|(shard, keys)| tally.take(shard, keys));
        wide.push(local.wide);
    }
    let whole = whole.get_or_insert_with(|| Whole::of(pieces, &wide));
    Ok(tally.finish(pieces.len(), &whole.places))
}
