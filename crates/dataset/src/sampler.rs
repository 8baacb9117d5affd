//! The rows of one task in drawn order.

use std::collections::HashSet;

use rayon::prelude::*;
use sequence::Written;
use stream::Permutation;

use crate::{
    price::Price,
    split::{Reason, Split},
    targets::Targets,
    task::Sequences,
    world::World,
};

/// Positions that are counted together.
const STRETCH: u64 = 1 << 12;
/// Stretches looked at in one go, in parallel.
const AT_ONCE: u64 = 16;

/// The rows of one task in drawn order: those that were looked at are counted, stretch by stretch, so that the row of
/// any rank is found again.
pub(crate) struct Sampler {
    number: usize,
    permutation: Permutation,
    capacity: u64,
    /// Pinned rows, which are not drawn.
    pinned: HashSet<u64>,
    /// By stretch, how many rows of each split come before it; ends with those of all that was looked at.
    before: Vec<[u64; 3]>,
    /// By stretch, what was found out; nothing where there was no room to keep it.
    marks: Vec<Option<Marks>>,
    /// Of what was looked at, all that may be kept.
    pub(crate) found: Price,
    /// By split, the rows that are kept: the first that may be.
    pub(crate) quotas: [u64; 3],
}

/// The split of each row of a stretch that may be kept: two bits each, 0 for the others.
struct Marks(Box<[u8; STRETCH as usize / 4]>);

/// Says what is known of a row: from the definition, and, later, from what was trained.
pub(crate) struct Judge<'a> {
    pub(crate) world: &'a World,
    /// How often a token of a held-out answer has to be a target.
    pub(crate) min_seen: u64,
    /// The targets of training; nothing as long as they are not known.
    pub(crate) targets: Option<Targets>,
}

/// Memory for the row that is looked at.
#[derive(Default)]
pub(crate) struct Scratch {
    pub(crate) terms: Vec<i64>,
    written: Written,
}

impl Sampler {
    /// Returns the rows of a task, none of which was looked at.
    pub(crate) fn new(world: &World, seed: u64, number: usize) -> Sampler {
        let task = &world.tasks[number];
        let key = stream::key(&format!("dataset/draw/{}", task.name), &[seed]);
        let capacity = task.space.capacity();
        Sampler {
            number,
            permutation: Permutation::of_key(capacity, &key),
            capacity,
            pinned: world.pins.rows.iter().filter(|pin| pin.1 == number).map(|pin| pin.2).collect(),
            before: vec![[0; 3]],
            marks: Vec::new(),
            found: Price::default(),
            quotas: [0; 3],
        }
    }

    /// Returns how many positions were looked at.
    pub(crate) fn position(&self) -> u64 {
        self.capacity.min(self.stretches() * STRETCH)
    }

    /// Returns how many stretches were looked at.
    pub(crate) fn stretches(&self) -> u64 {
        self.marks.len() as u64
    }

