//! The verifier against the definitions, word by word, on many small corpora in memory.

use super::*;
use crate::read::level::Kind;
use crate::read::rows::tests::{Draws, rows_of};

/// A row as the tests draw it.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    terms: Vec<i64>,
    family: u64,
    parameter: Option<i64>,
    notation: u64,
    domain: u64,
    unit: UnitKind,
}

const UNITS: [UnitKind; 5] =
    [UnitKind::Pair, UnitKind::UnorderedPair, UnitKind::Multiset, UnitKind::Row, UnitKind::None];

fn decoded(rows: &[Row]) -> Rows {
    let mut decoded = rows_of(0, &rows.iter().map(|row| row.terms.clone()).collect::<Vec<_>>());
    for (at, row) in rows.iter().enumerate() {
        decoded.family[at] = row.family;
        decoded.parameter[at] = row.parameter;
        decoded.notation[at] = row.notation;
        decoded.domain[at] = row.domain;
        decoded.unit[at] = row.unit;
    }
    decoded
}

impl Draws {
    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    fn row(&mut self, values: u64) -> Row {
        let length = 1 + self.below(7);
        Row {
            terms: (0..length).map(|_| self.below(values) as i64).collect(),
            family: 1 + self.below(3),
            parameter: self.below(4).checked_sub(1).map(|parameter| parameter as i64),
            notation: 10 + self.below(2),
            domain: 20 + self.below(2),
            unit: self.pick(&UNITS),
        }
    }
}

/// Streams rows past and returns what was found, the rows in two batches, the later one first.
fn observe(held: &HeldOut<'_>, train: &[Row]) -> (Evidence, Vec<Option<Trace>>) {
    let (mut evidence, traces) = (held.nothing(), held.traces());
    let mut largest = evidence.largest.clone();
    let (first, second) = train.split_at(train.len() / 2);
    let later = Rows { first: first.len() as u64, ..decoded(second) };
    for rows in [later, decoded(first)] {
        held.observe(&rows, 0, &evidence, &traces, &mut largest);
    }
    evidence.largest = largest;
    (evidence, traces)
}

fn sorted(terms: &[i64]) -> Vec<i64> {
    let mut terms = terms.to_vec();
    terms.sort_unstable();
    terms
}

/// The distinct units of a row.
fn units(row: &Row) -> Vec<Vec<i64>> {
    let terms = &row.terms;
    let mut units = match row.unit {
        UnitKind::Pair => terms.windows(2).map(<[i64]>::to_vec).collect(),
        UnitKind::UnorderedPair if terms.len() > 1 => vec![sorted(&terms[..2])],
        UnitKind::Multiset if terms.len() > 1 => vec![sorted(&terms[..terms.len() / 2])],
        UnitKind::Row => vec![terms.clone()],
        _ => vec![],
    };
    units.sort();
    units.dedup();
    units
}

/// Where a unit of a row stands in another row.
fn stands(row: &Row, unit: &[i64], other: &Row) -> Option<usize> {
    let ordered = matches!(row.unit, UnitKind::Pair | UnitKind::Row);
    let same = |window: &[i64]| if ordered { window == unit } else { sorted(window) == unit };
    (row.domain == other.domain).then(|| other.terms.windows(unit.len()).position(same)).flatten()
}

fn written_alike(row: &Row, other: &Row) -> bool {
    (&row.terms, row.domain, row.notation) == (&other.terms, other.domain, other.notation)
}

/// The guarantee of a level, word by word: what of the held-out row the other may not hold, and does.
fn violates(level: &Level, row: &Row, other: &Row, m: usize) -> bool {
    let largest = |row: &Row| row.terms.iter().max().copied();
    let digits = |row: &Row| row.terms.iter().take(2).max().map(|value| value.to_string().len());
    let of_level = match level {
        Level::Random => false,
        Level::Window(_) => {
            let window = &row.terms[row.terms.len().saturating_sub(m)..];
            row.domain == other.domain && other.terms.windows(window.len()).any(|other| other == window)
        }
        Level::Transition => units(row).iter().any(|unit| stands(row, unit, other).is_some()),
        Level::Kind(Kind::Step, _) => (row.family, row.parameter) == (other.family, other.parameter),
        Level::Kind(Kind::Family, _) => row.family == other.family,
        Level::Kind(Kind::Range, _) => row.domain == other.domain && largest(other) >= largest(row),
        Level::Kind(Kind::Length, _) => match (row.unit, other.unit) {
            (UnitKind::UnorderedPair, UnitKind::UnorderedPair) => digits(other) >= digits(row),
            (UnitKind::UnorderedPair, _) | (_, UnitKind::UnorderedPair) => false,
            _ => other.terms.len() >= row.terms.len(),
        },
        Level::Kind(Kind::Notation, _) => row.notation == other.notation && other.terms.len() > 2,
    };
    of_level || written_alike(row, other)
}

