//! The exposure ledger: how often each piece of a held-out row was trained, in rows of train.

use std::collections::BTreeMap;
use std::ops::Range;

use artifact::tables::Exposure;

use crate::hash::interner::{Interner, pack};
use crate::prove::codes::{Codes, Map, UNKNOWN, View};
use crate::read::lists::Lists;
use crate::read::rows::{Rows, answer_terms};
use crate::read::vocabulary::Vocabulary;

/// What is counted for the held-out rows of one split.
pub(crate) struct Ledger<'a> {
    held: &'a Rows,
    split: &'a str,
    answers: Vec<Range<usize>>,
    codes: Codes<'a>,
    coded: Lists<u32>,
    /// The code and position of every term of an answer, packed: its number.
    places: Interner,
    tasks: Map<u64, usize>,
    /// By domain: the least and the largest values of the held-out rows, sorted.
    ranges: BTreeMap<u64, (Vec<i64>, Vec<i64>)>,
}

/// What one thread has counted.
pub(crate) struct Counts {
    coded: Lists<u32>,
    anywhere: Vec<i64>,
    as_target: Vec<i64>,
    at_position: Vec<i64>,
    tasks: Vec<i64>,
    successors: Successors,
    /// By code: the last row that held it, and that held it after its first term. Rows are counted, not occurrences.
    seen: Vec<(u64, u64)>,
    row: u64,
}

/// By (domain, number of terms): how many rows count by one from a value above as many of the least values, and how many
/// to a value above as many of the largest. Of rows that are no longer than a range, those within it are those that end in
/// it or below, without those that begin below.
type Successors = BTreeMap<(u64, usize), (Vec<i64>, Vec<i64>)>;

impl<'a> Ledger<'a> {
    pub(crate) fn of(split: &'a str, held: &'a Rows, vocabulary: &'a Vocabulary) -> Self {
        let (codes, coded) = Codes::of(View::Written, held, vocabulary);
        let answers: Vec<_> = (0..held.len()).map(|row| answer_terms(held, row, vocabulary)).collect();
        let (mut places, mut numbered) = (Interner::default(), 0);
        for (row, answer) in coded.rows().zip(&answers) {
            answer.clone().for_each(|at| _ = places.intern(pack(row[at], at as u32), &mut numbered));
        }
        let mut tasks = Map::default();
        for task in &held.task {
            let next = tasks.len();
            tasks.entry(*task).or_insert(next);
        }
        let mut ranges: BTreeMap<u64, (Vec<i64>, Vec<i64>)> = BTreeMap::new();
        for (row, terms) in held.terms.rows().enumerate() {
            let (Some(least), Some(most)) = (terms.iter().min(), terms.iter().max()) else { continue };
            let range = ranges.entry(held.domain[row]).or_default();
            range.0.push(*least);
            range.1.push(*most);
        }
        for values in ranges.values_mut().flat_map(|(least, most)| [least, most]) {
            values.sort_unstable();
            values.dedup();
        }
        Self { held, split, answers, codes, coded, places, tasks, ranges }
    }

    /// Nothing counted yet.
    pub(crate) fn nothing(&self) -> Counts {
        let codes = self.codes.len();
        Counts {
            coded: Lists::default(),
            anywhere: vec![0; codes],
            as_target: vec![0; codes],
            at_position: vec![0; self.places.len()],
            tasks: vec![0; self.tasks.len()],
            successors: Successors::new(),
            seen: vec![(0, 0); codes],
            row: 0,
        }
    }

