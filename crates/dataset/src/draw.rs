//! Draws rows without replacement and says what that cost.
//!
//! No drawn row is kept in memory. What a row is follows from its position in the task's permutation alone; so it is
//! enough to count, every [`STRETCH`] positions, how many rows of each split came before: any row of a file is then
//! found by judging one stretch again.

use std::{collections::HashSet, ops::Range};

use rayon::prelude::*;
use sequence::{Permutation, Written};
use tracing::info;

use crate::{
    Config, Error, Level,
    mix::Mix,
    split::{Reason, Split},
    targets::Targets,
    world::{Sequences, World},
};

/// Up to so many numbered rows all are looked at, so that the price of the split is exact.
const COUNTED: u64 = 10_000_000;
/// Beyond so many numbered rows a definition has to say how many rows it keeps.
pub(crate) const MOST_ENUMERATED: u64 = 100_000_000;
/// Positions that are counted together.
const STRETCH: u64 = 1 << 12;
/// Stretches looked at in one go, in parallel.
const AT_ONCE: u64 = 16;

/// What became of the rows of one task that were looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Price {
    /// Numbered rows that were looked at.
    pub(crate) seen: u64,
    /// Kept, by split.
    pub(crate) kept: [u64; 3],
    /// Dropped, by [`Reason`].
    pub(crate) dropped: [u64; Reason::ALL.len()],
}

/// The drawing of all splits: first of training, then, when it is known what was trained, of the others.
pub(crate) struct Drawing<'a> {
    pub(crate) world: &'a World,
    config: &'a Config,
    streams: Vec<Stream>,
    /// Of the train rows; nothing before they are written.
    targets: Option<Targets>,
}

/// The drawing of one task.
struct Stream {
    permutation: Permutation,
    /// Pinned rows, which are not drawn.
    pinned: HashSet<u64>,
    /// By stretch, how many rows of each split come before it; ends with those of all that was looked at.
    before: Vec<[u64; 3]>,
    /// Of what was looked at, all that may be kept.
    found: Price,
    /// By split, the drawn rows that are kept: the first that may be.
    quotas: [u64; 3],
}

/// Memory for the row that is looked at.
#[derive(Default)]
struct Scratch {
    terms: Vec<i64>,
    written: Written,
}

