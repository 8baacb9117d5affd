use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use artifact::tables::{Checkpoint, Resume, Token, TrainedOn};
use candle_core::{DType, Device, Tensor};
use transformer::Transformer;

use crate::Error;
use crate::learner::Learner;
use crate::tensors::{Tensors, write_tensors};

/// A finished run that another one continues.
pub(crate) struct Earlier {
    folder: PathBuf,
    /// The models' shape.
    pub(crate) shape: transformer::Config,
    /// The last checkpoint of each seed, and what else is needed.
    last: BTreeMap<i32, Checkpoint>,
    resume: BTreeMap<i32, Resume>,
    /// Its vocabulary.
    tokens: Vec<Token>,
    /// What it saw, and those before it.
    saw: Vec<TrainedOn>,
}

/// Where a run keeps the vocabulary that it was done with, relative to its folder.
pub(crate) const VOCABULARY: &str = "vocabulary.parquet";

/// Where a run says which rows it saw, relative to its folder.
pub(crate) const TRAINED_ON: &str = "trained_on.parquet";

/// Returns every table of rows that a run sees: its own, by the digests of `inputs`, and what those before it saw.
pub(crate) fn saw(inputs: &BTreeMap<String, String>, earlier: Option<&Earlier>) -> Vec<TrainedOn> {
    let own = inputs.iter().filter_map(|(name, digest)| {
        let file = name.strip_prefix("data/")?;
        let is_rows = file.starts_with("train-") || file.starts_with("validation-");
        is_rows.then(|| TrainedOn { generation: 0, file: file.to_owned(), digest: digest.clone() })
    });
    let before = earlier.into_iter().flat_map(|earlier| &earlier.saw);
    own.chain(before.map(|row| TrainedOn { generation: row.generation + 1, ..row.clone() })).collect()
}

/// Keeps what another run needs, besides the last checkpoint, to continue this seed.
pub(crate) fn keep(out: &Path, seed: i32, learner: &Learner) -> Result<Resume, Error> {
    let path = format!("resume/seed-{seed:03}.safetensors");
    let digest = write_tensors(&out.join(&path), learner.state()?)?;
    Ok(Resume { seed, step: i64::try_from(learner.done()).unwrap_or(i64::MAX), path, digest })
}

impl Earlier {
    /// Reads which models there are.
    pub(crate) fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("model.json");
        let text = std::fs::read_to_string(&path).map_err(|error| refuse(&path, &error.to_string()))?;
        let shape = serde_json::from_str(&text).map_err(|error| refuse(&path, &error.to_string()))?;
        let mut last = BTreeMap::<i32, Checkpoint>::new();
        for checkpoint in artifact::read_table::<Checkpoint>(&folder.join("checkpoints.parquet"))? {
            if last.get(&checkpoint.seed).is_none_or(|before| before.step <= checkpoint.step) {
                last.insert(checkpoint.seed, checkpoint);
            }
        }
        let resume = artifact::read_table::<Resume>(&folder.join("resume.parquet"))?;
        let resume = resume.into_iter().map(|row| (row.seed, row)).collect();
        let tokens = artifact::read_table(&folder.join(VOCABULARY))?;
        let saw = artifact::read_table(&folder.join(TRAINED_ON))?;
        let earlier = Self { folder: folder.to_owned(), shape, last, resume, tokens, saw };
        earlier.check_context(&path)?;
        Ok(earlier)
    }

    /// Checks that the context, which may be taken over without being asked for, is none that no weights here can have.
    fn check_context(&self, model: &Path) -> Result<(), Error> {
        let Some(checkpoint) = self.last.values().next() else {
            return Err(refuse(&self.folder.join("checkpoints.parquet"), "it lists no checkpoint"));
        };
        let (_, bytes) = self.listed(&checkpoint.path, &checkpoint.digest)?;
        let transformer::Config { n_ctx, d_model, .. } = self.shape;
        let weights = n_ctx.checked_mul(d_model).filter(|weights| *weights <= bytes.len() / 4);
        weights.map(drop).ok_or_else(|| {
            let message = format!("n_ctx {n_ctx} and d_model {d_model} are more than its checkpoints hold");
            refuse(model, &message)
        })
    }

    /// Checks that the model asked for is the one that there is, and that tokens mean the same.
    pub(crate) fn check(&self, asked: &transformer::Config, tokens: &[Token]) -> Result<(), Error> {
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
        if self.tokens == tokens {
            return Ok(());
        }
        let differs = tokens.iter().zip(&self.tokens).find(|(now, before)| now != before);
        let differs = match differs {
            Some((now, before)) => format!(
                "token {} is `{}` ({}), but `{}` ({}) in the run that `from` names",
                now.token_id, now.token, now.kind, before.token, before.kind
            ),
            None => {
                format!("{} tokens, but {} in the run that `from` names", tokens.len(), self.tokens.len())
            }
        };
        Err(Error::config("data", differs, "build both with the same notations and values"))
    }

    /// Puts a seed to where the earlier run left it.
    pub(crate) fn load(&self, seed: i32, learner: &mut Learner) -> Result<(), Error> {
        let Some(checkpoint) = self.last.get(&seed) else {
            let seeds: Vec<String> = self.last.keys().map(ToString::to_string).collect();
            let message = format!("{seed} is no seed of the run that `from` names");
            return Err(Error::config("seeds", message, format!("choose from {}", seeds.join(", "))));
        };
        let (path, bytes) = self.listed(&checkpoint.path, &checkpoint.digest)?;
        let model = Transformer::from_safetensors(&self.shape, &bytes, DType::F32, &Device::Cpu)
            .map_err(|error| refuse(&path, &error.to_string()))?;
        let flat: Vec<Tensor> =
            model.parameters().values().map(Tensor::flatten_all).collect::<candle_core::Result<_>>()?;
        let weights = Tensor::cat(&flat, 0)?.to_vec1()?;
        let Some(resume) = self.resume.get(&seed) else {
            return Err(refuse(
                &self.folder.join("resume.parquet"),
                &format!("it has no row of seed {seed}"),
            ));
        };
        let (path, bytes) = self.listed(&resume.path, &resume.digest)?;
        Tensors::read(&bytes)
            .and_then(|state| learner.restore(weights, &state))
            .map_err(|message| refuse(&path, &message))?;
        if i64::try_from(learner.done()) != Ok(checkpoint.step) {
            let (done, step) = (learner.done(), checkpoint.step);
            return Err(refuse(&path, &format!("it is of step {done}, the last checkpoint of step {step}")));
        }
        Ok(())
    }

    /// Returns where a file lies that a table of the folder lists.
    fn below(&self, path: &str) -> Result<PathBuf, Error> {
        if Path::new(path).components().all(|part| matches!(part, Component::Normal(_))) {
            return Ok(self.folder.join(path));
        }
        let message = format!("a table of it lists the path `{path}`, expected one below the folder");
        Err(refuse(&self.folder, &message))
    }

    /// Reads a file that a table of the folder lists, and which has to be what was listed.
    fn listed(&self, path: &str, digest: &str) -> Result<(PathBuf, Vec<u8>), Error> {
        let path = self.below(path)?;
        let bytes = std::fs::read(&path).map_err(|error| refuse(&path, &error.to_string()))?;
        let found = artifact::digest_bytes(&bytes);
        if found != digest {
            return Err(refuse(&path, &format!("its digest should be {digest}, found {found}")));
        }
        Ok((path, bytes))
    }
}

fn refuse(path: &Path, message: &str) -> Error {
    let message = format!("{message}; rerun the stage that wrote it");
    Error::Earlier { path: path.to_owned(), message }
}
