//! The form in which an analysis is written: its name alone, or `{ name: { parameters } }`.

use std::collections::BTreeMap;
use std::fmt;
use std::iter::once;
use std::marker::PhantomData;

use schemars::Schema;
use serde::de::value::{MapAccessDeserializer, MapDeserializer};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::json;

/// Reads a list of externally tagged enums of which each may be written by its name alone.
pub(crate) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let list = Vec::<Named<T>>::deserialize(deserializer)?;
    Ok(list.into_iter().map(|Named(entry)| entry).collect())
}

/// Adds the name alone to the forms of the schema of such an enum.
pub(crate) fn alone(schema: &mut Schema) {
    let Some(forms) = schema.get_mut("oneOf").and_then(|forms| forms.as_array_mut()) else { return };
    let names: Vec<_> = forms
        .iter()
        .map(|form| json!({ "const": form["required"][0], "description": form["description"] }))
        .collect();
    forms.extend(names);
}

struct Named<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Form(PhantomData)).map(Named)
    }
}

struct Form<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Form<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name, alone or as { name: { .. } }")
    }

    /// The name alone is the name without parameters; derived code would refuse it.
    fn visit_str<E: Error>(self, name: &str) -> Result<T, E> {
        let none = BTreeMap::<&str, ()>::new();
        T::deserialize(MapAccessDeserializer::new(MapDeserializer::new(once((name, none)))))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let entry = T::deserialize(MapAccessDeserializer::new(&mut map))?;
        match map.next_key::<String>()? {
            None => Ok(entry),
            Some(second) => {
                Err(A::Error::custom(format!("one name expected in one mapping, found `{second}` too")))
            }
        }
    }
}
