//! The words of a definition that may be written in more than one way: ranges, numbers of terms, lists of values,
//! cycles.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Error;

/// The most values a list of parameters (steps, ratios) may hold.
const MOST_PARAMETERS: u128 = 10_000;

/// The whole numbers from `min` to `max`, both included; empty if `max < min`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The smallest number.
    pub min: i64,
    /// The largest number.
    pub max: i64,
}

impl Range {
    /// Every number.
    pub const ALL: Range = Range { min: i64::MIN, max: i64::MAX };
    /// No number.
    pub const EMPTY: Range = Range { min: 1, max: 0 };

    /// Returns the range between two bounds that may lie outside `i64`.
    pub fn clip(min: i128, max: i128) -> Range {
        let (min, max) = (min.max(i64::MIN.into()), max.min(i64::MAX.into()));
        if min > max { Range::EMPTY } else { Range { min: min as i64, max: max as i64 } }
    }

    /// Returns how many numbers there are.
    pub fn count(self) -> u128 {
        (i128::from(self.max) - i128::from(self.min) + 1).max(0) as u128
    }

    /// Says whether the number is in the range.
    pub fn contains(self, value: i64) -> bool {
        self.min <= value && value <= self.max
    }

    /// Returns the numbers that are in both ranges.
    pub fn and(self, other: Range) -> Range {
        Range { min: self.min.max(other.min), max: self.max.min(other.max) }
    }
}

/// How many terms a row has: `5`, or `{ min: 4, max: 8 }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The fewest terms, the answer included.
    pub min: i64,
    /// The most terms.
    pub max: i64,
}

impl Serialize for Terms {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.min == self.max {
            self.min.serialize(serializer)
        } else {
            Range { min: self.min, max: self.max }.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Terms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(Either { list: false })? {
            Values::List(one) => Ok(Terms { min: one[0], max: one[0] }),
            Values::Range(range) => Ok(Terms { min: range.min, max: range.max }),
        }
    }
}

impl JsonSchema for Terms {
    fn schema_name() -> Cow<'static, str> {
        "Terms".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let range = generator.subschema_for::<Range>();
        json_schema!({ "description": "Number of terms of a row, the answer included.", "oneOf": [{ "type": "integer", "minimum": 2 }, range] })
    }
}

/// Some whole numbers: `3`, `[1, 2, -5]`, or `{ min: 1, max: 20 }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values {
    /// The numbers as written.
    List(Vec<i64>),
    /// All numbers of a range.
    Range(Range),
}

impl Values {
    /// Returns the numbers in the order in which they are written.
    pub fn iter(&self) -> Box<dyn Iterator<Item = i64> + '_> {
        match self {
            Values::List(list) => Box::new(list.iter().copied()),
            Values::Range(range) => Box::new(range.min..=range.max),
        }
    }

    /// Says whether the number is one of them.
    pub fn contains(&self, value: i64) -> bool {
        match self {
            Values::List(list) => list.contains(&value),
            Values::Range(range) => range.contains(value),
        }
    }

    /// Refuses none, too many, the same number twice, and those that change nothing, modulo a number.
    ///
    /// # Errors
    /// Names the number found, at the path `at`.
    pub(crate) fn check_modulo(&self, at: &str, modulus: i64, neutral: i64) -> Result<(), Error> {
        self.check(at, &[], "")?;
        let residues = Values::List(self.iter().map(|value| value.rem_euclid(modulus)).collect());
        let why = format!("modulo {modulus} that repeats one value: leave it out");
        residues.check(at, &[neutral], &why)
    }

    /// Refuses none, too many, the same number twice, and the numbers that the rule cannot have.
    ///
    /// # Errors
    /// Names the number found, at the path `at`.
    pub fn check(&self, at: &str, forbidden: &[i64], why: &str) -> Result<(), Error> {
        let count = match self {
            Values::List(list) => list.len() as u128,
            Values::Range(range) => range.count(),
        };
        if count == 0 || count > MOST_PARAMETERS {
            let help = format!("give 1 to {MOST_PARAMETERS} of them");
            return Err(Error::parameter(at, format!("{count} values found"), help));
        }
        if let Some(bad) = forbidden.iter().find(|&&value| self.contains(value)) {
            return Err(Error::parameter(at, format!("{bad} is among the values"), why));
        }
        let mut sorted: Vec<i64> = self.iter().collect();
        sorted.sort_unstable();
        match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(Error::parameter(at, format!("{} is written twice", pair[0]), "write it once")),
            None => Ok(()),
        }
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Values::List(list) => list.serialize(serializer),
            Values::Range(range) => range.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Either { list: true })
    }
}

impl JsonSchema for Values {
    fn schema_name() -> Cow<'static, str> {
        "Values".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let range = generator.subschema_for::<Range>();
        json_schema!({ "oneOf": [{ "type": "integer" }, { "type": "array", "items": { "type": "integer" } }, range] })
    }
}

