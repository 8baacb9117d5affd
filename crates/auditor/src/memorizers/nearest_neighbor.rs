//! The answer of the train row whose context differs in the fewest symbols, right-aligned; of equals the first row.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use artifact::tables::Certificate;

use super::sequences::{Sequence, Sequences};
use super::{Class, Memorizer, Method};
use crate::Result;
use crate::codes::Map;
use crate::rows::{Rows, Wanted};
use crate::split::Split;

/// Repeats the answer of the nearest train row.
pub(super) const NEAREST_NEIGHBOR: Memorizer =
    Memorizer { name: "nearest_neighbor", class: Class::Memory, method: Method::Nearest };

/// How many row pairs are compared at most.
pub(crate) struct Sampling {
    /// Up to this many pairs all are compared; beyond it a keyed sample of train is.
    pub(crate) pairs: u64,
}

/// No symbol: left of the context's begin.
const PADDING: u32 = u32::MAX;
/// A symbol that no held-out context holds.
const UNKNOWN: u32 = u32::MAX - 1;
const ROW_BITS: u32 = 44;

/// Returns the answer of the nearest train row for every held-out row, and a report where train was sampled.
pub(crate) fn answer(
    held_name: &str,
    sequences: &Sequences<'_>,
    held: &Rows,
    train: &Split,
    wanted: &Wanted,
    sampling: &Sampling,
) -> Result<(Vec<Vec<i64>>, Option<Certificate>)> {
    let questions: Vec<Sequence> = (0..held.len()).map(|row| sequences.of(held, row)).collect();
    let contexts = Contexts::of(&questions);
    let nearest: Vec<AtomicU64> = questions.iter().map(|_| AtomicU64::new(u64::MAX)).collect();
    let sample = Sample::of(held.len() as u64, train.rows, sampling);
    let sampled = AtomicU64::new(0);
    train.scan(wanted, |rows| {
        let mut best = vec![u64::MAX; questions.len()];
        let mut context = vec![PADDING; contexts.width];
        for row in 0..rows.len() {
            let index = rows.first + row as u64;
            if !sample.holds(index) {
                continue;
            }
            sampled.fetch_add(1, Ordering::Relaxed);
            let beyond = contexts.encode(&sequences.of(rows, row), &mut context);
            for (question, best) in contexts.symbols.chunks_exact(contexts.width.max(1)).zip(&mut best) {
                let differing: u32 = question.iter().zip(&context).map(|(a, b)| u32::from(a != b)).sum();
                *best = (*best).min((u64::from(differing) + beyond) << ROW_BITS | index);
            }
        }
        for (nearest, best) in nearest.iter().zip(best) {
            nearest.fetch_min(best, Ordering::Relaxed);
        }
        Ok(())
    })?;
    let row = |packed: &AtomicU64| packed.load(Ordering::Relaxed) & ((1 << ROW_BITS) - 1);
    let asked: BTreeSet<u64> = nearest.iter().map(row).collect();
    let answers: Mutex<BTreeMap<u64, Vec<i64>>> = Mutex::default();
    train.scan(wanted, |rows| {
        let mut answers = answers.lock().expect("no thread panics while it holds this lock");
        for index in asked.range(rows.first..rows.first + rows.len() as u64) {
            answers.insert(*index, sequences.of(rows, (index - rows.first) as usize).answer().to_vec());
        }
        Ok(())
    })?;
    let answers = answers.into_inner().expect("no thread panics while it holds this lock");
    let said = nearest.iter().map(|packed| answers.get(&row(packed)).cloned().unwrap_or_default()).collect();
    let report = sample.share.map(|_| Certificate {
        check: "nearest_neighbor_sample".to_owned(),
        left: held_name.to_owned(),
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

/// The held-out contexts, right-aligned in rows of one width.
struct Contexts {
    codes: Map<(u64, i64), u32>,
    width: usize,
    symbols: Vec<u32>,
}

impl Contexts {
    fn of(questions: &[Sequence]) -> Self {
        let width = questions.iter().map(|question| question.start).max().unwrap_or(0).max(1);
        let mut contexts = Self { codes: Map::default(), width, symbols: Vec::new() };
        for question in questions {
            contexts.symbols.extend(std::iter::repeat_n(PADDING, width - question.start));
            for symbol in &question.symbols[..question.start] {
                let next = contexts.codes.len() as u32;
                let code = *contexts.codes.entry((question.world, *symbol)).or_insert(next);
                contexts.symbols.push(code);
            }
        }
        contexts
    }

    /// Writes the end of a train context into `out`; returns how many symbols stand before it.
    fn encode(&self, row: &Sequence, out: &mut [u32]) -> u64 {
        let context = &row.symbols[..row.start];
        let shown = context.len().min(self.width);
        let (padding, codes) = out.split_at_mut(self.width - shown);
        padding.fill(PADDING);
        for (code, symbol) in codes.iter_mut().zip(&context[context.len() - shown..]) {
            *code = self.codes.get(&(row.world, *symbol)).copied().unwrap_or(UNKNOWN);
        }
        (context.len() - shown) as u64
    }
}
