//! Rows held out one by one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::level::Separation;

/// The row itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Random {}

impl Separation for Random {
    fn is_control(&self) -> bool {
        true
    }
}
