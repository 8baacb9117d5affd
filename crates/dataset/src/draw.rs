//! Draws rows without replacement and says what that cost.

use std::collections::HashSet;

use rayon::prelude::*;
use sequence::Permutation;
use tracing::info;

use crate::{
    Config, Error, Level,
    split::{Reason, Split},
    world::{Sequences, World},
};

/// Up to so many numbered rows all are looked at, so that the price of the split is exact.
const COUNTED: u64 = 10_000_000;
/// Beyond so many numbered rows a definition has to say how many rows it keeps.
pub(crate) const MOST_ENUMERATED: u64 = 100_000_000;
/// Rows looked at in one go, in parallel.
const CHUNK: u64 = 1 << 16;

/// The rows of a dataset by their numbers.
pub(crate) struct Drawn {
    /// By split: task and number in it, in the order of the file.
    pub(crate) rows: [Vec<(u32, u64)>; 3],
    /// By task.
    pub(crate) prices: Vec<Price>,
}

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

/// The drawing of one task.
struct Stream {
    permutation: Permutation,
    /// Pinned rows, which are not drawn.
    pinned: HashSet<u64>,
    position: u64,
    /// By split, what may be kept, in drawn order.
    found: [Vec<u64>; 3],
    /// By split, how many of these have been looked at for `Reason::Unanswerable`.
    tested: [usize; 3],
    price: Price,
}

/// Draws the rows of every split.
pub(crate) fn draw(config: &Config, world: &World) -> Result<Drawn, Error> {
    let seed = config.seed;
    let mut streams: Vec<Stream> =
        world.tasks.iter().enumerate().map(|(i, task)| stream(world, seed, i, task)).collect();
    let limits = [config.rows.train, config.rows.validation, config.rows.test];
    if world.capacity() <= COUNTED || limits.iter().any(Option::is_none) {
        for (number, stream) in streams.iter_mut().enumerate() {
            look(world, number, stream, |_| false);
        }
    }
    let mut rows = [Vec::new(), Vec::new(), Vec::new()];
    let train = fill(config, world, &mut streams, Split::Train, &|_, _| true)?;
    let targets = Targets::count(world, &train);
    check_pins(config, world, &targets)?;
    let answerable = |task: &Sequences, index| {
        world.level == Level::Random || targets.answerable(world, task, index, config.holdout.min_seen)
    };
    for split in [Split::Validation, Split::Test] {
        rows[split as usize] = fill(config, world, &mut streams, split, &answerable)?;
    }
    rows[Split::Train as usize] = train;
    let prices: Vec<Price> = streams.into_iter().map(|stream| stream.price).collect();
    for (split, least) in
        [(Split::Validation, config.holdout.min_rows.validation), (Split::Test, config.holdout.min_rows.test)]
    {
        let least = least.min(limits[split as usize].unwrap_or(u64::MAX));
        let found = rows[split as usize].len() as u64;
        if found < least {
            return Err(Error::too_few(
                format!("holdout.min_rows.{}", split.name()),
                split,
                least,
                found,
                world,
                &prices,
            ));
        }
    }
    Ok(Drawn { rows, prices })
}

fn stream(world: &World, seed: u64, number: usize, task: &Sequences) -> Stream {
    let key = artifact::stream_key(&format!("dataset/draw/{}", task.name), &[seed]);
    let pinned = world.pins.rows.iter().filter(|pin| pin.1 == number).map(|pin| pin.2).collect();
    let permutation = Permutation::new(task.space.capacity(), &key);
    Stream {
        permutation,
        pinned,
        position: 0,
        found: Default::default(),
        tested: [0; 3],
        price: Price::default(),
    }
}

