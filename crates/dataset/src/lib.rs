//! Draws examples and assigns them to splits so that nothing leaks.
//!
//! A row's split follows from the definition, the seed and the row alone: every unit (transition) of every task has a
//! split, and a row is in the one that all its units have, or in none. `split.rs` is that function; `draw.rs` draws
//! rows by a keyed permutation of their numbers; `write.rs` writes the folder.

use std::path::Path;

mod check;
mod config;
mod counterfactual;
mod draw;
mod error;
mod split;
mod world;
mod write;

pub use config::{Config, Corruption, Counterfactuals, Holdout, Level, MinRows, Pin, Pins, Rows, Task};
pub use error::Error;
pub use split::Split;

/// Raised when the same config gives other tables than before; part of the stage key.
pub const VERSION: u32 = 1;

/// The files that the stage reads: none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {}

/// Writes a dataset into the empty folder `out`: `train`, `validation`, `test` (`-00000-of-00001.parquet`),
/// `vocabulary.parquet`, `counterfactuals.parquet` and `README.md`.
///
/// The bytes are a pure function of the config and the provenance, whatever the number of threads.
///
/// # Errors
/// A definition that cannot be meant, too few rows after all drops, or a file that cannot be written.
pub fn run(
    config: &Config,
    _inputs: &Inputs,
    out: &Path,
    provenance: &artifact::Provenance,
) -> Result<(), Error> {
    config.check()?;
    let world = world::World::new(config)?;
    let drawn = draw::draw(config, &world)?;
    write::log_price(&world, &drawn);
    write::vocabulary(&world, out, provenance)?;
    write::examples(&world, &drawn, out, provenance)?;
    write::counterfactuals(config, &world, &drawn, out, provenance)?;
    write::card(config, &world, &drawn, out)
}

#[cfg(test)]
mod tests;
