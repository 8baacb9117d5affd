//! What every seed answers to each row, and whether a look-up table answers it too.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use artifact::tables::{Checkpoint, Prediction};
use artifact::{Provenance, TableWriter};
use checkpoint::Checkpoints;
use rayon::prelude::*;
use transformer::engine::Predictor;

use crate::data::{Data, SPLITS};
use crate::groups::Answers;
use crate::rows::Row;
use crate::scoring::{self, Generate};
use crate::{Config, Error};

/// What one checkpoint answers on each of [`SPLITS`].
pub(crate) type OfCheckpoint = [Answers; 3];

/// Lets each checkpoint answer the rows of every split.
pub(crate) fn answers<'a>(
    data: &Data,
    config: &Config,
    models: &Checkpoints,
    checkpoints: impl Iterator<Item = &'a Checkpoint>,
    generate: Generate,
    what: &str,
) -> Result<Vec<OfCheckpoint>, Error> {
    let (done, checkpoints) = (AtomicU64::new(0), checkpoints.collect::<Vec<_>>());
    let answered = checkpoints.par_iter().map(|&checkpoint| {
        let (seed, step) = (checkpoint.seed, checkpoint.step);
        let error = |source| Error::Model { seed, step, source: Box::new(source) };
        let model = Predictor::new(&models.load(checkpoint)?).map_err(|source| error(source.into()))?;
        let split = |rows: &Vec<Row>| {
            scoring::answers(&model, models.shape().n_ctx, rows, config.batch, generate)
                .map(|answers| Answers { seed, step, matched: vec![None; answers.len()], answers })
                .map_err(error)
        };
        let answered = [split(&data.rows[0])?, split(&data.rows[1])?, split(&data.rows[2])?];
        let (done, total) = (done.fetch_add(1, Ordering::Relaxed) + 1, checkpoints.len() as u64);
        tracing::info!(target: "progress", task = "evaluate", done, total, unit = "seeds", "{what} seed {seed}");
        Ok(answered)
    });
    answered.collect()
}

/// Notes which wrong answers to held-out rows a look-up table gives too.
pub(crate) fn match_tables(data: &Data, checkpoints: &mut [OfCheckpoint]) -> Result<(), Error> {
    let of_splits = checkpoints.par_iter_mut().flat_map(|of| of.par_iter_mut().enumerate());
    of_splits.try_for_each(|(number, of)| {
        let (split, rows) = (SPLITS[number], &data.rows[number]);
        let Some(memory) = data.memory.get(split) else { return Ok(()) };
        for ((row, answer), id) in rows.iter().zip(&of.answers).zip(&mut of.matched) {
            if !answer.correct {
                let judged = data.judge(split, row, &answer.output)?;
                *id = memory.id(&judged.prediction);
            }
        }
        Ok(())
    })
}

/// Writes what every seed answers to each row.
pub(crate) fn write(
    data: &Data,
    checkpoints: &[OfCheckpoint],
    path: &Path,
    provenance: &Provenance,
) -> Result<(), Error> {
    let mut table = TableWriter::<Prediction>::create(path, provenance)?;
    for checkpoint in checkpoints {
        for ((split, rows), of) in SPLITS.iter().zip(&data.rows).zip(checkpoint) {
            for (row, answer) in rows.iter().zip(&of.answers) {
                let judged = data.judge(split, row, &answer.output)?;
                table.push(&Prediction {
                    seed: of.seed,
                    step: of.step,
                    split: (*split).to_owned(),
                    example_id: row.example.example_id,
                    task: row.example.task.clone(),
                    n_terms: row.example.terms.len() as i32,
                    answer: judged.answer,
                    prediction: judged.prediction,
                    answer_value: judged.answer_value,
                    prediction_value: judged.prediction_value,
                    correct: answer.correct,
                    teacher_forced: answer.teacher_forced,
                    top5: answer.rank <= 5,
                    log_probability: Some(answer.log_probability as f32),
                    rank: answer.rank,
                    logit_difference: answer.logit_difference.map(|difference| difference as f32),
                    error_class: judged.class.name().to_owned(),
                })?;
            }
        }
    }
    table.finish()?;
    Ok(())
}
