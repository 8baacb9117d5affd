use std::path::Path;

use artifact::Provenance;

use crate::analyze::Output;
use crate::config::Config;
use crate::context::Context;
use crate::error::Error;
use crate::inputs::Inputs;

/// Analyses every seed's last checkpoint; writes `measurements.parquet` and each analysis's own tables into `out`.
///
/// # Errors
/// When a table or checkpoint is not what it should be, or a model cannot be run on the rows.
pub fn run(config: &Config, inputs: &Inputs, out: &Path, provenance: &Provenance) -> Result<(), Error> {
    config.check()?;
    if let Some((audited, certificate)) = &inputs.audit {
        artifact::certified(&inputs.trained_on, audited, certificate, provenance)?;
    }
    let context = Context::read(inputs, config.sample, config.bootstrap_draws)?;
    if context.tasks.is_empty() {
        tracing::warn!("there are no {} rows to look at", config.split.as_str());
    }
    // What is written has one order, whatever the order in which it was asked for.
    let mut analyses: Vec<_> = config.analyses.iter().collect();
    analyses.sort_by_key(|analysis| analysis.name());
    let total = analyses.len() as u64;
    let mut output = Output::new(out, provenance);
    for (analysis, done) in analyses.into_iter().zip(0_u64..) {
        let name = analysis.name();
        tracing::info!(target: "progress", task = "analyze", done, total, unit = "analyses", "{name}");
        output.begin(name);
        analysis.get().analyze(&context, &mut output)?;
    }
    tracing::info!(target: "progress", task = "analyze", done = total, total, unit = "analyses", "");
    output.finish()
}
