//! The checkpoints to score: of every seed the last, and the one at step 0 as the untrained control.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use artifact::tables::Checkpoint;
use artifact::{digest_bytes, printable, read_table};
use candle_core::{DType, Device};
use transformer::{Transformer, read_config};

use crate::Error;

/// The bytes of a `model.json` at most.
const MOST_CONFIG: u64 = 1 << 20;

/// The checkpoints of a training run.
pub(crate) struct Models {
    pub(crate) config: transformer::Config,
    /// The list, and the folder that its paths begin in.
    table: PathBuf,
    folder: PathBuf,
    /// By seed.
    pub(crate) trained: Vec<Checkpoint>,
    /// By seed; empty where step 0 was not saved.
    pub(crate) untrained: Vec<Checkpoint>,
}

impl Models {
    /// Reads the list of checkpoints and `model.json`, no weights yet.
    pub(crate) fn read(checkpoints: &Path, model: &Path) -> Result<Models, Error> {
        let text = artifact::read_file(model, MOST_CONFIG)?;
        let config =
            read_config(&text).map_err(|message| Error::ModelConfig { path: model.to_owned(), message })?;
        let (mut first, mut last) = (BTreeMap::new(), BTreeMap::new());
        for checkpoint in read_table::<Checkpoint>(checkpoints)? {
            if checkpoint.step == 0 {
                first.insert(checkpoint.seed, checkpoint.clone());
            }
            let newer = last.get(&checkpoint.seed).is_none_or(|c: &Checkpoint| c.step <= checkpoint.step);
            if newer {
                last.insert(checkpoint.seed, checkpoint);
            }
        }
        if last.is_empty() {
            let message = "it lists no checkpoint".to_owned();
            return Err(Error::Checkpoint { path: checkpoints.to_owned(), message });
        }
        Ok(Models {
            config,
            table: checkpoints.to_owned(),
            folder: checkpoints.parent().unwrap_or(Path::new("")).to_owned(),
            trained: last.into_values().collect(),
            untrained: first.into_values().collect(),
        })
    }

    /// Loads the weights of a checkpoint, whose bytes must be those that were listed.
    pub(crate) fn load(&self, checkpoint: &Checkpoint) -> Result<Transformer, Error> {
        let path = artifact::join(&self.folder, &checkpoint.path, &self.table)?;
        let bytes = artifact::read_file(&path, artifact::allowed(0))?;
        let found = digest_bytes(&bytes);
        if found != checkpoint.digest {
            let message = format!("its digest should be {}, found {found}", printable(&checkpoint.digest));
            return Err(Error::Checkpoint { path, message });
        }
        Transformer::from_safetensors(&self.config, &bytes, DType::F32, &Device::Cpu)
            .map_err(|error| Error::Checkpoint { path, message: error.to_string() })
    }
}
