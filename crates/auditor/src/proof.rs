//! The checks of held-out splits against the splits that stream past them, and what they certify.

use artifact::tables::Certificate;

use crate::Result;
use crate::codes::{Codes, View};
use crate::error::Leak;
use crate::level::Level;
use crate::lists::Lists;
use crate::rows::{Rows, UnitKind};
use crate::split::Split;
use crate::units::{Found, Rule, Units, Witness};
use crate::vocabulary::Vocabulary;

/// A split whose rows may not stand in others, indexed.
pub(crate) struct HeldOut<'a> {
    pub(crate) name: &'a str,
    pub(crate) rows: &'a Rows,
    vocabulary: &'a Vocabulary,
    views: Vec<(Codes<'a>, Lists<u32>)>,
    checks: Vec<Check>,
}

/// One question about every held-out row.
struct Check {
    name: &'static str,
    /// The names under which the result is certified: where there is one domain, terms and canonical are one view.
    labels: Vec<&'static str>,
    gate: bool,
    source: Source,
    rule: Rule,
    units: Units,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// Codes of the view at this index.
    Coded(usize),
    /// All tokens of a row, borders too, at any offset.
    RawTokens,
}

/// Which checks to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All that the columns allow.
    Everything,
    /// The units in the view `terms` and nothing else.
    Windows,
}

impl<'a> HeldOut<'a> {
    /// Indexes the rows of a held-out split for the checks of a level.
    pub(crate) fn of(
        name: &'a str,
        rows: &'a Rows,
        vocabulary: &'a Vocabulary,
        level: &Level,
        scope: Scope,
    ) -> Self {
        let mut held = Self { name, rows, vocabulary, views: Vec::new(), checks: Vec::new() };
        let units_gate = *level == Level::Transition;
        if scope == Scope::Windows {
            let view = if rows.has_terms { View::Terms } else { View::Tokens };
            held.add("units", view, vec![view.name()], units_gate, Rule::Units);
            return held;
        }
        let domains = distinct(&rows.domain);
        let domains_known = rows.domain.iter().any(|domain| *domain != 0);
        let has_terms = rows.has_terms;
        let has_tokens = rows.has_tokens;
        if has_terms {
            held.add("rows", View::Written, vec!["terms"], true, Rule::WholeRow);
        }
        if has_tokens {
            held.add("rows", View::Tokens, vec!["tokens"], true, Rule::WholeRow);
        }
        let mut rules = vec![("units", units_gate, Rule::Units)];
        if let Level::Window(m) = level {
            let shortest = rows.terms.rows().map(<[i64]>::len).min().unwrap_or(0);
            rules.push(("windows", true, Rule::LastTerms(m.unwrap_or(shortest))));
        }
        for (check, gate, rule) in rules {
            if has_terms && !domains_known {
                held.add(check, View::Terms, vec!["terms"], gate, rule);
            } else if has_terms && domains == 1 {
                held.add(check, View::Canonical, vec!["terms", "canonical"], gate, rule);
            } else if has_terms {
                // Month 1 and number 1 are one integer: across domains the plain integers are a report.
                held.add(check, View::Terms, vec!["terms"], false, rule);
                held.add(check, View::Canonical, vec!["canonical"], gate, rule);
            }
            if has_tokens {
                held.add(check, View::Tokens, vec!["tokens"], gate, rule);
            }
        }
        if has_tokens {
            let units = raw_units(rows, vocabulary);
            let labels = vec!["tokens"];
            held.checks.push(Check {
                name: "raw_tokens",
                labels,
                gate: false,
                source: Source::RawTokens,
                rule: Rule::Units,
                units,
            });
        }
        held
    }

    fn add(&mut self, name: &'static str, view: View, labels: Vec<&'static str>, gate: bool, rule: Rule) {
        let at = self.views.iter().position(|(codes, _)| codes.view() == view).unwrap_or_else(|| {
            self.views.push(Codes::of(view, self.rows, self.vocabulary));
            self.views.len() - 1
        });
        let units = Units::of(&self.views[at].1, &self.rows.unit, rule);
        self.checks.push(Check { name, labels, gate, source: Source::Coded(at), rule, units });
    }

    /// Returns the codes of a view, to match rows against.
    pub(crate) fn view(&self, wanted: &[View]) -> Option<&(Codes<'a>, Lists<u32>)> {
        wanted.iter().find_map(|view| self.views.iter().find(|(codes, _)| codes.view() == *view))
    }

    /// Nothing found yet, for one split to stream past.
    pub(crate) fn nothing(&self) -> Vec<Found> {
        self.checks.iter().map(|check| Found::none(check.units.len())).collect()
    }

