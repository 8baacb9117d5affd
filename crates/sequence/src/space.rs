//! All rows of a task, numbered: row `i` is a pure function of `i`.

use std::sync::Arc;

use crate::{Bounds, Candidates, Error, Family, Key, Map, Range, UnitKind, Units, rule::choose};

/// The most pairs of a parameter and a number of terms.
const MOST_SHEETS: usize = 1_000_000;

/// All rows that a family makes within a task's bounds, numbered from 0.
///
/// Some numbers may name no row: where the rule runs out of the bounds in a way that its axes cannot tell.
#[derive(Debug, Clone)]
pub struct Space {
    /// The rule.
    pub family: Family,
    /// What its rows may be.
    pub bounds: Bounds,
    /// By parameter, then by number of terms.
    sheets: Vec<Sheet>,
    /// The place of each parameter.
    places: Map<i64, usize>,
    units: Arc<dyn Units>,
    capacity: u64,
}

/// The rows of one parameter and one number of terms.
#[derive(Debug, Clone)]
struct Sheet {
    parameter: i64,
    terms: usize,
    axes: Vec<Range>,
    first: u64,
    count: u64,
}

/// A row: its terms, and the parameter that made them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The step, the ratio, ...; `i64::MIN` for a rule without any.
    pub parameter: i64,
    /// The values; the last is the answer.
    pub terms: Vec<i64>,
}

impl Space {
    /// Returns the numbered rows.
    ///
    /// # Errors
    /// 2^63 rows or more, or more pairs of a parameter and a number of terms than can be kept in mind.
    pub fn new(family: &Family, bounds: Bounds) -> Result<Space, Error> {
        let parameters = family.parameters();
        let lengths = bounds.lengths().count();
        if parameters.len().saturating_mul(lengths) > MOST_SHEETS {
            let message = format!("{} parameters with {lengths} numbers of terms each", parameters.len());
            let help = format!("their product is at most {MOST_SHEETS}: leave some out");
            return Err(Error::parameter("terms", message, help));
        }
        let (mut sheets, mut capacity) = (Vec::with_capacity(parameters.len() * lengths), 0_u64);
        for &parameter in &parameters {
            for terms in bounds.lengths() {
                let axes = family.axes(parameter, terms, &bounds);
                let count = axes.iter().try_fold(1_u128, |count, axis| count.checked_mul(axis.count()));
                let count = count.and_then(|count| u64::try_from(count).ok());
                let after = count.and_then(|count| capacity.checked_add(count)).filter(|&sum| sum < 1 << 63);
                let (Some(count), Some(after)) = (count, after) else {
                    let help = "give narrower `values`, or fewer terms";
                    return Err(Error::parameter("values", "there are 2^63 rows or more", help));
                };
                sheets.push(Sheet { parameter, terms, axes, first: capacity, count });
                capacity = after;
            }
        }
        let places = parameters.into_iter().zip(0..).collect();
        let units = family.units(&bounds).into();
        Ok(Space { family: family.clone(), bounds, sheets, places, units, capacity })
    }

    /// Returns how many numbers there are; every row has one below this.
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Returns the row with this number, if there is one.
    pub fn row(&self, index: u64) -> Option<Row> {
        let mut terms = Vec::new();
        let parameter = self.row_into(index, &mut terms)?;
        Some(Row { parameter, terms })
    }

    /// Puts the row with this number in the place of the terms and returns its parameter; nothing if there is none.
    pub fn row_into(&self, index: u64, terms: &mut Vec<i64>) -> Option<i64> {
        let sheet = &self.sheets[self.sheets.partition_point(|sheet| sheet.first <= index).checked_sub(1)?];
        if index - sheet.first >= sheet.count {
            return None;
        }
        terms.clear();
        choose(&sheet.axes, (index - sheet.first).into(), terms);
        self.grow(sheet, terms).then_some(sheet.parameter)
    }

