//! The answer of the train row whose context differs in the fewest symbols, right-aligned; of equals the first row. It is tied
//! where another row is as near and has another answer.

use std::sync::Mutex;

use artifact::tables::Certificate;
use rayon::prelude::*;

use super::asked::{Asked, View};
use super::memorizer::{Answered, Class, Memorizer, Method};
use super::sequences::{Predictions, Questions, Shape};
use crate::error::Result;
use crate::hash::interner::mix;
use crate::prove::codes::Map;

/// Repeats the answer of the nearest train row.
pub(crate) const NEAREST_NEIGHBOR: Memorizer = Memorizer {
    name: "nearest_neighbor",
    class: Class::Memory,
    method: Method::Alone(answer),
    #[cfg(test)]
    definition: |train, context| {
        let distance = |row: &Vec<i64>| {
            let other = &row[..row.len() - 1];
            let differ = (0..other.len().max(context.len())).filter(|at| {
                let from_the_end = |terms: &[i64]| terms.iter().rev().nth(*at).copied();
                from_the_end(other) != from_the_end(context)
            });
            differ.count()
        };
        let nearest = train.iter().min_by_key(|row| distance(row))?;
        let as_near = train.iter().filter(|row| distance(row) == distance(nearest));
        let others = as_near.map(|row| row.last()).filter(|answer| *answer != nearest.last());
        nearest.last().map(|answer| (*answer, others.count() > 0))
    },
};

/// Questions that are compared with a train row at a time: their distances stay in the first cache.
const TILE: usize = 4096;
/// Train rows that a thread gathers before it compares them with all questions; a batch may bring it over that.
const GATHERED: usize = 256;

/// The nearest rows so far, by question.
type Nearest = Vec<Neighbor>;

/// The first of the nearest rows, and whether another of them has another answer.
#[derive(Clone)]
struct Neighbor {
    distance: u32,
    index: u64,
    answer: Box<[u32]>,
    tied: bool,
}

impl Neighbor {
    fn none() -> Self {
        Self { distance: u32::MAX, index: u64::MAX, answer: Box::default(), tied: false }
    }

    /// Adds the first of some rows that are as near as each other.
    fn add(&mut self, distance: u32, row: &TrainRow, tied: bool) {
        if distance > self.distance {
            return;
        }
        if distance < self.distance {
            *self = Self { distance, tied, ..Self::none() };
        } else {
            self.tied |= tied || self.answer != row.answer;
        }
        if row.index < self.index {
            (self.index, self.answer) = (row.index, row.answer.clone());
        }
    }
}

/// Returns the answer of the nearest train row for every question, view by view, and a report where train was sampled.
fn answer(asked: &Asked<'_>) -> Result<Answered> {
    let Asked { views, train, wanted, pairs } = asked;
    let sample = Sample::of(views[0].questions.len() as u64, train.rows, *pairs);
    let searches = views.each_ref().map(|view| (view, search(&view.questions)));
    let new = || Gathered { codes: Vec::new(), rows: views.each_ref().map(|_| Vec::new()), sampled: 0 };
    let mut threads = train.scan(wanted, new, |gathered, rows| {
        for row in (0..rows.len()).filter(|row| sample.holds(rows.first + *row as u64)) {
            gathered.sampled += 1;
            for (View { sequences, .. }, found) in views.iter().zip(&mut gathered.rows) {
                let Shape { start, domain } = sequences.encode(rows, row, &mut gathered.codes);
                let (context, answer) = gathered.codes.split_at(start);
                let index = rows.first + row as u64;
                found.push(TrainRow { index, domain, context: context.into(), answer: answer.into() });
            }
        }
        if gathered.rows.iter().any(|rows| rows.len() >= GATHERED) {
            gathered.compare(&searches);
        }
        Ok(())
    })?;
    threads.par_iter_mut().for_each(|gathered| gathered.compare(&searches));
    let sampled = threads.iter().map(|gathered| gathered.sampled).sum();
    Ok(searches.map(|(View { sequences, questions }, search)| {
        let mut predictions = Predictions::nothing(questions);
        for (row, Neighbor { answer, tied, .. }) in search.nearest().into_iter().enumerate() {
            answer.iter().for_each(|symbol| predictions.push(row, *symbol, tied));
        }
        let report = sample.share.map(|_| Certificate {
            check: "nearest_neighbor_sample".to_owned(),
            left: "held-out".to_owned(),
            right: train.name.clone(),
            view: sequences.symbols.name().to_owned(),
            gate: false,
            compared: sampled,
            violations: 0,
            worst: -1,
            passed: true,
        });
        (predictions, report)
    }))
}

/// A row to compare with.
struct TrainRow {
    index: u64,
    domain: u64,
    context: Box<[u32]>,
    answer: Box<[u32]>,
}

/// What one thread has gathered: by view, rows in order.
struct Gathered {
    codes: Vec<u32>,
    rows: [Vec<TrainRow>; 2],
    sampled: i64,
}

