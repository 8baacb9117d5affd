//! Answers from counts, one symbol of all answers at a time: every prefix then grows by what was said.

use std::cmp::Ordering;
use std::ops::Range;

use rayon::prelude::*;

use super::counts::{ENTRIES, Pass, Whole, count};
use super::pieces::{Pieces, World};
use super::sequences::{Questions, Said, Sequences};
use super::table::{Follows, Part};
use super::votes::{Elected, Scratch, Votes};
use super::{Memorizer, Method, TARGETS, Targets};
use crate::error::Result;
use crate::read::columns::Wanted;
use crate::read::split::Split;

/// Returns what every memoriser says to every question; nothing for those that answer otherwise.
pub(crate) fn answer(
    memorizers: &[&Memorizer],
    sequences: &Sequences<'_>,
    questions: &Questions,
    train: &Split,
    wanted: &Wanted,
) -> Result<Vec<Said>> {
    answer_with(ENTRIES, memorizers, sequences, questions, train, wanted)
}

/// The same with tables of so many entries at a time: what is answered does not depend on it.
pub(super) fn answer_with(
    entries: usize,
    memorizers: &[&Memorizer],
    sequences: &Sequences<'_>,
    questions: &Questions,
    train: &Split,
    wanted: &Wanted,
) -> Result<Vec<Said>> {
    let mut said: Vec<Said> = memorizers.iter().map(|_| Said::nothing(questions)).collect();
    let (end, separator) = (sequences.end(), sequences.separator());
    // As a model is asked: up to the border, or to as many symbols as the longest answer has. Where no border ends an answer it
    // is as long as the right one.
    let bordered = |row: usize| end.is_some() && questions.answer(row).last().copied() == end;
    for step in 0..questions.longest {
        let open = |row: usize, said: &Said| {
            let said = said.row(row);
            let most = if bordered(row) { questions.longest } else { questions.answer(row).len() };
            step < most && said.len() == step && (step == 0 || said.last().copied() != end)
        };
        let prefixes = |rows: Range<usize>, each: &mut Each<'_>| {
            let mut prefix = Vec::new();
            for row in rows {
                for (number, said) in said.iter().enumerate().filter(|(_, said)| open(row, said)) {
                    written(questions, said, row, &mut prefix);
                    each(number, row, questions.shapes[row].world, &prefix);
                }
            }
        };
        let pieces = Pieces::of(|each| {
            prefixes(0..questions.len(), &mut |number, _, world, prefix| {
                each(memorizers[number], world, prefix)
            });
        });
        let pass = Pass { pieces: &pieces, sequences, train, wanted, said: step, entries };
        let best = best(memorizers, &pass, questions.len(), &prefixes)?;
        for (number, (memorizer, said)) in memorizers.iter().zip(&mut said).enumerate() {
            for row in 0..questions.len() {
                if !open(row, said) {
                    continue;
                }
                let next = match memorizer.method {
                    Method::Copy => copied(questions.last(row), step, end).map(|symbol| (symbol, false)),
                    _ => best[row * memorizers.len() + number].map(|best| (best.symbol, best.tied)),
                };
                let Some((next, tied)) = next else { continue };
                // Behind the last term SEP is the same border.
                let separators =
                    |symbols: &[u32]| symbols.iter().filter(|symbol| Some(**symbol) == separator).count();
                let ends = bordered(row)
                    && Some(next) == separator
                    && separators(said.row(row)) == separators(questions.answer(row));
                said.say(row, if ends { end.unwrap_or(next) } else { next }, tied);
            }
        }
    }
    Ok(said)
}

/// Writes the context of a question and what was said to it.
fn written(questions: &Questions, said: &Said, row: usize, prefix: &mut Vec<u32>) {
    prefix.clear();
    prefix.extend_from_slice(questions.context(row));
    prefix.extend_from_slice(said.row(row));
}

fn copied(last: &[u32], said: usize, end: Option<u32>) -> Option<u32> {
    last.get(said).copied().or(end).or(last.last().copied())
}

/// The best symbol of the symbols looked at so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Best {
    /// Length of the suffix that knows it; 0 where there is no suffix.
    depth: usize,
    /// Its count, or its score.
    pub(crate) score: i64,
    pub(crate) symbol: u32,
    /// Whether another symbol stands as high.
    tied: bool,
}

impl Best {
    /// The deeper, then the better; of equals the least symbol.
    fn or(self, other: Self, sequences: &Sequences<'_>) -> Self {
        match (other.depth, other.score).cmp(&(self.depth, self.score)) {
            Ordering::Greater => other,
            Ordering::Less => self,
            Ordering::Equal if other.symbol == self.symbol => Self { tied: self.tied || other.tied, ..self },
            Ordering::Equal if sequences.symbol(other.symbol) < sequences.symbol(self.symbol) => {
                Self { tied: true, ..other }
            }
            Ordering::Equal => Self { tied: true, ..self },
        }
    }
}

/// What train says of the pieces, as far as the symbols of a part go.
pub(crate) struct Known<'a> {
    pub(crate) pass: &'a Pass<'a>,
    pub(crate) follows: &'a Follows,
    pub(crate) whole: &'a Whole,
    pub(crate) part: Part,
}

