//! Draws examples and assigns them to splits so that nothing leaks.
//!
//! A row's split follows from the definition, the seed and the row alone: every unit (transition) of every task has a
//! split, and a row is in the one that all its units have, or in none. `judge.rs` is that function; `draw.rs` draws
//! rows by a keyed permutation of their numbers and keeps none of them; `mix.rs` mixes tasks; `write.rs` writes the
//! folder.

use std::path::Path;

mod assignment;
mod check;
mod config;
mod counterfactual;
mod cover;
mod draw;
mod error;
mod judge;
mod level;
mod levels;
mod memo;
mod mix;
mod outlook;
mod piece;
mod pins;
mod price;
mod sampler;
mod shapes;
mod split;
mod targets;
mod task;
mod world;
mod write;

pub use config::Config;
pub use cover::cover;
pub use error::Error;
pub use levels::LEVELS;
pub use outlook::Outlook;

use draw::Drawing;
use split::Split;

/// Raised when the same config gives other tables than before; part of the stage key.
pub const VERSION: u32 = 4;

/// The files that the stage reads: none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {}

/// Writes a dataset into the empty folder `out`: `train`, `validation`, `test` (`-00000-of-00001.parquet`, and more
/// files where there are more than ten million rows), `definition.parquet`, `vocabulary.parquet`, `counterfactuals.parquet`
/// and `README.md`.
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
    let mut drawing = Drawing::of_training(config, &world, draw::REMEMBERED)?;
    let write =
        |drawing: &Drawing, split| write::examples(drawing, split, write::ROWS_PER_FILE, out, provenance);
    let targets = write(&drawing, Split::Train)?;
    drawing.hold_out(targets)?;
    write::log_price(&drawing);
    write(&drawing, Split::Validation)?;
    write(&drawing, Split::Test)?;
    write::definition(config, out, provenance)?;
    write::vocabulary(&world, out, provenance)?;
    write::counterfactuals(config, &drawing, out, provenance)?;
    write::card(config, &drawing, out)
}

#[cfg(test)]
mod tests;