/// A cycle: `months`, `days`, `letters`, or a number of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cycle {
    /// January to December.
    Months,
    /// Monday to Sunday.
    Days,
    /// A to Z.
    Letters,
    /// So many values.
    Of(i64),
}

impl Cycle {
    const NAMES: [(Cycle, &'static str); 3] =
        [(Cycle::Months, "months"), (Cycle::Days, "days"), (Cycle::Letters, "letters")];

    /// Returns the number of values.
    pub fn length(self) -> i64 {
        match self {
            Cycle::Months => 12,
            Cycle::Days => 7,
            Cycle::Letters => 26,
            Cycle::Of(length) => length,
        }
    }
}

impl Serialize for Cycle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match Self::NAMES.iter().find(|(cycle, _)| cycle == self) {
            Some((_, name)) => name.serialize(serializer),
            None => self.length().serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Cycle {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Cycle;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("`months`, `days`, `letters`, or a number of values")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Cycle, E> {
                let named = Cycle::NAMES.iter().find(|(_, known)| *known == name);
                named
                    .map(|(cycle, _)| *cycle)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(name), &self))
            }

            fn visit_i64<E: de::Error>(self, length: i64) -> Result<Cycle, E> {
                Ok(Cycle::Of(length))
            }

            fn visit_u64<E: de::Error>(self, length: u64) -> Result<Cycle, E> {
                Ok(Cycle::Of(i64::try_from(length).unwrap_or(i64::MAX)))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for Cycle {
    fn schema_name() -> Cow<'static, str> {
        "Cycle".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "oneOf": [{ "enum": ["months", "days", "letters"] }, { "type": "integer", "minimum": 2 }] })
    }
}

/// Lets the schema of a rule have one of its lists of parameters, in the plural (`steps`) or the singular (`step`).
pub(crate) fn singular(schema: &mut Schema, plurals: &[&str]) {
    let one = |plural: &str| plural.trim_end_matches('s').to_owned();
    if let Some(properties) = schema.get_mut("properties").and_then(serde_json::Value::as_object_mut) {
        for plural in plurals {
            if let Some(parameter) = properties.get(*plural).cloned() {
                properties.insert(one(plural), parameter);
            }
        }
    }
    if let Some(required) = schema.get_mut("required").and_then(serde_json::Value::as_array_mut) {
        required.retain(|name| !plurals.iter().any(|plural| name == plural));
    }
    let names = plurals.iter().flat_map(|plural| [(*plural).to_owned(), one(plural)]);
    let forms: Vec<serde_json::Value> = names.map(|name| serde_json::json!({ "required": [name] })).collect();
    schema.insert("oneOf".into(), forms.into());
}

/// Reads a number, a map with `min` and `max`, and, where `list` is true, a list of numbers.
///
/// `#[serde(untagged)]` would do the same with the message "data did not match any variant".
struct Either {
    list: bool,
}

impl<'de> de::Visitor<'de> for Either {
    type Value = Values;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(if self.list {
            "a whole number, a list of them, or { min: .., max: .. }"
        } else {
            "a whole number or { min: .., max: .. }"
        })
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Values, E> {
        Ok(Values::List(vec![value]))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Values, E> {
        let value =
            i64::try_from(value).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(value), &self))?;
        Ok(Values::List(vec![value]))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Values, A::Error> {
        if !self.list {
            return Err(de::Error::invalid_type(de::Unexpected::Seq, &self));
        }
        let mut list = Vec::new();
        while let Some(value) = seq.next_element()? {
            list.push(value);
        }
        Ok(Values::List(list))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Values, A::Error> {
        Range::deserialize(de::value::MapAccessDeserializer::new(map)).map(Values::Range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_of_writing_is_read_and_resolves_to_itself() {
        for (text, resolved) in [("5", "5"), (r#"{"min":4,"max":8}"#, r#"{"min":4,"max":8}"#)] {
            let terms: Terms = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&terms).unwrap(), resolved);
        }
        for (text, resolved) in
            [("5", "[5]"), ("[1,-2]", "[1,-2]"), (r#"{"min":1,"max":3}"#, r#"{"min":1,"max":3}"#)]
        {
            let values: Values = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&values).unwrap(), resolved);
        }
    }

    #[test]
    fn a_wrong_form_says_what_is_expected() {
        let message = serde_json::from_str::<Terms>("[4, 8]").unwrap_err().to_string();
        assert!(message.contains("expected a whole number or { min: .., max: .. }"), "{message}");
        let message = serde_json::from_str::<Cycle>(r#""weeks""#).unwrap_err().to_string();
        assert!(message.contains("`months`, `days`, `letters`, or a number of values"), "{message}");
        let message = serde_json::from_str::<Values>(r#""2..20""#).unwrap_err().to_string();
        assert!(message.contains("a list of them, or { min: .., max: .. }"), "{message}");
        let message = serde_json::from_str::<Terms>(r#"{"min":4,"mx":8}"#).unwrap_err().to_string();
        assert!(message.contains("unknown field `mx`, expected `min` or `max`"), "{message}");
    }
}
