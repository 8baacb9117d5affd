//! Rows as an audit sees them: terms, tokens, and what describes a row.

use std::collections::BTreeMap;
use std::ops::Range;

use arrow::array::AsArray;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Int64Type, UInt32Type};

use crate::error::{Error, Result};
use crate::read::columns::{Source, Wanted};
use crate::read::lists::Lists;
use crate::read::vocabulary::Vocabulary;

/// What may not be shared by splits, as the column `unit` says of each row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum UnitKind {
    /// Every ordered adjacent pair.
    #[default]
    Pair,
    /// The first two terms, in any order.
    UnorderedPair,
    /// The first half of the terms, in any order.
    Multiset,
    /// All terms.
    Row,
    /// Nothing.
    None,
}

impl UnitKind {
    /// Returns the kind that the column `unit` calls so.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "pair" => Self::Pair,
            "unordered_pair" => Self::UnorderedPair,
            "multiset" => Self::Multiset,
            "row" => Self::Row,
            "none" => Self::None,
            _ => return None,
        })
    }
}

/// Decoded rows. A column that was not wanted, or is not there, holds its default in every row (lists: no values).
///
/// `task`, `family`, `notation`, `domain` are the first 8 bytes of BLAKE3 of the name, 0 for none: equal names are equal
/// numbers in every file, without a table that threads would have to share.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows {
    /// Index of the first row in its split.
    pub(crate) first: u64,
    /// `example_id`, or the row's index.
    pub(crate) ids: Vec<i64>,
    pub(crate) terms: Lists<i64>,
    pub(crate) has_terms: bool,
    pub(crate) tokens: Lists<u32>,
    pub(crate) has_tokens: bool,
    pub(crate) task: Vec<u64>,
    pub(crate) family: Vec<u64>,
    pub(crate) notation: Vec<u64>,
    pub(crate) domain: Vec<u64>,
    pub(crate) unit: Vec<UnitKind>,
    /// The rule's parameter, nothing where it has none.
    pub(crate) parameter: Vec<Option<i64>>,
    pub(crate) answer_start: Vec<i64>,
    pub(crate) answer_length: Vec<i64>,
    /// The names behind the numbers, of these rows.
    pub(crate) names: BTreeMap<u64, String>,
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// No rows yet, of the columns wanted.
    pub(crate) fn none(wanted: &Wanted) -> Self {
        Self { has_terms: wanted.terms.is_some(), has_tokens: wanted.tokens.is_some(), ..Self::default() }
    }

    /// Appends the rows that follow.
    pub(crate) fn append(&mut self, next: &Self) {
        self.ids.extend_from_slice(&next.ids);
        self.terms.append(&next.terms);
        self.tokens.append(&next.tokens);
        self.task.extend_from_slice(&next.task);
        self.family.extend_from_slice(&next.family);
        self.notation.extend_from_slice(&next.notation);
        self.domain.extend_from_slice(&next.domain);
        self.unit.extend_from_slice(&next.unit);
        self.parameter.extend_from_slice(&next.parameter);
        self.answer_start.extend_from_slice(&next.answer_start);
        self.answer_length.extend_from_slice(&next.answer_length);
        self.names.extend(next.names.iter().map(|(key, name)| (*key, name.clone())));
    }

    /// Returns the name behind a number; nothing where there was no such column.
    pub(crate) fn name(&self, key: u64) -> &str {
        self.names.get(&key).map_or("", String::as_str)
    }

    /// Decodes the columns of a batch.
    pub(crate) fn decode(source: &Source<'_>) -> Result<Self> {
        let Source { batch, first, wanted, .. } = *source;
        let n = batch.num_rows();
        let mut rows = Self { first, ..Self::none(wanted) };
        rows.terms = match &wanted.terms {
            Some(name) => source.list::<Int64Type>(name)?,
            None => Lists::empty(n),
        };
        rows.tokens = match &wanted.tokens {
            Some(name) => source.list::<UInt32Type>(name)?,
            None => Lists::empty(n),
        };
        let index = |row: usize| (first + row as u64) as i64;
        rows.ids = source.numbers("example_id")?.unwrap_or_else(|| (0..n).map(index).collect());
        rows.parameter = parameters(source)?;
        rows.answer_start = source.numbers("answer_start")?.unwrap_or_else(|| vec![-1; n]);
        rows.answer_length = source.numbers("answer_length")?.unwrap_or_else(|| vec![0; n]);
        let mut names = BTreeMap::new();
        rows.task = source.names("task", &mut names)?;
        rows.family = source.names("family", &mut names)?;
        rows.notation = source.names("notation", &mut names)?;
        rows.domain = source.names("domain", &mut names)?;
        rows.unit = units(source)?;
        rows.names = names;
        Ok(rows)
    }
}

/// Reads the optional column `parameter`, in which a row may have none.
fn parameters(source: &Source<'_>) -> Result<Vec<Option<i64>>> {
    let known = source.batch.column_by_name("parameter").filter(|_| source.wanted.describes("parameter"));
    // A foreign file may use the name for something else; only ours promises the type.
    let Some(array) = known.filter(|array| array.data_type().is_integer()) else {
        return Ok(vec![None; source.batch.num_rows()]);
    };
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let wide = |error| Error::parquet(source.path, format!("column `parameter`: {error}")).because(error);
    let array = cast_with_options(array, &DataType::Int64, &strict).map_err(wide)?;
    Ok(array.as_primitive::<Int64Type>().iter().collect())
}

/// Reads the optional column `unit`; adjacent pairs where it is not there.
pub(crate) fn units(source: &Source<'_>) -> Result<Vec<UnitKind>> {
    let mut known = BTreeMap::new();
    let keys = source.names("unit", &mut known)?;
    let mut kinds = BTreeMap::from([(0, UnitKind::Pair)]);
    for (key, name) in known {
        let wrong = || {
            source.wrong("unit", "pair, unordered_pair, multiset, row or none", &format!("`{name}`"), None)
        };
        kinds.insert(key, UnitKind::named(&name).ok_or_else(wrong)?);
    }
    Ok(keys.iter().map(|key| kinds[key]).collect())
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Rows that have terms and nothing else, of which the first has index `first`.
    pub(crate) fn rows_of(first: u64, terms: &[Vec<i64>]) -> Rows {
        let n = terms.len();
        let mut rows = Rows {
            first,
            ids: (0..n).map(|row| (first + row as u64) as i64).collect(),
            task: vec![0; n],
            family: vec![0; n],
            notation: vec![0; n],
            domain: vec![0; n],
            unit: vec![UnitKind::Pair; n],
            parameter: vec![None; n],
            answer_start: vec![-1; n],
            answer_length: vec![0; n],
            ..Rows::default()
        };
        terms.iter().for_each(|row| rows.terms.push(row));
        terms.iter().for_each(|_| rows.tokens.push(&[]));
        rows.has_terms = true;
        rows
    }

    /// A small linear congruential generator: the tests draw from code of their own.
    pub(crate) struct Draws(pub(crate) u64);

    impl Draws {
        pub(crate) fn below(&mut self, bound: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % bound
        }

        /// Up to `rows` rows of up to `terms` terms, each one of `values` values.
        pub(crate) fn corpus(&mut self, rows: u64, terms: u64, values: u64) -> Vec<Vec<i64>> {
            let n = 1 + self.below(rows);
            (0..n).map(|_| (0..=self.below(terms)).map(|_| self.below(values) as i64).collect()).collect()
        }
    }
}
