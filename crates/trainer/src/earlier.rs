use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use artifact::tables::{Resume, Token, TrainedOn};
use checkpoint::{Checkpoints, read_listed};

use crate::Error;
use crate::learner::Learner;
use crate::tensors::{Tensors, write_tensors};

/// A finished run that another one continues.
pub(crate) struct Earlier {
    models: Checkpoints,
    /// What else is needed of each seed, and the table that says where it lies.
    resume: BTreeMap<i32, Resume>,
    resume_table: PathBuf,
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
        let model = folder.join("model.json");
        let models = Checkpoints::read(&folder.join("checkpoints.parquet"), &model)?;
        let resume_table = folder.join("resume.parquet");
        let resume = artifact::read_table::<Resume>(&resume_table)?;
        let resume = resume.into_iter().map(|row| (row.seed, row)).collect();
        let tokens = artifact::read_table(&folder.join(VOCABULARY))?;
        let saw = artifact::read_table(&folder.join(TRAINED_ON))?;
        // The context may be taken over without being asked for: it has to be that of weights that are there.
        if let Some(checkpoint) = models.last().next() {
            models.load(checkpoint)?;
        }
        Ok(Self { models, resume, resume_table, tokens, saw })
    }

    /// Returns the models' shape.
    pub(crate) fn shape(&self) -> &transformer::Config {
        self.models.shape()
    }

    /// Checks that the model asked for is the one that there is, and that tokens mean the same.
    pub(crate) fn check(&self, asked: &transformer::Config, tokens: &[Token]) -> Result<(), Error> {
        let fields = |shape| serde_json::to_value(shape).expect("numbers and names are JSON");
        let (asked, found) = (fields(asked), fields(self.shape()));
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
        let Some(checkpoint) = self.models.last_of(seed) else {
            let seeds: Vec<String> = self.models.last().map(|known| known.seed.to_string()).collect();
            let message = format!("{seed} is no seed of the run that `from` names");
            return Err(Error::config("seeds", message, format!("choose from {}", seeds.join(", "))));
        };
        let weights = transformer::flatten(self.models.load(checkpoint)?.parameters())?;
        let Some(resume) = self.resume.get(&seed) else {
            return Err(refuse(&self.resume_table, &format!("it has no row of seed {seed}")));
        };
        let (path, bytes) = read_listed(&self.resume_table, seed, &resume.path, &resume.digest)?;
        Tensors::read(&bytes)
            .and_then(|state| learner.restore(weights, &state))
            .map_err(|error| refuse(&path, &error.to_string()))?;
        if i64::try_from(learner.done()) != Ok(checkpoint.step) {
            let (done, step) = (learner.done(), checkpoint.step);
            return Err(refuse(&path, &format!("it is of step {done}, the last checkpoint of step {step}")));
        }
        Ok(())
    }
}

fn refuse(path: &Path, message: &str) -> Error {
    let message = format!("{message}; rerun the stage that wrote it");
    Error::Earlier { path: path.to_owned(), message }
}
