//! Counts what follows the features that held-out rows ask about, in memory that does not grow with train.
//!
//! What follows anything at all is kept for every symbol. What follows single features may be as much as train has to say:
//! where it is more than fits, only half of the symbols are counted, and train streams past once more for the other half.
//! Every question that a table is asked can be answered symbol by symbol.

use super::estimator::{TARGETS, Targets};
use super::features::{Domain, Features};
use super::places::Places;
use super::sequences::{Sequences, Shape};
use super::table::{Follows, Gathered, Part, Tally, Target};
use crate::error::Result;
use crate::hash::interner::{Interner, pack};
use crate::prove::codes::UNKNOWN;
use crate::read::columns::Wanted;
use crate::read::split::Split;

/// Entries of a table that are counted at a time: 16 bytes each, and the table is about half full at least.
pub(crate) const ENTRIES: usize = 3 << 23;

/// What every pass needs.
pub(crate) struct Pass<'a> {
    pub(crate) features: &'a Features,
    pub(crate) sequences: &'a Sequences<'a>,
    pub(crate) train: &'a Split,
    pub(crate) wanted: &'a Wanted,
    /// Symbols of the answer that were predicted before: the next is the place that is asked for.
    pub(crate) step: usize,
    /// Entries that are counted at a time.
    pub(crate) entries: usize,
}

/// What follows anything, for all symbols.
pub(crate) struct Whole {
    pub(crate) places: Places,
    /// By domain, distance, targets and place: how many targets have more than that many symbols before them.
    reach: Vec<Vec<[Vec<u64>; TARGETS.len()]>>,
}

