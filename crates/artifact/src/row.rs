use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::Path;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};

use crate::{Cell, Error, Misfit, Result};

/// One row of a typed table. Written with the `table!` macro, never by hand.
pub trait Row: Sized {
    /// The table's name, in `seqlab.table` of every file.
    const TABLE: &'static str;
    /// The schema's version, raised with every change of a column.
    const VERSION: u32;
    /// Where its files lie, e.g. `audit/certificate.parquet`.
    const FILES: &'static str;
    /// Collects columns.
    type Builders: Default + Send;
    /// Columns of one read batch.
    type Arrays;
    /// Says what the table holds, one entry a line.
    fn about() -> Vec<&'static str>;
    /// Lists the columns in order.
    fn columns() -> Vec<Column>;
    /// Appends this row.
    fn append(&self, builders: &mut Self::Builders);
    /// Returns the collected columns and empties the builders.
    fn finish(builders: &mut Self::Builders) -> Vec<ArrayRef>;
    /// Returns the columns by name of a batch whose first row is number `first`, or a typed error naming the column, or row,
    /// that does not fit.
    fn arrays(batch: &RecordBatch, path: &Path, first: u64) -> Result<Self::Arrays>;
    /// Returns row number `row` of the batch.
    fn get(arrays: &Self::Arrays, row: usize) -> Self;
    /// Says what no such row can hold, where it holds it: a reader relies on the rest.
    fn misfit(&self) -> Option<String>;

    /// Returns the Arrow schema.
    fn schema() -> Schema {
        let field = |c: &Column| Field::new(c.name, c.data_type.clone(), c.nullable);
        Schema::new(Self::columns().iter().map(field).collect::<Vec<_>>())
    }

    /// Returns the table as `seqlab tables` shows it.
    fn describe() -> Description {
        Description {
            table: Self::TABLE,
            version: Self::VERSION,
            files: Self::FILES,
            about: Self::about().iter().map(|line| line.trim()).collect::<Vec<_>>().join(" "),
            columns: Self::columns(),
        }
    }
}

/// A column of a table.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type in words.
    pub type_name: &'static str,
    /// Its Arrow type.
    pub data_type: DataType,
    /// Whether it may hold nulls.
    pub nullable: bool,
    /// What it means, with its unit.
    pub about: String,
}

/// A table as the documentation shows it.
#[derive(Debug, Clone)]
pub struct Description {
    /// Its name.
    pub table: &'static str,
    /// The version of its schema.
    pub version: u32,
    /// Where its files lie.
    pub files: &'static str,
    /// What it holds.
    pub about: String,
    /// Its columns in order.
    pub columns: Vec<Column>,
}

/// Returns the column `name` of `batch` as the type of the row struct's field.
pub(crate) fn column<T: Cell>(batch: &RecordBatch, name: &str, path: &Path, first: u64) -> Result<T::Array> {
    let wrong = |found: String| Error::WrongColumn {
        path: path.to_owned(),
        column: name.to_owned(),
        expected: T::NAME.to_owned(),
        found,
    };
    let array = batch.column_by_name(name).ok_or_else(|| wrong("nothing".to_owned()))?;
    T::read(array).map_err(|misfit| match misfit {
        Misfit::Type => wrong(array.data_type().to_string()),
        Misfit::Row(row, found) => Error::Row {
            path: path.to_owned(),
            row: first + row as u64,
            message: format!("column `{name}` should be {}, found {found}", T::NAME),
        },
    })
}

/// A value that may have to be in a range.
pub(crate) trait Bounded<T> {
    /// Says what was expected and found, where the value is outside.
    fn outside(&self, range: &RangeInclusive<T>) -> Option<String>;
}

impl<T: PartialOrd + Display> Bounded<T> for T {
    fn outside(&self, range: &RangeInclusive<T>) -> Option<String> {
        let (least, most) = (range.start(), range.end());
        (!range.contains(self)).then(|| format!("from {least} to {most}, found {self}"))
    }
}

impl<T: PartialOrd + Display> Bounded<T> for Option<T> {
    fn outside(&self, range: &RangeInclusive<T>) -> Option<String> {
        self.as_ref().and_then(|value| value.outside(range))
    }
}

/// Declares a row struct and its table: name, version, files, and a documented column per field. `checked` lists columns
/// with the range that their values are in; those of other rows are refused when they are read.
macro_rules! table {
    (
        $(#[doc = $about:literal])+
        pub struct $name:ident in $table:literal, version $version:literal, files $files:literal {
            $($(#[doc = $doc:literal])+ $field:ident: $type:ty,)+
        }
        $(checked { $($checked:ident: $range:expr,)+ })?
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $($(#[doc = $doc])+ pub $field: $type,)+
        }

        const _: () = {
            /// Builders, one a column.
            #[derive(Default)]
            pub struct Builders { $($field: <$type as $crate::Cell>::Builder,)+ }
            /// Arrays, one a column.
            pub struct Arrays { $($field: <$type as $crate::Cell>::Array,)+ }

            impl $crate::Row for $name {
                const TABLE: &'static str = $table;
                const VERSION: u32 = $version;
                const FILES: &'static str = $files;
                type Builders = Builders;
                type Arrays = Arrays;
                fn about() -> Vec<&'static str> {
                    vec![$($about),+]
                }
                fn columns() -> Vec<$crate::Column> {
                    vec![$($crate::Column {
                        name: stringify!($field),
                        type_name: <$type as $crate::Cell>::NAME,
                        data_type: <$type as $crate::Cell>::data_type(),
                        nullable: <$type as $crate::Cell>::NULLABLE,
                        about: [$($doc),+].map(str::trim).join(" "),
                    },)+]
                }
                fn append(&self, builders: &mut Builders) {
                    $($crate::Cell::append(&self.$field, &mut builders.$field);)+
                }
                fn finish(builders: &mut Builders) -> Vec<arrow::array::ArrayRef> {
                    vec![$(<$type as $crate::Cell>::finish(&mut builders.$field),)+]
                }
                fn arrays(
                    batch: &arrow::array::RecordBatch,
                    path: &std::path::Path,
                    first: u64,
                ) -> $crate::Result<Arrays> {
                    Ok(Arrays {
                        $($field: $crate::row::column::<$type>(batch, stringify!($field), path, first)?,)+
                    })
                }
                fn get(arrays: &Arrays, row: usize) -> Self {
                    Self { $($field: <$type as $crate::Cell>::get(&arrays.$field, row),)+ }
                }
                fn misfit(&self) -> Option<String> {
                    $($(
                        if let Some(misfit) = $crate::row::Bounded::outside(&self.$checked, &$range) {
                            return Some(format!("column `{}` should be {misfit}", stringify!($checked)));
                        }
                    )+)?
                    None
                }
            }
        };
    };
}
pub(crate) use table;
