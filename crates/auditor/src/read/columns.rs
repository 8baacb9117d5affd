//! The columns that an audit reads, from Arrow arrays of any integer width, kind of list and encoding of text.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, RecordBatch, downcast_integer_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{ArrowNativeType, DataType, Int32Type, Int64Type, Schema};

use crate::error::{Error, Result};
use crate::read::lists::Lists;

/// The columns that a scan reads. What describes a row is taken where it is there: a foreign file may lack it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// Column of the terms.
    pub(crate) terms: Option<String>,
    /// Column of the tokens.
    pub(crate) tokens: Option<String>,
    /// Columns that describe a row; none in a foreign file, whatever its columns are called.
    pub(crate) described: &'static [&'static str],
    /// Values that are no part of a row: padding.
    pub(crate) ignored: Vec<i64>,
}

/// All that describes a row.
pub(crate) const ALL: &[&str] = &[
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

/// What the checks of a split that streams past need beside its lists: no ids, they are read for witnesses only.
pub(crate) const COMPARED: &[&str] = &["task", "family", "notation", "domain", "unit", "parameter"];

/// What the memorisers need beside the lists.
pub(crate) const ANSWERED: &[&str] = &["domain", "answer_start", "answer_length"];

impl Wanted {
    /// Columns that describe a row, and no lists.
    pub(crate) fn only(described: &'static [&'static str]) -> Self {
        Self { described, ..Self::default() }
    }

    /// The same lists with other columns that describe a row, where any does.
    pub(crate) fn describing(&self, described: &'static [&'static str]) -> Self {
        let described = if self.described.is_empty() { &[] } else { described };
        Self { described, ..self.clone() }
    }

    fn lists(&self) -> impl Iterator<Item = &String> {
        [&self.terms, &self.tokens].into_iter().flatten()
    }

    pub(crate) fn describes(&self, name: &str) -> bool {
        self.described.contains(&name)
    }

    /// Returns the indices of the columns to read; an error where a list column is missing or no list of integers.
    pub(crate) fn columns(&self, path: &Path, schema: &Schema) -> Result<Vec<usize>> {
        for name in self.lists() {
            let wrong = |found: String| Error::column(path, name, "a list of integers", found);
            match schema.field_with_name(name) {
                Ok(field) if is_integer_list(field.data_type()) => (),
                Ok(field) => return Err(wrong(described(field.data_type()))),
                Err(_) => return Err(wrong(nothing(schema))),
            }
        }
        let read = |name: &String| self.lists().any(|wanted| wanted == name) || self.describes(name);
        let fields = schema.fields().iter().enumerate();
        Ok(fields.filter(|(_, field)| read(field.name())).map(|(index, _)| index).collect())
    }
}

/// Tells whether a column of this type can be audited.
pub(crate) fn is_integer_list(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field)
        | DataType::FixedSizeList(field, _) if is_integer(field.data_type())
    )
}

/// Tells whether values are text, however it is kept.
pub(crate) fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, value) => is_text(value),
        kind => matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View),
    }
}

/// Tells whether values are integers, however they are kept.
fn is_integer(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, value) => is_integer(value),
        DataType::Decimal32(_, 0)
        | DataType::Decimal64(_, 0)
        | DataType::Decimal128(_, 0)
        | DataType::Decimal256(_, 0) => true,
        kind => kind.is_integer(),
    }
}

/// Says what a column is that cannot be audited.
pub(crate) fn described(kind: &DataType) -> String {
    match kind {
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _)
            if *field.data_type() == DataType::FixedSizeBinary(16) =>
        {
            format!("{kind}: integers of 128 bits, it seems, which Parquet has not; cast them to 64")
        }
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 | DataType::Utf8 => {
            format!("{kind}, one in each row")
        }
        kind => kind.to_string(),
    }
}

/// Says that a column is missing, and which ones would do.
pub(crate) fn nothing(schema: &Schema) -> String {
    match nothing_of(schema, is_integer_list).split_once('(') {
        Some((_, names)) => format!("nothing (lists of integers: {names}"),
        None => "nothing, and no other list of integers".to_owned(),
    }
}

/// Says that a column is missing, and which ones are of the kind that would do.
pub(crate) fn nothing_of(schema: &Schema, would_do: impl Fn(&DataType) -> bool) -> String {
    let columns = schema.fields().iter().filter(|field| would_do(field.data_type()));
    let names: Vec<_> = columns.map(|field| format!("`{}`", field.name())).collect();
    match names.is_empty() {
        true => "nothing".to_owned(),
        false => format!("nothing ({})", names.join(", ")),
    }
}

/// The types that integers are read as.
pub(crate) trait Integer: ArrowPrimitiveType<Native: TryFrom<i64>> {}

