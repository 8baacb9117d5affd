//! What is held out: `holdout.level`, a name alone or `{ name: { .. } }`.

use std::fmt;

use schemars::{JsonSchema, Schema};
use sequence::{Entry, FAMILIES, NOTATIONS};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{split::Split, world::Sequences};

/// What a held-out row may not share with a train row.
///
/// Up to `transition` a keyed hash chooses what is held out, and `holdout.test` and `holdout.validation` say how much.
/// From `step` on a kind of row is held out, which the level names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = alone)]
pub enum Level {
    /// The row itself: the leaky control.
    Random,
    /// The last terms of the row.
    Window(Window),
    /// Any transition (any unit of any task).
    #[default]
    Transition,
    /// The rule's parameter: a step, a ratio.
    Step(Held<i64>),
    /// Its largest value: rows from a threshold on.
    Range(Thresholds),
    /// Its length: rows from a threshold on.
    Length(Thresholds),
    /// Its notation, in rows of more than two terms.
    Notation(Held<NotationName>),
    /// Its family.
    Family(Held<FamilyName>),
}

/// How many terms are held out together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The number of terms; those of the shortest row of all tasks if left out.
    #[serde(default)]
    pub m: Option<u32>,
}

/// The kinds of rows that are held out, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Held<T> {
    /// For the validation; a share of the rows of the trained kinds if left out.
    pub validation: Option<Vec<T>>,
    /// For the test.
    pub test: Vec<T>,
}

/// From where on rows are held out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// The least that is validation; a share of the rows of the trained kinds if left out.
    #[serde(default)]
    pub validation: Option<i64>,
    /// The least that is test.
    pub test: i64,
}

impl Level {
    const NAMES: &[&str] =
        &["random", "window", "transition", "step", "range", "length", "notation", "family"];

    /// Returns the name in a definition.
    pub fn name(&self) -> &'static str {
        Self::NAMES[match self {
            Level::Random => 0,
            Level::Window(_) => 1,
            Level::Transition => 2,
            Level::Step(_) => 3,
            Level::Range(_) => 4,
            Level::Length(_) => 5,
            Level::Notation(_) => 6,
            Level::Family(_) => 7,
        }]
    }

    /// Says whether the level names the rows that are held out, so that no share of keys is.
    pub fn names_kinds(&self) -> bool {
        !matches!(self, Level::Random | Level::Window(_) | Level::Transition)
    }

    /// Says whether the level names the validation rows.
    pub fn names_validation(&self) -> bool {
        match self {
            Level::Random | Level::Window(_) | Level::Transition => false,
            Level::Step(held) => held.validation.is_some(),
            Level::Range(from) | Level::Length(from) => from.validation.is_some(),
            Level::Notation(held) => held.validation.is_some(),
            Level::Family(held) => held.validation.is_some(),
        }
    }

    /// Returns the split that the row's kind has; train where the level names no kinds.
    pub(crate) fn of_kind(&self, task: &Sequences, parameter: i64, terms: &[i64]) -> Split {
        match self {
            Level::Random | Level::Window(_) | Level::Transition => Split::Train,
            Level::Step(held) => held.split(|step| *step == parameter),
            Level::Range(_) | Level::Length(_) => {
                self.measure(task, terms).map_or(Split::Train, |(from, measure)| from.split(measure))
            }
            Level::Notation(_) if terms.len() <= 2 => Split::Train,
            Level::Notation(held) => held.split(|name| name.0 == task.task.notation.name()),
            Level::Family(held) => held.split(|name| name.0 == task.space.family.name()),
        }
    }

    /// Returns the thresholds and what the row has to be compared with them, at the levels that have any.
    pub(crate) fn measure(&self, task: &Sequences, terms: &[i64]) -> Option<(Thresholds, i64)> {
        match self {
            Level::Range(from) => Some((*from, terms.iter().copied().max()?)),
            Level::Length(from) => Some((*from, task.space.family.length(terms))),
            _ => None,
        }
    }

    /// Says whether rows under the parameter may be train rows that a share is taken from for the validation.
    ///
    /// Rows of two terms in a notation that is held out are all train rows: they are what shows how its words follow.
    pub(crate) fn shares(&self, task: &Sequences, parameter: i64) -> bool {
        match self {
            Level::Step(held) => held.split(|step| *step == parameter) == Split::Train,
            Level::Notation(held) => held.split(|name| name.0 == task.task.notation.name()) == Split::Train,
            Level::Family(held) => held.split(|name| name.0 == task.space.family.name()) == Split::Train,
            _ => true,
        }
    }
}

