//! Which split each key is in: a keyed hash says so.

use std::{
    collections::{HashMap, HashSet},
    sync::OnceLock,
};

use sequence::Key;

use crate::{level::Separation, piece::Piece, split::Split, task::Sequences};

/// From so many keys on, each is assigned by its own hash; below, by its place in the order of the hashes.
const RANKED: usize = 10_000;

/// The splits of few keys; nothing for many.
type Ranked = Option<Map<Key, Split>>;

/// A map whose look-ups are on the way of every row.
type Map<K, V> = HashMap<K, V, foldhash::fast::FixedState>;

/// The split of every key.
pub(crate) struct Assignment {
    key: [u8; 32],
    test: f64,
    validation: f64,
    /// By task and parameter, worked out when first asked for.
    ranked: Vec<Map<i64, OnceLock<Ranked>>>,
}

impl Assignment {
    /// Prepares the assignment of the keys of every task that is not `train_only`; so large a share of them is test, and
    /// so large a one validation.
    pub(crate) fn new(seed: u64, [test, validation]: [f64; 2], tasks: &[Sequences]) -> Assignment {
        let parameters = |task: &Sequences| {
            let all = if task.task.train_only { Vec::new() } else { task.space.family.parameters() };
            all.into_iter().map(|parameter| (parameter, OnceLock::new())).collect()
        };
        let key = stream::key("dataset/colour", &[seed]);
        Assignment { key, test, validation, ranked: tasks.iter().map(parameters).collect() }
    }

    /// Returns the split that a key has under a parameter of the task with this number.
    pub(crate) fn split(
        &self,
        level: &dyn Separation,
        (number, task): (usize, &Sequences),
        parameter: i64,
        key: &Key,
    ) -> Split {
        let Some(ranked) = self.ranked[number].get(&parameter) else { return Split::Train };
        if let Some(ranked) = ranked.get_or_init(|| self.rank(population(level, task, parameter))) {
            return ranked.get(key).copied().unwrap_or(Split::Train);
        }
        let place = self.hash(key) as f64 / 2_f64.powi(64);
        match place {
            _ if place < self.test => Split::Test,
            _ if place < self.test + self.validation => Split::Validation,
            _ => Split::Train,
        }
    }

    /// Returns the splits of a population of few keys: sorted by their hashes, the first share is test, the next
    /// validation.
    fn rank(&self, population: impl Iterator<Item = Key>) -> Ranked {
        let keys: Vec<Key> = population.take(RANKED).collect();
        if keys.len() == RANKED {
            return None;
        }
        let [test, validation] = self.counts(keys.len());
        let mut order: Vec<(u64, Key)> = keys.into_iter().map(|key| (self.hash(&key), key)).collect();
        order.sort_unstable();
        let split = |place| match place {
            _ if place < test => Split::Test,
            _ if place < test + validation => Split::Validation,
            _ => Split::Train,
        };
        Some(order.into_iter().enumerate().map(|(place, (_, key))| (key, split(place))).collect())
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

/// Returns the keys that share out the splits among themselves: those of one parameter of a task.
pub(crate) fn population<'a>(
    level: &'a dyn Separation,
    task: &'a Sequences,
    parameter: i64,
) -> Box<dyn Iterator<Item = Key> + 'a> {
    let family = task.space.family.name();
    let rows = || task.space.rows_under(parameter).map(|row| row.terms);
    match task.piece {
        Piece::Unit(_) => task.space.population(parameter),
        Piece::Row if !level.trains(task, parameter) => Box::new(std::iter::empty()),
        Piece::Row => {
            let trained = move |terms: &Vec<i64>| level.kind(task, parameter, terms) == Split::Train;
            Box::new(rows().filter(trained).map(move |unit| Key::Unit { family, unit }))
        }
        Piece::Window(m) => {
            let mut seen = HashSet::new();
            let windows =
                move |terms: Vec<i64>| terms.windows(m.max(1)).map(<[i64]>::to_vec).collect::<Vec<_>>();
            let new = rows().flat_map(windows).filter(move |window| seen.insert(window.clone()));
            Box::new(new.map(move |unit| Key::Unit { family, unit }))
        }
    }
}
