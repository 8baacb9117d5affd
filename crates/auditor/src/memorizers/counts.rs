//! Counts what follows the pieces that held-out rows ask for, and answers with it.
//!
//! One symbol of all answers at a time: first the pieces of every prefix are gathered, then train streams past once and
//! is counted for those pieces only, then every prefix grows by one symbol. So memory is bounded by the held-out side,
//! and every answer is the one that a table of all of train would give.

use std::sync::Mutex;

use super::sequences::{Sequence, Sequences};
use super::{Memorizer, Method, Piece, Pieces};
use crate::Result;
use crate::codes::Map;
use crate::rows::{Rows, Wanted};
use crate::split::Split;

/// Returns for every memoriser and every held-out row what it says; nothing for those that answer otherwise.
pub(crate) fn answer(
    memorizers: &[&Memorizer],
    sequences: &Sequences<'_>,
    held: &Rows,
    train: &Split,
    wanted: &Wanted,
) -> Result<Vec<Vec<Vec<i64>>>> {
    let truth: Vec<Sequence> = (0..held.len()).map(|row| sequences.of(held, row)).collect();
    let longest = truth.iter().map(|row| row.answer().len()).max().unwrap_or(0);
    // What each memoriser has said so far is the answer part of its own copy of the rows.
    let context = |row: &Sequence| Sequence { symbols: row.symbols[..row.start].to_vec(), ..row.clone() };
    let mut said: Vec<Vec<Sequence>> =
        memorizers.iter().map(|_| truth.iter().map(context).collect()).collect();
    for step in 0..longest {
        let open = |row: usize, own: &Sequence| {
            step < truth[row].answer().len()
                && (step == 0 || own.symbols.last().copied() != own.end || own.end.is_none())
        };
        let mut table = Table::default();
        for (number, (memorizer, own)) in memorizers.iter().zip(&said).enumerate() {
            let Some(pieces) = memorizer.method.pieces() else { continue };
            for (_, own) in own.iter().enumerate().filter(|(row, own)| open(*row, own)) {
                pieces(&own.prefix(own.symbols.len()), &mut |piece| {
                    table.ask(key(number, piece));
                    true
                });
            }
        }
        table.count(memorizers, sequences, train, wanted)?;
        for (number, (memorizer, own)) in memorizers.iter().zip(&mut said).enumerate() {
            for (_, own) in own.iter_mut().enumerate().filter(|(row, own)| open(*row, own)) {
                let prefix = own.prefix(own.symbols.len());
                let next = match memorizer.method {
                    Method::Lookup(pieces) => table.look_up(number, pieces, &prefix),
                    Method::Vote(pieces) => table.vote(number, pieces, &prefix),
                    Method::Direct(next) => next(&prefix),
                    Method::Nearest => None,
                };
                own.symbols.extend(next);
            }
        }
    }
    Ok(said.iter().map(|own| own.iter().map(|row| row.answer().to_vec()).collect()).collect())
}

impl Method {
    fn pieces(&self) -> Option<Pieces> {
        match self {
            Self::Lookup(pieces) | Self::Vote(pieces) => Some(*pieces),
            Self::Direct(_) | Self::Nearest => None,
        }
    }
}

/// How often which symbol follows the pieces that were asked for.
#[derive(Default)]
struct Table {
    slots: Map<Piece, u32>,
    /// By slot: (symbol, count), by symbol.
    follows: Vec<Vec<(i64, u32)>>,
}

impl Table {
    fn ask(&mut self, piece: Piece) {
        let next = self.slots.len() as u32;
        self.slots.entry(piece).or_insert(next);
    }

