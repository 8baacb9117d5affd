//! The answer of the train row whose context differs in the fewest symbols, right-aligned; of equals the first row.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use artifact::tables::Certificate;

use super::sequences::{Questions, Said, Sequences};
use super::{Class, Memorizer, Method};
use crate::Result;
use crate::codes::Map;
use crate::columns::Wanted;
use crate::split::Split;

/// Repeats the answer of the nearest train row.
pub(super) const NEAREST_NEIGHBOR: Memorizer =
    Memorizer { name: "nearest_neighbor", class: Class::Memory, method: Method::Nearest };

/// How many row pairs are compared at most.
pub(crate) struct Sampling {
    /// Up to this many pairs all are compared; beyond it a keyed sample of train is.
    pub(crate) pairs: u64,
}

/// Questions that are compared with a train row at a time: their distances stay in the first cache.
const TILE: usize = 4096;

/// The nearest row so far: its distance, its index, its answer.
type Nearest = Vec<(u32, u64, Box<[u32]>)>;

/// Returns the answer of the nearest train row for every question, and a report where train was sampled.
pub(crate) fn answer(
    sequences: &Sequences<'_>,
    questions: &Questions,
    train: &Split,
    wanted: &Wanted,
    sampling: &Sampling,
) -> Result<(Said, Option<Certificate>)> {
    let sample = Sample::of(questions.len() as u64, train.rows, sampling);
    let sampled = AtomicU64::new(0);
    // Two bytes a symbol where that is enough: twice as many are compared at a time.
    let nearest = match Codes::of(questions) {
        codes if codes.next < u32::from(u16::MAX) - 1 => {
            let contexts = Contexts::<u16>::of(questions, codes);
            search(&contexts, sequences, questions, train, wanted, &sample, &sampled)?
        }
        codes => {
            let contexts = Contexts::<u32>::of(questions, codes);
            search(&contexts, sequences, questions, train, wanted, &sample, &sampled)?
        }
    };
    let mut said = Said::nothing(questions);
    for (row, (_, _, answer)) in nearest.iter().enumerate() {
        answer.iter().for_each(|symbol| said.say(row, *symbol));
    }
    let report = sample.share.map(|_| Certificate {
        check: "nearest_neighbor_sample".to_owned(),
        left: "held-out".to_owned(),
        right: train.name.clone(),
        view: sequences.symbols.name().to_owned(),
        gate: false,
        compared: sampled.into_inner() as i64,
        violations: 0,
        worst: -1,
        passed: true,
    });
    Ok((said, report))
}

fn search<T: Code>(
    contexts: &Contexts<T>,
    sequences: &Sequences<'_>,
    questions: &Questions,
    train: &Split,
    wanted: &Wanted,
    sample: &Sample,
    sampled: &AtomicU64,
) -> Result<Nearest> {
    let nearest: Mutex<Nearest> = Mutex::new(vec![(u32::MAX, u64::MAX, Box::default()); questions.len()]);
    let new = || (Vec::new(), Vec::new());
    train.scan(wanted, new, |(codes, candidates): &mut (Vec<u32>, Vec<Candidate<T>>), rows| {
        candidates.clear();
        for row in 0..rows.len() {
            if !sample.holds(rows.first + row as u64) {
                continue;
            }
            let shape = sequences.encode(rows, row, codes);
            candidates.push(contexts.candidate(
                shape.world,
                &codes[..shape.start],
                &codes[shape.start..],
                row,
            ));
        }
        if candidates.is_empty() {
            return Ok(());
        }
        sampled.fetch_add(candidates.len() as u64, Ordering::Relaxed);
        let best = contexts.compare(candidates);
        let mut nearest = nearest.lock().expect("no thread panics while it holds this lock");
        for (known, (distance, candidate)) in nearest.iter_mut().zip(best) {
            let candidate = &candidates[candidate as usize];
            let found = (u32::from(distance), rows.first + candidate.row as u64);
            if found < (known.0, known.1) {
                *known = (found.0, found.1, candidate.answer.clone());
            }
        }
        Ok(())
    })?;
    Ok(nearest.into_inner().expect("no thread panics while it holds this lock"))
}

/// The rows of train that are compared.
struct Sample {
    /// Rows whose keyed hash is below this; all where there is none.
    share: Option<u64>,
}

impl Sample {
    fn of(held: u64, train: u64, sampling: &Sampling) -> Self {
        let pairs = u128::from(held) * u128::from(train);
        let share = (pairs > u128::from(sampling.pairs))
            .then(|| u64::try_from((u128::from(sampling.pairs) << 64) / pairs).unwrap_or(u64::MAX));
        Self { share }
    }

