use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use artifact::Provenance;
use artifact::tables::Checkpoint;
use candle_core::{DType, Device, Tensor};
use transformer::Transformer;

use crate::Error;
use crate::learner::Learner;
use crate::resume::write_tensors;

/// A finished run that another one continues.
pub(crate) struct Earlier {
    folder: PathBuf,
    /// The models' shape.
    pub(crate) shape: transformer::Config,
    /// The last checkpoint of each seed.
    last: BTreeMap<i32, Checkpoint>,
    /// Where its tables say that they come from.
    provenance: Provenance,
}

/// The vocabulary among the inputs that a table says it comes from.
const VOCABULARY: &str = "data/vocabulary.parquet";

/// Returns where a finished run keeps the moments of a seed and its counts, relative to the run's folder.
fn resume_path(seed: i32) -> String {
    format!("resume/seed-{seed:03}.safetensors")
}

/// Keeps what another run needs, besides the last checkpoint, to continue this seed.
pub(crate) fn keep(out: &Path, seed: i32, learner: &Learner) -> Result<(), Error> {
    write_tensors(&out.join(resume_path(seed)), learner.state()?)
}

impl Earlier {
    /// Reads which models there are.
    pub(crate) fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("model.json");
        let text = std::fs::read_to_string(&path).map_err(|error| refuse(&path, &error.to_string()))?;
        let shape = serde_json::from_str(&text).map_err(|error| refuse(&path, &error.to_string()))?;
        let mut last = BTreeMap::<i32, Checkpoint>::new();
        let table = folder.join("checkpoints.parquet");
        for checkpoint in artifact::read_table::<Checkpoint>(&table)? {
            if last.get(&checkpoint.seed).is_none_or(|before| before.step <= checkpoint.step) {
                last.insert(checkpoint.seed, checkpoint);
            }
        }
        let provenance = artifact::read_provenance(&table)?;
        Ok(Self { folder: folder.to_owned(), shape, last, provenance })
    }

    /// Checks that the model asked for is the one that there is, and that tokens mean the same.
    pub(crate) fn check(&self, asked: &transformer::Config, provenance: &Provenance) -> Result<(), Error> {
        let fields = |shape| serde_json::to_value(shape).expect("numbers and names are JSON");
        let (asked, found) = (fields(asked), fields(&self.shape));
        let mut fields = asked.as_object().into_iter().flatten();
        match fields.find(|(name, value)| found[name.as_str()] != **value) {
            None => {}
            Some((name, value)) => {
                let message = format!("{name} is {value}, but {} in the run that `from` names", found[name]);
                let help = "give the same shape, on data with the same vocabulary";
                return Err(Error::config("model", message, help));
            }
        }
        match (self.provenance.inputs.get(VOCABULARY), provenance.inputs.get(VOCABULARY)) {
            (Some(before), Some(now)) if before != now => Err(Error::config(
                "data",
                "its tokens are others than those of the run that `from` names",
                "build both with the same notations and values",
            )),
            _ => Ok(()),
        }
    }

    /// Puts a seed to where the earlier run left it.
    pub(crate) fn load(&self, seed: i32, learner: &mut Learner) -> Result<(), Error> {
        let Some(checkpoint) = self.last.get(&seed) else {
            let seeds: Vec<String> = self.last.keys().map(ToString::to_string).collect();
            let message = format!("{seed} is no seed of the run that `from` names");
            return Err(Error::config("seeds", message, format!("choose from {}", seeds.join(", "))));
        };
        let path = self.folder.join(&checkpoint.path);
        let refused = |error: &dyn ToString| refuse(&path, &error.to_string());
        let bytes = std::fs::read(&path).map_err(|error| refused(&error))?;
        let digest = artifact::digest_bytes(&bytes);
        let model = Transformer::from_safetensors(&self.shape, &bytes, DType::F32, &Device::Cpu)
            .map_err(|error| refused(&error))?;
        if digest != checkpoint.digest {
            return Err(refused(&format!("its digest should be {}, found {digest}", checkpoint.digest)));
        }
        let flat: Vec<Tensor> =
            model.parameters().values().map(Tensor::flatten_all).collect::<candle_core::Result<_>>()?;
        let weights = Tensor::cat(&flat, 0)?;
        let path = self.folder.join(resume_path(seed));
        let refused = |error: &dyn ToString| refuse(&path, &error.to_string());
        let state: HashMap<String, Tensor> =
            candle_core::safetensors::load(&path, &Device::Cpu).map_err(|error| refused(&error))?;
        learner.restore(&weights, &state).map_err(|error| refused(&error))?;
        if i64::try_from(learner.done()) != Ok(checkpoint.step) {
            let (done, step) = (learner.done(), checkpoint.step);
            return Err(refused(&format!("it is of step {done}, the last checkpoint of step {step}")));
        }
        Ok(())
    }
}

fn refuse(path: &Path, message: &str) -> Error {
    let message = format!("{message}; rerun the stage that wrote it");
    Error::Earlier { path: path.to_owned(), message }
}
