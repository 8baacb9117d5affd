use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use artifact::tables::{Checkpoint, Training};
use artifact::{Provenance, digest_bytes, exists, read_table, write_table};
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::learner::Learner;
use crate::record::{Record, checkpoint_folder, checkpoint_path};
use crate::tensors::{Tensors, write_tensors};
use crate::{Error, file};

/// Lets an interrupted run go on where it was, to the same bits.
#[derive(Debug, Clone, Copy)]
pub struct Resume<'a> {
    /// Where states are kept; what lies there was left by a run of the same config on the same inputs. Beside them stands
    /// `progress.json`: how many steps of all seeds are saved (`done`), of how many (`total`).
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
/// Written last, once all others are on the disk.
const STATE: &str = "state.json";
const PROGRESS: &str = "progress.json";

/// Whose a state is. One that is another's is not gone on from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Owner {
    pub(crate) seed: i32,
    /// The key of the run.
    pub(crate) key: String,
    /// The model's.
    pub(crate) shape: Value,
}

/// What a state consists of.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    format: u32,
    owner: Owner,
    /// Steps of the run that the seed has done.
    steps: u64,
    /// The other files of its folder, with the digests of their bytes.
    files: BTreeMap<String, String>,
}

/// As [`STATE`] holds it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    state: State,
    /// Of all the above.
    digest: String,
}

/// Raised when states look otherwise than before.
const FORMAT: u32 = 1;

/// Checkpoints, by step, of which the folder of states is known to hold what it should.
pub(crate) type Saved = BTreeSet<i64>;

