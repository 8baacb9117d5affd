//! The checks of held-out splits against the splits that stream past them, and what they certify.

use artifact::tables::Certificate;

use crate::error::Leak;
use crate::prove::codes::View;
use crate::prove::index::{Check, FoundUnits, Index};
use crate::prove::kinds::{Kinds, Largest};
use crate::prove::matches::Trace;
use crate::prove::units::{Found, Rule, Units, Witness};
use crate::read::level::{Level, Validation};
use crate::read::lists::Lists;
use crate::read::rows::{Rows, UnitKind};
use crate::read::vocabulary::Vocabulary;

/// A split whose rows may not stand in others, indexed.
pub(crate) struct HeldOut<'a> {
    pub(crate) name: &'a str,
    pub(crate) rows: &'a Rows,
    pub(crate) indices: Vec<Index<'a>>,
    /// All tokens of a row, borders too, at any offset.
    raw: Option<Check>,
    kinds: Option<(Kinds, bool)>,
}

/// What of a held-out split was found in one other split.
pub(crate) struct Evidence {
    /// By index, then by check.
    pub(crate) units: Vec<FoundUnits>,
    pub(crate) raw: Option<Found>,
    pub(crate) largest: Largest,
}

/// A violated gate, and the indices of the violating row and of its witness in their splits.
pub(crate) struct Violation {
    /// All but the witness's `example_id`, and where both stand.
    pub(crate) leak: Leak,
    pub(crate) left: u64,
    pub(crate) right: u64,
}

/// What is asked of every held-out row, and under which views the answer is certified.
struct Question<'a> {
    check: &'a str,
    labels: &'a [&'static str],
    gate: bool,
    compared: usize,
}

/// Which checks to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All that the columns allow.
    Everything,
    /// The units of one column and nothing else; whole rows where a row has no unit.
    Windows,
}

