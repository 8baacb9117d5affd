use std::collections::BTreeSet;

use crate::Plan;
use crate::select::Chosen;

/// Which jobs can begin.
pub(crate) struct Queue {
    /// Of every job, how many of its inputs are still to come.
    missing: Vec<usize>,
    readers: Vec<Vec<usize>>,
    ready: BTreeSet<usize>,
    finished: Vec<bool>,
}

impl Queue {
    pub(crate) fn new(plan: &Plan, chosen: &[Chosen]) -> Self {
        let count = plan.jobs.len();
        let mut queue = Self {
            missing: vec![0; count],
            readers: vec![Vec::new(); count],
            ready: BTreeSet::new(),
            finished: vec![false; count],
        };
        for index in (0..count).filter(|index| chosen[*index].considered) {
            let inputs: BTreeSet<usize> =
                plan.inputs_of(index).filter(|input| chosen[*input].considered).collect();
            queue.missing[index] = inputs.len();
            for input in &inputs {
                queue.readers[*input].push(index);
            }
            if inputs.is_empty() {
                queue.ready.insert(index);
            }
        }
        queue
    }

    pub(crate) fn next(&mut self) -> Option<usize> {
        self.ready.pop_first()
    }

    pub(crate) fn done(&mut self, index: usize) {
        self.finished[index] = true;
        for reader in std::mem::take(&mut self.readers[index]) {
            self.missing[reader] -= 1;
            if self.missing[reader] == 0 {
                self.ready.insert(reader);
            }
        }
    }

    /// Returns how many jobs wait for something that did not come.
    pub(crate) fn left(&self, chosen: &[Chosen]) -> usize {
        (0..chosen.len()).filter(|index| chosen[*index].considered && self.missing[*index] > 0).count()
    }
}