impl<'a> Drawing<'a> {
    /// Draws the train rows.
    ///
    /// # Errors
    /// Fewer rows than asked for.
    pub(crate) fn of_training(config: &'a Config, world: &'a World) -> Result<Drawing<'a>, Error> {
        let stream = |(number, task)| Stream::new(world, config.seed, number, task);
        let streams = world.tasks.iter().enumerate().map(stream).collect();
        let mut drawing = Drawing { world, config, streams, targets: None };
        if world.capacity() <= COUNTED || Split::ALL.iter().any(|split| drawing.limit(*split).is_none()) {
            (0..world.tasks.len()).for_each(|number| drawing.look(number, |_| false));
        }
        drawing.fill(Split::Train)?;
        Ok(drawing)
    }

    /// Draws the held-out rows, now that the targets of training are known.
    ///
    /// # Errors
    /// Fewer rows than asked for, or a pinned row that would have been dropped.
    pub(crate) fn hold_out(&mut self, targets: Targets) -> Result<(), Error> {
        self.targets = (self.world.level != Level::Random).then_some(targets);
        self.check_pins()?;
        if self.targets.is_some() {
            // What may be kept was counted without asking whether it can be answered.
            for number in 0..self.streams.len() {
                let stretches = self.streams[number].stretches();
                self.streams[number].forget();
                self.look(number, |stream| stream.stretches() >= stretches);
            }
        }
        self.fill(Split::Validation)?;
        self.fill(Split::Test)?;
        let least = &self.config.holdout.min_rows;
        for (split, least) in [(Split::Validation, least.validation), (Split::Test, least.test)] {
            let least = least.min(self.limit(split).unwrap_or(u64::MAX));
            if self.rows(split) < least {
                let at = format!("holdout.min_rows.{}", split.name());
                return Err(self.too_few(at, split, least, self.rows(split)));
            }
        }
        Ok(())
    }

    /// Returns how many rows a split has.
    pub(crate) fn rows(&self, split: Split) -> u64 {
        self.world.pins.of(split).count() as u64 + self.quotas(split).iter().sum::<u64>()
    }

    /// Returns tasks and numbers of the rows of a split that stand at these places of its file: first the pinned ones,
    /// then those drawn, mixed.
    pub(crate) fn list(&self, split: Split, places: Range<u64>) -> Vec<(usize, u64)> {
        let pinned = self.world.pins.of(split).count() as u64;
        let first = places.start.saturating_sub(pinned);
        let mut rows: Vec<(usize, u64)> = self.world.pins.of(split).collect();
        rows.truncate(places.end.min(pinned) as usize);
        rows.drain(..places.start.min(pinned) as usize);
        let quotas = self.quotas(split);
        let mix = Mix::after(&quotas, first);
        let mut streams: Vec<_> =
            mix.taken().iter().enumerate().map(|(number, &rank)| self.drawn(number, split, rank)).collect();
        let count = places.end.saturating_sub(pinned) - first;
        rows.extend(mix.take(count as usize).map(|number| {
            (number, streams[number].next().expect("no more rows are kept than were counted"))
        }));
        rows
    }

    /// Returns what became of the rows, by task.
    pub(crate) fn prices(&self) -> Vec<Price> {
        let price = |(number, stream): (usize, &Stream)| {
            let mut price = Price { kept: stream.quotas, ..stream.found.clone() };
            for split in Split::ALL {
                let pinned = self.world.pins.of(split).filter(|pin| pin.0 == number).count() as u64;
                price.kept[split as usize] += pinned;
                price.seen += pinned;
            }
            price
        };
        self.streams.iter().enumerate().map(price).collect()
    }

    fn limit(&self, split: Split) -> Option<u64> {
        let rows = &self.config.rows;
        [rows.train, rows.validation, rows.test][split as usize]
    }

    fn quotas(&self, split: Split) -> Vec<u64> {
        self.streams.iter().map(|stream| stream.quotas[split as usize]).collect()
    }

    /// Shares out a split over the tasks by their weights, looking at as many rows as that takes.
    fn fill(&mut self, split: Split) -> Result<(), Error> {
        let place = split as usize;
        let pinned = self.world.pins.of(split).count() as u64;
        let wanted = self.limit(split).map(|limit| limit - pinned);
        let weights: Vec<f64> = self.world.tasks.iter().map(|task| task.task.weight).collect();
        let quotas = loop {
            let available = |(stream, task): (&Stream, &Sequences)| {
                let useless = task.task.train_only && split > Split::Train;
                let all = useless || stream.is_exhausted(task);
                if all { stream.found.kept[place] } else { u64::MAX }
            };
            let available: Vec<u64> = self.streams.iter().zip(&self.world.tasks).map(available).collect();
            let quotas = allot(wanted, &weights, &available);
            let short = |number: &usize| self.streams[*number].found.kept[place] < quotas[*number];
            let Some(number) = (0..quotas.len()).find(short) else { break quotas };
            self.look(number, |stream| stream.found.kept[place] >= quotas[number]);
        };
        for (stream, &quota) in self.streams.iter_mut().zip(&quotas) {
            stream.quotas[place] = quota;
        }
        let found: u64 = quotas.iter().sum();
        match wanted.filter(|&wanted| found < wanted) {
            Some(wanted) => {
                let at = format!("rows.{}", split.name());
                Err(self.too_few(at, split, wanted + pinned, found + pinned))
            }
            None => Ok(()),
        }
    }

    fn too_few(&self, at: String, split: Split, expected: u64, found: u64) -> Error {
        Error::too_few(at, split, expected, found, self.world, &self.prices())
    }

    /// Counts more rows of a task until it is said to be enough, or there are none.
    fn look(&mut self, number: usize, enough: impl Fn(&Stream) -> bool) {
        let task = &self.world.tasks[number];
        let capacity = task.space.capacity();
        while !self.streams[number].is_exhausted(task) && !enough(&self.streams[number]) {
            let first = self.streams[number].stretches();
            let end = capacity.div_ceil(STRETCH).min(first + AT_ONCE);
            let counted: Vec<Price> =
                (first..end).into_par_iter().map(|stretch| self.count(number, stretch)).collect();
            counted.iter().for_each(|stretch| self.streams[number].add(stretch));
            let done = capacity.min(end * STRETCH);
            info!(target: "progress", task = %task.name, done, total = capacity, unit = "rows", "");
        }
    }

    fn count(&self, number: usize, stretch: u64) -> Price {
        let capacity = self.world.tasks[number].space.capacity();
        let (mut price, mut scratch) = (Price::default(), Scratch::default());
        for position in stretch * STRETCH..capacity.min((stretch + 1) * STRETCH) {
            match self.judge(number, self.streams[number].permutation.at(position), &mut scratch) {
                Some(Ok(split)) => price.kept[split as usize] += 1,
                Some(Err(reason)) => price.dropped[reason as usize] += 1,
                None => continue,
            }
            price.seen += 1;
        }
        price
    }

    /// Returns the split that a drawn row is in, or why it is in none; nothing where the number names no row, or one
    /// that is not drawn.
    fn judge(&self, number: usize, index: u64, scratch: &mut Scratch) -> Option<Result<Split, Reason>> {
        let task = &self.world.tasks[number];
        let pinned = &self.streams[number].pinned;
        if !pinned.is_empty() && pinned.contains(&index) {
            return None;
        }
        let parameter = task.space.row_into(index, &mut scratch.terms)?;
        Some(if self.world.is_pinned(task, &scratch.terms) {
            Err(Reason::Duplicate)
        } else {
            match self.world.judge(number, parameter, &scratch.terms) {
                Ok(split) if split > Split::Train && !self.is_answerable(task, scratch) => {
                    Err(Reason::Unanswerable)
                }
                judgement => judgement,
            }
        })
    }

    /// Says whether each token of the row's answer is a target of training often enough, as far as these are known.
    fn is_answerable(&self, task: &Sequences, scratch: &mut Scratch) -> bool {
        let Some(targets) = &self.targets else { return true };
        self.world.write_into(task, &scratch.terms, &mut scratch.written);
        let answer = &scratch.written.tokens[scratch.written.answer_start..];
        targets.has(task, answer, self.config.holdout.min_seen)
    }

    /// Returns the numbers of a task's rows that may be kept in a split, in drawn order, after the first `rank`.
    fn drawn(&self, number: usize, split: Split, rank: u64) -> impl Iterator<Item = u64> + '_ {
        let Stream { before, permutation, .. } = &self.streams[number];
        let stretch = before.partition_point(|before| before[split as usize] <= rank) - 1;
        let rest = rank - before[stretch][split as usize];
        let mut scratch = Scratch::default();
        (stretch as u64 * STRETCH..self.world.tasks[number].space.capacity())
            .map(|position| permutation.at(position))
            .filter(move |&index| self.judge(number, index, &mut scratch) == Some(Ok(split)))
            .skip(rest as usize)
    }

    /// Refuses pinned rows that would have been dropped.
    fn check_pins(&self) -> Result<(), Error> {
        let (world, mut scratch) = (self.world, Scratch::default());
        for (split, number, index, at) in &world.pins.rows {
            let task = &world.tasks[*number];
            scratch.terms = task.drawn(*index).terms;
            let fails = match world.assign(task, &scratch.terms) {
                Err(reason) => Some(reason),
                Ok(_) if *split == Split::Train || world.level == Level::Random => None,
                Ok(_) => match world.gate(task, &scratch.terms) {
                    Err(reason) => Some(reason),
                    Ok(()) if self.is_answerable(task, &mut scratch) => None,
                    Ok(()) => Some(Reason::Unanswerable),
                },
            };
            if let Some(reason) = fails {
                let words = Reason::ALL[reason as usize].1;
                let message = format!("{:?} cannot stand in `{}`: {words}", scratch.terms, split.name());
                return Err(Error::config(at.clone(), message, "pin another row, or widen what is trained"));
            }
        }
        Ok(())
    }
}