impl<'a> HeldOut<'a> {
    /// Indexes the rows of a held-out split for the checks of a level; `window` is what that level asks of each row.
    pub(crate) fn of(
        name: &'a str,
        rows: &'a Rows,
        vocabulary: &'a Vocabulary,
        level: &Level,
        scope: Scope,
        window: &[usize],
    ) -> Self {
        let mut held = Self { name, rows, indices: Vec::new(), raw: None, kinds: None };
        let gate = *level == Level::Transition;
        let everything = scope == Scope::Everything;
        let windows = matches!(level, Level::Window(_))
            .then(|| Rule::LastTerms(window.to_vec()))
            .filter(|_| everything);
        let ask = |view: View, whole: &'static [&'static str], pieces: &[&'static str], gates: bool| {
            let mut index = Index::of(view, rows, vocabulary);
            // A row that shares no pair with another is not that row, if it has a pair.
            let pairs = || rows.unit.iter().all(|unit| *unit == UnitKind::Pair);
            let bare = |index: &Index<'_>| !pairs() || index.coded.rows().any(|row| row.len() < 2);
            if !whole.is_empty() && (everything || bare(&index)) {
                index.ask(rows, "rows", whole.to_vec(), true, Rule::WholeRow);
            }
            if !whole.is_empty() && everything {
                index.match_rows();
            }
            index.ask(rows, "units", pieces.to_vec(), gate && gates, Rule::Units);
            if let Some(rule) = &windows {
                index.ask(rows, "windows", pieces.to_vec(), gates, rule.clone());
            }
            index
        };
        if rows.has_terms {
            let known = rows.domain.iter().any(|domain| *domain != 0);
            let one = rows.domain.iter().all(|domain| Some(domain) == rows.domain.first());
            match (known, one) {
                (false, _) => held.indices.push(ask(View::Terms, &["terms"], &["terms"], true)),
                (true, true) => {
                    held.indices.push(ask(View::Canonical, &["terms"], &["terms", "canonical"], true));
                }
                (true, false) => {
                    held.indices.push(ask(View::Canonical, &["terms"], &["canonical"], true));
                    // Month 1 and number 1 are one integer: across domains the plain integers are a report.
                    held.indices.push(ask(View::Terms, &[], &["terms"], false));
                }
            }
        }
        if rows.has_tokens {
            held.indices.push(ask(View::Tokens, &["tokens"], &["tokens"], true));
            let units = raw_units(rows, vocabulary);
            let labels = vec!["tokens"];
            let raw = Check { name: "raw_tokens", labels, gate: false, rule: Rule::Units, units };
            held.raw = Some(raw).filter(|_| everything);
        }
        if let Level::Kind(kind, validation) = level
            && rows.has_terms
            && everything
        {
            let gate = *validation == Validation::HeldOut || name == "test";
            held.kinds = Some((Kinds::of(*kind, rows), gate));
        }
        held
    }

    /// Nothing found yet, for one split to stream past.
    pub(crate) fn nothing(&self) -> Evidence {
        Evidence {
            units: self.indices.iter().map(Index::nothing).collect(),
            raw: self.raw.as_ref().map(|check| Found::none(check.units.len())),
            largest: self.kinds.as_ref().map(|(kinds, _)| kinds.nothing()).unwrap_or_default(),
        }
    }

    /// Nothing seen yet of what the longest matches go by: one trace for each index that is asked for them.
    pub(crate) fn traces(&self) -> Vec<Option<Trace>> {
        let trace = |index: &Index<'_>| index.matcher.as_ref().map(|_| Trace::none(index.codes.len()));
        self.indices.iter().map(trace).collect()
    }

    /// Looks for everything in rows of another split; `base` is the index of its first row among all that stream past.
    pub(crate) fn observe(
        &self,
        rows: &Rows,
        base: u64,
        evidence: &Evidence,
        traces: &[Option<Trace>],
        largest: &mut Largest,
    ) {
        let mut coded = Lists::default();
        for ((index, found), trace) in self.indices.iter().zip(&evidence.units).zip(traces) {
            index.observe(rows, base, found, trace.as_ref(), &mut coded);
        }
        if let (Some(check), Some(found)) = (&self.raw, &evidence.raw) {
            let mut scratch = Vec::new();
            for (row, tokens) in rows.tokens.rows().enumerate() {
                let index = rows.first + row as u64;
                check.units.scan(tokens, 0, &mut scratch, |unit, offset| found.put(unit, index, offset));
            }
        }
        if let Some((kinds, _)) = &self.kinds {
            kinds.observe(rows, largest);
        }
    }

    /// Says what was found in the split `other`: certificate rows, and the first violation of every violated gate.
    pub(crate) fn certify(
        &self,
        other: &str,
        evidence: &Evidence,
        level: &Level,
    ) -> (Vec<Certificate>, Vec<Violation>) {
        let (mut certificates, mut violations) = (Vec::new(), Vec::new());
        let mut judge = |question: Question<'_>, found: &dyn Fn(usize) -> usize| {
            let (certificate, first) = self.count(&question, other, found);
            let label = |label: &&str| Certificate { view: (*label).to_owned(), ..certificate.clone() };
            certificates.extend(question.labels.iter().map(label));
            first.filter(|_| question.gate).map(|row| (row, certificate.violations))
        };
        let mut violation =
            |question: (&str, &str), (row, rows): (usize, i64), at: Witness, piece: String| {
                let leak = Leak {
                    level: level.name().to_owned(),
                    check: question.0.to_owned(),
                    view: question.1.to_owned(),
                    left: self.name.to_owned(),
                    right: other.to_owned(),
                    rows,
                    left_example_id: self.rows.ids[row],
                    right_example_id: -1,
                    offset: i64::from(at.offset),
                    piece,
                    left_place: None,
                    right_place: None,
                };
                violations.push(Violation { leak, left: row as u64, right: at.row });
            };
        if let Some((kinds, gate)) = &self.kinds {
            let question =
                Question { check: kinds.name(), labels: &["terms"], gate: *gate, compared: kinds.len() };
            let found = |row: usize| kinds.found(row, &evidence.largest);
            if let Some(first) = judge(question, &|row| usize::from(found(row).is_some())) {
                let at = found(first.0).expect("the row was counted because something was found");
                violation((kinds.name(), "terms"), first, at, kinds.piece(self.rows, first.0));
            }
        }
        let checks = self.indices.iter().zip(&evidence.units);
        let checks = checks.flat_map(|(index, found)| index.checks.iter().zip(found));
        for (check, found) in checks.chain(self.raw.iter().zip(&evidence.raw)) {
            let (name, labels) = (check.name, check.labels.as_slice());
            let question = Question { check: name, labels, gate: check.gate, compared: check.units.len() };
            let units = |row: usize| check.units.of_row.row(row);
            if let Some(first) = judge(question, &|row| distinct_found(units(row), &[found])) {
                let mut seen = units(first.0).iter().enumerate();
                let (at, witness) = seen
                    .find_map(|(at, unit)| Some((at, found.get(*unit)?)))
                    .expect("the row was counted because something was found");
                let view = labels.last().copied().unwrap_or_default();
                violation((name, view), first, witness, self.piece(&check.rule, first.0, at));
            }
        }
        (certificates, violations)
    }

    /// Counts the held-out rows of which something was found, and names the first.
    fn count(
        &self,
        question: &Question<'_>,
        other: &str,
        found: &dyn Fn(usize) -> usize,
    ) -> (Certificate, Option<usize>) {
        let (mut violations, mut worst, mut most, mut first) = (0, -1, 0, None);
        for row in 0..self.rows.len() {
            let count = found(row);
            violations += i64::from(count > 0);
            first = first.or((count > 0).then_some(row));
            if count > most {
                (most, worst) = (count, self.rows.ids[row]);
            }
        }
        let certificate = Certificate {
            check: question.check.to_owned(),
            left: self.name.to_owned(),
            right: other.to_owned(),
            view: String::new(),
            gate: question.gate,
            compared: question.compared as i64,
            violations,
            worst,
            passed: !question.gate || violations == 0,
        };
        (certificate, first)
    }

    /// Returns for every row how many of its distinct units were found in any of the splits; in the canonical view where
    /// there is one.
    pub(crate) fn leaked_units(&self, evidence: &[&Evidence]) -> Vec<i32> {
        let place = |label: &str| {
            self.indices.iter().enumerate().find_map(|(index, checks)| {
                let mut checks = checks.checks.iter();
                let check =
                    checks.position(|check| check.name == "units" && check.labels.contains(&label))?;
                Some((index, check))
            })
        };
        let Some((index, check)) = place("canonical").or(place("terms")).or(place("tokens")) else {
            return vec![0; self.rows.len()];
        };
        let found: Vec<&Found> = evidence.iter().map(|evidence| &evidence.units[index][check]).collect();
        let units = self.indices[index].checks[check].units.of_row.rows();
        units.map(|units| distinct_found(units, &found) as i32).collect()
    }

    /// Returns the terms of unit number `at` of a row, readable.
    fn piece(&self, rule: &Rule, row: usize, at: usize) -> String {
        let terms: Vec<String> = match self.rows.has_terms {
            false => self.rows.tokens.row(row).iter().map(u32::to_string).collect(),
            true => self.rows.terms.row(row).iter().map(i64::to_string).collect(),
        };
        let range = match (rule, self.rows.unit[row]) {
            (Rule::Units, UnitKind::Pair) => at..at + 2,
            (Rule::Units, UnitKind::UnorderedPair) => 0..2,
            (Rule::Units, UnitKind::Multiset) => 0..terms.len() / 2,
            (Rule::LastTerms(last), _) => terms.len().saturating_sub(last[row])..terms.len(),
            _ => 0..terms.len(),
        };
        terms.get(range).unwrap_or(&terms).join(" ")
    }
}

/// The token strings of adjacent pairs with what stands between them: found unaligned they are a report.
fn raw_units(rows: &Rows, vocabulary: &Vocabulary) -> Units {
    let pieces = (0..rows.len()).map(|row| {
        let tokens = rows.tokens.row(row);
        let groups: Vec<_> = match rows.unit[row] {
            UnitKind::Pair => vocabulary.groups(tokens).collect(),
            _ => Vec::new(),
        };
        groups.windows(2).map(|pair| &tokens[pair[0].start..pair[1].end]).collect::<Vec<_>>()
    });
    Units::of_windows(pieces)
}

/// Counts the distinct units that were found somewhere.
fn distinct_found(units: &[u32], found: &[&Found]) -> usize {
    let seen = units.iter().filter(|unit| found.iter().any(|found| found.get(**unit).is_some()));
    let mut seen: Vec<u32> = seen.copied().collect();
    seen.sort_unstable();
    seen.dedup();
    seen.len()
}

#[cfg(test)]
mod tests;