    /// Returns the number and the parameter of a row, or nothing if it is no row of this space.
    ///
    /// A row that several parameters make has the number under the first of them.
    pub fn locate(&self, terms: &[i64]) -> Option<(u64, i64)> {
        self.candidates(terms, terms.len()).find_map(|sheet| {
            let chosen = sheet.begins(terms)?;
            let inside = terms.iter().all(|&term| self.bounds.values.contains(term));
            if !inside || !self.follows(sheet, terms) {
                return None;
            }
            let within =
                sheet.axes.iter().zip(chosen).fold(0, |index: u64, (axis, &term)| {
                    index * axis.count() as u64 + term.abs_diff(axis.min)
                });
            Some((sheet.first + within, sheet.parameter))
        })
    }

    /// Returns every answer that a row of this space gives to the context, one for each parameter that makes it.
    pub fn answers<'a>(&'a self, context: &'a [i64], terms: usize) -> impl Iterator<Item = Vec<i64>> + 'a {
        self.candidates(context, terms).filter_map(move |sheet| {
            sheet.begins(context).filter(|_| self.follows(sheet, context))?;
            let mut row = Vec::with_capacity(terms);
            row.extend_from_slice(context);
            self.grow(sheet, &mut row).then(|| row.split_off(context.len()))
        })
    }

    /// Returns the sheets of so many terms that can have a row which begins so, in the order of the parameters.
    fn candidates(&self, begin: &[i64], terms: usize) -> impl Iterator<Item = &Sheet> {
        let lengths = self.bounds.terms.1 - self.bounds.terms.0 + 1;
        let places = match self.family.candidates(begin) {
            _ if !self.bounds.lengths().contains(&terms) => 0..0,
            Candidates::Any => 0..self.sheets.len() / lengths,
            Candidates::One(parameter) => self.places.get(&parameter).map_or(0..0, |&place| place..place + 1),
            Candidates::None => 0..0,
        };
        places.map(move |place| &self.sheets[place * lengths + terms - self.bounds.terms.0])
    }

    fn sheet(&self, parameter: i64, terms: usize) -> Option<&Sheet> {
        let lengths = self.bounds.terms.1 - self.bounds.terms.0 + 1;
        let length = terms.checked_sub(self.bounds.terms.0).filter(|&length| length < lengths)?;
        Some(&self.sheets[self.places.get(&parameter)? * lengths + length])
    }

    /// Says whether each term after the chosen ones is the one that the rule goes on with.
    fn follows(&self, sheet: &Sheet, terms: &[i64]) -> bool {
        let next = |before| self.family.next(sheet.parameter, before, sheet.terms, &self.bounds);
        (sheet.axes.len()..terms.len()).all(|place| next(&terms[..place]) == Some(terms[place]))
    }

    /// Returns what the rule itself answers to a context, whatever the bounds: the oracle.
    pub fn oracle(&self, parameter: i64, context: &[i64], terms: usize) -> Option<i64> {
        self.family.next(parameter, context, terms, &self.bounds)
    }

    /// Says whether there is no row at all, though there may be numbers.
    pub fn is_empty(&self) -> bool {
        match self.family.unit() {
            UnitKind::None => (0..self.capacity).all(|index| self.row(index).is_none()),
            _ => self.places.keys().all(|&parameter| self.population(parameter).next().is_none()),
        }
    }

