//! Hash tables that are asked about far more keys than they hold.

pub(crate) mod numbers;
pub(crate) mod pairs;
