//! All rows of a task, numbered: row `i` is a pure function of `i`.

use crate::{Bounds, Family, Key, Range};

/// All rows that a family makes within a task's bounds, numbered from 0.
///
/// Some numbers may name no row: where the rule runs out of the bounds in a way that its axes cannot tell.
#[derive(Debug, Clone)]
pub struct Space {
    /// The rule.
    pub family: Family,
    /// What its rows may be.
    pub bounds: Bounds,
    sheets: Vec<Sheet>,
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
    /// Returns the numbered rows, or nothing if there are 2^63 or more.
    pub fn new(family: &Family, bounds: Bounds) -> Option<Space> {
        let (mut sheets, mut capacity) = (Vec::new(), 0_u64);
        for parameter in family.parameters() {
            for terms in bounds.lengths() {
                let axes = family.axes(parameter, terms, &bounds);
                let count = axes.iter().try_fold(1_u128, |count, axis| count.checked_mul(axis.count()))?;
                let count = u64::try_from(count).ok()?;
                if count > 0 {
                    sheets.push(Sheet { parameter, terms, axes, first: capacity, count });
                }
                capacity = capacity.checked_add(count).filter(|&sum| sum < 1 << 63)?;
            }
        }
        Some(Space { family: family.clone(), bounds, sheets, capacity })
    }

    /// Returns how many numbers there are; every row has one below this.
    pub fn capacity(&self) -> u64 {
        self.capacity
    }

    /// Returns the row with this number, if there is one.
    pub fn row(&self, index: u64) -> Option<Row> {
        let sheet = &self.sheets[self.sheets.partition_point(|sheet| sheet.first <= index).checked_sub(1)?];
        if index - sheet.first >= sheet.count {
            return None;
        }
        let chosen = choose(&sheet.axes, (index - sheet.first).into());
        let terms = self.grow(sheet, chosen)?;
        Some(Row { parameter: sheet.parameter, terms })
    }

    /// Returns the number and the parameter of a row, or nothing if it is no row of this space.
    ///
    /// A row that several parameters make has the number under the first of them.
    pub fn locate(&self, terms: &[i64]) -> Option<(u64, i64)> {
        self.sheets.iter().filter(|sheet| sheet.terms == terms.len()).find_map(|sheet| {
            let chosen = &terms[..sheet.axes.len()];
            let follows =
                || self.family.next(sheet.parameter, chosen, &self.bounds) == Some(terms[chosen.len()]);
            let inside = || sheet.axes.iter().zip(chosen).all(|(axis, &term)| axis.contains(term));
            if !inside() || !follows() || self.grow(sheet, chosen.to_vec())? != terms {
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
        self.sheets.iter().filter(move |sheet| sheet.terms == terms).filter_map(move |sheet| {
            let chosen = context.get(..sheet.axes.len())?;
            let inside = sheet.axes.iter().zip(chosen).all(|(axis, &term)| axis.contains(term));
            let row = if inside { self.grow(sheet, chosen.to_vec())? } else { return None };
            (row[..context.len()] == *context).then(|| row[context.len()..].to_vec())
        })
    }

    /// Returns what the rule itself answers to a context, whatever the bounds: the oracle.
    pub fn oracle(&self, parameter: i64, context: &[i64]) -> Option<i64> {
        self.family.next(parameter, context, &self.bounds)
    }

    /// Returns the least and the greatest value of all rows, or nothing if there is no row.
    ///
    /// A row grows with its chosen terms, so the extremes stand in the first and the last row of a sheet.
    pub fn reach(&self) -> Option<Range> {
        let ends = self.sheets.iter().flat_map(|sheet| [sheet.first, sheet.first + sheet.count - 1]);
        let values =
            if self.family.unit() == crate::UnitKind::Pair { Vec::new() } else { vec![self.bounds.values] };
        let rows = ends.filter_map(|index| self.row(index)).flat_map(|row| row.terms);
        let all = rows.map(|value| Range { min: value, max: value }).chain(values);
        all.reduce(|one, other| Range { min: one.min.min(other.min), max: one.max.max(other.max) })
    }

    /// Returns every row that one parameter makes.
    pub fn rows_under(&self, parameter: i64) -> impl Iterator<Item = Row> + '_ {
        let sheets = self.sheets.iter().filter(move |sheet| sheet.parameter == parameter);
        sheets.flat_map(|sheet| sheet.first..sheet.first + sheet.count).filter_map(|index| self.row(index))
    }

    /// Calls `found` with each parameter that can produce the unit, and the unit's key under it.
    pub fn keys(&self, unit: &[i64], found: &mut dyn FnMut(i64, Key)) {
        self.family.keys(unit, &self.bounds, found);
    }

    fn grow(&self, sheet: &Sheet, mut terms: Vec<i64>) -> Option<Vec<i64>> {
        terms.reserve_exact(sheet.terms - terms.len());
        while terms.len() < sheet.terms {
            let next = self.family.next(sheet.parameter, &terms, &self.bounds)?;
            terms.push(next);
        }
        terms.iter().all(|&term| self.bounds.values.contains(term)).then_some(terms)
    }
}

/// Returns the chosen terms with this number: the last axis runs fastest.
pub(crate) fn choose(axes: &[Range], mut index: u128) -> Vec<i64> {
    let mut chosen = vec![0; axes.len()];
    for (term, axis) in chosen.iter_mut().zip(axes).rev() {
        *term = axis.min.wrapping_add((index % axis.count()) as i64);
        index /= axis.count();
    }
    chosen
}
