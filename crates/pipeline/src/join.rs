//! What a stage and those that it reads show only together, looked at once for each distinct combination.

use std::collections::HashMap;

use serde_json::Value;

use crate::verbs::{Beside, Together};
use crate::{Definition, Input, Problem, Verbs};

/// Every distinct combination of contents that was met.
pub(crate) struct Combinations<'a> {
    definition: &'a Definition,
    verbs: &'a dyn Verbs,
    /// By content, and by the combinations of its inputs, a number behind those of each role.
    known: HashMap<(usize, Vec<usize>), usize>,
    all: Vec<Combination>,
}

struct Combination {
    stage: String,
    /// What is told of it; nothing where it, or what it reads, is wrong.
    told: Option<Value>,
}

/// One stage at one point, as it is to be looked at.
pub(crate) struct Candidate<'a> {
    pub(crate) stage: &'a str,
    pub(crate) verb: &'a str,
    /// Number of its content: the same for the same content of the same stage.
    pub(crate) content: usize,
    pub(crate) config: &'a Value,
    pub(crate) inputs: &'a [Input],
}

impl<'a> Combinations<'a> {
    pub(crate) fn new(definition: &'a Definition, verbs: &'a dyn Verbs) -> Self {
        Self { definition, verbs, known: HashMap::new(), all: Vec::new() }
    }

    /// Returns the combination of a stage, whose inputs have those of `of`, and what is wrong with it the first time that it
    /// is met.
    pub(crate) fn join(&mut self, candidate: &Candidate<'_>, of: &[usize]) -> (usize, Vec<Problem>) {
        let roles = candidate.inputs.iter();
        let key: Vec<usize> =
            roles.flat_map(|input| input.jobs.iter().map(|job| of[*job]).chain([usize::MAX])).collect();
        let key = (candidate.content, key);
        if let Some(known) = self.known.get(&key) {
            return (*known, Vec::new());
        }
        let (told, wrong) = match self.look(candidate, of) {
            None => (None, Vec::new()),
            Some(Ok(told)) => (Some(told), Vec::new()),
            Some(Err(wrong)) => (None, wrong),
        };
        self.known.insert(key, self.all.len());
        self.all.push(Combination { stage: candidate.stage.to_owned(), told });
        (self.all.len() - 1, wrong)
    }

    fn look(&self, candidate: &Candidate<'_>, of: &[usize]) -> Option<Result<Value, Vec<Problem>>> {
        if !self.verbs.names().contains(&candidate.verb) {
            return Some(Ok(Value::Null));
        }
        let mut inputs = Vec::new();
        for input in candidate.inputs {
            for job in &input.jobs {
                let Combination { stage, told } = &self.all[of[*job]];
                inputs.push(Beside { role: &input.role, stage, told: told.as_ref()? });
            }
        }
        Some(self.verbs.together(&Together {
            pipeline: &self.definition.name,
            description: &self.definition.description,
            verb: candidate.verb,
            config: candidate.config,
            inputs,
        }))
    }
}
