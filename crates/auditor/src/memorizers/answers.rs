//! Answers from counts, one symbol of all answers at a time: every prefix then grows by what was said.

use rayon::prelude::*;

use super::counts::{ENTRIES, Follows, Part, Pass, Whole, count};
use super::pieces::{Pieces, Root};
use super::sequences::{Questions, Said, Sequences};
use super::{Memorizer, Method};
use crate::Result;
use crate::codes::Map;
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
        let mut pieces = Pieces::default();
        let mut prefix = Vec::new();
        for (memorizer, said) in memorizers.iter().zip(&said) {
            for row in (0..questions.len()).filter(|row| open(*row, said)) {
                written(questions, said, row, &mut prefix);
                pieces.ask(memorizer, questions.shapes[row].world, &prefix, step);
            }
        }
        let pass = Pass { pieces: &pieces, sequences, train, wanted, entries };
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
struct Best {
    /// Length of the suffix that knows it; 0 where there is no suffix.
    depth: usize,
    /// Its count, or its score.
    score: f64,
    symbol: u32,
}

impl Best {
    /// The deeper, then the better; of equals the least symbol.
    fn or(self, other: Self, sequences: &Sequences<'_>) -> Self {
        let rank = |best: &Self| (best.depth, best.score);
        match rank(&other).partial_cmp(&rank(&self)) {
            Some(std::cmp::Ordering::Greater) => other,
            Some(std::cmp::Ordering::Equal)
                if sequences.symbol(other.symbol) < sequences.symbol(self.symbol) =>
            {
                other
            }
            _ => self,
        }
    }
}

/// Returns the best symbol of every memoriser for every open question.
fn best(
    memorizers: &[&Memorizer],
    pass: &Pass<'_>,
    questions: &Questions,
    said: &[Said],
    open: &(impl Fn(usize, &Said) -> bool + Sync),
) -> Result<Vec<Vec<Option<Best>>>> {
    let Pass { pieces, sequences, .. } = *pass;
    let mut best: Vec<Vec<Option<Best>>> = memorizers.iter().map(|_| vec![None; questions.len()]).collect();
    let (mut whole, mut priors) = (None, Map::default());
    let mut parts = vec![Part::WHOLE];
    while let Some(asked) = parts.pop() {
        let (narrow, part) = count(pass, asked, &mut whole)?;
        let Some(whole) = &whole else { continue };
        let mut modulus = asked.modulus;
        while modulus < part.modulus {
            parts.push(Part { modulus: modulus * 2, rest: asked.rest + modulus });
            modulus *= 2;
        }
        for ((memorizer, said), best) in memorizers.iter().zip(said).zip(&mut best) {
            let (targets, longest) = match memorizer.method {
                Method::Suffix { longest, targets } => (targets, Some(longest)),
                Method::Distances { targets } => (targets, None),
                Method::Copy | Method::Nearest => continue,
            };
            // Priors first: they are the same for all questions of a root.
            for row in 0..questions.len() {
                if open(row, said)
                    && let Some(world) = pieces.world(questions.shapes[row].world)
                    && let Some(root) = world.root(targets, said.row(row).len())
                {
                    let length = if longest.is_some() {
                        0
                    } else {
                        questions.context(row).len() + said.row(row).len()
                    };
                    let prior =
                        priors.entry(root.lanes[0]).or_insert_with(|| Prior::of(root, whole, sequences));
                    prior.prepare(length);
                }
            }
            let known = Known { pass, narrow: &narrow, whole, part };
            best.par_chunks_mut(1024).enumerate().for_each(|(chunk, best)| {
                let (mut prefix, mut votes) = (Vec::new(), Votes::default());
                for (at, best) in best.iter_mut().enumerate() {
                    let row = chunk * 1024 + at;
                    let world = pieces.world(questions.shapes[row].world).filter(|_| open(row, said));
                    let root = world.and_then(|world| world.root(targets, said.row(row).len()));
                    let Some(root) = root else { continue };
                    written(questions, said, row, &mut prefix);
                    let prior = &priors[&root.lanes[0]];
                    let found = match longest {
                        Some(longest) => look_up(&known, root, prior, &prefix, longest),
                        None => votes.vote(&known, root, prior, &prefix),
                    };
                    *best = match (*best, found) {
                        (Some(best), Some(found)) => Some(best.or(found, sequences)),
                        (best, found) => best.or(found),
                    };
                }
            });
        }
    }
    Ok(best)
}

/// What follows a root whatever stands before, and at how many symbols' distance from the row's begin.
struct Prior {
    /// Symbols that follow it.
    classes: usize,
    /// By place of the symbol: targets with more than so many symbols before them, first those with any.
    reach: Vec<Vec<f64>>,
    /// The place of the likeliest symbol.
    likeliest: Option<Best>,
    /// By length of the prefix: what a vote says of each symbol that no distance speaks for.
    silent: Vec<Vec<f64>>,
}

/// Smoothed so little that a symbol never seen with a feature is all but excluded: what is asked is whether the pieces
/// determine the answer.
const SMOOTHING: f64 = 1e-6;

