//! The one function that decides which split a row is in.

use std::{
    collections::{BTreeMap, HashMap},
    sync::OnceLock,
};

use sequence::Key;

use crate::{
    Config, Level,
    piece::Piece,
    world::{self, Sequences, World},
};

/// From so many keys on, each is coloured by its own hash; below, by its place in the order of the hashes.
const RANKED: usize = 10_000;

/// Where a row is used; the greater is the stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Split {
    /// Fitted.
    Train,
    /// Looked at while fitting.
    Validation,
    /// Looked at in the end.
    Test,
}

impl Split {
    /// Every split, train first.
    pub const ALL: [Split; 3] = [Split::Train, Split::Validation, Split::Test];

    /// Returns the name in the tables and of the files.
    pub fn name(self) -> &'static str {
        ["train", "validation", "test"][self as usize]
    }
}

/// Why a row is in no split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reason {
    /// An earlier task, or an earlier parameter, makes the same row.
    Duplicate,
    /// Its units are in different splits.
    MixedUnits,
    /// A window of it is a unit that is held out more strictly.
    ForeignWindow,
    /// Its task is `train_only`, and its kind is held out.
    HeldOutKind,
    /// Its answer stands in its context.
    Copy,
    /// Another rule of the dataset answers its context otherwise.
    Conflict,
    /// A token of its answer is hardly ever a target of training.
    Unanswerable,
}

impl Reason {
    /// Every reason with its words in the price table.
    pub(crate) const ALL: [(Reason, &'static str); 7] = [
        (Reason::Duplicate, "made by an earlier task or parameter too"),
        (Reason::MixedUnits, "units in different splits"),
        (Reason::ForeignWindow, "holding a unit that is held out"),
        (Reason::HeldOutKind, "train_only, of a kind that is held out"),
        (Reason::Copy, "held out, answer stands in the context"),
        (Reason::Conflict, "held out, context has two answers"),
        (Reason::Unanswerable, "held out, answer hardly ever trained"),
    ];

    /// Returns its words in the price table.
    pub(crate) fn words(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// The colours of few keys; nothing for many.
type Ranked = Option<Map<Key, Split>>;

/// A map whose look-ups are on the way of every row.
type Map<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// The colour of every key.
pub(crate) struct Colours {
    key: [u8; 32],
    test: f64,
    validation: f64,
    /// By task and parameter, worked out when first asked for.
    ranked: Vec<Map<i64, OnceLock<Ranked>>>,
    /// Widths of the windows that have the shape of some task's piece.
    pub(crate) shapes: BTreeMap<Piece, Vec<usize>>,
}

impl Colours {
    /// Prepares the colours of every task that is not `train_only`.
    pub(crate) fn new(config: &Config, tasks: &[Sequences]) -> Colours {
        let holdout = &config.holdout;
        let (test, validation) = holdout.shares();
        let parameters = |task: &Sequences| {
            let all = if task.task.train_only { Vec::new() } else { task.space.family.parameters() };
            all.into_iter().map(|parameter| (parameter, OnceLock::new())).collect()
        };
        Colours {
            key: stream::key("dataset/colour", &[holdout.seed.unwrap_or(config.seed)]),
            test,
            validation,
            ranked: tasks.iter().map(parameters).collect(),
            shapes: world::shapes(&holdout.level, tasks),
        }
    }

    /// Returns the colours of a population of few keys: sorted by their hashes, the first share is test, the next
    /// validation.
    fn rank(&self, population: impl Iterator<Item = Key>) -> Ranked {
        let keys: Vec<Key> = population.take(RANKED).collect();
        if keys.len() == RANKED {
            return None;
        }
        let [test, validation] = self.counts(keys.len());
        let mut order: Vec<(u64, Key)> = keys.into_iter().map(|key| (self.hash(&key), key)).collect();
        order.sort_unstable();
        let colour = |place| match place {
            _ if place < test => Split::Test,
            _ if place < test + validation => Split::Validation,
            _ => Split::Train,
        };
        Some(order.into_iter().enumerate().map(|(place, (_, key))| (key, colour(place))).collect())
    }

    fn hash(&self, key: &Key) -> u64 {
        first_8(&blake3::keyed_hash(&self.key, &key.bytes()))
    }

    /// Returns how many of few keys are test and how many validation.
    pub(crate) fn counts(&self, keys: usize) -> [usize; 2] {
        let count =
            |share: f64| if share > 0.0 { ((keys as f64 * share).round() as usize).max(1) } else { 0 };
        [count(self.test), count(self.validation)]
    }
}

/// Returns a hash's first 8 bytes as a number, little endian.
pub(crate) fn first_8(hash: &blake3::Hash) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|byte| hash.as_bytes()[byte]))
}

