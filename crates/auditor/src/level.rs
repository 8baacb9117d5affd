//! What a level promises, as `holdout.level` of the dataset's own metadata says.

use serde_json::Value;

use crate::{Error, Result};

/// The guarantee that a dataset claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Level {
    /// The exact row is not there.
    Random,
    /// The last m terms do not stand contiguously; the shortest row of the task where m is not given.
    Window(Option<usize>),
    /// No unit of the row is there.
    Transition,
    /// A kind of row is held out (`step`, `range`, `length`, `notation`, `family`): transitions are shared by design.
    Kind(String),
}

impl Level {
    /// Reads `holdout.level`: a name, or a map with one name. Nothing at all is the default, `transition`.
    pub(crate) fn parse(value: Option<&Value>) -> Result<Self> {
        let (name, settings) = match value {
            None | Some(Value::Null) => ("transition", None),
            Some(Value::String(name)) => (name.as_str(), None),
            Some(Value::Object(map)) if map.len() == 1 => {
                let (name, settings) = map.iter().next().expect("a map of one entry has a first");
                (name.as_str(), Some(settings))
            }
            Some(other) => return Err(unknown(&other.to_string())),
        };
        Ok(match name {
            "random" => Self::Random,
            "transition" => Self::Transition,
            "window" => {
                let m = settings.and_then(|settings| settings.get("m")).and_then(Value::as_u64);
                Self::Window(m.map(|m| m as usize))
            }
            "step" | "range" | "length" | "notation" | "family" => Self::Kind(name.to_owned()),
            other => return Err(unknown(other)),
        })
    }

    /// Its name in the definition file.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Random => "random",
            Self::Window(_) => "window",
            Self::Transition => "transition",
            Self::Kind(name) => name,
        }
    }
}

fn unknown(found: &str) -> Error {
    Error::Config {
        at: "holdout.level".to_owned(),
        message: format!("expected a level, found {found}"),
        help: "levels: random, window, transition, step, range, length, notation, family".to_owned(),
    }
}
