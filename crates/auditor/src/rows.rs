//! Decoded rows: the columns that an audit reads, from Arrow lists of any integer width.

use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, FixedSizeListArray, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Int32Type, Int64Type, Schema, UInt32Type};

use crate::lists::Lists;
use crate::{Error, Result};

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

/// Names a column of lists of integers.
pub(crate) type ColumnName = Option<String>;

/// The columns that a scan reads. Columns that a foreign file may lack are taken where they are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// Column of the terms.
    pub(crate) terms: ColumnName,
    /// Column of the tokens.
    pub(crate) tokens: ColumnName,
    /// Whether to read what describes a row (ids, task, family, notation, domain, unit, answer span) as well.
    pub(crate) description: bool,
    ids_only: bool,
}

impl Wanted {
    /// One or two columns of lists, with the columns that describe a row.
    pub(crate) fn described(terms: ColumnName, tokens: ColumnName) -> Self {
        Self { terms, tokens, description: true, ids_only: false }
    }

    /// One or two columns of lists and nothing else.
    pub(crate) fn bare(terms: ColumnName, tokens: ColumnName) -> Self {
        Self { terms, tokens, description: false, ids_only: false }
    }

    /// The column `example_id` alone.
    pub(crate) fn ids() -> Self {
        Self { ids_only: true, ..Self::default() }
    }

    fn describes(&self, name: &str) -> bool {
        if self.ids_only {
            return name == "example_id";
        }
        self.description && DESCRIPTION.contains(&name)
    }

    /// Returns the indices of the columns to read; an error where a list column is missing or no list of integers.
    pub(crate) fn columns(&self, path: &Path, schema: &Schema) -> Result<Vec<usize>> {
        for name in [&self.terms, &self.tokens].into_iter().flatten() {
            let wrong = |found: String| Error::Column {
                path: path.to_owned(),
                column: name.clone(),
                expected: "a list of integers".to_owned(),
                found,
            };
            match schema.field_with_name(name) {
                Ok(field) if is_integer_list(field.data_type()) => (),
                Ok(field) => return Err(wrong(field.data_type().to_string())),
                Err(_) => return Err(wrong(nothing(schema))),
            }
        }
        let named =
            |name: &str| [&self.terms, &self.tokens].into_iter().flatten().any(|wanted| wanted == name);
        let fields = schema.fields().iter().enumerate();
        Ok(fields
            .filter(|(_, field)| named(field.name()) || self.describes(field.name()))
            .map(|(i, _)| i)
            .collect())
    }
}

const DESCRIPTION: [&str; 9] = [
    "example_id",
    "task",
    "family",
    "notation",
    "domain",
    "unit",
    "parameter",
    "answer_start",
    "answer_length",
];

/// Tells whether a column of this type can be audited.
pub(crate) fn is_integer_list(kind: &DataType) -> bool {
    matches!(kind, DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _)
        if field.data_type().is_integer())
}

