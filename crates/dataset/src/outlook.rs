//! What a definition shows of its rows before any is built: for whoever is to read them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Config, Error, split::Split, task::Sequences, world::World};

/// Numbers of terms of a task whose rows are looked at, about.
const LENGTHS: usize = 32;
/// Further rows of a task that are looked at, spread over all of them.
const ROWS: u64 = 128;

/// What a definition shows of its rows before any is built.
///
/// Rows are looked at, not all of them: where values take different numbers of tokens, the longest row may be longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlook {
    /// The tokens of the vocabulary in order, each with its kind: `digit 7`.
    #[serde(skip)]
    pub vocabulary: Vec<String>,
    /// Tokens of the longest row that training can see, in train or validation.
    pub seen: usize,
    /// Tokens of the longest row that the level holds out for the test; 0 where it names no kinds.
    pub held: usize,
    /// Whether every row of so many terms takes the same tokens, so that the longest rows are known.
    pub exact: bool,
    /// The most rows that training can have.
    pub train: u64,
    /// The most rows that the validation can have.
    pub validation: u64,
    /// The most rows that the test can have.
    pub test: u64,
}

impl Config {
    /// Returns what the definition shows of its rows.
    ///
    /// # Errors
    /// As [`Config::check`].
    pub fn outlook(&self) -> Result<Outlook, Error> {
        let world = World::new(self)?;
        let tokens = world.vocabulary.tokens().iter();
        let capacity = world.capacity();
        let most = |rows: Option<u64>| rows.unwrap_or(u64::MAX).min(capacity);
        let (train, validation, test) =
            (most(self.rows.train), most(self.rows.validation), most(self.rows.test));
        let mut outlook = Outlook {
            vocabulary: tokens.map(|token| format!("{} {}", token.kind.name(), token.token)).collect(),
            seen: 0,
            held: 0,
            exact: true,
            train,
            validation,
            test,
        };
        for task in &world.tasks {
            outlook.look(&world, task);
        }
        Ok(outlook)
    }
}

impl Outlook {
    /// Tokens of the longest row of all splits.
    pub fn longest(&self) -> usize {
        self.seen.max(self.held)
    }

    /// The most rows that any split can have.
    pub fn most(&self) -> u64 {
        self.train.max(self.validation).max(self.test)
    }

    fn look(&mut self, world: &World, task: &Sequences) {
        let parameters = task.space.family.parameters();
        let ends: BTreeSet<i64> = parameters.first().into_iter().chain(parameters.last()).copied().collect();
        for terms in lengths(world, task) {
            let numbers = ends.iter().map(|parameter| task.space.numbers(*parameter, terms));
            let firsts = numbers.clone().filter(|numbers| !numbers.is_empty());
            let ends: Vec<u64> = firsts.flat_map(|numbers| [numbers.start, numbers.end - 1]).collect();
            let sizes: BTreeSet<usize> =
                ends.iter().filter_map(|index| self.row(world, task, *index)).collect();
            self.exact &= sizes.len() <= 1;
        }
        let capacity = task.space.capacity();
        let stride = usize::try_from(capacity.div_ceil(ROWS)).unwrap_or(usize::MAX).max(1);
        (0..capacity).step_by(stride).for_each(|index| {
            self.row(world, task, index);
        });
    }

    /// Looks at one row and returns its tokens, if there is such a row.
    fn row(&mut self, world: &World, task: &Sequences, index: u64) -> Option<usize> {
        let row = task.space.row(index)?;
        let size = world.write(task, &row.terms).tokens.len();
        let kind = world.level.kind(task, row.parameter, &row.terms);
        let longest = if kind == Split::Test { &mut self.held } else { &mut self.seen };
        // Rows of a kind that is held out are dropped where their task is for training only.
        if !(task.task.train_only && kind != Split::Train) {
            *longest = size.max(*longest);
        }
        Some(size)
    }
}

/// Returns the numbers of terms of a task's rows: the fewest, the most, those beside a threshold, and some between.
fn lengths(world: &World, task: &Sequences) -> BTreeSet<usize> {
    let (fewest, most) = task.space.bounds.terms;
    let spread = (fewest..=most).step_by(((most - fewest) / LENGTHS).max(1));
    let beside = world.level.lengths().into_iter().flat_map(|at| [at.saturating_sub(1), at]);
    let beside = beside
        .filter_map(|terms| usize::try_from(terms).ok())
        .filter(|terms| (fewest..=most).contains(terms));
    spread.chain([most]).chain(beside).collect()
}
