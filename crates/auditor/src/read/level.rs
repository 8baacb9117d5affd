//! What a level promises, as `holdout.level` of the dataset's own definition says.

use serde_json::Value;

use crate::error::{Error, Result};

/// The guarantee that a dataset claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Level {
    /// The exact row is not there.
    Random,
    /// The last m terms do not stand contiguously; the shortest row of the task where m is not given.
    Window(Option<usize>),
    /// No unit of the row is there.
    Transition,
    /// A kind of row is held out: transitions are shared by design.
    Kind(Kind, Validation),
}

/// What is never trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The rule's parameter.
    Step,
    /// Values as large as these.
    Range,
    /// Rows as long as these.
    Length,
    /// Rows of more than two terms in this notation.
    Notation,
    /// The rule itself.
    Family,
}

/// Which rows validation holds at a level that holds kinds out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Validation {
    /// Rows of kinds that are never trained.
    HeldOut,
    /// Rows of the trained kinds: only the exact row is promised.
    Trained,
}

const KINDS: [Kind; 5] = [Kind::Step, Kind::Range, Kind::Length, Kind::Notation, Kind::Family];

impl Kind {
    /// Its name in the definition file, and of its check in the certificate.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Range => "range",
            Self::Length => "length",
            Self::Notation => "notation",
            Self::Family => "family",
        }
    }
}

impl Level {
    /// Reads `holdout.level`: a name, or a map with one name; null is the default, `transition`.
    pub(crate) fn parse(value: &Value) -> Result<Self> {
        let (name, settings) = match value {
            Value::Null => ("transition", None),
            Value::String(name) => (name.as_str(), None),
            Value::Object(map) if map.len() == 1 => {
                let (name, settings) = map.iter().next().expect("a map of one entry has a first");
                (name.as_str(), Some(settings))
            }
            other => return Err(unknown(&other.to_string())),
        };
        Ok(match name {
            "random" => Self::Random,
            "transition" => Self::Transition,
            "window" => match settings.and_then(|settings| settings.get("m")) {
                None | Some(Value::Null) => Self::Window(None),
                Some(m) => {
                    let terms = m.as_u64().and_then(|m| usize::try_from(m).ok()).filter(|m| *m > 0);
                    Self::Window(Some(terms.ok_or_else(|| unknown(&format!("a window of {m} terms")))?))
                }
            },
            other => {
                let kind = KINDS.into_iter().find(|kind| kind.name() == other);
                Self::Kind(kind.ok_or_else(|| unknown(&format!("`{other}`")))?, validation(settings))
            }
        })
    }

    /// Its name in the definition file.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Window(_) => "window",
            Self::Transition => "transition",
            Self::Kind(kind, _) => kind.name(),
        }
    }
}

/// A level given by its name alone promises the same for validation as for test; so does one that names kinds for both.
fn validation(settings: Option<&Value>) -> Validation {
    let Some(settings) = settings else { return Validation::HeldOut };
    match settings.get("validation") {
        None | Some(Value::Null) => Validation::Trained,
        Some(Value::Array(kinds)) if kinds.is_empty() => Validation::Trained,
        Some(_) => Validation::HeldOut,
    }
}

fn unknown(found: &str) -> Error {
    Error::Config {
        at: "holdout.level".to_owned(),
        message: format!("expected a level, found {found}"),
        help: "levels: random, window, transition, step, range, length, notation, family".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_form_that_a_build_writes_is_read() {
        use Validation::{HeldOut, Trained};
        let forms = [
            (json!("random"), Level::Random),
            (json!("transition"), Level::Transition),
            (json!("window"), Level::Window(None)),
            (json!({ "window": { "m": 3 } }), Level::Window(Some(3))),
            (json!({ "window": { "m": null } }), Level::Window(None)),
            (json!({ "step": { "validation": [5], "test": [7] } }), Level::Kind(Kind::Step, HeldOut)),
            (json!({ "step": { "test": [7] } }), Level::Kind(Kind::Step, Trained)),
            (json!({ "range": { "validation": 800, "test": 900 } }), Level::Kind(Kind::Range, HeldOut)),
            (json!({ "range": { "validation": null, "test": 900 } }), Level::Kind(Kind::Range, Trained)),
            (json!({ "length": { "validation": 7, "test": 8 } }), Level::Kind(Kind::Length, HeldOut)),
            (
                json!({ "notation": { "validation": [], "test": ["words"] } }),
                Level::Kind(Kind::Notation, Trained),
            ),
            (json!({ "family": { "test": ["geometric"] } }), Level::Kind(Kind::Family, Trained)),
            (json!("length"), Level::Kind(Kind::Length, HeldOut)),
            (json!(null), Level::Transition),
        ];
        for (form, level) in forms {
            assert_eq!(Level::parse(&form).unwrap(), level, "{form}");
        }
        for wrong in [json!("rows"), json!(3), json!({ "window": { "m": 0 } }), json!({})] {
            assert!(Level::parse(&wrong).is_err(), "{wrong}");
        }
    }
}
