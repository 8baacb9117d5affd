//! Draws rows without replacement and says what that cost.
//!
//! No drawn row is kept in memory. What a row is follows from its position in the task's permutation alone; so it is
//! enough to count, every few thousand positions, how many rows of each split came before, and to remember in two bits
//! which split each is in, as long as there is room. Any row of a file is then found again at once.

use std::ops::Range;

use tracing::info;

use crate::{
    Config, Error,
    mix::Mix,
    price::Price,
    sampler::{Judge, Sampler, Scratch},
    split::{Reason, Split},
    targets::Targets,
    task::Sequences,
    world::World,
};

/// Up to so many numbered rows all are looked at, so that the price of the split is exact.
const COUNTED: u64 = 10_000_000;
/// Beyond so many numbered rows a definition has to say how many rows it keeps.
pub(crate) const MOST_ENUMERATED: u64 = 100_000_000;
/// Stretches whose rows' splits are remembered: of 268 million rows, in 64 MiB. Those of further rows are worked out anew
/// each time that they are asked for.
pub(crate) const REMEMBERED: u64 = 1 << 16;

/// The drawing of all splits: first of training, then, when it is known what was trained, of the others.
pub(crate) struct Drawing<'a> {
    config: &'a Config,
    judge: Judge<'a>,
    samplers: Vec<Sampler>,
    /// Stretches that may be remembered.
    remembered: u64,
}

