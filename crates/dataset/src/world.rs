//! A definition with everything that follows from it alone: the rows of each task, the tokens, the split of each piece.

use sequence::{Key, Range, Vocabulary, Written};

use crate::{
    Config, Error, assignment::Assignment, levels::Level, memo::Memo, piece::Piece, pins::Pinned,
    shapes::Shapes, split::Split, task::Sequences,
};

/// The most rows that are numbered in one dataset.
const MOST_ROWS: u64 = 1 << 62;

/// A definition with everything that follows from it alone.
pub(crate) struct World {
    pub(crate) level: Level,
    pub(crate) tasks: Vec<Sequences>,
    pub(crate) vocabulary: Vocabulary,
    pub(crate) pins: Pinned,
    pub(crate) shapes: Shapes,
    pub(crate) assignment: Assignment,
    /// By the first task of each domain.
    memos: Vec<Memo>,
}

impl World {
    /// Works out the definition, refusing what cannot be meant.
    pub(crate) fn new(config: &Config) -> Result<World, Error> {
        let mut tasks: Vec<Sequences> = Vec::new();
        let mut offset = 0_u64;
        for (name, task) in &config.tasks {
            let at = format!("tasks.{name}");
            let space = task.space(&at, config.holdout.block)?;
            let same = |other: &Sequences| other.task.notation == task.notation;
            let script = tasks.iter().position(same).unwrap_or(tasks.len());
            let same = |other: &Sequences| other.task.notation.domain() == task.notation.domain();
            let domain = tasks.iter().position(same).unwrap_or(tasks.len());
            let piece = config.holdout.level.piece(space.family.unit());
            let capacity = space.capacity();
            let (name, task) = (name.clone(), task.clone());
            tasks.push(Sequences { name, task, space, offset, piece, script, domain });
            offset = offset.checked_add(capacity).filter(|&sum| sum <= MOST_ROWS).ok_or_else(|| {
                Error::config(at, "the tasks have too many rows to number", "narrow the bounds or the terms")
            })?;
        }
        let words = tasks.iter().map(|task| {
            let reach = task.space.reach().unwrap_or(Range::EMPTY);
            (&task.task.family, &task.task.notation, task.task.values.unwrap_or(reach))
        });
        let vocabulary = Vocabulary::new(words).map_err(|error| Error::sequence("tasks", error))?;
        let shapes = Shapes::of(&tasks);
        let pins = Pinned::new(&config.pins, &tasks, &shapes)?;
        let seed = config.holdout.seed.unwrap_or(config.seed);
        let assignment = Assignment::new(seed, config.holdout.shares(), &tasks);
        let (level, memos) = (config.holdout.level.clone(), memos(&tasks));
        Ok(World { level, tasks, vocabulary, pins, shapes, assignment, memos })
    }

    /// Returns how many numbered rows there are.
    pub(crate) fn capacity(&self) -> u64 {
        self.tasks.last().map_or(0, |task| task.offset + task.space.capacity())
    }

    /// Returns the row as tokens.
    pub(crate) fn write(&self, task: &Sequences, terms: &[i64]) -> Written {
        sequence::write_row(&task.task.family, &task.task.notation, &self.vocabulary, terms)
            .expect("the vocabulary was made for every value that a row can have")
    }

    /// Puts the row as tokens in the place of another.
    pub(crate) fn write_into(&self, task: &Sequences, terms: &[i64], written: &mut Written) {
        let written = written.write(&task.task.family, &task.task.notation, &self.vocabulary, terms);
        assert!(written, "the vocabulary was made for every value that a row can have");
    }

    /// Returns the split of a piece: its pin, or the strictest of the splits that it has under every task that could
    /// make it.
    pub(crate) fn split(&self, kind: Piece, domain: usize, piece: &[i64]) -> Split {
        if kind.is_pair() {
            self.memos[domain].split(piece, || self.split_anew(kind, domain, piece))
        } else {
            self.split_anew(kind, domain, piece)
        }
    }

    fn split_anew(&self, kind: Piece, domain: usize, piece: &[i64]) -> Split {
        let piece = &*kind.canonical(piece);
        if let Some(split) = self.pins.split(kind, domain, piece) {
            return split;
        }
        let mut strictest = Split::Train;
        for (number, task) in self.tasks.iter().enumerate() {
            if task.piece != kind || task.domain != domain || task.task.train_only {
                continue;
            }
            task.keys(piece, &mut |parameter, key| {
                strictest = strictest.max(self.assigned(number, parameter, &key));
            });
        }
        strictest
    }

    /// Returns the split that a key has by itself, under a parameter of the task with this number.
    pub(crate) fn assigned(&self, number: usize, parameter: i64, key: &Key) -> Split {
        self.assignment.split(&*self.level, (number, &self.tasks[number]), parameter, key)
    }
}

/// Returns a memo for the pairs of each domain, in the place of its first task.
fn memos(tasks: &[Sequences]) -> Vec<Memo> {
    let domains = tasks.iter().enumerate().filter(|(number, task)| task.domain == *number).count() as u64;
    let memo = |domain| {
        let same = || tasks.iter().filter(|task| task.domain == domain);
        let reach = same().filter_map(|task| task.space.reach());
        let reach =
            reach.reduce(|one, other| Range { min: one.min.min(other.min), max: one.max.max(other.max) });
        let pairs = same().fold(0_u64, |pairs, task| pairs.saturating_add(task.space.capacity()));
        Memo::new(reach.unwrap_or(Range::EMPTY), pairs, domains)
    };
    (0..tasks.len()).map(memo).collect()
}
