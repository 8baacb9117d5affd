//! What every analysis is given: the vocabulary, the rows and the models.

use artifact::tables::Token;
use checkpoint::Checkpoints;
use rayon::prelude::*;
use statistics::Resamples;
use transformer::Transformer;

use crate::error::Error;
use crate::inputs::Inputs;
use crate::measure::Subject;
use crate::rows::{self, Task};

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
        let checkpoints = Checkpoints::read(&inputs.checkpoints, &inputs.model)?;
        let shape = checkpoints.shape().clone();
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
        let models = checkpoints
            .last()
            .map(|row| Ok(Model { seed: row.seed, step: row.step, transformer: checkpoints.load(row)? }));
        let models = models.collect::<Result<_, Error>>()?;
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
        Resamples::new(clusters, self.bootstrap_draws, stream::key("analyzer/bootstrap", &[]))
    }
}