/// Looks at more rows of a task until it is said to be enough, or there are none.
fn look(world: &World, number: usize, stream: &mut Stream, enough: impl Fn(&Stream) -> bool) {
    let task = &world.tasks[number];
    let capacity = task.space.capacity();
    while stream.position < capacity && !enough(stream) {
        let end = capacity.min(stream.position + CHUNK);
        let judged: Vec<(u64, Option<Result<Split, Reason>>)> = (stream.position..end)
            .into_par_iter()
            .map(|position| {
                let index = stream.permutation.at(position);
                let row = task.space.row(index).filter(|_| !stream.pinned.contains(&index));
                let judge = |row: sequence::Row| {
                    if world.is_pinned(task, &row.terms) {
                        return Err(Reason::Duplicate);
                    }
                    world.judge(number, row.parameter, &row.terms)
                };
                (index, row.map(judge))
            })
            .collect();
        for (index, judgement) in judged {
            match judgement {
                Some(Ok(split)) => stream.found[split as usize].push(index),
                Some(Err(reason)) => stream.price.dropped[reason as usize] += 1,
                None => continue,
            }
            stream.price.seen += 1;
        }
        stream.position = end;
        info!(target: "progress", task = %task.name, done = end, total = capacity, unit = "rows", "");
    }
}

/// Returns the rows of a split: first the pinned ones, then those drawn, shared out over the tasks by their weights.
fn fill(
    config: &Config,
    world: &World,
    streams: &mut [Stream],
    split: Split,
    accept: &(impl Fn(&Sequences, u64) -> bool + Sync),
) -> Result<Vec<(u32, u64)>, Error> {
    let place = split as usize;
    let limit = [config.rows.train, config.rows.validation, config.rows.test][place];
    let pinned: Vec<(u32, u64)> =
        world.pins.rows.iter().filter(|pin| pin.0 == split).map(|pin| (pin.1 as u32, pin.2)).collect();
    let wanted = limit.map(|limit| limit - pinned.len() as u64);
    let weights: Vec<f64> = world.tasks.iter().map(|task| task.task.weight).collect();
    let quotas = loop {
        for (stream, task) in streams.iter_mut().zip(&world.tasks) {
            test(stream, task, place, accept);
        }
        let exhausted = |number: usize| streams[number].position == world.tasks[number].space.capacity();
        let useless = |number: usize| world.tasks[number].task.train_only && split > Split::Train;
        let available: Vec<u64> = (0..streams.len())
            .map(|i| if exhausted(i) || useless(i) { streams[i].found[place].len() as u64 } else { u64::MAX })
            .collect();
        let quotas = allot(wanted, &weights, &available);
        let short = |i: &usize| (streams[*i].found[place].len() as u64) < quotas[*i];
        let Some(number) = (0..streams.len()).find(short) else { break quotas };
        look(world, number, &mut streams[number], |stream| {
            stream.found[place].len() as u64 >= quotas[number]
        });
    };
    for (stream, &quota) in streams.iter_mut().zip(&quotas) {
        stream.price.kept[place] = quota;
    }
    for &(number, _) in &pinned {
        streams[number as usize].price.kept[place] += 1;
        streams[number as usize].price.seen += 1;
    }
    let found: u64 = quotas.iter().sum();
    if let Some(wanted) = wanted.filter(|&wanted| found < wanted) {
        let prices: Vec<Price> = streams.iter().map(|stream| stream.price.clone()).collect();
        let all = pinned.len() as u64;
        let at = format!("rows.{}", split.name());
        return Err(Error::too_few(at, split, wanted + all, found + all, world, &prices));
    }
    let lists: Vec<&[u64]> =
        streams.iter().zip(&quotas).map(|(stream, &quota)| &stream.found[place][..quota as usize]).collect();
    Ok(pinned.into_iter().chain(interleave(&lists)).collect())
}

/// Drops the rows found since the last time that are not accepted.
fn test(
    stream: &mut Stream,
    task: &Sequences,
    place: usize,
    accept: &(impl Fn(&Sequences, u64) -> bool + Sync),
) {
    let new = stream.found[place].split_off(stream.tested[place]);
    let kept: Vec<u64> = new.par_iter().copied().filter(|&index| accept(task, index)).collect();
    stream.price.dropped[Reason::Unanswerable as usize] += (new.len() - kept.len()) as u64;
    stream.found[place].extend(kept);
    stream.tested[place] = stream.found[place].len();
}