    fn count(
        &mut self,
        memorizers: &[&Memorizer],
        sequences: &Sequences<'_>,
        train: &Split,
        wanted: &Wanted,
    ) -> Result<()> {
        let all: Mutex<Map<(u32, i64), u32>> = Mutex::default();
        train.scan(wanted, |rows| {
            let mut counts: Map<(u32, i64), u32> = Map::default();
            for row in 0..rows.len() {
                let row = sequences.of(rows, row);
                for target in 1..row.symbols.len() {
                    let prefix = row.prefix(target);
                    for (number, memorizer) in memorizers.iter().enumerate() {
                        let Some(pieces) = memorizer.method.pieces() else { continue };
                        let lookup = matches!(memorizer.method, Method::Lookup(_));
                        pieces(&prefix, &mut |piece| match self.slots.get(&key(number, piece)) {
                            Some(slot) => {
                                *counts.entry((*slot, row.symbols[target])).or_default() += 1;
                                true
                            }
                            // Nobody asked for this piece, so nobody asked for a more particular one.
                            None => !lookup,
                        });
                    }
                }
            }
            let mut all = all.lock().expect("no thread panics while it holds this lock");
            for (key, count) in counts {
                *all.entry(key).or_default() += count;
            }
            Ok(())
        })?;
        self.follows = vec![Vec::new(); self.slots.len()];
        for ((slot, symbol), count) in all.into_inner().expect("no thread panics while it holds this lock") {
            self.follows[slot as usize].push((symbol, count));
        }
        self.follows.iter_mut().for_each(|follows| follows.sort_unstable());
        Ok(())
    }

    fn follows(&self, number: usize, piece: Piece) -> &[(i64, u32)] {
        self.slots.get(&key(number, piece)).map_or(&[], |slot| &self.follows[*slot as usize])
    }

    /// What most often follows the most particular piece that train knows; of equals the least symbol.
    fn look_up(&self, number: usize, pieces: Pieces, prefix: &super::Prefix<'_>) -> Option<i64> {
        let mut best = None;
        pieces(prefix, &mut |piece| {
            let follows = self.follows(number, piece);
            best = follows.iter().rev().max_by_key(|(_, count)| *count).map(|(symbol, _)| *symbol).or(best);
            !follows.is_empty()
        });
        best
    }

    /// argmax over y of log p(y) + sum over features f of log p(f | y), smoothed so little that a symbol
    /// never seen with a feature is all but excluded: what is asked is whether the pieces determine the answer.
    fn vote(&self, number: usize, pieces: Pieces, prefix: &super::Prefix<'_>) -> Option<i64> {
        const SMOOTHING: f64 = 1e-6;
        let mut found = Vec::new();
        pieces(prefix, &mut |piece| {
            found.push(self.follows(number, piece));
            true
        });
        let (prior, features) = found.split_first()?;
        let classes = prior.len() as f64;
        // A symbol that no feature speaks for cannot beat one that some do, but for the prior alone: keep the likeliest.
        let mut candidates: Vec<i64> =
            features.chunks_exact(2).flat_map(|feature| feature[1]).map(|(symbol, _)| *symbol).collect();
        candidates.extend(prior.iter().rev().max_by_key(|(_, count)| *count).map(|(symbol, _)| *symbol));
        candidates.sort_unstable();
        candidates.dedup();
        let count = |follows: &[(i64, u32)], symbol: i64| {
            follows
                .binary_search_by_key(&symbol, |(symbol, _)| *symbol)
                .map_or(0.0, |at| f64::from(follows[at].1))
        };
        let score = |symbol: i64| {
            let evidence = features.chunks_exact(2).map(|feature| {
                ((count(feature[1], symbol) + SMOOTHING) / (count(feature[0], symbol) + SMOOTHING * classes))
                    .ln()
            });
            count(prior, symbol).max(SMOOTHING).ln() + evidence.sum::<f64>()
        };
        let scored = candidates.into_iter().map(|symbol| (score(symbol), symbol));
        scored.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, symbol)| symbol)
    }
}

/// Keeps the pieces of memorisers apart.
fn key(number: usize, piece: Piece) -> Piece {
    join(piece, number as i64)
}

/// Appends a symbol to a piece: FNV-1a in 128 bits, a symbol at a time.
pub(super) fn join(piece: Piece, symbol: i64) -> Piece {
    let mixed = (piece ^ u128::from(symbol as u64)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013B);
    mixed ^ (mixed >> 67)
}