impl Gathered {
    fn compare(&mut self, searches: &[(&View<'_>, Box<dyn Search>)]) {
        for ((_, search), rows) in searches.iter().zip(&mut self.rows) {
            search.compare(rows);
            rows.clear();
        }
    }
}

/// The nearest rows of one view, while train streams past.
trait Search: Sync {
    /// Compares rows with all questions, in order.
    fn compare(&self, rows: &[TrainRow]);
    fn nearest(self: Box<Self>) -> Nearest;
}

/// Two bytes a symbol where that is enough: twice as many are compared at a time.
fn search(questions: &Questions) -> Box<dyn Search> {
    let nearest = Mutex::new(vec![Neighbor::none(); questions.len()]);
    match Codes::of(questions) {
        codes if codes.next < u32::from(u16::MAX) - 1 => {
            Box::new((Contexts::<u16>::of(questions, codes), nearest))
        }
        codes => Box::new((Contexts::<u32>::of(questions, codes), nearest)),
    }
}

impl<T: Code> Search for (Contexts<T>, Mutex<Nearest>) {
    fn compare(&self, rows: &[TrainRow]) {
        let (contexts, nearest) = self;
        let mut answers = Map::<&[u32], u16>::default();
        let candidates: Vec<_> = rows
            .iter()
            .map(|row| {
                let next = answers.len() as u16;
                contexts.candidate(row, *answers.entry(&row.answer).or_insert(next))
            })
            .collect();
        let best = contexts.compare(&candidates);
        let mut nearest = nearest.lock().expect("no thread panics while it holds this lock");
        for (known, (distance, first, tied)) in nearest.iter_mut().zip(best) {
            let Some(row) = rows.get(usize::from(first)) else { return };
            known.add(distance.into(), row, tied);
        }
    }

    fn nearest(self: Box<Self>) -> Nearest {
        self.1.into_inner().expect("no thread panics while it holds this lock")
    }
}

/// The rows of train that are compared.
struct Sample {
    /// Rows whose keyed hash is below this; all where there is none.
    share: Option<u64>,
}

/// Chooses the sample: a number like any other, which whoever changes raises `VERSION`.
const KEY: u64 = 0xaf73_0665_5caa_b48f;

impl Sample {
    /// Takes all rows where so many pairs may be compared; beyond that a keyed sample.
    fn of(held: u64, train: u64, most: u64) -> Self {
        let pairs = u128::from(held) * u128::from(train);
        let share = (pairs > u128::from(most))
            .then(|| u64::try_from((u128::from(most) << 64) / pairs).unwrap_or(u64::MAX));
        Self { share }
    }

    fn holds(&self, row: u64) -> bool {
        self.share.is_none_or(|share| mix(row ^ KEY) < share)
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
                let code = codes.codes.entry((questions.shapes[row].domain, *symbol)).or_insert(codes.next);
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

/// The context of a train row.
struct Candidate<T> {
    context: Vec<T>,
    /// Symbols before the longest held-out context.
    beyond: u16,
    /// Which of the answers it has.
    answer: u16,
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
            let domain = questions.shapes[row].domain;
            for (column, symbol) in columns.iter_mut().zip(questions.context(row).iter().rev()) {
                column[row] = T::narrow(codes.codes[&(domain, *symbol)]);
            }
        }
        Self { codes, width, rows, columns }
    }

    fn candidate(&self, row: &TrainRow, answer: u16) -> Candidate<T> {
        let code = |symbol: &u32| self.codes.codes.get(&(row.domain, *symbol)).copied().unwrap_or(UNKNOWN);
        let last = row.context.iter().rev().take(self.width);
        let mut context: Vec<T> = last.map(|symbol| T::narrow(code(symbol))).collect();
        context.resize(self.width, T::narrow(PADDING));
        let beyond = row.context.len().saturating_sub(self.width).min(usize::from(u16::MAX)) as u16;
        Candidate { context, beyond, answer }
    }

    /// Returns the least distance to every question, the index of the first candidate that has it, and whether another one
    /// has it with another answer.
    fn compare(&self, candidates: &[Candidate<T>]) -> Vec<(u16, u16, bool)> {
        let mut all = Vec::with_capacity(self.rows);
        let [mut distances, mut best, mut first, mut answers, mut tied] = [(); 5].map(|()| vec![0_u16; TILE]);
        for start in (0..self.rows).step_by(TILE) {
            let len = TILE.min(self.rows - start);
            let (distances, best, first) = (&mut distances[..len], &mut best[..len], &mut first[..len]);
            let (answers, tied) = (&mut answers[..len], &mut tied[..len]);
            best.fill(u16::MAX);
            tied.fill(0);
            for (number, candidate) in candidates.iter().enumerate() {
                distances.fill(candidate.beyond);
                for (column, code) in self.columns.iter().zip(&candidate.context) {
                    for (distance, other) in distances.iter_mut().zip(&column[start..start + len]) {
                        *distance = distance.saturating_add(u16::from(other != code));
                    }
                }
                let (number, own) = (number as u16, candidate.answer);
                let places = distances.iter().zip(best.iter_mut()).zip(first.iter_mut());
                for (((distance, best), first), (answer, tied)) in
                    places.zip(answers.iter_mut().zip(tied.iter_mut()))
                {
                    let nearer = *distance < *best;
                    *tied |= u16::from(*distance == *best && own != *answer);
                    *tied = if nearer { 0 } else { *tied };
                    *answer = if nearer { own } else { *answer };
                    *first = if nearer { number } else { *first };
                    *best = (*distance).min(*best);
                }
            }
            let found = best.iter().zip(first.iter()).zip(tied.iter());
            all.extend(found.map(|((best, first), tied)| (*best, *first, *tied != 0)));
        }
        all
    }
}