    /// Says whether all rows were looked at.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.position() == self.capacity
    }

    /// Looks at some more stretches, and remembers what is found out of the first `room` of them.
    pub(crate) fn look(&mut self, judge: &Judge, room: u64) {
        let first = self.stretches();
        let end = self.capacity.div_ceil(STRETCH).min(first + AT_ONCE);
        let counted: Vec<_> =
            (first..end).into_par_iter().map(|stretch| self.count(judge, stretch)).collect();
        let sum = |one: &mut [u64], other: &[u64]| {
            one.iter_mut().zip(other).for_each(|(one, other)| *one += other);
        };
        for (stretch, (price, marks)) in counted.into_iter().enumerate() {
            self.found.seen += price.seen;
            sum(&mut self.found.kept, &price.kept);
            sum(&mut self.found.dropped, &price.dropped);
            self.before.push(self.found.kept);
            self.marks.push(Some(marks).filter(|_| (stretch as u64) < room));
        }
    }

    fn count(&self, judge: &Judge, stretch: u64) -> (Price, Marks) {
        let (mut price, mut marks, mut scratch) = (Price::default(), Marks::none(), Scratch::default());
        for position in self.positions(stretch) {
            match judge.of_all(self, position, &mut scratch) {
                Some(Ok(split)) => {
                    price.kept[split as usize] += 1;
                    marks.set(position, Some(split));
                }
                Some(Err(reason)) => price.dropped[reason as usize] += 1,
                None => continue,
            }
            price.seen += 1;
        }
        (price, marks)
    }

    /// Takes out the held-out rows that cannot be answered, now that it is known what was trained.
    pub(crate) fn sift(&mut self, judge: &Judge) {
        if judge.targets.is_none() {
            return;
        }
        let mut all_marks = std::mem::take(&mut self.marks);
        let sift = |(stretch, marks): (usize, &mut Option<Marks>)| self.lost(judge, stretch as u64, marks);
        let lost: Vec<[u64; 3]> = all_marks.par_iter_mut().enumerate().map(sift).collect();
        self.marks = all_marks;
        let mut gone = [0; 3];
        for (before, lost) in self.before[1..].iter_mut().zip(lost) {
            for split in 0..3 {
                gone[split] += lost[split];
                before[split] -= gone[split];
            }
        }
        self.found.kept = self.before[self.before.len() - 1];
        self.found.dropped[Reason::Unanswerable as usize] += gone.iter().sum::<u64>();
    }

    /// Returns how many rows of each split of a stretch cannot be answered, and unmarks them.
    fn lost(&self, judge: &Judge, stretch: u64, marks: &mut Option<Marks>) -> [u64; 3] {
        let (mut lost, mut scratch) = ([0; 3], Scratch::default());
        let task = &judge.world.tasks[self.number];
        for position in self.positions(stretch) {
            let split = match marks {
                None => judge.of_definition(self, position, &mut scratch).and_then(Result::ok),
                Some(marks) => marks.get(position).filter(|&split| {
                    split > Split::Train
                        && task.space.row_into(self.permutation.at(position), &mut scratch.terms).is_some()
                }),
            };
            if let Some(split) = split
                && !judge.is_answerable(task, split, &mut scratch)
            {
                lost[split as usize] += 1;
                if let Some(marks) = marks {
                    marks.set(position, None);
                }
            }
        }
        lost
    }

    /// Returns the numbers of the rows that may be kept in a split, in drawn order, after the first `rank`.
    pub(crate) fn drawn<'a>(
        &'a self,
        judge: &'a Judge,
        split: Split,
        rank: u64,
    ) -> impl Iterator<Item = u64> + 'a {
        let stretch = self.before.partition_point(|before| before[split as usize] <= rank) - 1;
        let rest = rank - self.before[stretch][split as usize];
        let mut scratch = Scratch::default();
        let is_kept = move |position: &u64| {
            let found = match &self.marks[(position / STRETCH) as usize] {
                Some(marks) => marks.get(*position),
                None => judge.of_all(self, *position, &mut scratch).and_then(Result::ok),
            };
            found == Some(split)
        };
        let positions = stretch as u64 * STRETCH..self.position();
        positions.filter(is_kept).skip(rest as usize).map(|position| self.permutation.at(position))
    }

    fn positions(&self, stretch: u64) -> std::ops::Range<u64> {
        stretch * STRETCH..self.capacity.min((stretch + 1) * STRETCH)
    }
}

impl Marks {
    fn none() -> Marks {
        Marks(Box::new([0; STRETCH as usize / 4]))
    }

    fn get(&self, position: u64) -> Option<Split> {
        let (byte, shift) = Self::place(position);
        match self.0[byte] >> shift & 3 {
            0 => None,
            split => Some(Split::ALL[usize::from(split) - 1]),
        }
    }

    fn set(&mut self, position: u64, split: Option<Split>) {
        let (byte, shift) = Self::place(position);
        self.0[byte] = self.0[byte] & !(3 << shift) | split.map_or(0, |split| split as u8 + 1) << shift;
    }

    /// Returns the byte that holds the position of its stretch, and the bits before it there.
    fn place(position: u64) -> (usize, u64) {
        let place = position % STRETCH;
        ((place / 4) as usize, place % 4 * 2)
    }
}

impl Judge<'_> {
    /// Returns the split that the row at a position is in, or why it is in none; nothing where there is no row, or one
    /// that is not drawn.
    fn of_all(
        &self,
        sampler: &Sampler,
        position: u64,
        scratch: &mut Scratch,
    ) -> Option<Result<Split, Reason>> {
        let judgement = self.of_definition(sampler, position, scratch)?;
        Some(judgement.and_then(|split| {
            let task = &self.world.tasks[sampler.number];
            if self.is_answerable(task, split, scratch) { Ok(split) } else { Err(Reason::Unanswerable) }
        }))
    }

    /// Returns the same as far as the definition alone decides.
    fn of_definition(
        &self,
        sampler: &Sampler,
        position: u64,
        scratch: &mut Scratch,
    ) -> Option<Result<Split, Reason>> {
        let task = &self.world.tasks[sampler.number];
        let index = sampler.permutation.at(position);
        if !sampler.pinned.is_empty() && sampler.pinned.contains(&index) {
            return None;
        }
        let parameter = task.space.row_into(index, &mut scratch.terms)?;
        if self.world.pins.holds(task, &scratch.terms) {
            return Some(Err(Reason::Duplicate));
        }
        Some(self.world.judge(sampler.number, parameter, &scratch.terms))
    }

    /// Says whether each token of the row's answer is a target of training often enough, as far as these are known;
    /// only held-out rows have to be answered.
    pub(crate) fn is_answerable(&self, task: &Sequences, split: Split, scratch: &mut Scratch) -> bool {
        let Some(targets) = self.targets.as_ref().filter(|_| split > Split::Train) else { return true };
        self.world.write_into(task, &scratch.terms, &mut scratch.written);
        let answer = &scratch.written.tokens[scratch.written.answer_start..];
        targets.has(task, answer, self.min_seen)
    }
}
