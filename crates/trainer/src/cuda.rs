//! The loop over steps on a GPU: many seeds in lockstep, many steps without the host.

use std::sync::atomic::Ordering;

use transformer::cuda::{Batches, Device, Fleet, Output, Table, Update};

use crate::Error;
use crate::fit::Fit;
use crate::learner::{NotFinite, Score};
use crate::order::Shuffled;
use crate::record::Record;
use crate::rows::Rows;
use crate::source::SPLIT;
use crate::track::{Metrics, Outcome, Track};

/// Steps that go without the host, at most: a run that is interrupted waits for them.
const STEPS: u64 = 64;

/// Trains seeds side by side, as many at once as the device takes.
pub(crate) fn run<D: Device>(
    fit: &Fit<'_>,
    device: impl Fn() -> Result<D, transformer::Error>,
) -> Result<Vec<Outcome>, Error> {
    let held = fit.train.held().ok_or_else(|| {
        let message = "`once` reads rows as the steps go, a GPU has to hold them";
        Error::config("order", message, "leave it out, or train on the processor")
    })?;
    let rows = held.0.extent.rows + fit.validation.extent.rows;
    if u32::try_from(rows).is_err() {
        let message =
            format!("with those of validation {rows}, but a GPU takes {}; train on the processor", u32::MAX);
        return Err(Error::Data { split: SPLIT, message });
    }
    let mut left = Vec::new();
    for seeds in fit.config.seeds.0.chunks(Fleet::capacity(&device()?)) {
        left.extend(Lockstep::new(fit, device()?, held, seeds)?.run());
    }
    Ok(left)
}

/// Seeds that go in lockstep.
struct Lockstep<'a, D: Device> {
    fit: &'a Fit<'a>,
    fleet: Fleet<D>,
    tracks: Vec<Track<'a>>,
    orders: Vec<Option<Shuffled>>,
    /// Updates of each on the device; its learner may be behind.
    done: Vec<u64>,
    /// How the seeds that have ended did so.
    ended: Vec<Option<Result<(), Error>>>,
    /// Tokens of each training row that count in the loss.
    scored: Vec<u32>,
    /// Rows of a batch.
    size: u64,
    /// The validation rows, for all seeds.
    held: Batches,
}

/// Steps that all seeds that are not further yet do at once.
struct Chunk {
    first: u64,
    last: u64,
    /// The seeds that do them.
    active: Vec<usize>,
    batches: Batches,
    updates: Vec<Update>,
}