#[test]
fn leaked_units_and_their_witnesses_are_those_of_brute_force_on_ten_thousand_corpora() {
    let mut draws = Draws(11);
    let vocabulary = Vocabulary::default();
    for round in 0..10_000 {
        let values = 1 + draws.below(9);
        let held: Vec<Row> = (0..1 + draws.below(5)).map(|_| draws.row(values)).collect();
        let train: Vec<Row> = (0..1 + draws.below(8)).map(|_| draws.row(values)).collect();
        let rows = decoded(&held);
        let index = HeldOut::of("test", &rows, &vocabulary, &Level::Transition, Scope::Everything, &[]);
        let (evidence, _) = observe(&index, &train);
        let leaked: Vec<i32> = held
            .iter()
            .map(|row| {
                let found = |unit: &&Vec<i64>| train.iter().any(|other| stands(row, unit, other).is_some());
                units(row).iter().filter(found).count() as i32
            })
            .collect();
        assert_eq!(index.leaked_units(&[&evidence]), leaked, "round {round}: {held:?} in {train:?}");
        let (certificates, violations) = index.certify("train", &evidence, &Level::Transition);
        let certificate =
            certificates.iter().find(|row| row.check == "units" && row.view == "canonical").unwrap();
        assert_eq!(certificate.violations, leaked.iter().filter(|count| **count > 0).count() as i64);
        let violation = violations.iter().find(|violation| violation.leak.check == "units");
        let first = leaked.iter().position(|count| *count > 0);
        assert_eq!(violation.map(|violation| violation.leak.left_example_id), first.map(|row| row as i64));
        if let (Some(violation), Some(first)) = (violation, first) {
            let (row, other) = (&held[first], violation.right as usize);
            let places = |other: &Row| {
                units(row).iter().filter_map(|unit| stands(row, unit, other)).collect::<Vec<_>>()
            };
            assert!(places(&train[other]).contains(&(violation.leak.offset as usize)), "round {round}");
        }
        let whole = certificates.iter().find(|row| row.check == "rows").unwrap();
        let copied = held.iter().filter(|row| train.iter().any(|other| written_alike(row, other))).count();
        assert_eq!(whole.violations, copied as i64, "round {round}: {held:?} in {train:?}");
    }
}

const M: usize = 3;

fn levels() -> Vec<Level> {
    let kinds = [Kind::Step, Kind::Range, Kind::Length, Kind::Notation, Kind::Family];
    let kinds = kinds.map(|kind| Level::Kind(kind, Validation::HeldOut));
    [Level::Random, Level::Window(Some(M)), Level::Transition].into_iter().chain(kinds).collect()
}

/// A held-out set, and rows of train that violate nothing.
fn clean(level: &Level, draws: &mut Draws) -> (Vec<Row>, Vec<Row>) {
    loop {
        let values = 5 + draws.below(200);
        let held: Vec<Row> = (0..1 + draws.below(4)).map(|_| draws.row(values)).collect();
        let train: Vec<Row> = (0..30)
            .map(|_| draws.row(values))
            .filter(|other| !held.iter().any(|row| violates(level, row, other, M)))
            .collect();
        if train.len() > 2 {
            return (held, train);
        }
    }
}

fn audited(level: &Level, held: &[Row], train: &[Row]) -> Vec<Violation> {
    let (rows, vocabulary) = (decoded(held), Vocabulary::default());
    let windows = vec![M; held.len()];
    let index = HeldOut::of("test", &rows, &vocabulary, level, Scope::Everything, &windows);
    let (evidence, _) = observe(&index, train);
    index.certify("train", &evidence, level).1
}

#[test]
fn a_thousand_clean_sets_a_level_raise_no_alarm() {
    let mut draws = Draws(5);
    for level in levels() {
        for round in 0..1000 {
            let (held, train) = clean(&level, &mut draws);
            let found = audited(&level, &held, &train);
            assert!(found.is_empty(), "{level:?} {round}: {} {held:?} {train:?}", found[0].leak);
        }
    }
}

#[test]
fn a_thousand_planted_leaks_a_level_are_found_where_they_are() {
    let mut draws = Draws(6);
    for level in levels() {
        let mut planted = 0;
        while planted < 1000 {
            let (held, mut train) = clean(&level, &mut draws);
            let leak = leaking(&level, &held, &mut draws);
            let Some(leak) = leak.filter(|leak| held.iter().any(|row| violates(&level, row, leak, M))) else {
                continue;
            };
            planted += 1;
            let place = draws.below(train.len() as u64 + 1) as usize;
            train.insert(place, leak);
            let violated = |row: &Row| violates(&level, row, &train[place], M);
            let expected = held.iter().position(violated).unwrap() as i64;
            let found = audited(&level, &held, &train);
            assert!(found.iter().all(|found| found.right == place as u64), "{level:?}: {held:?} {train:?}");
            let first = found.iter().map(|found| found.leak.left_example_id).min();
            assert_eq!(first, Some(expected), "{level:?}: {held:?} {train:?}");
        }
    }
}

/// A row that holds what the level forbids, of a random row of the held-out ones.
fn leaking(level: &Level, held: &[Row], draws: &mut Draws) -> Option<Row> {
    let row = &held[draws.below(held.len() as u64) as usize];
    let mut other = draws.row(300);
    let around = |piece: &[i64], other: &Row, draws: &mut Draws| {
        let at = draws.below(other.terms.len() as u64 + 1) as usize;
        [&other.terms[..at], piece, &other.terms[at..]].concat()
    };
    match level {
        Level::Random => other = row.clone(),
        Level::Window(_) => {
            other.terms = around(&row.terms[row.terms.len().saturating_sub(M)..], &other, draws);
            other.domain = row.domain;
        }
        Level::Transition => {
            let units = units(row);
            let unit = units.get(draws.below(units.len().max(1) as u64) as usize)?;
            other.terms = around(unit, &other, draws);
            other.domain = row.domain;
        }
        Level::Kind(Kind::Step, _) => (other.family, other.parameter) = (row.family, row.parameter),
        Level::Kind(Kind::Family, _) => other.family = row.family,
        Level::Kind(Kind::Range, _) => {
            other.domain = row.domain;
            other.terms.push(row.terms.iter().max()? + draws.below(3) as i64);
        }
        Level::Kind(Kind::Length, _) => {
            (other.unit, other.terms) = (row.unit, row.terms.clone());
            other.terms.insert(0, 1000);
        }
        Level::Kind(Kind::Notation, _) => {
            other.notation = row.notation;
            other.terms.extend([1, 2, 3]);
        }
    }
    Some(other)
}