impl<'a> Drawing<'a> {
    /// Draws the train rows, remembering the splits of rows of so many stretches.
    ///
    /// # Errors
    /// Fewer rows than asked for.
    pub(crate) fn of_training(
        config: &'a Config,
        world: &'a World,
        remembered: u64,
    ) -> Result<Drawing<'a>, Error> {
        let samplers: Vec<Sampler> =
            (0..world.tasks.len()).map(|number| Sampler::new(world, config.seed, number)).collect();
        let judge = Judge { world, min_seen: config.holdout.min_seen, targets: None };
        let mut drawing = Drawing { config, judge, samplers, remembered };
        if world.capacity() <= COUNTED || Split::ALL.iter().any(|split| drawing.limit(*split).is_none()) {
            (0..world.tasks.len()).for_each(|number| drawing.look(number, |_| false));
        }
        if drawing.samplers.iter().all(Sampler::is_exhausted) {
            // No more can be held out than is there before it is known what is answerable: better said at once.
            let found: Vec<Price> = drawing.samplers.iter().map(|sampler| sampler.found.clone()).collect();
            let held = |split: Split| found.iter().map(|price| price.kept[split as usize]).sum::<u64>();
            drawing.demand(|split| held(split) + world.pins.of(split).count() as u64, &found)?;
        }
        drawing.fill(Split::Train)?;
        Ok(drawing)
    }

    /// Draws the held-out rows, now that the targets of training are known.
    ///
    /// # Errors
    /// Fewer rows than asked for, or a pinned row that would have been dropped.
    pub(crate) fn hold_out(&mut self, targets: Targets) -> Result<(), Error> {
        if !self.world().level.is_control() {
            self.judge.targets = Some(targets);
        }
        self.check_pins()?;
        self.samplers.iter_mut().for_each(|sampler| sampler.sift(&self.judge));
        self.fill(Split::Validation)?;
        self.fill(Split::Test)?;
        self.demand(|split| self.rows(split), &self.prices())
    }

    /// Refuses held-out splits with fewer rows than the definition demands.
    fn demand(&self, rows: impl Fn(Split) -> u64, prices: &[Price]) -> Result<(), Error> {
        let least = &self.config.holdout.min_rows;
        for (split, least) in [(Split::Validation, least.validation), (Split::Test, least.test)] {
            let least = least.min(self.limit(split).unwrap_or(u64::MAX));
            if rows(split) < least {
                let at = format!("holdout.min_rows.{}", split.name());
                return Err(self.too_few(at, split, least, rows(split), prices));
            }
        }
        Ok(())
    }

    /// Returns the definition that is drawn from.
    pub(crate) fn world(&self) -> &'a World {
        self.judge.world
    }

    /// Returns how many rows a split has.
    pub(crate) fn rows(&self, split: Split) -> u64 {
        self.world().pins.of(split).count() as u64 + self.quotas(split).iter().sum::<u64>()
    }

    /// Returns tasks and numbers of the rows of a split that stand at these places of its file: first the pinned ones,
    /// then those drawn, mixed.
    pub(crate) fn list(&self, split: Split, places: Range<u64>) -> Vec<(usize, u64)> {
        let pinned = self.world().pins.of(split).count() as u64;
        let first = places.start.saturating_sub(pinned);
        let mut rows: Vec<(usize, u64)> = self.world().pins.of(split).collect();
        rows.truncate(places.end.min(pinned) as usize);
        rows.drain(..places.start.min(pinned) as usize);
        let quotas = self.quotas(split);
        let mix = Mix::after(&quotas, first);
        let mut samplers: Vec<_> = mix
            .taken()
            .iter()
            .enumerate()
            .map(|(number, &rank)| self.samplers[number].drawn(&self.judge, split, rank))
            .collect();
        let count = places.end.saturating_sub(pinned) - first;
        rows.extend(mix.take(count as usize).map(|number| {
            (number, samplers[number].next().expect("no more rows are kept than were counted"))
        }));
        rows
    }

    /// Returns what became of the rows, by task.
    pub(crate) fn prices(&self) -> Vec<Price> {
        let price = |(number, sampler): (usize, &Sampler)| {
            let mut price = Price { kept: sampler.quotas, ..sampler.found.clone() };
            for split in Split::ALL {
                let pinned = self.world().pins.of(split).filter(|pin| pin.0 == number).count() as u64;
                price.kept[split as usize] += pinned;
                price.seen += pinned;
            }
            price
        };
        self.samplers.iter().enumerate().map(price).collect()
    }

    fn too_few(&self, at: String, split: Split, expected: u64, found: u64, prices: &[Price]) -> Error {
        let tasks = self.world().tasks.iter().zip(prices);
        let lines: Vec<String> = tasks.map(|(task, price)| format!("  {}: {price}", task.name)).collect();
        Error::TooFewRows { at, split: split.name(), expected, found, price: lines.join("\n") }
    }

    fn limit(&self, split: Split) -> Option<u64> {
        let rows = &self.config.rows;
        [rows.train, rows.validation, rows.test][split as usize]
    }

    fn quotas(&self, split: Split) -> Vec<u64> {
        self.samplers.iter().map(|sampler| sampler.quotas[split as usize]).collect()
    }

    /// Shares out a split over the tasks by their weights, looking at as many rows as that takes.
    fn fill(&mut self, split: Split) -> Result<(), Error> {
        let place = split as usize;
        let pinned = self.world().pins.of(split).count() as u64;
        let wanted = self.limit(split).map(|limit| limit - pinned);
        let weights: Vec<f64> = self.world().tasks.iter().map(|task| task.task.weight).collect();
        let quotas = loop {
            let available = |(sampler, task): (&Sampler, &Sequences)| {
                let useless = task.task.train_only && split > Split::Train;
                if useless || sampler.is_exhausted() { sampler.found.kept[place] } else { u64::MAX }
            };
            let available: Vec<u64> = self.samplers.iter().zip(&self.world().tasks).map(available).collect();
            let quotas = allot(wanted, &weights, &available);
            let short = |number: &usize| self.samplers[*number].found.kept[place] < quotas[*number];
            let Some(number) = (0..quotas.len()).find(short) else { break quotas };
            self.look(number, |sampler| sampler.found.kept[place] >= quotas[number]);
        };
        for (sampler, &quota) in self.samplers.iter_mut().zip(&quotas) {
            sampler.quotas[place] = quota;
        }
        let found: u64 = quotas.iter().sum();
        match wanted.filter(|&wanted| found < wanted) {
            Some(wanted) => {
                let at = format!("rows.{}", split.name());
                let (wanted, found) = (wanted + pinned, found + pinned);
                Err(self.too_few(at, split, wanted, found, &self.prices()))
            }
            None => Ok(()),
        }
    }

    /// Looks at more rows of a task until it is said to be enough, or there are none.
    fn look(&mut self, number: usize, enough: impl Fn(&Sampler) -> bool) {
        let task = self.world().tasks[number].name.as_str();
        let total = self.world().tasks[number].space.capacity();
        while !self.samplers[number].is_exhausted() && !enough(&self.samplers[number]) {
            let looked_at: u64 = self.samplers.iter().map(Sampler::stretches).sum();
            let sampler = &mut self.samplers[number];
            sampler.look(&self.judge, self.remembered.saturating_sub(looked_at));
            info!(target: "progress", task, done = sampler.position(), total, unit = "rows", "");
        }
    }

    /// Refuses pinned rows that would have been dropped.
    fn check_pins(&self) -> Result<(), Error> {
        let (world, mut scratch) = (self.world(), Scratch::default());
        for (split, number, index, at) in &world.pins.rows {
            let task = &world.tasks[*number];
            scratch.terms = task.drawn(*index).terms;
            let fails = match world.assign(task, &scratch.terms) {
                Err(reason) => Some(reason),
                Ok(_) if *split == Split::Train || world.level.is_control() => None,
                Ok(_) => match world.gate(task, &scratch.terms) {
                    Err(reason) => Some(reason),
                    Ok(()) if self.judge.is_answerable(task, *split, &mut scratch) => None,
                    Ok(()) => Some(Reason::Unanswerable),
                },
            };
            if let Some(reason) = fails {
                let (terms, words) = (&scratch.terms, reason.words());
                let message = format!("{terms:?} cannot stand in `{}`: {words}", split.name());
                return Err(Error::config(at.clone(), message, "pin another row, or widen what is trained"));
            }
        }
        Ok(())
    }
}