impl World {
    /// Returns the split of a piece: its pin, or the strictest of the colours that it has under every task that could
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
        if let Some(split) = self.pinned(kind, domain, piece) {
            return split;
        }
        let mut strictest = Split::Train;
        for (number, task) in self.tasks.iter().enumerate() {
            if task.piece != kind || task.domain != domain || task.task.train_only {
                continue;
            }
            task.keys(piece, &mut |parameter, key| {
                strictest = strictest.max(self.colour(number, parameter, &key));
            });
        }
        strictest
    }

    /// Returns the colour that a key has under a parameter of a task.
    pub(crate) fn colour(&self, number: usize, parameter: i64, key: &Key) -> Split {
        let colours = &self.colours;
        let Some(ranked) = colours.ranked[number].get(&parameter) else { return Split::Train };
        let rank = || colours.rank(self.tasks[number].population(&self.level, parameter));
        if let Some(ranked) = ranked.get_or_init(rank) {
            return ranked.get(key).copied().unwrap_or(Split::Train);
        }
        let place = colours.hash(key) as f64 / 2_f64.powi(64);
        match place {
            _ if place < colours.test => Split::Test,
            _ if place < colours.test + colours.validation => Split::Validation,
            _ => Split::Train,
        }
    }

    /// Returns the split of a row, or why it has none.
    ///
    /// Everything but what train rows were drawn (`Reason::Unanswerable`) is decided here, from the definition alone.
    pub(crate) fn judge(&self, number: usize, parameter: i64, terms: &[i64]) -> Result<Split, Reason> {
        let task = &self.tasks[number];
        if self.is_duplicate(number, parameter, terms) {
            return Err(Reason::Duplicate);
        }
        let split = if self.level.names_kinds() {
            self.assign_by_kind(task, parameter, terms)?
        } else {
            self.assign(task, terms)?
        };
        if split > Split::Train && self.level != Level::Random {
            self.gate(task, terms)?;
        }
        Ok(split)
    }

    /// Returns the split of the row's kind; of the rows of trained kinds, a share is the validation.
    fn assign_by_kind(&self, task: &Sequences, parameter: i64, terms: &[i64]) -> Result<Split, Reason> {
        match self.level.of_kind(task, parameter, terms) {
            Split::Train if task.task.train_only || !self.level.shares(task, parameter) => Ok(Split::Train),
            Split::Train => Ok(self.split(task.piece, task.domain, terms)),
            _ if task.task.train_only => Err(Reason::HeldOutKind),
            split => Ok(split),
        }
    }

    /// Returns the one split of all the row's pieces, if there is one and no window is stricter.
    pub(crate) fn assign(&self, task: &Sequences, terms: &[i64]) -> Result<Split, Reason> {
        let context = task.space.family.context(terms.len());
        let split = if task.task.train_only {
            Split::Train
        } else {
            let pieces = task.piece.of(terms, context);
            let mut splits = pieces.map(|piece| self.split(task.piece, task.domain, piece));
            let first = splits.next().unwrap_or(Split::Train);
            if splits.any(|split| split != first) {
                return Err(Reason::MixedUnits);
            }
            first
        };
        let stricter = |(kind, window): (Piece, &[i64])| self.split(kind, task.domain, window) > split;
        let known = |kind: Piece| kind.is_pair() && task.piece == kind && !task.task.train_only;
        if self.windows(terms).filter(|(kind, _)| !known(*kind)).any(stricter) {
            return Err(Reason::ForeignWindow);
        }
        Ok(split)
    }

    /// Refuses a held-out row that can be answered by copying, or that has two answers.
    pub(crate) fn gate(&self, task: &Sequences, terms: &[i64]) -> Result<(), Reason> {
        let family = &task.space.family;
        let (context, answer) = terms.split_at(family.context(terms.len()));
        if !family.answer_in_context() && answer.iter().any(|term| context.contains(term)) {
            return Err(Reason::Copy);
        }
        let same = |other: &&Sequences| {
            other.script == task.script && other.space.family.operators() == family.operators()
        };
        let conflict = self.tasks.iter().filter(same).any(|other| {
            let lengths = other.space.bounds.lengths();
            let mut lengths = lengths.filter(|&terms| other.space.family.context(terms) == context.len());
            lengths.any(|terms| other.space.answers(context, terms).any(|found| found != answer))
        });
        if conflict { Err(Reason::Conflict) } else { Ok(()) }
    }

    fn is_duplicate(&self, number: usize, parameter: i64, terms: &[i64]) -> bool {
        let task = &self.tasks[number];
        let earlier = self.tasks[..number].iter().filter(|other| other.script == task.script);
        let operators = task.space.family.operators();
        let mut earlier = earlier.filter(|other| other.space.family.operators() == operators);
        earlier.any(|other| other.space.locate(terms).is_some())
            || task.space.locate(terms).is_some_and(|(_, first)| first != parameter)
    }
}
