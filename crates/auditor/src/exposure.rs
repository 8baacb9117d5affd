//! The exposure ledger: how often each piece of a held-out row was trained, in rows of train.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use artifact::tables::Exposure;

use crate::codes::{Codes, Map, UNKNOWN, View};
use crate::lists::Lists;
use crate::rows::Rows;
use crate::vocabulary::Vocabulary;

/// Counts over the rows of train that stream past.
pub(crate) struct Ledger<'a> {
    held: &'a Rows,
    split: &'a str,
    answers: Vec<Range<usize>>,
    codes: Codes<'a>,
    coded: Lists<u32>,
    anywhere: Vec<AtomicI64>,
    as_target: Vec<AtomicI64>,
    at_position: Map<u64, AtomicI64>,
    tasks: BTreeMap<u64, AtomicI64>,
    /// Rows that count by one, by (domain, number of terms): their first terms.
    successors: Mutex<BTreeMap<(u64, usize), Vec<i64>>>,
}

impl<'a> Ledger<'a> {
    pub(crate) fn of(split: &'a str, held: &'a Rows, vocabulary: &'a Vocabulary) -> Self {
        let (codes, coded) = Codes::of(View::Written, held, vocabulary);
        let size = coded.values.iter().max().map_or(0, |code| *code as usize + 1);
        let zeros = || (0..size).map(|_| AtomicI64::new(0)).collect();
        let answers: Vec<_> = (0..held.len()).map(|row| answer_terms(held, row, vocabulary)).collect();
        let mut at_position = Map::default();
        for (row, answer) in coded.rows().zip(&answers) {
            for position in answer.clone() {
                at_position.insert(place(row[position], position), AtomicI64::new(0));
            }
        }
        let tasks = held.task.iter().map(|task| (*task, AtomicI64::new(0))).collect();
        let (anywhere, as_target) = (zeros(), zeros());
        Self {
            held,
            split,
            answers,
            codes,
            coded,
            anywhere,
            as_target,
            at_position,
            tasks,
            successors: Mutex::default(),
        }
    }

    pub(crate) fn observe(&self, rows: &Rows) {
        let mut codes = Vec::new();
        let mut successors: BTreeMap<(u64, usize), Vec<i64>> = BTreeMap::new();
        for row in 0..rows.len() {
            self.codes.encode(rows, row, &mut codes);
            for (position, code) in codes.iter().enumerate().filter(|(_, code)| **code != UNKNOWN) {
                // Rows are counted, not occurrences.
                if !codes[..position].contains(code) {
                    self.anywhere[*code as usize].fetch_add(1, Ordering::Relaxed);
                }
                if position > 0 && !codes[1..position].contains(code) {
                    self.as_target[*code as usize].fetch_add(1, Ordering::Relaxed);
                }
                if let Some(count) = self.at_position.get(&place(*code, position)) {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
            if let Some(count) = self.tasks.get(&rows.task[row]) {
                count.fetch_add(1, Ordering::Relaxed);
            }
            let terms = rows.terms.row(row);
            if terms.len() > 1 && terms.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1])) {
                successors.entry((rows.domain[row], terms.len())).or_default().push(terms[0]);
            }
        }
        let mut all = self.successors.lock().expect("no thread panics while it holds this lock");
        for (key, starts) in successors {
            all.entry(key).or_default().extend(starts);
        }
    }

    pub(crate) fn finish(self) -> Vec<Exposure> {
        let mut successors = self.successors.into_inner().expect("no thread panics while it holds this lock");
        successors.values_mut().for_each(|starts| starts.sort_unstable());
        let read = |count: &AtomicI64| count.load(Ordering::Relaxed);
        let ledger = |row: usize| {
            let codes = self.coded.row(row);
            let answer = || self.answers[row].clone();
            let least = |counts: &mut dyn Iterator<Item = i64>| counts.min().unwrap_or(0);
            Exposure {
                split: self.split.to_owned(),
                example_id: self.held.ids[row],
                answer_as_target: least(&mut answer().map(|at| read(&self.as_target[codes[at] as usize]))),
                rarest_term: least(&mut codes.iter().map(|code| read(&self.anywhere[*code as usize]))),
                answer_at_position: least(
                    &mut answer().map(|at| read(&self.at_position[&place(codes[at], at)])),
                ),
                same_task_rows: read(&self.tasks[&self.held.task[row]]),
                successor_rows_in_range: within(&successors, self.held.domain[row], self.held.terms.row(row)),
            }
        };
        (0..self.held.len()).map(ledger).collect()
    }
}

/// Number of rows that count by one and lie wholly within the range of the terms.
fn within(successors: &BTreeMap<(u64, usize), Vec<i64>>, domain: u64, terms: &[i64]) -> i64 {
    let (Some(&least), Some(&most)) = (terms.iter().min(), terms.iter().max()) else { return 0 };
    let lengths = successors.range((domain, 0)..=(domain, usize::MAX));
    let inside = lengths.map(|((_, length), starts)| {
        let last = most.saturating_sub(*length as i64 - 1);
        if last < least {
            0
        } else {
            starts.partition_point(|a| *a <= last) - starts.partition_point(|a| *a < least)
        }
    });
    inside.sum::<usize>() as i64
}

/// Returns which terms of a row are its answer: the term groups inside the answer span, at least the last term.
pub(crate) fn answer_terms(rows: &Rows, row: usize, vocabulary: &Vocabulary) -> Range<usize> {
    let terms = rows.terms.row(row).len();
    let start = rows.answer_start[row];
    let groups = match rows.has_tokens && start >= 0 {
        true => vocabulary.groups(rows.tokens.row(row)).filter(|group| group.start as i64 >= start).count(),
        false => 1,
    };
    terms - groups.clamp(1, terms.max(1)).min(terms)..terms
}

fn place(code: u32, position: usize) -> u64 {
    u64::from(code) << 32 | position as u64
}