    fn holds(&self, row: u64) -> bool {
        self.share.is_none_or(|share| {
            let key = artifact::stream_key("auditor/nearest_neighbor", &[row]);
            u64::from_le_bytes(key[..8].try_into().expect("a stream key has 32 bytes")) < share
        })
    }
}

/// Dense codes of the symbols that contexts hold.
struct Codes {
    codes: Map<(u64, u32), u32>,
    next: u32,
}

/// No symbol: left of the context's begin. No candidate shares it with a symbol.
const PADDING: u32 = 0;
/// A symbol that no held-out context holds.
const UNKNOWN: u32 = 1;

impl Codes {
    fn of(questions: &Questions) -> Self {
        let mut codes = Self { codes: Map::default(), next: 2 };
        for row in 0..questions.len() {
            for symbol in questions.context(row) {
                let code = codes.codes.entry((questions.shapes[row].world, *symbol)).or_insert(codes.next);
                codes.next += u32::from(*code == codes.next);
            }
        }
        codes
    }
}

/// A code as wide as it has to be.
trait Code: Copy + Eq + Send + Sync {
    fn narrow(code: u32) -> Self;
}

impl Code for u16 {
    fn narrow(code: u32) -> Self {
        code as u16
    }
}

impl Code for u32 {
    fn narrow(code: u32) -> Self {
        code
    }
}

/// A train row to compare with.
struct Candidate<T> {
    context: Vec<T>,
    /// Symbols before the longest held-out context.
    beyond: u16,
    answer: Box<[u32]>,
    /// Index in its batch.
    row: usize,
}

/// The held-out contexts, right-aligned, the last symbols of all of them first.
struct Contexts<T> {
    codes: Codes,
    width: usize,
    rows: usize,
    /// By distance from the answer, then by question.
    columns: Vec<Vec<T>>,
}

impl<T: Code> Contexts<T> {
    fn of(questions: &Questions, codes: Codes) -> Self {
        let rows = questions.len();
        let width = questions.shapes.iter().map(|shape| shape.start).max().unwrap_or(0);
        let mut columns = vec![vec![T::narrow(PADDING); rows]; width];
        for row in 0..rows {
            let world = questions.shapes[row].world;
            for (column, symbol) in columns.iter_mut().zip(questions.context(row).iter().rev()) {
                column[row] = T::narrow(codes.codes[&(world, *symbol)]);
            }
        }
        Self { codes, width, rows, columns }
    }

    fn candidate(&self, world: u64, context: &[u32], answer: &[u32], row: usize) -> Candidate<T> {
        let code = |symbol: &u32| self.codes.codes.get(&(world, *symbol)).copied().unwrap_or(UNKNOWN);
        let mut codes: Vec<T> =
            context.iter().rev().take(self.width).map(|symbol| T::narrow(code(symbol))).collect();
        codes.resize(self.width, T::narrow(PADDING));
        let beyond = context.len().saturating_sub(self.width).min(usize::from(u16::MAX)) as u16;
        Candidate { context: codes, beyond, answer: answer.into(), row }
    }

    /// Returns the least distance to every question, and the index of the first candidate that has it.
    fn compare(&self, candidates: &[Candidate<T>]) -> Vec<(u16, u16)> {
        let mut all = Vec::with_capacity(self.rows);
        let (mut distances, mut best, mut first) = (vec![0_u16; TILE], vec![0_u16; TILE], vec![0_u16; TILE]);
        for start in (0..self.rows).step_by(TILE) {
            let len = TILE.min(self.rows - start);
            let (distances, best, first) = (&mut distances[..len], &mut best[..len], &mut first[..len]);
            best.fill(u16::MAX);
            for (number, candidate) in candidates.iter().enumerate() {
                distances.fill(candidate.beyond);
                for (column, code) in self.columns.iter().zip(&candidate.context) {
                    for (distance, other) in distances.iter_mut().zip(&column[start..start + len]) {
                        *distance = distance.wrapping_add(u16::from(other != code));
                    }
                }
                let number = number as u16;
                for ((distance, best), first) in distances.iter().zip(best.iter_mut()).zip(first.iter_mut()) {
                    *first = if *distance < *best { number } else { *first };
                    *best = (*distance).min(*best);
                }
            }
            all.extend(best.iter().copied().zip(first.iter().copied()));
        }
        all
    }
}