    /// Looks for every unit in rows of the other split.
    pub(crate) fn observe(&self, rows: &Rows, found: &[Found]) {
        let (mut codes, mut scratch) = (Vec::new(), Vec::new());
        for (at, (encoder, _)) in self.views.iter().enumerate() {
            for row in 0..rows.len() {
                encoder.encode(rows, row, &mut codes);
                self.look(Source::Coded(at), &codes, rows.first + row as u64, found, &mut scratch);
            }
        }
        if rows.has_tokens {
            for row in 0..rows.len() {
                self.look(
                    Source::RawTokens,
                    rows.tokens.row(row),
                    rows.first + row as u64,
                    found,
                    &mut scratch,
                );
            }
        }
    }

    #[inline]
    fn look(&self, source: Source, codes: &[u32], row: u64, found: &[Found], scratch: &mut Vec<u32>) {
        for (check, found) in self.checks.iter().zip(found).filter(|(check, _)| check.source == source) {
            check.units.scan(codes, scratch, |unit, offset| found.put(unit, row, offset));
        }
    }

    /// Says what was found in `other`: certificate rows, and a leak for every violated gate.
    pub(crate) fn certify(
        &self,
        other: &Split,
        found: &[Found],
        level: &Level,
    ) -> Result<(Vec<Certificate>, Vec<Leak>)> {
        let (mut certificates, mut leaks) = (Vec::new(), Vec::new());
        for (check, found) in self.checks.iter().zip(found) {
            let leaked = |row: usize| distinct_found(check.units.of_row.row(row), found);
            let (mut violations, mut worst, mut most) = (0_i64, -1, 0);
            let mut first = None;
            for row in 0..self.rows.len() {
                let count = leaked(row);
                violations += i64::from(count > 0);
                first = first.or((count > 0).then_some(row));
                if count > most {
                    (most, worst) = (count, self.rows.ids[row]);
                }
            }
            for label in &check.labels {
                certificates.push(Certificate {
                    check: check.name.to_owned(),
                    left: self.name.to_owned(),
                    right: other.name.clone(),
                    view: (*label).to_owned(),
                    gate: check.gate,
                    compared: check.units.len() as i64,
                    violations,
                    worst,
                    passed: !check.gate || violations == 0,
                });
            }
            if let Some(row) = first.filter(|_| check.gate) {
                let (at, witness) = self.first_found(check, found, row);
                leaks.push(Leak {
                    level: level.name().to_owned(),
                    check: check.name.to_owned(),
                    view: check.labels.last().copied().unwrap_or_default().to_owned(),
                    left: self.name.to_owned(),
                    right: other.name.clone(),
                    rows: violations,
                    left_example_id: self.rows.ids[row],
                    right_example_id: other.ids(&[witness.row])?.get(&witness.row).copied().unwrap_or(-1),
                    offset: i64::from(witness.offset),
                    piece: self.piece(check.rule, row, at),
                });
            }
        }
        Ok((certificates, leaks))
    }

    /// Returns for every row how many of its distinct units were found in any of the splits; in the canonical view where there is one.
    pub(crate) fn leaked_units(&self, founds: &[&[Found]]) -> Vec<i32> {
        let label = |label: &str| {
            self.checks.iter().position(|check| check.name == "units" && check.labels.contains(&label))
        };
        let Some(at) = label("canonical").or(label("terms")).or(label("tokens")) else {
            return vec![0; self.rows.len()];
        };
        let count = |units: &[u32]| {
            let mut units = units.to_vec();
            units.sort_unstable();
            units.dedup();
            units.iter().filter(|unit| founds.iter().any(|found| found[at].get(**unit).is_some())).count()
                as i32
        };
        self.checks[at].units.of_row.rows().map(count).collect()
    }

    fn first_found(&self, check: &Check, found: &Found, row: usize) -> (usize, Witness) {
        let units = check.units.of_row.row(row).iter().enumerate();
        let mut seen = units.filter_map(|(at, unit)| found.get(*unit).map(|witness| (at, witness)));
        seen.next().expect("the row was counted because one of its units was found")
    }

    /// Returns the terms of unit number `at` of a row, readable.
    fn piece(&self, rule: Rule, row: usize, at: usize) -> String {
        let terms: Vec<String> = match self.rows.has_terms {
            false => self.rows.tokens.row(row).iter().map(u32::to_string).collect(),
            true => self.rows.terms.row(row).iter().map(i64::to_string).collect(),
        };
        let range = match (rule, self.rows.unit[row]) {
            (Rule::Units, UnitKind::Pair) => at..at + 2,
            (Rule::Units, UnitKind::UnorderedPair) => 0..2,
            (Rule::Units, UnitKind::Multiset) => 0..terms.len() / 2,
            (Rule::LastTerms(m), _) => terms.len().saturating_sub(m)..terms.len(),
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

fn distinct_found(units: &[u32], found: &Found) -> usize {
    units
        .iter()
        .enumerate()
        .filter(|(at, unit)| !units[..*at].contains(unit) && found.get(**unit).is_some())
        .count()
}

fn distinct(names: &[u64]) -> usize {
    names.iter().collect::<std::collections::BTreeSet<_>>().len()
}
