//! Answers from counts, one symbol of all answers at a time: every prefix then grows by what was said.

use std::cmp::Ordering;

use rayon::prelude::*;

use super::counts::{ENTRIES, Follows, Part, Pass, Whole, count};
use super::pieces::{Pieces, World};
use super::sequences::{Questions, Said, Sequences};
use super::votes::{Scratch, Votes};
use super::{Memorizer, Method, Targets};
use crate::Result;
use crate::columns::Wanted;
use crate::split::Split;

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
    let end = sequences.end();
    for step in 0..questions.longest {
        let open = |row: usize, said: &Said| {
            let said = said.row(row);
            step < questions.answer(row).len()
                && said.len() == step
                && (step == 0 || said.last().copied() != end)
        };
        let pieces = Pieces::of(|each| {
            let mut prefix = Vec::new();
            for (memorizer, said) in memorizers.iter().zip(&said) {
                for row in (0..questions.len()).filter(|row| open(*row, said)) {
                    written(questions, said, row, &mut prefix);
                    each(memorizer, questions.shapes[row].world, &prefix);
                }
            }
        });
        let pass = Pass { pieces: &pieces, sequences, train, wanted, said: step, entries };
        let best = best(memorizers, &pass, questions, &said, &open)?;
        for ((memorizer, said), best) in memorizers.iter().zip(&mut said).zip(best) {
            for row in 0..questions.len() {
                if !open(row, said) {
                    continue;
                }
                let next = match memorizer.method {
                    Method::Copy => copied(questions.last(row), step, end),
                    _ => best.get(row).copied().flatten().map(|best| best.symbol),
                };
                next.into_iter().for_each(|next| said.say(row, next));
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
}

impl Best {
    /// The deeper, then the better; of equals the least symbol.
    fn or(self, other: Self, sequences: &Sequences<'_>) -> Self {
        match (other.depth, other.score).cmp(&(self.depth, self.score)) {
            Ordering::Greater => other,
            Ordering::Equal if sequences.symbol(other.symbol) < sequences.symbol(self.symbol) => other,
            _ => self,
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

/// How a memoriser goes on from a prefix.
enum Continuation {
    /// By the longest suffix up to a length that train knows; by world, what is likeliest whatever stands before.
    Suffix(usize, Vec<Option<Best>>),
    Votes(Votes),
}

/// Returns the best symbol of every memoriser for every open question.
fn best(
    memorizers: &[&Memorizer],
    pass: &Pass<'_>,
    questions: &Questions,
    said: &[Said],
    open: &(impl Fn(usize, &Said) -> bool + Sync),
) -> Result<Vec<Vec<Option<Best>>>> {
    let mut best: Vec<Vec<Option<Best>>> = memorizers.iter().map(|_| vec![None; questions.len()]).collect();
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
        for ((memorizer, said), best) in memorizers.iter().zip(said).zip(&mut best) {
            let prefix = |row: usize, prefix: &mut Vec<u32>| {
                let world = pass.pieces.world(questions.shapes[row].world).filter(|_| open(row, said))?;
                written(questions, said, row, prefix);
                Some(world)
            };
            let prefixes = |each: &mut dyn FnMut(&World, &[u32])| {
                let mut symbols = Vec::new();
                (0..questions.len()).for_each(|row| {
                    prefix(row, &mut symbols).into_iter().for_each(|world| each(world, &symbols));
                });
            };
            let continuation = match memorizer.method {
                Method::Suffix { longest, targets } => {
                    let likeliest = known.worlds().map(|world| known.likeliest(world, targets));
                    Continuation::Suffix(longest, likeliest.collect())
                }
                Method::Distances { targets } => Continuation::Votes(Votes::of(&known, targets, prefixes)),
                Method::Copy | Method::Nearest => continue,
            };
            best.par_chunks_mut(1024).enumerate().for_each(|(chunk, best)| {
                let (mut symbols, mut scratch) = (Vec::new(), Scratch::default());
                for (at, best) in best.iter_mut().enumerate() {
                    let Some(world) = prefix(chunk * 1024 + at, &mut symbols) else { continue };
                    let found = match &continuation {
                        Continuation::Suffix(longest, likeliest) => {
                            known.look_up(world, &symbols, *longest).or(likeliest[world.number])
                        }
                        Continuation::Votes(votes) => votes.answer(&known, world, &symbols, &mut scratch),
                    };
                    *best = match (*best, found) {
                        (Some(best), Some(found)) => Some(best.or(found, pass.sequences)),
                        (best, found) => best.or(found),
                    };
                }
            });
        }
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
        let found = Best { depth: 0, score, symbol: self.whole.places.symbols[place as usize] };
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
                Some(suffix) => self.pass.pieces.longer(suffix, world.place(*symbol)),
            };
            let found = self.follows.of(suffix?).iter().map(|follow| Best {
                depth: depth + 1,
                score: i64::from(follow.count(Targets::All)),
                symbol: self.whole.places.symbols[follow.place as usize],
            });
            let Some(found) = found.reduce(|best, other| best.or(other, self.pass.sequences)) else { break };
            best = Some(found);
        }
        best
    }
}
