use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, BooleanBuilder, ListArray, ListBuilder, PrimitiveArray,
    PrimitiveBuilder, StringArray, StringBuilder,
};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Field, Float32Type, Float64Type, Int32Type, Int64Type, UInt16Type,
};

/// Why a column of a file is none of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfit {
    /// It has another type.
    Type,
    /// This row holds this.
    Row(usize, &'static str),
}

/// A Rust type that may stand in a row struct, and the Arrow column it becomes.
///
/// Strings and lists are never null; a number that may be "not measured", or that not every row has, is an `Option`, and no
/// float is NaN or infinite.
pub trait Cell: Sized {
    /// Collects one column.
    type Builder: Default + Send;
    /// A read column, cheap to clone.
    type Array: Clone;
    /// Whether the column may hold nulls.
    const NULLABLE: bool = false;
    /// The type as `seqlab tables` prints it.
    const NAME: &'static str;
    /// The Arrow type of the column.
    fn data_type() -> DataType;
    /// Appends this value.
    fn append(&self, builder: &mut Self::Builder);
    /// Returns the collected column and empties the builder, which then has room for a column as long.
    fn finish(builder: &mut Self::Builder) -> ArrayRef;
    /// Returns the column as its own type.
    ///
    /// # Errors
    /// Where it is of another type, or a row holds what such a column never holds.
    fn read(array: &ArrayRef) -> Result<Self::Array, Misfit>;
    /// Returns the value at `row`.
    fn get(array: &Self::Array, row: usize) -> Self;
}

macro_rules! primitive {
    ($($type:ty, $arrow:ty, $name:literal, $finite:expr;)+) => {$(
        impl Cell for $type {
            type Builder = PrimitiveBuilder<$arrow>;
            type Array = PrimitiveArray<$arrow>;
            const NAME: &'static str = $name;
            fn data_type() -> DataType {
                <$arrow>::DATA_TYPE
            }
            fn append(&self, builder: &mut Self::Builder) {
                builder.append_value(*self);
            }
            fn finish(builder: &mut Self::Builder) -> ArrayRef {
                let array = builder.finish();
                *builder = PrimitiveBuilder::with_capacity(array.len());
                Arc::new(array)
            }
            fn read(array: &ArrayRef) -> Result<Self::Array, Misfit> {
                let array = array.as_primitive_opt::<$arrow>().ok_or(Misfit::Type)?;
                no_null(array)?;
                finite(array, $finite)?;
                Ok(array.clone())
            }
            fn get(array: &Self::Array, row: usize) -> Self {
                array.value(row)
            }
        }
    )+};
}

primitive! {
    i32, Int32Type, "i32", |_| true;
    i64, Int64Type, "i64", |_| true;
    f32, Float32Type, "f32", f32::is_finite;
    f64, Float64Type, "f64", f64::is_finite;
}

macro_rules! optional {
    ($($type:ty, $arrow:ty, $name:literal, $finite:expr;)+) => {$(
        impl Cell for Option<$type> {
            type Builder = PrimitiveBuilder<$arrow>;
            type Array = PrimitiveArray<$arrow>;
            const NULLABLE: bool = true;
            const NAME: &'static str = $name;
            fn data_type() -> DataType {
                <$arrow>::DATA_TYPE
            }
            // A value that is no number is no result: it is stored as "not measured".
            fn append(&self, builder: &mut Self::Builder) {
                builder.append_option(self.filter(|value| $finite(*value)));
            }
            fn finish(builder: &mut Self::Builder) -> ArrayRef {
                let array = builder.finish();
                *builder = PrimitiveBuilder::with_capacity(array.len());
                Arc::new(array)
            }
            fn read(array: &ArrayRef) -> Result<Self::Array, Misfit> {
                let array = array.as_primitive_opt::<$arrow>().ok_or(Misfit::Type)?;
                finite(array, $finite)?;
                Ok(array.clone())
            }
            fn get(array: &Self::Array, row: usize) -> Self {
                array.is_valid(row).then(|| array.value(row))
            }
        }
    )+};
}

optional! {
    i64, Int64Type, "i64, null where there is none", |_| true;
    f32, Float32Type, "f32, null where not measured", f32::is_finite;
    f64, Float64Type, "f64, null where not measured", f64::is_finite;
}

