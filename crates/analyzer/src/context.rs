//! What every analysis is given: the vocabulary, the rows and the models.

use std::collections::BTreeMap;
use std::path::Path;

use artifact::tables::{Checkpoint, Token};
use artifact::{digest_bytes, printable, read_table};
use candle_core::{DType, Device};
use rayon::prelude::*;
use transformer::{Transformer, read_config};

use crate::error::Error;
use crate::inputs::Inputs;
use crate::measure::Subject;
use crate::rows::{self, Task};
use crate::statistics::Resamples;

/// The bytes of a `model.json` at most.
const MOST_CONFIG: u64 = 1 << 20;

/// What every analysis is given.
pub(crate) struct Context {
    pub(crate) vocabulary: Vec<Token>,
    pub(crate) shape: transformer::Config,
    /// By name.
    pub(crate) tasks: Vec<Task>,
    /// By seed.
    pub(crate) models: Vec<Model>,
    bootstrap_draws: u32,
}

/// The last checkpoint of one seed.
pub(crate) struct Model {
    pub(crate) seed: i32,
    pub(crate) step: i64,
    pub(crate) transformer: Transformer,
}

impl Context {
    /// Reads at most `sample` rows of each task, and the last checkpoint of every seed.
    pub(crate) fn read(inputs: &Inputs, sample: usize, bootstrap_draws: u32) -> Result<Context, Error> {
        let vocabulary = artifact::read_vocabularies(&inputs.vocabulary, &inputs.model_vocabulary)?;
        let tasks = rows::read(&inputs.examples, &inputs.counterfactuals, &vocabulary, sample)?;
        let shape = shape(&inputs.model)?;
        for row in tasks.iter().flat_map(Task::rows) {
            let (needed, tokens) = (row.tokens.len() - 1, vocabulary.len());
            if needed > shape.n_ctx || tokens > shape.d_vocab {
                let message = format!(
                    "the model reads at most {} tokens of {}, the row needs {needed} of {tokens}; train it on this \
                     data, with `model.n_ctx` as long as the longest row of all splits",
                    shape.n_ctx, shape.d_vocab
                );
                return Err(Error::Row { example_id: row.example_id, message });
            }
        }
        let models = models(&inputs.checkpoints, &shape)?;
        Ok(Context { vocabulary, shape, tasks, models, bootstrap_draws })
    }

    /// Does something with every model on every task, and returns what it gives by model, then by task.
    pub(crate) fn each<T: Send>(
        &self,
        f: impl Fn(&Model, &Task) -> candle_core::Result<T> + Sync,
    ) -> Result<Vec<Vec<T>>, Error> {
        let of_model = |model: &Model| {
            let error = |source| Error::Model { seed: model.seed, step: model.step, source };
            self.tasks.iter().map(|task| f(model, task).map_err(error)).collect()
        };
        self.models.par_iter().map(of_model).collect()
    }

    /// Returns what a measurement of one model on one task is about.
    pub(crate) fn subject<'a>(&self, model: &Model, task: &'a Task) -> Subject<'a> {
        Subject { seed: model.seed, step: model.step, task: &task.name }
    }

    /// Returns what a measurement over seeds on one task is about.
    pub(crate) fn over_seeds<'a>(&self, task: &'a Task) -> Subject<'a> {
        let step = self.models.iter().map(|model| model.step).max().unwrap_or(-1);
        Subject { seed: -1, step, task: &task.name }
    }

    /// Returns the draws behind an interval over so many clusters of rows, or seeds.
    pub(crate) fn resamples(&self, clusters: usize) -> Resamples {
        Resamples::new(clusters, self.bootstrap_draws)
    }
}

fn shape(path: &Path) -> Result<transformer::Config, Error> {
    let text = artifact::read_file(path, MOST_CONFIG)?;
    read_config(&text).map_err(|message| Error::ModelConfig { path: path.to_owned(), message })
}

/// Loads the last checkpoint of every seed, whose bytes must be those that were listed.
fn models(checkpoints: &Path, shape: &transformer::Config) -> Result<Vec<Model>, Error> {
    let mut last = BTreeMap::<i32, Checkpoint>::new();
    for checkpoint in read_table::<Checkpoint>(checkpoints)? {
        if last.get(&checkpoint.seed).is_none_or(|before| before.step <= checkpoint.step) {
            last.insert(checkpoint.seed, checkpoint);
        }
    }
    if last.is_empty() {
        let message = "it lists no checkpoint".to_owned();
        return Err(Error::Checkpoint { path: checkpoints.to_owned(), message });
    }
    let folder = checkpoints.parent().unwrap_or(Path::new(""));
    let load = |checkpoint: Checkpoint| {
        let path = artifact::join(folder, &checkpoint.path, checkpoints)?;
        let bytes = artifact::read_file(&path, artifact::allowed(0))?;
        let found = digest_bytes(&bytes);
        if found != checkpoint.digest {
            let message = format!("its digest should be {}, found {found}", printable(&checkpoint.digest));
            return Err(Error::Checkpoint { path, message });
        }
        let transformer = Transformer::from_safetensors(shape, &bytes, DType::F32, &Device::Cpu)
            .map_err(|error| Error::Checkpoint { path, message: error.to_string() })?;
        Ok(Model { seed: checkpoint.seed, step: checkpoint.step, transformer })
    };
    last.into_values().map(load).collect()
}