impl Prior {
    fn of(root: &Root, whole: &Whole, sequences: &Sequences<'_>) -> Self {
        let symbols = &whole.places.symbols;
        // A target with t symbols before it reaches all distances below t.
        let mut reach = vec![vec![0.0; symbols.len()]; root.lanes.len()];
        for (lane, piece) in root.lanes.iter().enumerate().rev() {
            if lane + 1 < root.lanes.len() {
                reach[lane] = reach[lane + 1].clone();
            }
            for (key, count) in whole.wide.of(*piece) {
                let at = whole.places.of(*key as u32).expect("the symbols are those of all lanes");
                reach[lane][at] += f64::from(*count);
            }
        }
        let counted = symbols.iter().zip(&reach[0]).filter(|(_, count)| **count > 0.0);
        let all = counted.clone().map(|(symbol, count)| Best { depth: 0, score: *count, symbol: *symbol });
        let likeliest = all.reduce(|best, other| best.or(other, sequences));
        Self { classes: counted.count(), reach, likeliest, silent: Vec::new() }
    }

    /// Computes what a vote over so many distances says where none speaks.
    fn prepare(&mut self, length: usize) {
        let classes = self.classes as f64;
        if self.silent.is_empty() {
            self.silent.push(self.reach[0].iter().map(|count| count.max(SMOOTHING).ln()).collect());
        }
        while self.silent.len() <= length {
            let distance = self.silent.len() - 1;
            let reach = self.reach.get(distance);
            let count = |at: usize| reach.map_or(0.0, |reach| reach[at]);
            let last = self.silent.last().expect("the first was put there above");
            let more =
                |(at, score): (usize, &f64)| score + (SMOOTHING / (count(at) + SMOOTHING * classes)).ln();
            self.silent.push(last.iter().enumerate().map(more).collect());
        }
    }
}

/// What the memorisers of one root answer from.
struct Known<'a> {
    pass: &'a Pass<'a>,
    narrow: &'a Follows,
    whole: &'a Whole,
    part: Part,
}

/// What most often follows the longest suffix that train knows.
fn look_up(known: &Known<'_>, root: &Root, prior: &Prior, prefix: &[u32], longest: usize) -> Option<Best> {
    let mut best = prior.likeliest;
    let mut piece = root.lanes[0];
    for (depth, last) in prefix.iter().rev().take(longest).enumerate() {
        let Some(longer) = known.pass.pieces.step(piece, *last) else { break };
        piece = longer;
        let found = known.narrow.of(piece).iter().map(|(place, count)| Best {
            depth: depth + 1,
            score: f64::from(*count),
            symbol: known.whole.places.symbols[*place as usize],
        });
        let Some(found) = found.reduce(|best, other| best.or(other, known.pass.sequences)) else { break };
        best = Some(found);
    }
    best
}

/// What a distance adds to the score of a symbol that it has been seen before so often.
fn spoken(count: u32) -> f64 {
    ((f64::from(count) + SMOOTHING) / SMOOTHING).ln()
}

/// argmax over y of log p(y) + sum over distances d of log p(symbol at d | y).
#[derive(Default)]
struct Votes {
    /// By place of the symbol: what the distances that speak for it add.
    added: Vec<f64>,
    touched: Vec<u32>,
    /// By count: what it adds.
    logarithms: Vec<f64>,
}

impl Votes {
    fn vote(&mut self, known: &Known<'_>, root: &Root, prior: &Prior, prefix: &[u32]) -> Option<Best> {
        let Known { pass, narrow, whole, part } = *known;
        if self.logarithms.is_empty() {
            self.logarithms = (0..4096).map(spoken).collect();
            self.added = vec![0.0; whole.places.symbols.len()];
        }
        for (lane, before) in root.lanes.iter().zip(prefix.iter().rev()) {
            let Some(piece) = pass.pieces.step(*lane, *before) else { continue };
            for (place, count) in narrow.of(piece) {
                let added = &mut self.added[*place as usize];
                if *added == 0.0 {
                    self.touched.push(*place);
                }
                let more = self.logarithms.get(*count as usize).copied();
                *added += more.unwrap_or_else(|| spoken(*count));
            }
        }
        // A symbol that no distance speaks for cannot beat one that some do, but for the prior alone: take the likeliest in.
        let likeliest = prior.likeliest.filter(|best| part.holds(best.symbol));
        let likeliest = likeliest.and_then(|best| whole.places.of(best.symbol));
        self.touched.extend(likeliest.filter(|at| self.added[*at] == 0.0).map(|at| at as u32));
        let silent = &prior.silent[prefix.len()];
        let mut best: Option<Best> = None;
        for at in self.touched.drain(..) {
            let added = std::mem::take(&mut self.added[at as usize]);
            let score = silent[at as usize] + added;
            if best.is_none_or(|best| score >= best.score) {
                let found = Best { depth: 0, score, symbol: whole.places.symbols[at as usize] };
                best = Some(best.map_or(found, |best| best.or(found, pass.sequences)));
            }
        }
        best
    }
}
