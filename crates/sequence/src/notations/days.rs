//! The days of the week: `Monday` is 1.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::names::Names;

/// Writes a value as the name of a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Days {}

impl Names for Days {
    const NOTATION: &'static str = "days";
    const DOMAIN: &'static str = "day";
    const NAMES: &'static [&'static str] =
        &["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
}
