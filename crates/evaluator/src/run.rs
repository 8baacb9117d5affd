use std::path::Path;

use artifact::tables::{FEW_CLUSTERS, Training};
use artifact::{Provenance, certified, read_table, write_table};
use checkpoint::Checkpoints;

use crate::data::Data;
use crate::found::Found;
use crate::inputs::Inputs;
use crate::memory::read_ceilings;
use crate::scoring::Generate;
use crate::verdict::Evidence;
use crate::{Config, Error, evidence, grokking, predictions, scores};

/// Scores every seed's last checkpoint and both controls; writes `predictions.parquet`, `scores.parquet`,
/// `seed_scores.parquet`, `controls.parquet`, `verdicts.parquet` and `seed_verdicts.parquet` into `out`.
///
/// Rows of train are scored where the model was trained on those of the dataset.
///
/// # Errors
/// When the certificate did not pass, belongs to other data, or compares with something else than what the model saw, when a
/// table or checkpoint is not what it should be, or when a model does not answer with numbers.
pub fn run(config: &Config, inputs: &Inputs, out: &Path, provenance: &Provenance) -> Result<(), Error> {
    config.check()?;
    let seen = certified(&inputs.trained_on, &inputs.audited, &inputs.certificate, provenance)?;
    let data = Data::read(config, inputs, seen)?;
    let models = Checkpoints::read(&inputs.checkpoints, &inputs.model)?;
    data.fits(models.shape())?;
    let generate = Generate::ToEnd { longest: data.longest() };
    let mut trained = predictions::answers(&data, config, &models, models.last(), generate, "trained")?;
    predictions::match_tables(&data, &mut trained)?;
    let untrained = predictions::answers(
        &data,
        config,
        &models,
        models.at_step(0),
        Generate::ToFirstMistake,
        "untrained",
    )?;
    if untrained.is_empty() {
        tracing::warn!("no checkpoint at step 0: the untrained control is missing");
    }
    predictions::write(&data, &trained, &out.join("predictions.parquet"), provenance)?;
    let log = read_table::<Training>(&inputs.training)?;
    let (mut found, differences) = scores::of_model(&data, "trained", &trained, config);
    scores::agree_with(&read_ceilings(&inputs.ceilings)?, &found)?;
    if data.own_data {
        // Else the log tells when other rows were learned.
        found.extend(grokking::scores(&log, config.threshold));
    }
    let mut controls = scores::oracle(&data)?;
    if !untrained.is_empty() {
        let of_untrained = scores::of_model(&data, "untrained", &untrained, config).0;
        controls.splice(0..0, of_untrained.into_iter().filter(|found| found.seed.is_none()));
    }
    let evidence = evidence::gather(&data, &found, &differences, &log);
    summarise(&evidence);
    let of_seeds = evidence.iter().flat_map(Evidence::of_seeds);
    write_table(&out.join("seed_verdicts.parquet"), provenance, of_seeds)?;
    write_table(&out.join("verdicts.parquet"), provenance, evidence.iter().map(Evidence::verdict))?;
    write_table(&out.join("controls.parquet"), provenance, controls.into_iter().map(Found::control))?;
    let (seeds, over): (Vec<Found>, Vec<Found>) = found.into_iter().partition(|found| found.seed.is_some());
    write_table(&out.join("seed_scores.parquet"), provenance, seeds.into_iter().map(Found::seed_score))?;
    write_table(&out.join("scores.parquet"), provenance, over.into_iter().map(Found::score))?;
    Ok(())
}

/// Says what a person wants to read first: the verdict, and what it rests on.
fn summarise(evidence: &[Evidence]) {
    // With one task the row over all says the same.
    let tasks = evidence.iter().filter(|of| evidence.len() > 2 && !of.task.is_empty());
    for few in tasks.filter(|of| of.clusters.effective < FEW_CLUSTERS) {
        let (task, rows, effective) = (&few.task, few.rows, few.clusters.effective);
        tracing::info!("task {task}: few independent rows, {rows} that count as {effective:.1} clusters");
    }
    for verdict in evidence.iter().filter(|of| of.task.is_empty()).map(Evidence::verdict) {
        verdict.caveats.lines().for_each(|caveat| tracing::info!("{caveat}"));
        tracing::info!("{}: {}", verdict.headline, verdict.sentence);
    }
}
