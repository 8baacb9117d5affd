use std::path::PathBuf;

use artifact::printable;

/// Everything that can keep a model from being scored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A mistake in the definition.
    #[error("{at}: {message}; {help}")]
    Config {
        /// Path inside the config, e.g. `bootstrap_draws`.
        at: String,
        /// What is wrong, with the value found.
        message: String,
        /// What to write instead.
        help: String,
    },
    /// A table cannot be read or written.
    #[error(transparent)]
    Table(#[from] artifact::Error),
    /// It was not shown of the rows that the model did not see them.
    #[error(transparent)]
    Uncertified(#[from] artifact::Uncertified),
    /// The audit's tables belong to another dataset.
    #[error(
        "the audit is of other data: {}; give `audit` the audit of the data that is scored",
        printable(message)
    )]
    OtherData {
        /// What does not fit.
        message: String,
    },
    /// A row of the data is not what its own columns or its task say.
    #[error("example {example_id} of {split}: {}; rerun the build stage", printable(message))]
    Row {
        /// Split of the row.
        split: String,
        /// The row.
        example_id: i64,
        /// What was expected and what was found.
        message: String,
    },
    /// A row is longer, or its vocabulary larger, than the model was made for.
    #[error(
        "example {example_id} of {split}: the model reads at most {reads}, the row needs {needs}; train it on this data, \
         with `model.n_ctx` as long as the longest row of all splits"
    )]
    TooLong {
        /// Split of the row.
        split: String,
        /// The row.
        example_id: i64,
        /// What the model was made for.
        reads: String,
        /// What the row asks for.
        needs: String,
    },
    /// The dataset does not say what its tasks are.
    #[error("{}: {}; rerun the build stage", path.display(), printable(message))]
    Definition {
        /// The table that says it.
        path: PathBuf,
        /// What is missing or unreadable.
        message: String,
    },
    /// A task of the dataset cannot be understood.
    #[error("{}: tasks.{}: {}; rerun the build stage", path.display(), printable(task), printable(&source.to_string()))]
    Task {
        /// The table that says what the tasks are.
        path: PathBuf,
        /// The task.
        task: String,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A model cannot be loaded.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    /// The model cannot be run on the rows, or answers with what is no number.
    #[error("the model of seed {seed} at step {step} cannot answer: {source}")]
    Model {
        /// The model's seed.
        seed: i32,
        /// The checkpoint's step.
        step: i64,
        /// What went wrong.
        source: Box<Unanswered>,
    },
}

/// What keeps a model from answering.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unanswered {
    /// It cannot be run on the rows.
    #[error(transparent)]
    Failed(#[from] transformer::Error),
    /// It was run, and answers with what is no number.
    #[error("some logits are not finite; train again with a smaller learning rate")]
    NotFinite,
}