impl Resume<'_> {
    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Returns the folder of a seed's state, the one that is being written, and the one it had before.
    fn folders(&self, seed: i32) -> [PathBuf; 3] {
        ["", ".new", ".old"].map(|end| self.folder.join(format!("seed-{seed:03}{end}")))
    }

    /// Saves where a seed is, `steps` into the run. Whenever the process or the machine ends, the state before or this one
    /// is complete: a folder gets its name once all that is in it is on the disk.
    pub(crate) fn save(
        &self,
        owner: Owner,
        steps: u64,
        learner: &Learner,
        record: &Record,
        out: &Path,
        saved: &mut Saved,
    ) -> Result<(), Error> {
        let seed = owner.seed;
        let [folder, new, old] = self.folders(seed);
        file::remove_folder(&new)?;
        let mut tensors = learner.state()?;
        tensors.insert(WEIGHTS, Tensor::new(learner.weights(), &Device::Cpu)?);
        let mut files = BTreeMap::from([(LEARNER.to_owned(), write_tensors(&new.join(LEARNER), tensors)?)]);
        let provenance = Provenance::default();
        write_table(&new.join(TRAINING), &provenance, record.training.iter().cloned())?;
        write_table(&new.join(CHECKPOINTS), &provenance, record.checkpoints.iter().cloned())?;
        let before = saved.len();
        for checkpoint in record.checkpoints.iter().filter(|checkpoint| !saved.contains(&checkpoint.step)) {
            let path = self.folder.join(&checkpoint.path);
            file::place(&out.join(&checkpoint.path), &path)?;
            file::sync(&path)?;
        }
        saved.extend(record.checkpoints.iter().map(|checkpoint| checkpoint.step));
        let folders = match saved.len() {
            now if now == before => 0,
            // The folders themselves may be new.
            _ if before == 0 => 3,
            _ => 1,
        };
        for folder in self.folder.join(checkpoint_folder(seed)).ancestors().take(folders) {
            file::sync(folder)?;
        }
        for name in [TRAINING, CHECKPOINTS] {
            let path = new.join(name);
            let bytes = std::fs::read(&path).map_err(Error::io("read", &path))?;
            files.insert(name.to_owned(), digest_bytes(&bytes));
        }
        for name in files.keys() {
            file::sync(&new.join(name))?;
        }
        let state = State { format: FORMAT, owner, steps, files };
        let signed = Signed { digest: state.digest(), state };
        file::write_synced(
            &new.join(STATE),
            &serde_json::to_vec_pretty(&signed).expect("names and numbers"),
        )?;
        file::sync(&new)?;
        file::remove_folder(&old)?;
        if exists(&folder)? {
            std::fs::rename(&folder, &old).map_err(Error::io("rename", &folder))?;
        }
        std::fs::rename(&new, &folder).map_err(Error::io("rename", &new))?;
        file::sync(self.folder)?;
        file::remove_folder(&old)?;
        self.forget(seed, record)
    }

    /// Removes checkpoints that are not kept any more.
    fn forget(&self, seed: i32, record: &Record) -> Result<(), Error> {
        let folder = self.folder.join(checkpoint_folder(seed));
        let entries = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()), // none was saved
            entries => entries.map_err(Error::io("list", &folder))?,
        };
        for entry in entries {
            let path = entry.map_err(Error::io("list", &folder))?.path();
            if !record.checkpoints.iter().any(|checkpoint| self.folder.join(&checkpoint.path) == path) {
                artifact::remove(&path)?;
            }
        }
        Ok(())
    }

    /// Puts a seed back to where it was, with its checkpoints in `out`; leaves it as it was, and warns, where what there is
    /// is not whole, or another's.
    ///
    /// # Errors
    /// When the system cannot tell what there is.
    pub(crate) fn load(
        &self,
        owner: &Owner,
        learner: &mut Learner,
        out: &Path,
        saved: &mut Saved,
    ) -> Result<Record, Error> {
        let seed = owner.seed;
        let mut refused = None;
        for folder in self.folders(seed) {
            if !exists(&folder)? {
                continue;
            }
            match self.read(&folder, owner, learner)? {
                Ok(record) => {
                    for checkpoint in &record.checkpoints {
                        file::place(&self.folder.join(&checkpoint.path), &out.join(&checkpoint.path))?;
                        saved.insert(checkpoint.step);
                    }
                    return Ok(record);
                }
                Err(why) => _ = refused.get_or_insert((folder, why)),
            }
        }
        if let Some((folder, why)) = refused {
            let folder = folder.display();
            tracing::warn!("seed {seed} starts anew, what was left of it cannot be used: {folder}: {why}");
        }
        Ok(Record::default())
    }

    /// Reads a state, and puts the learner there when all of it has been found to be whole; else says what is not.
    fn read(
        &self,
        folder: &Path,
        owner: &Owner,
        learner: &mut Learner,
    ) -> Result<Result<Record, Unusable>, Error> {
        let state = match State::read(folder)? {
            Ok(state) => state,
            Err(why) => return Ok(Err(why)),
        };
        if state.owner != *owner {
            return Ok(Err(Unusable::Another));
        }
        let mut tensors = Vec::new();
        for name in [LEARNER, TRAINING, CHECKPOINTS] {
            let Some(bytes) = file::read(&folder.join(name))? else {
                return Ok(Err(Unusable::Missing(name.to_owned())));
            };
            if state.files.get(name) != Some(&digest_bytes(&bytes)) {
                return Ok(Err(Unusable::Changed(name.to_owned())));
            }
            if name == LEARNER {
                tensors = bytes;
            }
        }
        let training = read_table::<Training>(&folder.join(TRAINING));
        let checkpoints = read_table::<Checkpoint>(&folder.join(CHECKPOINTS));
        let (training, checkpoints) = match (training, checkpoints) {
            (Ok(training), Ok(checkpoints)) => (training, checkpoints),
            (Err(error), _) | (_, Err(error)) => return Ok(Err(error.into())),
        };
        for Checkpoint { seed, step, path, digest } in &checkpoints {
            if *seed != owner.seed || *path != checkpoint_path(*seed, *step) {
                return Ok(Err(Unusable::Misplaced(path.clone())));
            }
            match file::read(&self.folder.join(path))? {
                Some(bytes) if digest_bytes(&bytes) == *digest => {}
                Some(_) => return Ok(Err(Unusable::Changed(path.clone()))),
                None => return Ok(Err(Unusable::Missing(path.clone()))),
            }
        }
        let restored = Tensors::read(&tensors).and_then(|tensors| {
            let weights = tensors.floats(WEIGHTS, learner.weights().len())?;
            learner.restore(weights, &tensors)
        });
        Ok(restored.map(|()| Record { training, checkpoints, resume: None }).map_err(Unusable::from))
    }

    /// Returns how many steps of the run a seed has done by what is saved of it, without looking further.
    pub(crate) fn steps(&self, seed: i32) -> Result<u64, Error> {
        let [folder, ..] = self.folders(seed);
        Ok(State::read(&folder)?.map_or(0, |state| state.steps))
    }

    /// Says how many steps are saved, for whoever asks how far an interrupted run is.
    pub(crate) fn write_progress(&self, done: u64, total: u64) -> Result<(), Error> {
        let progress = serde_json::json!({ "done": done, "total": total, "unit": "steps" });
        file::write(&self.folder.join(PROGRESS), progress.to_string().as_bytes())
    }
}

/// Why a seed starts anew instead of going on from what was saved of it.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("it is of another seed, run or model")]
    Another,
    #[error("{0} is missing")]
    Missing(String),
    #[error("{0} is not what was saved")]
    Changed(String),
    #[error("{0} is no place of a checkpoint of it")]
    Misplaced(String),
    #[error("{STATE} is no list of a state: {0}")]
    State(#[from] serde_json::Error),
    #[error(transparent)]
    Table(#[from] artifact::Error),
    #[error(transparent)]
    Tensors(#[from] transformer::Error),
}

impl State {
    /// Reads the list of a folder, or says what is wrong with it.
    fn read(folder: &Path) -> Result<Result<Self, Unusable>, Error> {
        let Some(bytes) = file::read(&folder.join(STATE))? else {
            return Ok(Err(Unusable::Missing(STATE.to_owned())));
        };
        let signed: Signed = match serde_json::from_slice(&bytes) {
            Ok(signed) => signed,
            Err(error) => return Ok(Err(error.into())),
        };
        if signed.digest != signed.state.digest() || signed.state.format != FORMAT {
            return Ok(Err(Unusable::Changed(STATE.to_owned())));
        }
        Ok(Ok(signed.state))
    }

    fn digest(&self) -> String {
        digest_bytes(&serde_json::to_vec(self).expect("names and numbers are JSON"))
    }
}
