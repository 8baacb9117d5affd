use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use artifact::tables::{Checkpoint, Training};
use artifact::{Provenance, read_table, write_table};
use candle_core::Tensor;

use crate::Error;
use crate::learner::Learner;
use crate::record::{Record, checkpoint_folder};
use crate::run::write;

/// Lets an interrupted run go on where it was, to the same bits.
#[derive(Debug, Clone, Copy)]
pub struct Resume<'a> {
    /// Where states are kept; what lies there was left by a run of the same config on the same inputs.
    pub folder: &'a Path,
    /// Set from outside: every seed then saves its state and stops.
    pub interrupted: &'a AtomicBool,
}

/// A state is saved after so many looks at the validation rows, at the end of a seed, and when the run is interrupted.
pub(crate) const EVERY: u64 = 10;

const WEIGHTS: &str = "weights";
const LEARNER: &str = "learner.safetensors";
const TRAINING: &str = "training.parquet";
const CHECKPOINTS: &str = "checkpoints.parquet";

impl Resume<'_> {
    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Returns the folder of a seed's state, the one it had before, and the one that is being written.
    fn folders(&self, seed: i32) -> [PathBuf; 3] {
        ["", ".old", ".new"].map(|end| self.folder.join(format!("seed-{seed:03}{end}")))
    }

    /// Saves where a seed is. Whenever the process ends, the state before or this one is complete.
    pub(crate) fn save(
        &self,
        seed: i32,
        learner: &Learner,
        record: &Record,
        out: &Path,
    ) -> Result<(), Error> {
        let [folder, old, new] = self.folders(seed);
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| Error::Io { path, source }
        };
        remove(&new)?;
        let mut state = learner.state()?;
        state.insert(WEIGHTS, learner.weights());
        write_tensors(&new.join(LEARNER), state)?;
        let provenance = Provenance::default();
        write_table(&new.join(TRAINING), &provenance, record.training.iter().cloned())?;
        write_table(&new.join(CHECKPOINTS), &provenance, record.checkpoints.iter().cloned())?;
        for checkpoint in &record.checkpoints {
            link(&out.join(&checkpoint.path), &self.folder.join(&checkpoint.path))?;
        }
        remove(&old)?;
        if folder.exists() {
            std::fs::rename(&folder, &old).map_err(io(&folder))?;
        }
        std::fs::rename(&new, &folder).map_err(io(&new))?;
        remove(&old)?;
        self.forget(seed, record)
    }

    /// Removes checkpoints that are not kept any more.
    fn forget(&self, seed: i32, record: &Record) -> Result<(), Error> {
        let folder = self.folder.join(checkpoint_folder(seed));
        let Ok(entries) = std::fs::read_dir(&folder) else { return Ok(()) }; // none was saved
        for entry in entries {
            let path = entry.map_err(|source| Error::Io { path: folder.clone(), source })?.path();
            if !record.checkpoints.iter().any(|checkpoint| self.folder.join(&checkpoint.path) == path) {
                std::fs::remove_file(&path).map_err(|source| Error::Io { path, source })?;
            }
        }
        Ok(())
    }

    /// Puts a seed back to where it was; leaves it untrained where nothing can be read.
    pub(crate) fn load(&self, seed: i32, learner: &mut Learner, out: &Path) -> Record {
        let [folder, old, _] = self.folders(seed);
        let found = [folder, old].into_iter().find(|folder| folder.exists());
        match found.map(|folder| self.read(&folder, learner, out)) {
            Some(Ok(record)) => record,
            Some(Err(error)) => {
                tracing::warn!("seed {seed} starts anew, what was left of it cannot be read: {error}");
                Record::default()
            }
            None => Record::default(),
        }
    }

    fn read(&self, folder: &Path, learner: &mut Learner, out: &Path) -> Result<Record, Error> {
        let training = read_table::<Training>(&folder.join(TRAINING))?;
        let checkpoints = read_table::<Checkpoint>(&folder.join(CHECKPOINTS))?;
        for checkpoint in &checkpoints {
            let (kept, path) = (self.folder.join(&checkpoint.path), out.join(&checkpoint.path));
            link(&kept, &path)?;
            let bytes = std::fs::read(&path).map_err(|source| Error::Io { path: path.clone(), source })?;
            if artifact::digest_bytes(&bytes) != checkpoint.digest {
                let source = std::io::Error::other("it is not what was saved");
                return Err(Error::Io { path: kept, source });
            }
        }
        let mut state = candle_core::safetensors::load(folder.join(LEARNER), &candle_core::Device::Cpu)?;
        let weights =
            state.remove(WEIGHTS).ok_or_else(|| transformer::Error::Weights("missing".to_owned()))?;
        learner.restore(&weights, &state)?;
        Ok(Record { training, checkpoints })
    }
}

/// Writes tensors as a safetensors file.
pub(crate) fn write_tensors(path: &Path, tensors: HashMap<&str, Tensor>) -> Result<(), Error> {
    let bytes = safetensors::serialize(tensors, None)
        .map_err(|error| transformer::Error::Weights(error.to_string()))?;
    write(path, &bytes)
}

fn remove(folder: &Path) -> Result<(), Error> {
    match std::fs::remove_dir_all(folder) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::Io { path: folder.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// Makes a file stand in a second place too, if it does not yet.
fn link(from: &Path, to: &Path) -> Result<(), Error> {
    if to.exists() {
        return Ok(());
    }
    let folder = to.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::hard_link(from, to).or_else(|_| std::fs::copy(from, to).map(drop)))
        .map_err(|source| Error::Io { path: to.to_owned(), source })
}