impl<'a, D: Device> Lockstep<'a, D> {
    fn new(
        fit: &'a Fit<'a>,
        device: D,
        (rows, full): (&'a Rows, bool),
        seeds: &[i32],
    ) -> Result<Self, Error> {
        let longest = rows.extent.longest.max(fit.validation.extent.longest);
        let mut table = Table { positions: longest - 1, ..Table::default() };
        let scored = rows.write_to(&mut table)?;
        let scored_held: u64 = fit.validation.write_to(&mut table)?.into_iter().map(u64::from).sum();
        let size = fit.config.batch.of(fit.train.extent.rows);
        let tracks = seeds.iter().map(|&seed| Track::begin(fit, seed)).collect::<Result<Vec<_>, _>>()?;
        let mut fleet =
            Fleet::new(device, fit.shape, table, seeds.len(), size as usize, fit.config.model.dropout)?;
        for (model, track) in tracks.iter().enumerate() {
            let learner = &track.learner;
            fleet.set(model, learner.weights(), learner.moments(), learner.dropout_stream())?;
        }
        let (first, count) = (rows.extent.rows as u32, fit.validation.extent.rows as u32);
        let held: Vec<u32> = (first..first + count).collect();
        let loss_weight = 1.0 / scored_held.max(1) as f32;
        let held = Batches { order: held.repeat(seeds.len()), loss_weights: vec![loss_weight; seeds.len()] };
        let orders =
            seeds.iter().map(|&seed| (!full).then(|| Shuffled::new(seed, rows.extent.rows))).collect();
        let ended = seeds.iter().map(|_| None).collect();
        let done = tracks.iter().map(|track| track.learner.done()).collect();
        Ok(Self { fit, fleet, tracks, orders, done, ended, scored, size, held })
    }

    fn run(mut self) -> Vec<Outcome> {
        if let Err(error) = self.go() {
            // The first seed that still goes says what happened to all.
            let mut error = Some(error);
            for ended in self.ended.iter_mut().filter(|ended| ended.is_none()) {
                *ended = Some(error.take().map_or(Ok(()), Err));
            }
        }
        let records = self.tracks.into_iter().map(|track| track.record);
        records
            .zip(self.ended)
            .map(|(record, ended): (Record, _)| (record, ended.unwrap_or(Ok(()))))
            .collect()
    }

    fn go(&mut self) -> Result<(), Error> {
        let mut next = self.prepare(None)?;
        while let Some(chunk) = next {
            if self.fit.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            if self.fit.resume.is_some_and(|resume| resume.is_interrupted()) {
                return self.interrupt();
            }
            self.fleet.select(&chunk.active)?;
            self.fleet.start(&chunk.batches, &chunk.updates)?;
            // The host is not idle meanwhile.
            next = self.prepare(Some(&chunk))?;
            let outputs = self.fleet.finish()?;
            let failed = self.take(&chunk, &outputs)?;
            if failed {
                self.fit.stop.store(true, Ordering::Relaxed);
                next = None;
            }
        }
        Ok(())
    }

    /// Returns the steps behind a chunk, as far as nothing has to be looked at between; `None` when all is done.
    fn prepare(&mut self, before: Option<&Chunk>) -> Result<Option<Chunk>, Error> {
        let mut dones = self.done.clone();
        before.into_iter().for_each(|chunk| chunk.active.iter().for_each(|&model| dones[model] = chunk.last));
        let going = |model: usize| self.ended[model].is_none() && dones[model] < self.tracks[model].last;
        let Some(least) = (0..dones.len()).filter(|&model| going(model)).map(|model| dones[model]).min()
        else {
            return Ok(None);
        };
        let active: Vec<usize> =
            (0..dones.len()).filter(|&model| going(model) && dones[model] == least).collect();
        // Not further than where others wait.
        let ahead = dones.iter().copied().filter(|done| *done > least).min().unwrap_or(u64::MAX);
        let leader = &self.tracks[active[0]];
        let last = (least + 1..=(least + STEPS).min(ahead))
            .find(|&step| leader.asks(step).0 || leader.asks(step).1)
            .unwrap_or((least + STEPS).min(ahead));
        let (optimizer, of) = leader.learner.optimizer();
        let updates = (least + 1..=last).map(|step| Update {
            adamw: optimizer.update(step, optimizer.learning_rate_at(step, of)),
            clip: optimizer.clip.map_or(0.0, |clip| clip as f32),
            step: step as u32,
        });
        let updates = updates.collect();
        let (steps, models, size) = ((last - least) as usize, self.tracks.len(), self.size as usize);
        let mut batches =
            Batches { order: vec![0; steps * models * size], loss_weights: vec![1.0; steps * models] };
        for &model in &active {
            let track = &self.tracks[model];
            let seen = track.learner.seen() + (least - track.learner.done()) * self.size;
            for step in 0..steps {
                let at = step * models + model;
                let to = &mut batches.order[at * size..][..size];
                match &mut self.orders[model] {
                    Some(order) => {
                        let rows = order.rows(seen + (step * size) as u64, size);
                        to.iter_mut().zip(rows).for_each(|(to, row)| *to = row as u32);
                    }
                    None => to.iter_mut().zip(0..).for_each(|(to, row)| *to = row),
                }
                let scored: u64 = to.iter().map(|row| u64::from(self.scored[*row as usize])).sum();
                batches.loss_weights[at] = 1.0 / scored.max(1) as f32;
            }
        }
        Ok(Some(Chunk { first: least + 1, last, active, batches, updates }))
    }

    /// Writes down what came out, and keeps what is to be kept; returns whether a seed has failed.
    fn take(&mut self, chunk: &Chunk, outputs: &[Output]) -> Result<bool, Error> {
        let models = self.tracks.len();
        let (weights, moments) = self.tracks[chunk.active[0]].asks(chunk.last);
        let evaluates = self.tracks[chunk.active[0]].evaluates(chunk.last);
        let scores = if evaluates && self.fit.validation.extent.rows > 0 {
            self.fleet.loss(&self.held)?
        } else {
            Vec::new()
        };
        let mut failed = false;
        for &model in &chunk.active {
            let of = |step: u64| &outputs[(step - chunk.first) as usize * models + model];
            let steps = chunk.first..=chunk.last;
            let broken = steps.clone().find(|&step| of(step).updated == 0);
            let track = &mut self.tracks[model];
            let mut result = Ok(());
            for step in steps.take_while(|step| Some(*step) != broken) {
                let last = step == chunk.last;
                if last {
                    self.done[model] = step;
                    // Where a chunk is only as long as chunks may be, weights and moments stay where they are.
                    if weights || moments {
                        fetch(&self.fleet, model, track, step, self.size, moments)?;
                    }
                }
                let output = of(step);
                let row = track.logs(step).then(|| {
                    let score = scores.get(model).filter(|_| last).map(|output| Score {
                        loss: output.loss as f32,
                        accuracy: output.right as f32 / self.fit.validation.extent.rows as f32,
                    });
                    let (optimizer, of) = track.learner.optimizer();
                    let metrics = Metrics {
                        loss: output.loss as f32,
                        accuracy: output.right as f32 / self.size as f32,
                        learning_rate: optimizer.learning_rate_at(step, of),
                        gradient_norm: output.gradient_norm,
                    };
                    track.row(step, Some(metrics), output.weight_norm, score)
                });
                result = track.note(step, row);
                if result.is_err() {
                    break;
                }
            }
            if let (Some(step), Ok(())) = (broken, &result) {
                let Output { loss, gradient_norm, .. } = *of(step);
                let (quantity, value) = if loss.is_finite() {
                    ("gradient norm", f64::from(gradient_norm))
                } else {
                    ("loss", loss)
                };
                result = Err(track.diverged(NotFinite { quantity, value }, step));
            }
            if result.is_ok() {
                self.fit.progress(chunk.last + 1 - chunk.first, of(chunk.last).loss as f32, &track.record);
                if chunk.last == track.last {
                    self.ended[model] = Some(track.finish());
                }
            } else {
                failed = true;
                self.ended[model] = Some(result);
            }
        }
        Ok(failed)
    }

    /// Saves where every seed is.
    fn interrupt(&mut self) -> Result<(), Error> {
        for (model, track) in self.tracks.iter_mut().enumerate() {
            if self.ended[model].is_none() {
                fetch(&self.fleet, model, track, self.done[model], self.size, true)?;
                self.ended[model] = Some(track.save_state().and(Err(Error::Interrupted)));
            }
        }
        Ok(())
    }
}

/// Brings a learner to where its model is on the device.
fn fetch<D: Device>(
    fleet: &Fleet<D>,
    model: usize,
    track: &mut Track<'_>,
    done: u64,
    size: u64,
    moments: bool,
) -> Result<(), Error> {
    let updates = done - track.learner.done();
    let moments = if moments { Some(fleet.moments(model)?) } else { None };
    track.learner.follow(fleet.weights(model)?, moments, updates, updates * size);
    Ok(())
}
