use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Error;

/// Models of a run, at most.
const MOST: usize = 100_000;

/// The seeds of the models: in a definition a number (`8` is 0 to 7) or a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seeds(pub Vec<i32>);

impl Seeds {
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.0.len() > MOST {
            let message = format!("there are {}, of at most {MOST}", self.0.len());
            return Err(Error::config("seeds", message, "name fewer"));
        }
        if self.0.is_empty() {
            return Err(Error::config("seeds", "there is no model to train", "name a number of at least 1"));
        }
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        if let Some(negative) = sorted.first().filter(|&&seed| seed < 0) {
            return Err(Error::config("seeds", format!("{negative} is negative"), "use seeds from 0 on"));
        }
        match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => {
                Err(Error::config("seeds", format!("{} stands twice", pair[0]), "name each seed once"))
            }
            None => Ok(()),
        }
    }
}

impl Serialize for Seeds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // One meaning, one spelling, one stage key.
        if self.0.iter().enumerate().all(|(i, &seed)| i32::try_from(i) == Ok(seed)) {
            self.0.len().serialize(serializer)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Seeds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberOrList)
    }
}

struct NumberOrList;

impl<'de> Visitor<'de> for NumberOrList {
    type Value = Seeds;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number of seeds (at most 100000) or a list of seeds")
    }

    fn visit_u64<E: serde::de::Error>(self, count: u64) -> Result<Seeds, E> {
        match i32::try_from(count) {
            Ok(count) if count as usize <= MOST => Ok(Seeds((0..count).collect())),
            _ => Err(E::invalid_value(serde::de::Unexpected::Unsigned(count), &self)),
        }
    }

    fn visit_i64<E: serde::de::Error>(self, count: i64) -> Result<Seeds, E> {
        match u64::try_from(count) {
            Ok(count) => self.visit_u64(count),
            Err(_) => Err(E::invalid_value(serde::de::Unexpected::Signed(count), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Seeds, A::Error> {
        let mut seeds = Vec::new();
        while let Some(seed) = list.next_element()? {
            seeds.push(seed);
        }
        Ok(Seeds(seeds))
    }
}

impl JsonSchema for Seeds {
    fn schema_name() -> Cow<'static, str> {
        "Seeds".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number (8 is the seeds 0 to 7) or a list of seeds.",
            "oneOf": [
                { "type": "integer", "minimum": 1, "maximum": 100_000 },
                { "type": "array", "items": { "type": "integer", "minimum": 0 }, "minItems": 1, "uniqueItems": true }
            ]
        })
    }
}