impl Stream {
    fn new(world: &World, seed: u64, number: usize, task: &Sequences) -> Stream {
        let key = artifact::stream_key(&format!("dataset/draw/{}", task.name), &[seed]);
        let pinned = world.pins.rows.iter().filter(|pin| pin.1 == number).map(|pin| pin.2).collect();
        Stream {
            permutation: Permutation::new(task.space.capacity(), &key),
            pinned,
            before: vec![[0; 3]],
            found: Price::default(),
            quotas: [0; 3],
        }
    }

    /// Returns how many stretches were looked at.
    fn stretches(&self) -> u64 {
        self.before.len() as u64 - 1
    }

    fn is_exhausted(&self, task: &Sequences) -> bool {
        self.stretches() * STRETCH >= task.space.capacity()
    }

    fn add(&mut self, stretch: &Price) {
        let sum =
            |one: &mut [u64], other: &[u64]| one.iter_mut().zip(other).for_each(|(one, other)| *one += other);
        self.found.seen += stretch.seen;
        sum(&mut self.found.kept, &stretch.kept);
        sum(&mut self.found.dropped, &stretch.dropped);
        self.before.push(self.found.kept);
    }

    fn forget(&mut self) {
        (self.before, self.found) = (vec![[0; 3]], Price::default());
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