/// Shares out `wanted` rows by weight, none more than it has; what one lacks, the others give.
fn allot(wanted: Option<u64>, weights: &[f64], available: &[u64]) -> Vec<u64> {
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

/// Returns the rows of all tasks, each task spread evenly over the whole.
fn interleave(lists: &[&[u64]]) -> Vec<(u32, u64)> {
    let mut taken = vec![0_usize; lists.len()];
    let total = lists.iter().map(|list| list.len()).sum();
    let mut rows = Vec::with_capacity(total);
    // The middle of row j of n lies at (2 j + 1) / 2 n; compared as fractions, so that no rounding decides.
    let behind = |i: usize, j: usize, taken: &[usize]| {
        let middle = |i: usize| (2 * taken[i] as u128 + 1, lists[i].len() as u128);
        let ((a, n), (b, m)) = (middle(i), middle(j));
        a * m < b * n
    };
    while rows.len() < total {
        let mut open = (0..lists.len()).filter(|&i| taken[i] < lists[i].len());
        let first = open.next().expect("fewer rows than there are have been taken");
        let next = open.fold(first, |best, i| if behind(i, best, &taken) { i } else { best });
        rows.push((next as u32, lists[next][taken[next]]));
        taken[next] += 1;
    }
    rows
}

/// How often each token is a target of training, by notation.
pub(crate) struct Targets {
    counts: Vec<Vec<u64>>,
}

impl Targets {
    /// Counts every token after the first term of every row.
    pub(crate) fn count(world: &World, train: &[(u32, u64)]) -> Targets {
        let none = || vec![vec![0_u64; world.vocabulary.tokens().len()]; world.tasks.len()];
        let add = |mut counts: Vec<Vec<u64>>, &(number, index): &(u32, u64)| {
            let task = &world.tasks[number as usize];
            let terms = task.drawn(index).terms;
            let mut first = Vec::new();
            task.task.notation.write(terms[0], &world.vocabulary, &mut first);
            for &token in &world.write(task, &terms).tokens[1 + first.len()..] {
                counts[task.script][usize::from(token)] += 1;
            }
            counts
        };
        let sum = |mut one: Vec<Vec<u64>>, other: Vec<Vec<u64>>| {
            one.iter_mut().flatten().zip(other.iter().flatten()).for_each(|(one, other)| *one += other);
            one
        };
        let parts = train.par_chunks(CHUNK as usize).map(|chunk| chunk.iter().fold(none(), add));
        Targets { counts: parts.reduce(none, sum) }
    }

    /// Says whether each token of the row's answer is a target of training often enough.
    fn answerable(&self, world: &World, task: &Sequences, index: u64, least: u64) -> bool {
        let row = world.write(task, &task.drawn(index).terms);
        row.tokens[row.answer_start..]
            .iter()
            .all(|&token| self.counts[task.script][usize::from(token)] >= least)
    }
}

/// Refuses pinned rows that would have been dropped.
fn check_pins(config: &Config, world: &World, targets: &Targets) -> Result<(), Error> {
    for (split, number, index, at) in &world.pins.rows {
        let task = &world.tasks[*number];
        let row = task.drawn(*index);
        let words = |reason: Reason| Reason::ALL[reason as usize].1;
        let fails = match world.assign(task, &row.terms) {
            Err(reason) => Some(words(reason)),
            Ok(_) if *split == Split::Train || world.level == Level::Random => None,
            Ok(_) => match world.gate(task, &row.terms) {
                Err(reason) => Some(words(reason)),
                Ok(()) if targets.answerable(world, task, *index, config.holdout.min_seen) => None,
                Ok(()) => Some(words(Reason::Unanswerable)),
            },
        };
        if let Some(reason) = fails {
            let message = format!("{:?} cannot stand in `{}`: {reason}", row.terms, split.name());
            return Err(Error::config(at.clone(), message, "pin another row, or widen what is trained"));
        }
    }
    Ok(())
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

    #[test]
    fn tasks_are_spread_evenly() {
        let order: Vec<u32> = interleave(&[&[0, 1], &[0, 1, 2, 3]]).iter().map(|row| row.0).collect();
        assert_eq!(order, [1, 0, 1, 1, 0, 1]);
    }
}
