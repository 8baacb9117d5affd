//! How often each token is a target of training.

use crate::{task::Sequences, world::World};

/// How often each token is a target, by notation: every token after the first term of every row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Targets {
    /// By script, then by token; empty for tasks that count with an earlier one.
    counts: Vec<Vec<u64>>,
    first: Vec<u16>,
}

impl Targets {
    /// Returns no counts yet.
    pub(crate) fn none(world: &World) -> Targets {
        let tokens = world.vocabulary.tokens().len();
        let none =
            |(number, task): (usize, &Sequences)| vec![0; if task.script == number { tokens } else { 0 }];
        Targets { counts: world.tasks.iter().enumerate().map(none).collect(), first: Vec::new() }
    }

    /// Counts the tokens of a row.
    pub(crate) fn count(&mut self, world: &World, task: &Sequences, terms: &[i64], tokens: &[u16]) {
        self.first.clear();
        task.task.notation.write(terms[0], &world.vocabulary, &mut self.first);
        for &token in &tokens[1 + self.first.len()..] {
            self.counts[task.script][usize::from(token)] += 1;
        }
    }

    /// Adds the counts of other rows.
    pub(crate) fn add(&mut self, other: &Targets) {
        let counts = self.counts.iter_mut().flatten().zip(other.counts.iter().flatten());
        counts.for_each(|(one, other)| *one += other);
    }

    /// Says whether each token of an answer, as the task writes it, is a target at least so often.
    pub(crate) fn has(&self, task: &Sequences, answer: &[u16], least: u64) -> bool {
        answer.iter().all(|&token| self.counts[task.script][usize::from(token)] >= least)
    }
}