/// Called with the number of a memoriser, the row, the world and the symbols of a prefix that it has to continue.
type Each<'a> = dyn FnMut(usize, usize, u64, &[u32]) + 'a;

/// Calls for every prefix of some rows.
type Prefixes<'a> = dyn Fn(Range<usize>, &mut Each<'_>) + Sync + 'a;

/// Returns the best symbol of every memoriser for every prefix: by row, then by memoriser.
fn best(
    memorizers: &[&Memorizer],
    pass: &Pass<'_>,
    rows: usize,
    prefixes: &Prefixes<'_>,
) -> Result<Vec<Option<Best>>> {
    const CHUNK: usize = 1024;
    let mut best: Vec<Option<Best>> = vec![None; rows * memorizers.len()];
    let mut whole = None;
    let mut parts = vec![Part::WHOLE];
    while let Some(asked) = parts.pop() {
        let (follows, part) = count(pass, asked, &mut whole)?;
        let Some(whole) = &whole else { continue };
        let mut modulus = asked.modulus;
        while modulus < part.modulus {
            parts.push(Part { modulus: modulus * 2, rest: asked.rest + modulus });
            modulus *= 2;
        }
        let known = Known { pass, follows: &follows, whole, part };
        let votes = Votes::of(&known, |each| {
            prefixes(0..rows, &mut |number, _, world, prefix| {
                let votes = matches!(memorizers[number].method, Method::Distances { .. });
                pass.pieces.world(world).filter(|_| votes).into_iter().for_each(|world| each(world, prefix));
            });
        });
        let likeliest = TARGETS
            .map(|targets| known.worlds().map(|world| known.likeliest(world, targets)).collect::<Vec<_>>());
        best.par_chunks_mut(CHUNK * memorizers.len()).enumerate().for_each(|(chunk, best)| {
            let first = chunk * CHUNK;
            let mut scratch = Scratch::default();
            let mut voted: Option<(usize, Vec<u32>, Elected)> = None;
            prefixes(first..rows.min(first + CHUNK), &mut |number, row, world, prefix| {
                let Some(world) = pass.pieces.world(world) else { return };
                let found = match memorizers[number].method {
                    Method::Suffix { longest, targets } => {
                        known.look_up(world, prefix, longest).or(likeliest[targets as usize][world.number])
                    }
                    Method::Distances { targets } => {
                        // All that vote mostly go by the same prefix.
                        let same = voted.as_ref().filter(|(of, symbols, _)| *of == row && symbols == prefix);
                        let found = same.map(|(_, _, found)| *found).unwrap_or_else(|| {
                            let found = votes.answer(&known, world, prefix, &mut scratch);
                            voted = Some((row, prefix.to_vec(), found));
                            found
                        });
                        found[targets as usize]
                    }
                    Method::Copy | Method::Nearest => return,
                };
                let best = &mut best[(row - first) * memorizers.len() + number];
                *best = match (*best, found) {
                    (Some(best), Some(found)) => Some(best.or(found, pass.sequences)),
                    (best, found) => best.or(found),
                };
            });
        });
    }
    Ok(best)
}

impl<'a> Known<'a> {
    /// The worlds that are asked about, by number.
    pub(crate) fn worlds(&self) -> impl Iterator<Item = &'a World> + use<'a> {
        self.pass.pieces.worlds()
    }

    /// Returns the better one of what is known and a symbol, given by its place, that has this score.
    pub(crate) fn better(&self, best: Option<Best>, score: i64, place: u32) -> Option<Best> {
        let symbol = self.whole.places.symbols[place as usize];
        let found = Best { depth: 0, score, symbol, tied: false };
        Some(best.map_or(found, |best| best.or(found, self.pass.sequences)))
    }

    /// Returns the symbol that is a target most often, whatever stands before it, of all parts.
    pub(crate) fn likeliest(&self, world: &World, targets: Targets) -> Option<Best> {
        let counted = (0_u32..).zip(self.whole.reach(world, targets, 0)).filter(|(_, count)| **count > 0);
        counted.fold(None, |best, (place, count)| self.better(best, *count as i64, place))
    }

    /// Returns what most often follows the longest suffix that train knows.
    fn look_up(&self, world: &World, prefix: &[u32], longest: usize) -> Option<Best> {
        let mut best = None;
        let mut suffix = None;
        for (depth, symbol) in prefix.iter().rev().take(longest).enumerate() {
            suffix = match suffix {
                None => world.piece(*symbol, 0),
                Some(suffix) => self.pass.pieces.longer(suffix, depth, world.place(*symbol)),
            };
            let found = self.follows.of(suffix?).iter().map(|follow| Best {
                depth: depth + 1,
                score: i64::from(follow.counts[Targets::All as usize]),
                symbol: self.whole.places.symbols[follow.place as usize],
                tied: false,
            });
            let Some(found) = found.reduce(|best, other| best.or(other, self.pass.sequences)) else { break };
            best = Some(found);
        }
        best
    }
}
