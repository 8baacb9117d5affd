//! Which datasets lie in a folder, and which files each consists of. It knows no row.

pub(crate) mod gather;
pub(crate) mod manifests;
pub(crate) mod missing;
pub(crate) mod names;
pub(crate) mod options;
pub(crate) mod pattern;
pub(crate) mod points;
