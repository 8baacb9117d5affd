use std::path::{Path, PathBuf};

use artifact::{Provenance, write_table};

use crate::context::Context;
use crate::{ANALYSES, Config, Error};

/// The files that [`run`] reads.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// Tables of the examples of the split that [`Config::split`] names, in order.
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

/// Analyses every seed's last checkpoint; writes `measurements.parquet` and each analysis's own table into `out`.
///
/// # Errors
/// When a table or checkpoint is not what it should be, or a model cannot be run on the rows.
pub fn run(config: &Config, inputs: &Inputs, out: &Path, provenance: &Provenance) -> Result<(), Error> {
    config.check()?;
    if let Some((audited, certificate)) = &inputs.audit {
        artifact::certified(&inputs.trained_on, audited, certificate, provenance)?;
    }
    let context = Context::read(config, inputs)?;
    if context.tasks.is_empty() {
        tracing::warn!("there are no {} rows to look at", config.split.as_str());
    }
    let chosen: Vec<_> = ANALYSES
        .iter()
        .filter(|known| config.analyses.iter().any(|name| name.as_str() == known.name))
        .collect();
    let total = chosen.len() as u64;
    let mut measurements = Vec::new();
    for (analysis, done) in chosen.into_iter().zip(0_u64..) {
        tracing::info!(target: "progress", task = "analyze", done, total, unit = "analyses", "{}", analysis.name);
        measurements.extend((analysis.run)(&context, out, provenance)?);
    }
    tracing::info!(target: "progress", task = "analyze", done = total, total, unit = "analyses", "");
    write_table(&out.join("measurements.parquet"), provenance, measurements)?;
    Ok(())
}