impl<T> Held<T> {
    fn split(&self, is: impl Fn(&T) -> bool) -> Split {
        match &self.validation {
            _ if self.test.iter().any(&is) => Split::Test,
            Some(validation) if validation.iter().any(&is) => Split::Validation,
            _ => Split::Train,
        }
    }

    /// Returns every name that is held out.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Split, usize, &T)> {
        let validation = self.validation.iter().flatten().enumerate();
        let test = self.test.iter().enumerate();
        let validation = validation.map(|(place, name)| (Split::Validation, place, name));
        validation.chain(test.map(|(place, name)| (Split::Test, place, name)))
    }
}

impl Thresholds {
    /// Returns the split of a row that measures so much.
    pub(crate) fn split(self, measure: i64) -> Split {
        match self.validation {
            _ if measure >= self.test => Split::Test,
            Some(validation) if measure >= validation => Split::Validation,
            _ => Split::Train,
        }
    }
}

/// Makes the name of an entry of a list: an unknown one is refused where it is read, with those that there are.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $list:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(#[schemars(extend("enum" = Self::NAMES))] pub &'static str);

        impl $name {
            const NAMES: &[&str] = &names::<{ $list.len() }>($list);
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str(self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = String::deserialize(deserializer)?;
                let known = Self::NAMES.iter().find(|known| **known == name);
                known.copied().map($name).ok_or_else(|| de::Error::unknown_variant(&name, Self::NAMES))
            }
        }
    };
}

name! {
    /// The name of a family.
    FamilyName, FAMILIES
}

name! {
    /// The name of a notation.
    NotationName, NOTATIONS
}

const fn names<const N: usize>(list: &[Entry]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut place = 0;
    while place < N {
        names[place] = list[place].name;
        place += 1;
    }
    names
}

/// Lets the schema say `window` without a number.
fn alone(schema: &mut Schema) {
    if let Some(forms) = schema.get_mut("oneOf").and_then(serde_json::Value::as_array_mut) {
        forms.push(serde_json::json!({ "const": "window", "description": "The last terms of the row." }));
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

/// Reads a name alone, or a map with one name.
///
/// Derived code would read `window` alone only if it never had a number.
struct Reader;

impl<'de> de::Visitor<'de> for Reader {
    type Value = Level;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a level: random, window, transition, or { name: { .. } } for what is held out")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Level, E> {
        let example = match name {
            "random" => return Ok(Level::Random),
            "window" => return Ok(Level::Window(Window::default())),
            "transition" => return Ok(Level::Transition),
            "step" => "[7]",
            "range" => "900",
            "length" => "8",
            "notation" => "[words]",
            "family" => "[geometric]",
            _ => return Err(E::unknown_variant(name, Level::NAMES)),
        };
        let message =
            format!("level `{name}` has to say what is held out: `{{ {name}: {{ test: {example} }} }}`");
        Err(E::custom(message))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Level, A::Error> {
        let Some(name) = map.next_key::<String>()? else {
            return Err(de::Error::invalid_length(0, &self));
        };
        let level = match name.as_str() {
            "window" => Level::Window(map.next_value()?),
            "step" => Level::Step(map.next_value()?),
            "range" => Level::Range(map.next_value()?),
            "length" => Level::Length(map.next_value()?),
            "notation" => Level::Notation(map.next_value()?),
            "family" => Level::Family(map.next_value()?),
            "random" | "transition" => {
                return Err(de::Error::custom(format!(
                    "level `{name}` has no parameters: write `level: {name}`"
                )));
            }
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
