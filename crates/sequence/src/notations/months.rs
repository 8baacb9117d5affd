//! The months: `January` is 1.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::names::Names;

/// Writes a value as the name of a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Months {}

impl Names for Months {
    const NOTATION: &'static str = "months";
    const DOMAIN: &'static str = "month";
    const NAMES: &'static [&'static str] = &[
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
}
