use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The rows of each update: in a definition a number, or `full`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchSize {
    /// So many rows.
    Rows(usize),
    /// All rows of the table, in its own order.
    Full,
}

const FULL: &str = "full";

impl BatchSize {
    /// Returns the number of rows of each update, of a table of so many.
    pub(crate) fn of(self, rows: u64) -> u64 {
        match self {
            Self::Rows(size) => size as u64,
            Self::Full => rows,
        }
    }
}

impl Serialize for BatchSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Rows(size) => size.serialize(serializer),
            Self::Full => FULL.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for BatchSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberOrFull)
    }
}

struct NumberOrFull;

impl Visitor<'_> for NumberOrFull {
    type Value = BatchSize;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number of rows or `full`")
    }

    fn visit_u64<E: serde::de::Error>(self, size: u64) -> Result<BatchSize, E> {
        let size = usize::try_from(size).map_err(|_| E::invalid_value(Unexpected::Unsigned(size), &self))?;
        Ok(BatchSize::Rows(size))
    }

    fn visit_i64<E: serde::de::Error>(self, size: i64) -> Result<BatchSize, E> {
        match u64::try_from(size) {
            Ok(size) => self.visit_u64(size),
            Err(_) => Err(E::invalid_value(Unexpected::Signed(size), &self)),
        }
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<BatchSize, E> {
        if word == FULL { Ok(BatchSize::Full) } else { Err(E::invalid_value(Unexpected::Str(word), &self)) }
    }
}

impl JsonSchema for BatchSize {
    fn schema_name() -> Cow<'static, str> {
        "BatchSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number of rows, or `full` for all of them in the table's own order.",
            "oneOf": [{ "type": "integer", "minimum": 1 }, { "const": FULL }]
        })
    }
}