impl Whole {
    /// Adds up what the threads found.
    fn of(features: &Features, threads: &[Wide], train: &Split) -> Result<Self> {
        let all = || threads.iter().flat_map(|wide| wide.all(features));
        let mut symbols: Vec<u32> = all().map(|(_, symbol, _)| symbol).collect();
        symbols.sort_unstable();
        symbols.dedup();
        let places = Places::of_symbols(symbols);
        let distances = features.domains().map(|domain| domain.distances as u64 + 1).sum::<u64>();
        let count = places.symbols.len() as u64;
        train.hold(
            || format!("what may follow {count} symbols at {distances} distances"),
            count * distances * 64,
        )?;
        let none = || std::array::from_fn(|_| vec![0; places.symbols.len()]);
        let nothing = |domain: &Domain| (0..domain.distances).map(|_| none()).collect();
        let mut reach: Vec<Vec<[Vec<u64>; TARGETS.len()]>> = features.domains().map(nothing).collect();
        for (domain, symbol, counts) in all() {
            let at = places.of(symbol).expect("every symbol of every thread has a place");
            for (reach, counts) in reach[domain].iter_mut().zip(counts) {
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
    pub(crate) fn reach(&self, domain: &Domain, targets: Targets, distance: usize) -> &[u64] {
        &self.reach[domain.number][distance][targets as usize]
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

/// Targets by domain, symbol and number of symbols before it.
struct Wide {
    /// By domain, then by place among the symbols of its prefixes, then by distance of the first symbol before the target;
    /// those farther than all that is asked for share the last.
    known: Vec<Vec<Targeted>>,
    /// Domain and symbol of those that are in no prefix, numbered, and their counts by number and distance.
    others: Interner,
    symbols: Vec<(u32, u32)>,
    counts: Vec<Targeted>,
    distances: usize,
}

impl Wide {
    fn of(features: &Features) -> Self {
        let known = |domain: &Domain| vec![Targeted::default(); domain.symbols().len() * domain.distances];
        Self {
            known: features.domains().map(known).collect(),
            others: Interner::default(),
            symbols: Vec::new(),
            counts: Vec::new(),
            distances: features.domains().map(|domain| domain.distances).max().unwrap_or(0),
        }
    }

    /// Counts a target with so many symbols before it.
    #[inline]
    fn add(&mut self, domain: &Domain, (symbol, place): (u32, u32), before: usize, more: Targeted) {
        let distance = (before - 1).min(domain.distances - 1);
        let counts = if place == UNKNOWN {
            let next = self.symbols.len();
            let key = pack(domain.number as u32, symbol);
            let number = self.others.intern(key, &mut (next as u32)) as usize;
            if number == next {
                self.symbols.push((domain.number as u32, symbol));
                self.counts.resize((next + 1) * self.distances, Targeted::default());
            }
            &mut self.counts[number * self.distances + distance]
        } else {
            &mut self.known[domain.number][place as usize * domain.distances + distance]
        };
        counts.iter_mut().zip(more).for_each(|(count, more)| *count = count.saturating_add(more));
    }

    /// Returns domain, symbol and counts by distance of all that was counted.
    fn all<'a>(&'a self, features: &'a Features) -> impl Iterator<Item = (usize, u32, &'a [Targeted])> {
        let known = features.domains().zip(&self.known).flat_map(|(domain, counts)| {
            let counts = domain.symbols().iter().zip(counts.chunks(domain.distances));
            counts.map(|(symbol, counts)| (domain.number, *symbol, counts))
        });
        let others = self.symbols.iter().zip(self.counts.chunks(self.distances.max(1)));
        let others = others.map(|((domain, symbol), counts)| (*domain as usize, *symbol, counts));
        known.chain(others).filter(|(_, _, counts)| counts.iter().any(|[all, ..]| *all > 0))
    }
}

/// Streams train past and counts what follows the features; returns it with the part of the symbols that it holds. The first
/// pass fills `whole`.
pub(crate) fn count(pass: &Pass<'_>, part: Part, whole: &mut Option<Whole>) -> Result<(Follows, Part)> {
    let Pass { features, sequences, train, wanted, step, entries } = *pass;
    let first = whole.is_none();
    let tally = Tally::new(part, entries);
    let new = || Local {
        codes: Vec::new(),
        places: Vec::new(),
        targets: Vec::new(),
        gathered: Gathered::nothing(),
        wide: Wide::of(features),
    };
    let threads = train.scan(wanted, new, |Local { codes, places, targets, gathered, wide }, rows| {
        let mut known: Option<(u64, Option<&Domain>)> = None;
        for row in 0..rows.len() {
            let Shape { start, domain } = sequences.encode(rows, row, codes);
            let domain = match known {
                Some((number, known)) if number == domain => known,
                _ => {
                    known = Some((domain, features.domain(domain)));
                    features.domain(domain)
                }
            };
            let Some(domain) = domain else { continue };
            places.clear();
            places.extend(codes.iter().map(|symbol| domain.place(*symbol)));
            targets.clear();
            let part = tally.part();
            for (at, symbol) in codes.iter().enumerate() {
                let answers = at >= start;
                let here = answers && at - start == step;
                if first && at > 0 {
                    let more = [1, u32::from(here), u32::from(answers)];
                    wide.add(domain, (*symbol, places[at]), at, more);
                }
                targets.push(part.holds(*symbol).then_some(Target::of(*symbol, here)));
            }
            for (at, place) in places.iter().enumerate().filter(|(_, place)| **place != UNKNOWN) {
                for (feature, target) in domain.features(*place).iter().zip(&targets[at + 1..]) {
                    if let Some(target) = target
                        && *feature != UNKNOWN
                    {
                        gathered.add(&tally, *feature, *target);
                    }
                }
            }
            for at in 2..codes.len() {
                let Some(target) = targets[at] else { continue };
                let mut before = places[..at].iter().rev().take_while(|place| **place != UNKNOWN);
                let last = before.next().map(|place| domain.features(*place)[0]);
                let Some(mut suffix) = last.filter(|suffix| *suffix != UNKNOWN) else { continue };
                for (length, place) in (1..).zip(before) {
                    // Nobody asked for this suffix, so nobody asked for a longer one.
                    let Some(longer) = features.longer(suffix, length, *place) else { break };
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
        None => whole.insert(Whole::of(features, &wide, train)?),
    };
    Ok(tally.finish(features.len(), &whole.places))
}