    pub(crate) fn observe(&self, rows: &Rows, counts: &mut Counts) {
        let Counts { coded, anywhere, as_target, at_position, tasks, successors, seen, row: number } = counts;
        self.codes.encode(rows, coded);
        for (row, codes) in coded.rows().enumerate() {
            *number += 1;
            for (position, code) in codes.iter().enumerate().filter(|(_, code)| **code != UNKNOWN) {
                let at = *code as usize;
                anywhere[at] += i64::from(seen[at].0 != *number);
                seen[at].0 = *number;
                if position > 0 {
                    as_target[at] += i64::from(seen[at].1 != *number);
                    seen[at].1 = *number;
                }
                if let Some(place) = self.place(*code, position) {
                    at_position[place] += 1;
                }
            }
            if let Some(task) = self.tasks.get(&rows.task[row]) {
                tasks[*task] += 1;
            }
            let terms = rows.terms.row(row);
            if terms.len() > 1 && terms.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1])) {
                self.successor(rows.domain[row], terms, successors);
            }
        }
    }

    /// Returns the number of a term at a position, where an answer has it there.
    #[inline]
    fn place(&self, code: u32, position: usize) -> Option<usize> {
        self.places.get(pack(code, position as u32)).map(|place| place as usize)
    }

    fn successor(&self, domain: u64, terms: &[i64], successors: &mut Successors) {
        let ([first, ..], [.., last]) = (terms, terms) else { return };
        let Some((least, most)) = self.ranges.get(&domain) else { return };
        let longest = most.last().zip(least.first()).map(|(most, least)| most.saturating_sub(*least));
        if longest.is_none_or(|longest| terms.len() as u64 > longest.unsigned_abs() + 1) {
            return;
        }
        let (begins, ends) = successors
            .entry((domain, terms.len()))
            .or_insert_with(|| (vec![0; least.len() + 1], vec![0; most.len() + 1]));
        begins[least.partition_point(|value| value <= first)] += 1;
        ends[most.partition_point(|value| value < last)] += 1;
    }

    pub(crate) fn finish(self, threads: Vec<Counts>) -> Vec<Exposure> {
        let mut total = self.nothing();
        for counts in threads {
            let add = |total: &mut [i64], counts: &[i64]| {
                total.iter_mut().zip(counts).for_each(|(total, count)| *total += count);
            };
            add(&mut total.anywhere, &counts.anywhere);
            add(&mut total.as_target, &counts.as_target);
            add(&mut total.at_position, &counts.at_position);
            add(&mut total.tasks, &counts.tasks);
            for (key, (begins, ends)) in counts.successors {
                match total.successors.get_mut(&key) {
                    Some(known) => {
                        add(&mut known.0, &begins);
                        add(&mut known.1, &ends);
                    }
                    None => {
                        total.successors.insert(key, (begins, ends));
                    }
                }
            }
        }
        for sums in total.successors.values_mut().flat_map(|(begins, ends)| [begins, ends]) {
            (1..sums.len()).for_each(|at| sums[at] += sums[at - 1]);
        }
        let ledger = |row: usize| {
            let codes = self.coded.row(row);
            let answer = || self.answers[row].clone();
            let least = |counts: &mut dyn Iterator<Item = i64>| counts.min().unwrap_or(0);
            let at_position =
                |at: usize| self.place(codes[at], at).map_or(0, |place| total.at_position[place]);
            Exposure {
                split: self.split.to_owned(),
                example_id: self.held.ids[row],
                answer_as_target: least(&mut answer().map(|at| total.as_target[codes[at] as usize])),
                rarest_term: least(&mut codes.iter().map(|code| total.anywhere[*code as usize])),
                answer_at_position: least(&mut answer().map(at_position)),
                same_task_rows: total.tasks[self.tasks[&self.held.task[row]]],
                successor_rows_in_range: self.within(&total.successors, row),
            }
        };
        (0..self.held.len()).map(ledger).collect()
    }

    /// Number of rows that count by one and lie wholly within the range of the terms of a held-out row.
    fn within(&self, successors: &Successors, row: usize) -> i64 {
        let terms = self.held.terms.row(row);
        let (Some(least), Some(most)) = (terms.iter().min(), terms.iter().max()) else { return 0 };
        let domain = self.held.domain[row];
        let (lower, upper) = &self.ranges[&domain];
        let width = most.saturating_sub(*least).unsigned_abs() + 1;
        let fit = successors.range((domain, 0)..=(domain, usize::try_from(width).unwrap_or(usize::MAX)));
        // A row ends in a place no later than that of `most` where its last value is at most `most`; it begins in a place
        // no later than that of `least` where its first value is below `least`.
        let end = upper.partition_point(|value| value < most);
        let begin = lower.partition_point(|value| value < least);
        fit.map(|(_, (begins, ends))| ends[end] - begins[begin]).sum()
    }
}
