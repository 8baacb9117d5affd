//! Hash tables that are asked about far more keys than they hold.

pub(crate) mod interner;
pub(crate) mod pairs;