/// Says that a column is missing, and which ones would do.
pub(crate) fn nothing(schema: &Schema) -> String {
    let lists = schema.fields().iter().filter(|field| is_integer_list(field.data_type()));
    let names: Vec<_> = lists.map(|field| format!("`{}`", field.name())).collect();
    match names.is_empty() {
        true => "nothing, and no other list of integers".to_owned(),
        false => format!("nothing (lists of integers: {})", names.join(", ")),
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
    pub(crate) parameter: Vec<i64>,
    pub(crate) answer_start: Vec<i64>,
    pub(crate) answer_length: Vec<i64>,
    /// The names behind the numbers, of these rows.
    pub(crate) names: std::collections::BTreeMap<u64, String>,
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

    /// Decodes the columns of a batch whose first row has index `first` in its split.
    pub(crate) fn decode(path: &Path, batch: &RecordBatch, first: u64, wanted: &Wanted) -> Result<Self> {
        let n = batch.num_rows();
        let source = Source { path, batch, first };
        let mut rows = Self { first, ..Self::none(wanted) };
        let no_values = vec![0; n + 1];
        rows.terms.offsets.clone_from(&no_values);
        rows.tokens.offsets = no_values;
        if let Some(name) = &wanted.terms {
            rows.terms =
                source.list(name, &DataType::Int64, |values| values.as_primitive::<Int64Type>().values())?;
        }
        if let Some(name) = &wanted.tokens {
            rows.tokens = source
                .list(name, &DataType::UInt32, |values| values.as_primitive::<UInt32Type>().values())?;
        }
        rows.ids = source
            .numbers(wanted, "example_id")?
            .unwrap_or_else(|| (0..n).map(|i| (first + i as u64) as i64).collect());
        rows.parameter = source.numbers(wanted, "parameter")?.unwrap_or_else(|| vec![i64::MIN; n]);
        rows.answer_start = source.numbers(wanted, "answer_start")?.unwrap_or_else(|| vec![-1; n]);
        rows.answer_length = source.numbers(wanted, "answer_length")?.unwrap_or_else(|| vec![0; n]);
        let mut names = std::collections::BTreeMap::new();
        rows.task = source.names(wanted, "task", &mut names)?;
        rows.family = source.names(wanted, "family", &mut names)?;
        rows.notation = source.names(wanted, "notation", &mut names)?;
        rows.domain = source.names(wanted, "domain", &mut names)?;
        let mut kinds = std::collections::BTreeMap::new();
        rows.unit = source
            .names(wanted, "unit", &mut kinds)?
            .iter()
            .map(|key| kind(&source, kinds.get(key)))
            .collect::<Result<_>>()?;
        rows.names = names;
        Ok(rows)
    }
}

fn kind(source: &Source<'_>, name: Option<&String>) -> Result<UnitKind> {
    match name.map(String::as_str) {
        None | Some("pair") => Ok(UnitKind::Pair),
        Some("unordered_pair") => Ok(UnitKind::UnorderedPair),
        Some("multiset") => Ok(UnitKind::Multiset),
        Some("row") => Ok(UnitKind::Row),
        Some("none") => Ok(UnitKind::None),
        Some(other) => {
            Err(source.wrong("unit", "pair, unordered_pair, multiset, row or none", &format!("`{other}`")))
        }
    }
}

/// Returns the number that stands for a name.
pub(crate) fn name_key(name: &str) -> u64 {
    let bytes = *blake3::hash(name.as_bytes()).as_bytes();
    u64::from_le_bytes(bytes[..8].try_into().expect("a BLAKE3 hash has 32 bytes"))
}

struct Source<'a> {
    path: &'a Path,
    batch: &'a RecordBatch,
    first: u64,
}

