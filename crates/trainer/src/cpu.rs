//! The loop over steps on the processor: seeds apart, each on a thread.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::Error;
use crate::fit::Fit;
use crate::record::Record;
use crate::track::{Metrics, Outcome, Track};

/// Trains seeds side by side, each on one thread of rayon's pool.
pub(crate) fn run(fit: &Fit<'_>) -> Vec<Outcome> {
    // A queue, not a job for each seed: a thread that waits for its part of a batch would begin another seed meanwhile.
    let seeds = &fit.config.seeds.0;
    let next = AtomicUsize::new(0);
    let work = |_| {
        let mut left = Vec::new();
        while let number = next.fetch_add(1, Ordering::Relaxed)
            && let Some(&seed) = seeds.get(number)
        {
            let (record, result) = train(fit, seed);
            if result.as_ref().is_err_and(|error| !matches!(error, Error::Interrupted)) {
                fit.stop.store(true, Ordering::Relaxed);
            }
            let interrupted = matches!(result, Err(Error::Interrupted));
            left.push((number, (record, result)));
            if interrupted {
                break; // the seeds behind it have nothing yet that could be saved
            }
        }
        left
    };
    let threads = rayon::current_num_threads().min(seeds.len());
    let mut left: Vec<(usize, Outcome)> =
        (0..threads).into_par_iter().with_max_len(1).flat_map_iter(work).collect();
    left.sort_unstable_by_key(|(number, _)| *number);
    left.into_iter().map(|(_, left)| left).collect()
}

/// Trains one seed.
fn train(fit: &Fit<'_>, seed: i32) -> Outcome {
    let mut track = match Track::begin(fit, seed) {
        Ok(track) => track,
        Err(error) => return (Record::default(), Err(error)),
    };
    let result = follow(fit, &mut track);
    (track.record, result)
}

fn follow(fit: &Fit<'_>, track: &mut Track<'_>) -> Result<(), Error> {
    let size = fit.config.batch.of(fit.train.extent.rows);
    let mut batches = fit.train.batches(track.seed);
    for step in track.learner.done() + 1..=track.last {
        if fit.stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        if fit.resume.is_some_and(|resume| resume.is_interrupted()) {
            track.save_state()?;
            return Err(Error::Interrupted);
        }
        let rows = batches.at(track.learner.seen(), size)?;
        let update = match track.learner.step(&rows)? {
            Ok(update) => update,
            Err(what) => return Err(track.diverged(what, step)),
        };
        let row = track.logs(step).then(|| {
            let score = if track.evaluates(step) { track.learner.score(fit.validation)? } else { None };
            let accuracy = rows.answers_right(&update.predicted) as f32 / rows.len() as f32;
            let metrics = Metrics {
                loss: update.loss,
                accuracy,
                learning_rate: update.learning_rate,
                gradient_norm: update.gradient_norm,
            };
            Ok::<_, Error>(track.row(step, Some(metrics), track.learner.weight_norm(), score))
        });
        track.note(step, row.transpose()?)?;
        fit.progress(1, update.loss, &track.record);
    }
    track.finish()
}