impl<T: ArrowPrimitiveType<Native: TryFrom<i64>>> Integer for T {}

/// One batch of a file.
pub(crate) struct Source<'a> {
    pub(crate) path: &'a Path,
    pub(crate) batch: &'a RecordBatch,
    /// Index of its first row in the split.
    pub(crate) first: u64,
    /// Index of its first row in the file; nothing where its rows are picked out of the file's.
    pub(crate) in_file: Option<u64>,
    pub(crate) wanted: &'a Wanted,
}

impl Source<'_> {
    /// Says what is wrong with a column, at a row of the batch or somewhere in it.
    pub(crate) fn wrong(&self, column: &str, expected: &str, found: &str, row: Option<usize>) -> Error {
        let place = match (row, self.in_file) {
            (Some(row), Some(first)) => format!("row {} of the file", first + row as u64),
            (Some(row), None) => format!("row {} of the split", self.first + row as u64),
            (None, Some(first)) => format!("rows from {first} of the file"),
            (None, None) => format!("rows from {} of the split", self.first),
        };
        Error::column(self.path, column, expected, format!("{found} ({place})"))
    }

    /// Reads a list column without what is to be ignored.
    pub(crate) fn list<T: Integer>(&self, name: &str) -> Result<Lists<T::Native>> {
        if self.wanted.ignored.is_empty() {
            return self.whole::<T>(name);
        }
        let whole = self.whole::<Int64Type>(name)?;
        let mut lists = Lists::default();
        for (row, values) in whole.rows().enumerate() {
            let kept = values.iter().filter(|value| !self.wanted.ignored.contains(value));
            let narrow: Option<Vec<T::Native>> = kept.map(|value| T::Native::try_from(*value).ok()).collect();
            lists.push(&narrow.ok_or_else(|| self.too_wide::<T>(name, row))?);
        }
        Ok(lists)
    }

    fn too_wide<T: Integer>(&self, name: &str, row: usize) -> Error {
        self.wrong(name, &format!("integers that fit {}", T::DATA_TYPE), "one that does not", Some(row))
    }

    /// Reads a list column.
    fn whole<T: Integer>(&self, name: &str) -> Result<Lists<T::Native>> {
        let schema = self.batch.schema();
        let missing = || self.wrong(name, "a list of integers", &nothing(&schema), None);
        let array = self.batch.column_by_name(name).ok_or_else(missing)?;
        if array.null_count() > 0 {
            let row = (0..array.len()).find(|row| array.is_null(*row));
            return Err(self.wrong(name, "a list in every row", "a null", row));
        }
        let sizes = |sizes: &[i32]| sizes.iter().map(|size| size.as_usize()).collect::<Vec<_>>();
        let large = |sizes: &[i64]| sizes.iter().map(|size| size.as_usize()).collect::<Vec<_>>();
        match array.data_type() {
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                self.contiguous::<T>(name, list.values(), sizes(list.value_offsets()))
            }
            DataType::LargeList(_) => {
                let list = array.as_list::<i64>();
                self.contiguous::<T>(name, list.values(), large(list.value_offsets()))
            }
            DataType::FixedSizeList(..) => {
                let list = array.as_fixed_size_list();
                let width = list.value_length().unsigned_abs() as usize;
                let offsets = (0..=list.len()).map(|row| row * width).collect();
                self.contiguous::<T>(name, list.values(), offsets)
            }
            DataType::ListView(_) => {
                let list = array.as_list_view::<i32>();
                let views = sizes(list.offsets()).into_iter().zip(sizes(list.sizes()));
                self.views::<T>(name, list.values(), views.collect())
            }
            DataType::LargeListView(_) => {
                let list = array.as_list_view::<i64>();
                let views = large(list.offsets()).into_iter().zip(large(list.sizes()));
                self.views::<T>(name, list.values(), views.collect())
            }
            other => Err(self.wrong(name, "a list of integers", &other.to_string(), None)),
        }
    }

    /// Lists that lie back to back.
    fn contiguous<T: Integer>(
        &self,
        name: &str,
        values: &ArrayRef,
        mut offsets: Vec<usize>,
    ) -> Result<Lists<T::Native>> {
        let (start, end) = (offsets.first().copied().unwrap_or(0), offsets.last().copied().unwrap_or(0));
        if start > end || end > values.len() || offsets.windows(2).any(|pair| pair[0] > pair[1]) {
            return Err(Error::parquet(self.path, format!("column `{name}`: list offsets out of order")));
        }
        offsets.iter_mut().for_each(|offset| *offset -= start);
        let row = |value: usize| offsets.partition_point(|offset| *offset <= value).checked_sub(1);
        let values =
            self.integers::<T>(name, &values.slice(start, end - start), "a list of integers", &row)?;
        Ok(Lists { values, offsets })
    }

    /// Lists that lie anywhere.
    fn views<T: Integer>(
        &self,
        name: &str,
        values: &ArrayRef,
        views: Vec<(usize, usize)>,
    ) -> Result<Lists<T::Native>> {
        let row =
            |value: usize| views.iter().position(|(start, size)| value >= *start && value - start < *size);
        let values = self.integers::<T>(name, values, "a list of integers", &row)?;
        let mut lists = Lists::default();
        for (offset, size) in views {
            let row = offset.checked_add(size).and_then(|end| values.get(offset..end));
            let outside = || Error::parquet(self.path, format!("column `{name}`: a list outside its values"));
            lists.push(row.ok_or_else(outside)?);
        }
        Ok(lists)
    }

    /// Reads integers; `row` says in which row of the batch one of them stands.
    fn integers<T: Integer>(
        &self,
        name: &str,
        values: &ArrayRef,
        expected: &str,
        row: &dyn Fn(usize) -> Option<usize>,
    ) -> Result<Vec<T::Native>> {
        if values.logical_null_count() > 0 {
            let nulls = values.logical_nulls();
            let at = nulls.and_then(|nulls| (0..nulls.len()).find(|at| nulls.is_null(*at)));
            return Err(self.wrong(name, expected, "a null among them", at.and_then(row)));
        }
        let plain = match values.data_type() {
            kind if kind.is_integer() => values.clone(),
            kind if is_integer(kind) => {
                let kind = match kind {
                    DataType::Dictionary(_, value) if value.is_integer() => value,
                    _ => &DataType::Int64,
                };
                // What does not fit becomes a null, which there was none of.
                cast_with_options(values, kind, &CastOptions::default())
                    .map_err(|error| self.wrong(name, expected, &error.to_string(), None).because(error))?
            }
            kind => return Err(self.wrong(name, expected, &kind.to_string(), None)),
        };
        let wide = |at: usize| self.too_wide::<T>(name, row(at).unwrap_or(0));
        if let Some(at) = (plain.null_count() > 0).then(|| (0..plain.len()).find(|at| plain.is_null(*at))) {
            return Err(wide(at.unwrap_or(0)));
        }
        if let Some(values) = plain.as_primitive_opt::<T>() {
            return Ok(values.values().to_vec());
        }
        let values = &plain;
        let narrow = |value: Option<i64>| value.and_then(|value| T::Native::try_from(value).ok());
        let mut seen = 0;
        let narrowed: Option<Vec<T::Native>> = downcast_integer_array!(
            values => values.values().iter().inspect(|_| seen += 1).map(|value| narrow(value.to_i64())).collect(),
            _ => None
        );
        narrowed.ok_or_else(|| wide(usize::saturating_sub(seen, 1)))
    }

    /// Reads an optional column of integers.
    pub(crate) fn numbers(&self, name: &str) -> Result<Option<Vec<i64>>> {
        let Some(array) = self.batch.column_by_name(name).filter(|_| self.wanted.describes(name)) else {
            return Ok(None);
        };
        if !array.data_type().is_integer() {
            // A file that only says that it is ours may use the name for something else.
            return Ok(None);
        }
        self.integers::<Int64Type>(name, array, "an integer in every row", &Some).map(Some)
    }

    /// Reads an optional column of names as their keys, and what the keys stand for.
    pub(crate) fn names(&self, name: &str, known: &mut BTreeMap<u64, String>) -> Result<Vec<u64>> {
        let n = self.batch.num_rows();
        let Some(array) = self.batch.column_by_name(name).filter(|_| self.wanted.describes(name)) else {
            return Ok(vec![0; n]);
        };
        if !is_text(array.data_type()) {
            return Ok(vec![0; n]);
        }
        let wrong = |found: &str| self.wrong(name, "a text in every row", found, None);
        let text = cast_with_options(array, &dictionary(), &CastOptions::default())
            .map_err(|error| wrong(&error.to_string()).because(error))?;
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
        let indices = dictionary.keys().values().iter();
        indices.map(|index| key(index).ok_or_else(|| wrong("a broken dictionary"))).collect()
    }
}

/// The type that names are read as: Parquet's own dictionaries then come through without being looked at.
pub(crate) fn dictionary() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// Returns the number that stands for a name.
pub(crate) fn name_key(name: &str) -> u64 {
    let bytes = *blake3::hash(name.as_bytes()).as_bytes();
    u64::from_le_bytes(bytes[..8].try_into().expect("a BLAKE3 hash has 32 bytes"))
}