impl Source<'_> {
    fn wrong(&self, column: &str, expected: &str, found: &str) -> Error {
        Error::Column {
            path: self.path.to_owned(),
            column: column.to_owned(),
            expected: expected.to_owned(),
            found: format!("{found} (rows from {})", self.first),
        }
    }

    fn column(&self, name: &str) -> Result<&ArrayRef> {
        self.batch
            .column_by_name(name)
            .ok_or_else(|| self.wrong(name, "a list of integers", &nothing(&self.batch.schema())))
    }

    /// Reads a list column, its values cast to `kind`.
    fn list<T>(
        &self,
        name: &str,
        kind: &DataType,
        values_of: impl Fn(&ArrayRef) -> &arrow::buffer::ScalarBuffer<T>,
    ) -> Result<Lists<T>>
    where
        T: Copy + arrow::datatypes::ArrowNativeType,
    {
        let array = self.column(name)?;
        if array.null_count() > 0 {
            return Err(self.wrong(name, "a list in every row", "a null"));
        }
        let (values, offsets): (ArrayRef, Vec<usize>) = match array.data_type() {
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                (list.values().clone(), list.value_offsets().iter().map(|&offset| offset as usize).collect())
            }
            DataType::LargeList(_) => {
                let list = array.as_list::<i64>();
                (list.values().clone(), list.value_offsets().iter().map(|&offset| offset as usize).collect())
            }
            DataType::FixedSizeList(..) => {
                let list: &FixedSizeListArray = array.as_fixed_size_list();
                let width = list.value_length().unsigned_abs() as usize;
                (list.values().clone(), (0..=list.len()).map(|row| row * width).collect())
            }
            other => return Err(self.wrong(name, "a list of integers", &other.to_string())),
        };
        let (start, end) = (offsets.first().copied().unwrap_or(0), offsets.last().copied().unwrap_or(0));
        if start > end || end > values.len() || offsets.windows(2).any(|pair| pair[0] > pair[1]) {
            return Err(Error::parquet(self.path, format!("column `{name}`: list offsets out of order")));
        }
        let values = values.slice(start, end - start);
        if values.null_count() > 0 {
            return Err(self.wrong(name, "a list of integers", "a null among them"));
        }
        if !values.data_type().is_integer() {
            return Err(self.wrong(name, "a list of integers", &array.data_type().to_string()));
        }
        let options = CastOptions { safe: false, ..CastOptions::default() };
        let values = cast_with_options(&values, kind, &options)
            .map_err(|error| self.wrong(name, &format!("integers that fit {kind}"), &error.to_string()))?;
        Ok(Lists {
            values: values_of(&values).to_vec(),
            offsets: offsets.iter().map(|offset| offset - start).collect(),
        })
    }

    /// Reads an optional column of integers.
    fn numbers(&self, wanted: &Wanted, name: &str) -> Result<Option<Vec<i64>>> {
        let Some(array) = self.batch.column_by_name(name).filter(|_| wanted.describes(name)) else {
            return Ok(None);
        };
        if !array.data_type().is_integer() {
            // A foreign file may use the name for something else; only ours promises the type.
            return Ok(None);
        }
        if array.null_count() > 0 {
            return Err(self.wrong(name, "an integer in every row", "a null"));
        }
        let options = CastOptions { safe: false, ..CastOptions::default() };
        let numbers = cast_with_options(array, &DataType::Int64, &options)
            .map_err(|error| self.wrong(name, "integers of 64 bits", &error.to_string()))?;
        Ok(Some(numbers.as_primitive::<Int64Type>().values().to_vec()))
    }

    /// Reads an optional column of names as their keys, and what the keys stand for.
    fn names(
        &self,
        wanted: &Wanted,
        name: &str,
        known: &mut std::collections::BTreeMap<u64, String>,
    ) -> Result<Vec<u64>> {
        let n = self.batch.num_rows();
        let Some(array) = self.batch.column_by_name(name).filter(|_| wanted.describes(name)) else {
            return Ok(vec![0; n]);
        };
        let kind = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let text = match array.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => array,
            _ => return Ok(vec![0; n]),
        };
        let wrong = |found: &str| self.wrong(name, "a text in every row", found);
        let text = cast_with_options(text, &kind, &CastOptions::default())
            .map_err(|error| wrong(&error.to_string()))?;
        if text.logical_null_count() > 0 {
            return Err(wrong("a null"));
        }
        let dictionary = text.as_dictionary::<Int32Type>();
        let keys: Vec<u64> = dictionary
            .values()
            .as_string::<i32>()
            .iter()
            .map(|name| {
                let name = name.unwrap_or_default();
                let key = name_key(name);
                known.entry(key).or_insert_with(|| name.to_owned());
                key
            })
            .collect();
        let key = |index: &i32| usize::try_from(*index).ok().and_then(|index| keys.get(index)).copied();
        dictionary
            .keys()
            .values()
            .iter()
            .map(|index| key(index).ok_or_else(|| wrong("a broken dictionary")))
            .collect()
    }
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
            parameter: vec![i64::MIN; n],
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
