//! Which stages a command is about.

use std::collections::HashSet;

use crate::{Error, Plan, Result};

/// The stages that a command names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Selection {
    /// All of them.
    #[default]
    All,
    /// These, after those of their ancestors that are stale.
    Stages(Vec<String>),
    /// These alone, on the inputs that are shown now.
    Only(Vec<String>),
    /// This one and all that come after it, on the inputs that are shown now.
    From(String),
    /// This one, after those of its ancestors that are stale; the same as naming it.
    Until(String),
    /// From the first to the second: what comes after the one and before the other, with both.
    Between(String, String),
}

/// What is to be done with one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// Whether it may run.
    pub(crate) considered: bool,
    /// Whether the command named it: `--force` is about these.
    pub(crate) named: bool,
}

impl Plan {
    /// Returns what `selection` asks of every job.
    pub(crate) fn choose(&self, selection: &Selection) -> Result<Vec<Chosen>> {
        let all = vec![true; self.jobs.len()];
        let (considered, named) = match selection {
            Selection::All => (all.clone(), all),
            Selection::Stages(stages) => {
                let named = self.mark(stages)?;
                (self.before(&named), named)
            }
            Selection::Until(stage) => {
                let named = self.before(&self.mark(std::slice::from_ref(stage))?);
                (named.clone(), named)
            }
            Selection::Only(stages) => {
                let named = self.mark(stages)?;
                (named.clone(), named)
            }
            Selection::From(stage) => {
                let named = self.after(&self.mark(std::slice::from_ref(stage))?);
                (named.clone(), named)
            }
            Selection::Between(first, last) => {
                let after = self.after(&self.mark(std::slice::from_ref(first))?);
                let before = self.before(&self.mark(std::slice::from_ref(last))?);
                let named: Vec<bool> = after.iter().zip(&before).map(|(a, b)| *a && *b).collect();
                if !named.contains(&true) {
                    return Err(Error::usage(format!("`{last}` does not come after `{first}`"), None));
                }
                (named.clone(), named)
            }
        };
        Ok(considered
            .into_iter()
            .zip(named)
            .map(|(considered, named)| Chosen { considered, named })
            .collect())
    }

    fn mark(&self, stages: &[String]) -> Result<Vec<bool>> {
        let named: HashSet<&str> = stages.iter().map(String::as_str).collect();
        let known: HashSet<&str> = self.jobs.iter().map(|job| job.stage.as_str()).collect();
        if let Some(unknown) = stages.iter().find(|stage| !known.contains(stage.as_str())) {
            self.jobs_of(unknown)?;
        }
        Ok(self.jobs.iter().map(|job| named.contains(job.stage.as_str())).collect())
    }

    /// Adds everything that the marked jobs read.
    fn before(&self, marked: &[bool]) -> Vec<bool> {
        let mut marked = marked.to_vec();
        // Inputs come before those who read them.
        for index in (0..self.jobs.len()).rev() {
            if marked[index] {
                self.inputs_of(index).for_each(|input| marked[input] = true);
            }
        }
        marked
    }

    /// Adds everything that reads the marked jobs.
    fn after(&self, marked: &[bool]) -> Vec<bool> {
        let mut marked = marked.to_vec();
        for index in 0..self.jobs.len() {
            let reads = self.inputs_of(index).any(|input| marked[input]);
            marked[index] |= reads;
        }
        marked
    }

    /// Returns the jobs that job `index` reads.
    pub(crate) fn inputs_of(&self, index: usize) -> impl Iterator<Item = usize> {
        self.jobs[index].inputs.iter().flat_map(|input| input.jobs.iter().copied())
    }
}