    /// Returns a range that holds every value of every row, or nothing if there is no row.
    ///
    /// A row grows with its chosen terms, so the extremes stand in the first and the last row of a sheet: unless these
    /// are no rows, or the rule has values of its own, or its answer has nothing to do with the chosen terms.
    pub fn reach(&self) -> Option<Range> {
        if self.is_empty() {
            return None;
        }
        let natural = self.family.natural();
        let bounds = natural.map_or(self.bounds.values, |natural| natural.and(self.bounds.values));
        if natural.is_some_and(|natural| natural.max < i64::MAX) || self.family.unit() == UnitKind::Row {
            return Some(bounds);
        }
        let sheets = self.sheets.iter().filter(|sheet| sheet.count > 0);
        let ends = sheets.flat_map(|sheet| [sheet.first, sheet.first + sheet.count - 1]);
        let one = |value: &i64| Range { min: *value, max: *value };
        let hull =
            |one: Range, other: Range| Range { min: one.min.min(other.min), max: one.max.max(other.max) };
        let reach = |index| match self.row(index) {
            Some(row) => row.terms.iter().map(one).reduce(hull),
            None => Some(bounds),
        };
        ends.filter_map(reach).reduce(hull)
    }

    /// Returns every row that one parameter makes.
    pub fn rows_under(&self, parameter: i64) -> impl Iterator<Item = Row> + '_ {
        let numbers = self.bounds.lengths().flat_map(move |terms| self.numbers(parameter, terms));
        numbers.filter_map(|index| self.row(index))
    }

    /// Calls `found` with each parameter that can produce the unit, and the unit's key under it.
    ///
    /// The unit is in the order of [`UnitKind::canonical`].
    pub fn keys(&self, unit: &[i64], found: &mut dyn FnMut(i64, Key)) {
        self.units.keys(unit, found);
    }

    /// Returns every key of the units that rows under one parameter can have, each once.
    pub fn population(&self, parameter: i64) -> Box<dyn Iterator<Item = Key> + '_> {
        self.units.population(parameter)
    }

    /// Returns the numbers of the rows with so many terms that a parameter makes.
    pub fn numbers(&self, parameter: i64, terms: usize) -> std::ops::Range<u64> {
        self.sheet(parameter, terms).map_or(0..0, |sheet| sheet.first..sheet.first + sheet.count)
    }

    /// Returns the row that begins with the same chosen terms as this one, is as long, and goes on by the parameter.
    pub fn grown(&self, parameter: i64, terms: &[i64]) -> Option<Vec<i64>> {
        let sheet = self.sheet(parameter, terms.len())?;
        let mut row = sheet.begins(terms)?.to_vec();
        self.grow(sheet, &mut row).then_some(row)
    }

    /// Calls `found` with each parameter under which the rule goes on from term to term through the window.
    ///
    /// All terms are within the bounds, and where the family's units are pairs, so is each pair of the window: some row
    /// has it.
    pub fn through(&self, window: &[i64], found: &mut dyn FnMut(i64)) {
        if !window.iter().all(|&term| self.bounds.values.contains(term)) {
            return;
        }
        let made = |pair: &[i64], parameter: i64| {
            let mut made = false;
            self.keys(pair, &mut |under, _| made |= under == parameter);
            made
        };
        for sheet in self.candidates(window, self.bounds.terms.0) {
            let pairs = self.family.unit() == crate::UnitKind::Pair;
            if self.follows(sheet, window)
                && (!pairs || window.windows(2).all(|pair| made(pair, sheet.parameter)))
            {
                found(sheet.parameter);
            }
        }
    }

    /// Appends what the rule goes on with, and says whether there is a row within the bounds.
    fn grow(&self, sheet: &Sheet, terms: &mut Vec<i64>) -> bool {
        while terms.len() < sheet.terms {
            let Some(next) = self.family.next(sheet.parameter, terms, sheet.terms, &self.bounds) else {
                return false;
            };
            terms.push(next);
        }
        terms.iter().all(|&term| self.bounds.values.contains(term))
    }
}

impl Sheet {
    /// Returns the chosen terms of a row that begins so, if they are within their axes.
    fn begins<'a>(&self, terms: &'a [i64]) -> Option<&'a [i64]> {
        let chosen = terms.get(..self.axes.len())?;
        self.axes.iter().zip(chosen).all(|(axis, &term)| axis.contains(term)).then_some(chosen)
    }
}
