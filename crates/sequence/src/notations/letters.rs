//! The letters of the alphabet: `A` is 1.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::names::Names;

/// Writes a value as a letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Letters {}

impl Names for Letters {
    const NOTATION: &'static str = "letters";
    const DOMAIN: &'static str = "letter";
    const NAMES: &'static [&'static str] = &[
        "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "N", "O", "P", "Q", "R", "S", "T",
        "U", "V", "W", "X", "Y", "Z",
    ];
}
