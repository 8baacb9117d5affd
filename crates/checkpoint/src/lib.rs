//! Loads trained models from a finished training folder.
//!
//! [`Checkpoints`] is the list, `checkpoints.parquet`, and the models' shape, `model.json`: which there are is known at once,
//! weights are loaded one by one. [`read_listed`] reads any other file that a table of the folder lists. Nothing is read because a
//! table says so unless it lies below the table's own folder, and has the digest that was listed.

mod error;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use artifact::tables::Checkpoint;
use artifact::{digest_bytes, join, read_table};
use candle_core::{DType, Device};
use transformer::{Config, Transformer, read_config};

pub use error::{Error, Result};

/// The bytes of a `model.json` at most.
const MOST_CONFIG: u64 = 1 << 20;

/// The models of a training, seed by seed and step by step.
#[derive(Debug)]
pub struct Checkpoints {
    shape: Config,
    /// The list; the paths in it begin in its folder.
    table: PathBuf,
    /// By seed and step.
    listed: BTreeMap<(i32, i64), Checkpoint>,
}

impl Checkpoints {
    /// Reads the list of checkpoints and the models' configuration, no weights yet.
    ///
    /// # Errors
    /// When one of them is not what training writes, or no checkpoint is listed.
    pub fn read(table: &Path, model: &Path) -> Result<Checkpoints> {
        let text = artifact::read_file(model, MOST_CONFIG)?;
        let shape = read_config(&text)
            .map_err(|source| Error::Shape { path: model.to_owned(), source: Box::new(source) })?;
        let mut listed = BTreeMap::new();
        for row in read_table::<Checkpoint>(table)? {
            let (seed, step) = (row.seed, row.step);
            if listed.insert((seed, step), row).is_some() {
                return Err(Error::Twice { path: table.to_owned(), seed, step });
            }
        }
        if listed.is_empty() {
            return Err(Error::Empty { path: table.to_owned() });
        }
        Ok(Checkpoints { shape, table: table.to_owned(), listed })
    }

    /// Returns the shape that all the models have.
    #[must_use]
    pub fn shape(&self) -> &Config {
        &self.shape
    }

    /// Returns the last checkpoint of each seed, by seed.
    pub fn last(&self) -> impl Iterator<Item = &Checkpoint> {
        let ends = |row: &&Checkpoint| {
            self.listed.range((row.seed, row.step)..=(row.seed, i64::MAX)).nth(1).is_none()
        };
        self.listed.values().filter(ends)
    }

    /// Returns the last checkpoint of a seed.
    #[must_use]
    pub fn last_of(&self, seed: i32) -> Option<&Checkpoint> {
        self.listed.range((seed, i64::MIN)..=(seed, i64::MAX)).next_back().map(|(_, row)| row)
    }

    /// Returns the checkpoints of one step, by seed; 0 is the untrained models.
    pub fn at_step(&self, step: i64) -> impl Iterator<Item = &Checkpoint> {
        self.listed.values().filter(move |row| row.step == step)
    }

    /// Loads the weights of a checkpoint, f32 on the processor; its bytes have to be those that were listed.
    ///
    /// # Errors
    /// When they are others, or no model of this shape.
    pub fn load(&self, checkpoint: &Checkpoint) -> Result<Transformer> {
        let Checkpoint { seed, step, path, digest } = checkpoint;
        let (path, bytes) = read_listed(&self.table, *seed, path, digest)?;
        Transformer::from_safetensors(&self.shape, &bytes, DType::F32, &Device::Cpu)
            .map_err(|source| Error::Weights { path, seed: *seed, step: *step, source: Box::new(source) })
    }
}

/// Returns where a file of a seed lies that `table` lists, relative to its folder, and its bytes.
///
/// # Errors
/// When it is not below that folder, cannot be read, or has another digest.
pub fn read_listed(table: &Path, seed: i32, path: &str, digest: &str) -> Result<(PathBuf, Vec<u8>)> {
    let path = join(table.parent().unwrap_or(Path::new("")), path, table)?;
    let bytes = artifact::read_file(&path, artifact::allowed(0))?;
    let found = digest_bytes(&bytes);
    if found != digest {
        return Err(Error::Changed { path, seed, expected: digest.to_owned(), found });
    }
    Ok((path, bytes))
}

#[cfg(test)]
mod tests;