/// Shares out `wanted` rows by weight, none more than it has; what one lacks, the others give.
pub(crate) fn allot(wanted: Option<u64>, weights: &[f64], available: &[u64]) -> Vec<u64> {
    let Some(mut left) = wanted else { return available.to_vec() };
    let mut quotas = vec![0; weights.len()];
    let mut open: Vec<usize> = (0..weights.len()).collect();
    loop {
        let total: f64 = open.iter().map(|&i| weights[i]).sum();
        let share = |i: usize| left as f64 * weights[i] / total;
        let Some(place) = open.iter().position(|&i| available[i] as f64 <= share(i)) else { break };
        let full = open.remove(place);
        quotas[full] = available[full].min(left);
        left -= quotas[full];
    }
    let total: f64 = open.iter().map(|&i| weights[i]).sum();
    let mut rest = left;
    for &i in &open {
        quotas[i] = ((left as f64 * weights[i] / total).floor() as u64).min(available[i]).min(rest);
        rest -= quotas[i];
    }
    // What rounding left over goes to the first tasks that have more.
    for &i in open.iter().cycle().take(open.len() * 2) {
        let more = u64::from(rest > 0 && quotas[i] < available[i]);
        quotas[i] += more;
        rest -= more;
    }
    quotas
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_shared_out_by_weight_and_what_one_lacks_the_others_give() {
        assert_eq!(allot(Some(10), &[1.0, 1.0], &[u64::MAX, u64::MAX]), [5, 5]);
        assert_eq!(allot(Some(11), &[1.0, 1.0], &[u64::MAX, u64::MAX]), [6, 5]);
        assert_eq!(allot(Some(12), &[1.0, 3.0], &[u64::MAX, u64::MAX]), [3, 9]);
        assert_eq!(allot(Some(12), &[1.0, 3.0], &[u64::MAX, 4]), [8, 4]);
        assert_eq!(allot(Some(12), &[1.0, 1.0, 1.0], &[2, 3, 100]), [2, 3, 7]);
        assert_eq!(allot(Some(12), &[1.0, 1.0], &[2, 3]), [2, 3]);
        assert_eq!(allot(None, &[1.0, 1.0], &[2, 3]), [2, 3]);
        assert_eq!(allot(Some(0), &[1.0, 1.0], &[2, 3]), [0, 0]);
    }
}
