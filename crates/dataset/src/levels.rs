//! The list of levels, `holdout.level`: one file and one line each, from the leakiest on.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use sequence::Entry;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::level::Separation;

mod family;
mod held;
mod length;
mod notation;
mod random;
mod range;
mod step;
mod thresholds;
mod transition;
mod window;

/// Makes the enum, its list of [`Entry`] and its reading and writing from one line for each level.
///
/// A level without parameters is written as its name alone, and its line has no example of them.
macro_rules! levels {
    ($($name:literal $variant:ident($type:ty) $example:literal $summary:literal;)*) => {
        /// What a held-out row may not share with a train row.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub(crate) enum Level { $(#[doc = $summary] $variant($type),)* }

        /// Every level, from the leakiest on.
        pub const LEVELS: &[Entry] = &[$(Entry { name: $name, summary: $summary, example: $example },)*];

        impl Level {
            const NAMES: &[&str] = &[$($name,)*];

            /// Returns the name in a definition.
            pub(crate) fn name(&self) -> &'static str {
                match self { $(Level::$variant(_) => $name,)* }
            }
        }

        impl std::ops::Deref for Level {
            type Target = dyn Separation;

            fn deref(&self) -> &(dyn Separation + 'static) {
                match self { $(Level::$variant(level) => level,)* }
            }
        }

        impl std::ops::DerefMut for Level {
            fn deref_mut(&mut self) -> &mut (dyn Separation + 'static) {
                match self { $(Level::$variant(level) => level,)* }
            }
        }

        impl Serialize for Level {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {$(
                    Level::$variant(_) if $example.is_empty() => serializer.serialize_str($name),
                    Level::$variant(level) => serializer.serialize_newtype_variant("Level", 0, $name, level),
                )*}
            }
        }

        impl JsonSchema for Level {
            fn schema_name() -> Cow<'static, str> {
                "Level".into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                let mut forms: Vec<serde_json::Value> = Vec::new();
                $(
                    if serde_json::from_str::<$type>("{}").is_ok() {
                        forms.push(serde_json::json!({ "const": $name, "description": $summary }));
                    }
                    if !$example.is_empty() {
                        forms.push(serde_json::json!({
                            "type": "object", "description": $summary, "additionalProperties": false,
                            "required": [$name], "properties": { $name: generator.subschema_for::<$type>() },
                        }));
                    }
                )*
                schemars::json_schema!({
                    "description": "What a held-out row may not share with a train row.", "oneOf": forms,
                })
            }
        }

        impl<'de> de::Visitor<'de> for Reader {
            type Value = Level;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a level: random, window, transition, or { name: { .. } } for what is held out")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<Level, E> {
                let none = || de::value::MapDeserializer::new(std::iter::empty::<(&str, i64)>());
                let read: Result<Level, de::value::Error> = match name {
                    $($name => <$type>::deserialize(none()).map(Level::$variant),)*
                    _ => return Err(E::unknown_variant(name, Level::NAMES)),
                };
                read.map_err(|_| {
                    let examples = LEVELS.iter().filter(|entry| entry.name == name);
                    let example: String = examples.map(|entry| entry.example).collect();
                    E::custom(format!("level `{name}` has to say what is held out: `{{ {name}: {example} }}`"))
                })
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Level, A::Error> {
                let Some(name) = map.next_key::<String>()? else {
                    return Err(de::Error::invalid_length(0, &self));
                };
                let level = match name.as_str() {
                    $(
                        $name if $example.is_empty() => {
                            let message = format!("level `{name}` has no parameters: write `level: {name}`");
                            return Err(de::Error::custom(message));
                        }
                        $name => Level::$variant(map.next_value()?),
                    )*
                    _ => return Err(de::Error::unknown_variant(&name, Level::NAMES)),
                };
                match map.next_key::<String>()? {
                    None => Ok(level),
                    Some(second) => {
                        Err(de::Error::custom(format!("one level expected, found `{name}` and `{second}`")))
                    }
                }
            }
        }
    };
}

levels! {
    "random" Random(random::Random) "" "The row itself: the leaky control.";
    "window" Window(window::Window) "{ m: 3 }" "The last terms of the row.";
    "transition" Transition(transition::Transition) "" "Any transition (any unit of any task).";
    "step" Step(step::Step) "{ test: [7] }" "The rule's parameter: a step, a ratio.";
    "range" Range(range::Range) "{ test: 900 }" "Its largest value: rows from a threshold on.";
    "length" Length(length::Length) "{ test: 8 }" "Its length: rows from a threshold on.";
    "notation" Notation(notation::Notation) "{ test: [words] }" "Its notation, in rows of more than two terms.";
    "family" Family(family::Family) "{ test: [geometric] }" "Its family.";
}

impl Default for Level {
    fn default() -> Self {
        Level::Transition(transition::Transition {})
    }
}

/// Reads a name alone, or a map with one name.
///
/// Derived code would read a name alone only where the level never has parameters.
struct Reader;

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}
