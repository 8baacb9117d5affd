use std::path::PathBuf;

/// The files that [`run`](crate::run) reads.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// Tables of the examples of the split that `split` of the config names, in order.
    pub examples: Vec<PathBuf>,
    /// The dataset's vocabulary.
    pub vocabulary: PathBuf,
    /// The vocabulary that the models were trained with.
    pub model_vocabulary: PathBuf,
    /// The dataset's counterfactual rows.
    pub counterfactuals: PathBuf,
    /// Which rows the models saw, and those that they go on from.
    pub trained_on: PathBuf,
    /// What was audited, and the certificate of that, where it is not the data that the models were trained on.
    pub audit: Option<(PathBuf, PathBuf)>,
    /// The list of checkpoints; their paths are relative to its folder.
    pub checkpoints: PathBuf,
    /// The model's configuration, `model.json`.
    pub model: PathBuf,
}