macro_rules! list {
    ($($type:ty, $arrow:ty, $name:literal;)+) => {$(
        impl Cell for Vec<$type> {
            type Builder = NonNullList<$arrow>;
            type Array = ListArray;
            const NAME: &'static str = $name;
            fn data_type() -> DataType {
                DataType::List(Arc::new(element::<$arrow>()))
            }
            fn append(&self, builder: &mut Self::Builder) {
                builder.0.values().append_slice(self);
                builder.0.append(true);
            }
            fn finish(builder: &mut Self::Builder) -> ArrayRef {
                let array = builder.0.finish();
                *builder = NonNullList::with_capacity(array.len(), array.values().len());
                Arc::new(array)
            }
            fn read(array: &ArrayRef) -> Result<Self::Array, Misfit> {
                let list = array.as_list_opt::<i32>().ok_or(Misfit::Type)?;
                let values = list.values().as_primitive_opt::<$arrow>().ok_or(Misfit::Type)?;
                no_null(list)?;
                if let Some(value) = first_null(values) {
                    let row = list.value_offsets().partition_point(|end| *end as usize <= value);
                    return Err(Misfit::Row(row.saturating_sub(1), "a null in the list"));
                }
                Ok(list.clone())
            }
            fn get(array: &Self::Array, row: usize) -> Self {
                array.value(row).as_primitive::<$arrow>().values().to_vec()
            }
        }
    )+};
}

list! {
    i64, Int64Type, "list<i64>";
    u16, UInt16Type, "list<u16>";
}

/// Collects a list column whose elements are never null.
#[derive(Debug)]
pub struct NonNullList<T: ArrowPrimitiveType>(ListBuilder<PrimitiveBuilder<T>>);

impl<T: ArrowPrimitiveType> Default for NonNullList<T> {
    fn default() -> Self {
        Self::with_capacity(0, 0)
    }
}

impl<T: ArrowPrimitiveType> NonNullList<T> {
    fn with_capacity(lists: usize, elements: usize) -> Self {
        let elements = PrimitiveBuilder::with_capacity(elements);
        Self(ListBuilder::with_capacity(elements, lists).with_field(element::<T>()))
    }
}

/// Refuses a column with a null.
fn no_null(array: &dyn Array) -> Result<(), Misfit> {
    first_null(array).map_or(Ok(()), |row| Err(Misfit::Row(row, "a null")))
}

fn first_null(array: &dyn Array) -> Option<usize> {
    (array.null_count() > 0).then(|| (0..array.len()).find(|row| array.is_null(*row))).flatten()
}

/// Refuses a column with a number that is NaN or infinite.
fn finite<T: ArrowPrimitiveType>(
    array: &PrimitiveArray<T>,
    is_finite: impl Fn(T::Native) -> bool,
) -> Result<(), Misfit> {
    let row = array.iter().position(|value| value.is_some_and(|value| !is_finite(value)));
    row.map_or(Ok(()), |row| Err(Misfit::Row(row, "NaN or an infinite number")))
}

fn element<T: ArrowPrimitiveType>() -> Field {
    Field::new("element", T::DATA_TYPE, false)
}

impl Cell for bool {
    type Builder = BooleanBuilder;
    type Array = BooleanArray;
    const NAME: &'static str = "bool";
    fn data_type() -> DataType {
        DataType::Boolean
    }
    fn append(&self, builder: &mut Self::Builder) {
        builder.append_value(*self);
    }
    fn finish(builder: &mut Self::Builder) -> ArrayRef {
        Arc::new(builder.finish())
    }
    fn read(array: &ArrayRef) -> Result<Self::Array, Misfit> {
        let array = array.as_boolean_opt().ok_or(Misfit::Type)?;
        no_null(array)?;
        Ok(array.clone())
    }
    fn get(array: &Self::Array, row: usize) -> Self {
        array.value(row)
    }
}

impl Cell for String {
    type Builder = StringBuilder;
    type Array = StringArray;
    const NAME: &'static str = "string";
    fn data_type() -> DataType {
        DataType::Utf8
    }
    fn append(&self, builder: &mut Self::Builder) {
        builder.append_value(self);
    }
    fn finish(builder: &mut Self::Builder) -> ArrayRef {
        let array = builder.finish();
        *builder = StringBuilder::with_capacity(array.len(), array.value_data().len());
        Arc::new(array)
    }
    fn read(array: &ArrayRef) -> Result<Self::Array, Misfit> {
        let array = array.as_string_opt::<i32>().ok_or(Misfit::Type)?;
        no_null(array)?;
        Ok(array.clone())
    }
    fn get(array: &Self::Array, row: usize) -> Self {
        array.value(row).to_owned()
    }
}
