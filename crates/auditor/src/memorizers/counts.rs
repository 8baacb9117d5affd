//! Counts what follows the pieces that held-out rows ask about, in memory that does not grow with train.
//!
//! What follows anything at all is kept for every symbol. What follows single pieces may be as much as train has to say:
//! where it is more than fits, only half of the symbols are counted, and train streams past once more for the other half.
//! Every question that a table is asked can be answered symbol by symbol.

use super::estimator::{TARGETS, Targets};
use super::pieces::{Pieces, World};
use super::places::Places;
use super::sequences::{Sequences, Shape};
use super::table::{Follows, Gathered, Part, Tally, Target};
use crate::error::Result;
use crate::hash::numbers::{Numbers, pack};
use crate::prove::codes::UNKNOWN;
use crate::read::columns::Wanted;
use crate::read::split::Split;

/// Entries of a table that are counted at a time: 16 bytes each, and the table is about half full at least.
pub(crate) const ENTRIES: usize = 3 << 23;

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
    fn of(pieces: &Pieces, threads: &[Wide], train: &Split) -> Result<Self> {
        let all = || threads.iter().flat_map(|wide| wide.all(pieces));
        let mut symbols: Vec<u32> = all().map(|(_, symbol, _)| symbol).collect();
        symbols.sort_unstable();
        symbols.dedup();
        let places = Places::of_symbols(symbols);
        let distances = pieces.worlds().map(|world| world.distances as u64 + 1).sum::<u64>();
        let count = places.symbols.len() as u64;
        train.hold(
            || format!("what may follow {count} symbols at {distances} distances"),
            count * distances * 64,
        )?;
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
        Ok(Self { places, reach })
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
    targets: Vec<Option<Target>>,
    gathered: Gathered,
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
        gathered: Gathered::nothing(),
        wide: Wide::of(pieces),
    };
    let threads = train.scan(wanted, new, |Local { codes, places, targets, gathered, wide }, rows| {
        let mut known: Option<(u64, Option<&World>)> = None;
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
                targets.push(part.holds(*symbol).then_some(Target::of(*symbol, said)));
            }
            for (at, place) in places.iter().enumerate().filter(|(_, place)| **place != UNKNOWN) {
                for (piece, target) in world.pieces(*place).iter().zip(&targets[at + 1..]) {
                    if let Some(target) = target
                        && *piece != UNKNOWN
                    {
                        gathered.add(&tally, *piece, *target);
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
                    gathered.add(&tally, suffix, target);
                }
            }
        }
        Ok(())
    })?;
    let mut wide = Vec::new();
    for local in threads {
        local.gathered.hand_in(&tally);
        wide.push(local.wide);
    }
    let whole = match whole {
        Some(whole) => whole,
        None => whole.insert(Whole::of(pieces, &wide, train)?),
    };
    Ok(tally.finish(pieces.len(), &whole.places))
}
