//! The form `name` or `{ name: { parameters } }` in which families and notations are written.

/// One line of a list that definitions name entries of: families, notations, levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The name in a definition.
    pub name: &'static str,
    /// What it is, in one sentence.
    pub summary: &'static str,
    /// Parameters that it may be given, as a definition has them; nothing where it takes none.
    pub example: &'static str,
}

/// Makes the enum, its list of [`Entry`] and its reading and writing from one line for each variant.
///
/// The plain name stands for the variant with default parameters. Derived serde code would refuse it for a variant
/// that has parameters, and `numeral` would have to be written apart from `{ digits: .. }`.
macro_rules! tagged {
    ($(#[$doc:meta])* $enum:ident, $list:ident, $what:literal, $trait:ident;
     $($name:literal $variant:ident($type:ty) $example:literal $summary:literal;)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
        pub enum $enum { $(#[doc = $summary] #[serde(rename = $name)] $variant($type),)* }

        #[doc = concat!("Every ", $what, ", in alphabetical order.")]
        pub const $list: &[crate::Entry] =
            &[$(crate::Entry { name: $name, summary: $summary, example: $example },)*];

        impl $enum {
            /// Returns the name in a definition and in the tables.
            pub fn name(&self) -> &'static str {
                match self { $($enum::$variant(_) => $name,)* }
            }
        }

        impl std::ops::Deref for $enum {
            type Target = dyn $trait;

            fn deref(&self) -> &(dyn $trait + 'static) {
                match self { $($enum::$variant(value) => value,)* }
            }
        }

        impl<'de> serde::Deserialize<'de> for $enum {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use serde::de::{self, Error as _};
                const NAMES: &[&str] = &[$($name,)*];
                struct Visitor;
                impl<'de> de::Visitor<'de> for Visitor {
                    type Value = $enum;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
                        write!(formatter, "a {}: {}, alone or as {{ name: {{ .. }} }}", $what, NAMES.join(", "))
                    }

                    fn visit_str<E: de::Error>(self, name: &str) -> Result<$enum, E> {
                        let none = || de::value::MapDeserializer::new(std::iter::empty::<(&str, i64)>());
                        match name {
                            $($name => <$type as de::Deserialize>::deserialize(none()).map($enum::$variant),)*
                            _ => Err(E::unknown_variant(name, NAMES)),
                        }
                    }

                    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<$enum, A::Error> {
                        let Some(name) = map.next_key::<String>()? else {
                            return Err(A::Error::invalid_length(0, &self));
                        };
                        let value = match name.as_str() {
                            $($name => $enum::$variant(map.next_value()?),)*
                            _ => return Err(A::Error::unknown_variant(&name, NAMES)),
                        };
                        match map.next_key::<String>()? {
                            None => Ok(value),
                            Some(second) => Err(A::Error::custom(format!(
                                "one {} expected, found `{name}` and `{second}`", $what
                            ))),
                        }
                    }
                }
                deserializer.deserialize_any(Visitor)
            }
        }

        impl schemars::JsonSchema for $enum {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($enum).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let mut forms: Vec<serde_json::Value> = Vec::new();
                $(
                    forms.push(serde_json::json!({
                        "type": "object", "description": $summary, "additionalProperties": false,
                        "required": [$name], "properties": { $name: generator.subschema_for::<$type>() },
                    }));
                    if serde_json::from_str::<$type>("{}").is_ok() {
                        forms.push(serde_json::json!({ "const": $name, "description": $summary }));
                    }
                )*
                schemars::json_schema!({ "oneOf": forms })
            }
        }
    };
}
pub(crate) use tagged;
