//! The held-out rows in one view, and all that is looked for in it.

use crate::hash::pairs::{Gathered, Key, Pairs};
use crate::prove::automaton::Seen;
use crate::prove::codes::{Codes, UNKNOWN, View};
use crate::prove::matches::{Matcher, Trace};
use crate::prove::units::{Found, Rule, Units};
use crate::read::lists::Lists;
use crate::read::rows::Rows;
use crate::read::vocabulary::Vocabulary;

/// One view of the held-out rows.
pub(crate) struct Index<'a> {
    pub(crate) codes: Codes<'a>,
    pub(crate) coded: Lists<u32>,
    pub(crate) checks: Vec<Check>,
    /// Longest matches, where they are asked for.
    pub(crate) matcher: Option<Matcher>,
    /// All ordered pairs of neighbours: a row that holds none of them holds no longer piece either.
    pairs: Pairs<u64>,
    /// Whether rows that hold none of them have to be looked at all the same.
    all: bool,
}

/// One question about every held-out row.
pub(crate) struct Check {
    pub(crate) name: &'static str,
    /// The views under which the result is certified: where there is one domain, terms and canonical are one.
    pub(crate) labels: Vec<&'static str>,
    pub(crate) gate: bool,
    pub(crate) rule: Rule,
    pub(crate) units: Units,
}

/// What was found in one other split: by check.
pub(crate) type FoundUnits = Vec<Found>;

impl<'a> Index<'a> {
    pub(crate) fn of(view: View, held: &Rows, vocabulary: &'a Vocabulary) -> Self {
        let (codes, coded) = Codes::of(view, held, vocabulary);
        let mut pairs = Gathered::with_room(coded.values.len());
        let mut keys: Vec<u64> = Vec::new();
        for row in coded.rows() {
            keys.clear();
            keys.extend(row.windows(2).filter_map(|pair| <u64 as Key>::of(value(pair[0]), value(pair[1]))));
            pairs.add(&keys);
        }
        Self { codes, coded, checks: Vec::new(), matcher: None, pairs: pairs.set(), all: false }
    }

    /// Asks one more question.
    pub(crate) fn ask(
        &mut self,
        held: &Rows,
        name: &'static str,
        labels: Vec<&'static str>,
        gate: bool,
        rule: Rule,
    ) {
        // The tokens of a row say how it is written by themselves.
        let same = vec![0; held.len()];
        let notations = if self.codes.view() == View::Tokens { &same } else { &held.notation };
        let units = Units::of(&self.coded, &held.unit, notations, &rule);
        self.all |= units.need_no_pair();
        self.checks.push(Check { name, labels, gate, rule, units });
    }

    /// Asks for the longest match of every row.
    pub(crate) fn match_rows(&mut self) {
        self.matcher = Some(Matcher::default());
    }

    /// Nothing found yet, for one split to stream past.
    pub(crate) fn nothing(&self) -> FoundUnits {
        self.checks.iter().map(|check| Found::none(check.units.len())).collect()
    }

    /// Looks for every unit in rows of another split; `base` is the index of its first row among all that stream past.
    pub(crate) fn observe(
        &self,
        rows: &Rows,
        base: u64,
        found: &[Found],
        trace: Option<&Trace>,
        coded: &mut Lists<u32>,
    ) {
        self.codes.encode(rows, coded);
        let mut scratch = Vec::new();
        let mut local = Seen::default();
        for (row, codes) in coded.rows().enumerate() {
            let index = rows.first + row as u64;
            let shares = codes.windows(2).any(|pair| self.pairs.hold(value(pair[0]), value(pair[1])));
            if shares || self.all {
                let notation = if self.codes.view() == View::Tokens { 0 } else { rows.notation[row] };
                for (check, found) in self.checks.iter().zip(found) {
                    check.units.scan(codes, notation, &mut scratch, |unit, offset| {
                        found.put(unit, index, offset);
                    });
                }
            }
            let (Some(matcher), Some(trace)) = (&self.matcher, trace) else { continue };
            if shares {
                matcher.stream(&self.coded, codes, base + index, &mut local);
            } else {
                for (offset, code) in codes.iter().enumerate().filter(|(_, code)| **code != UNKNOWN) {
                    trace.singles.put(*code, base + index, offset);
                }
            }
        }
        if let Some(trace) = trace.filter(|_| !local.is_empty()) {
            trace.take(local);
        }
    }
}

/// A code as a value whose pairs have narrow keys.
#[inline]
fn value(code: u32) -> i64 {
    i64::from(code.cast_signed())
}
