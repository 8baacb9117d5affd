use std::path::PathBuf;

/// The files that [`run`](crate::run()) reads.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// Tables of train examples, in order.
    pub train: Vec<PathBuf>,
    /// Tables of validation examples, in order.
    pub validation: Vec<PathBuf>,
    /// Tables of test examples, in order.
    pub test: Vec<PathBuf>,
    /// What is known of the dataset's tasks.
    pub definition: PathBuf,
    /// The dataset's vocabulary.
    pub vocabulary: PathBuf,
    /// The vocabulary that the models were trained with.
    pub model_vocabulary: PathBuf,
    /// Which rows the models saw, and those that they go on from.
    pub trained_on: PathBuf,
    /// Which data the audit is of.
    pub audited: PathBuf,
    /// The audit's certificate.
    pub certificate: PathBuf,
    /// The audit's look-up tables, row by row.
    pub memorizers: PathBuf,
    /// The audit's ceilings.
    pub ceilings: PathBuf,
    /// The audit's exposure ledger.
    pub exposure: PathBuf,
    /// The audit's ranges of trained values.
    pub ranges: PathBuf,
    /// The list of checkpoints; their paths are relative to its folder.
    pub checkpoints: PathBuf,
    /// The model's configuration, `model.json`.
    pub model: PathBuf,
    /// The log of training.
    pub training: PathBuf,
}
