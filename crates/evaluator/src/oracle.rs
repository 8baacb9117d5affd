//! The rule itself as a model: what each task's own family answers, written in its own notation.

use std::collections::BTreeMap;
use std::path::Path;

use sequence::{Bounds, Family, Notation, Range, Vocabulary, read_answer, write_row};
use serde::Deserialize;
use serde_json::Value;

use crate::error_class::{ErrorClass, Scale};
use crate::rows::Row;
use crate::{Error, carry};

/// The smallest and the largest value of each domain in the rows that were trained on.
pub(crate) type Ranges = BTreeMap<String, (i64, i64)>;

/// What the dataset's definition says of each task, and what is held out.
pub(crate) struct Tasks {
    tasks: BTreeMap<String, Task>,
    /// As the definition has it.
    pub(crate) level: Value,
}

/// An answer beside the right one, as people write them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) answer: String,
    /// The tokens, where they spell no value.
    pub(crate) prediction: String,
    /// Nothing where the answer is no number, or several.
    pub(crate) answer_value: Option<i64>,
    pub(crate) prediction_value: Option<i64>,
    pub(crate) class: ErrorClass,
}

struct Task {
    family: Family,
    notation: Notation,
    bounds: Bounds,
}

/// What is read of a task's definition.
#[derive(Deserialize)]
struct Written {
    family: Family,
    notation: Notation,
    values: Option<Range>,
}

impl Tasks {
    /// Reads the tasks out of the dataset's table `definition`.
    pub(crate) fn read(path: &Path) -> Result<Tasks, Error> {
        Tasks::of(&artifact::read_definition(path)?, path)
    }

    /// Says whether a task writes every value as one token.
    pub(crate) fn in_one_token(&self, task: &str) -> bool {
        self.tasks.get(task).is_some_and(|task| task.notation.one_token())
    }

    /// Reads the tasks of a definition, which `path` holds.
    fn of(definition: &Value, path: &Path) -> Result<Tasks, Error> {
        let tasks = definition.get("tasks").and_then(Value::as_object).ok_or_else(|| Error::Definition {
            path: path.to_owned(),
            message: "it names no tasks".to_owned(),
        })?;
        let task = |(name, written): (&String, &Value)| {
            let error = |source| Error::Task { path: path.to_owned(), task: name.clone(), source };
            let Written { family, notation, values } =
                Written::deserialize(written).map_err(|source| error(source.into()))?;
            family.check().map_err(|source| error(source.into()))?;
            // The rule is asked to go on, never to draw: of its bounds only the values matter, to `random` alone.
            let values = values.unwrap_or(Range::ALL);
            let bounds = Bounds { start: Range::ALL, values, terms: (2, usize::MAX), block: 1 };
            Ok((name.clone(), Task { family, notation, bounds }))
        };
        let tasks = tasks.iter().map(task).collect::<Result<_, Error>>()?;
        Ok(Tasks { tasks, level: definition["holdout"]["level"].clone() })
    }

    /// Says whether a task draws its answers at random; of all tasks (`""`), whether every one does.
    pub(crate) fn draws_at_random(&self, task: &str) -> bool {
        let random = |task: &Task| matches!(task.family, Family::Random(_));
        match task {
            "" => self.tasks.values().all(random),
            name => self.tasks.get(name).is_some_and(random),
        }
    }

    /// Returns whether the rule, given the row's context, writes exactly the row's answer.
    pub(crate) fn oracle(&self, split: &str, row: &Row, vocabulary: &Vocabulary) -> Result<bool, Error> {
        let task = self.task(split, row)?;
        let example = &row.example;
        let parameter = example.parameter.unwrap_or(sequence::NONE);
        let mut terms = example.terms[..row.target.context].to_vec();
        while terms.len() < example.terms.len() {
            let Some(next) = task.family.next(parameter, &terms, example.terms.len(), &task.bounds) else {
                return Ok(false);
            };
            terms.push(next);
        }
        let written = write_row(&task.family, &task.notation, vocabulary, &terms);
        Ok(written.is_some_and(|w| w.answer_start == row.target.span.start && w.tokens == example.tokens))
    }

    /// Returns a generated answer beside the right one, and what kind of mistake it is.
    pub(crate) fn judge(
        &self,
        split: &str,
        row: &Row,
        output: &[u16],
        vocabulary: &Vocabulary,
        ranges: &Ranges,
    ) -> Result<Judged, Error> {
        let task = self.task(split, row)?;
        let example = &row.example;
        let ended = if row.target.has_border {
            output.last() == example.tokens.last()
        } else {
            output.len() == row.target.span.len()
        };
        let answer = &example.terms[row.target.context..];
        let values = if ended { read_answer(&task.notation, vocabulary, output) } else { None };
        let values = values.filter(|values| values.len() == answer.len());
        let text = |values: &[i64]| {
            let terms = values.iter().map(|&value| task.notation.text(value));
            terms.collect::<Vec<_>>().join(task.notation.between())
        };
        let prediction = match &values {
            Some(values) => text(values),
            None if ended && row.target.has_border => spelled(&output[..output.len() - 1], ended, vocabulary),
            None => spelled(output, ended, vocabulary),
        };
        let decimal = task.notation.domain() == "integer";
        let number = |values: &[i64]| match values {
            [value] if decimal => Some(*value),
            _ => None,
        };
        let class = match &values {
            _ if output == row.target.tokens => ErrorClass::Correct,
            None => ErrorClass::Malformed,
            Some(values) => {
                let range = ranges.get(&example.domain).copied();
                let scale = Scale { range, period: task.family.period(), decimal };
                let wrong = values.iter().zip(answer).position(|(value, right)| value != right);
                wrong.map_or(ErrorClass::Other, |place| {
                    let shown = &example.terms[..row.target.context + place];
                    let misses_carry = || {
                        let in_digits = decimal && !task.notation.one_token();
                        in_digits && carry::is_missed(values[place], shown, &task.family, example.parameter)
                    };
                    ErrorClass::of_wrong(values[place], answer[place], shown, scale, misses_carry)
                })
            }
        };
        let prediction_value = values.as_deref().and_then(number);
        Ok(Judged { answer: text(answer), answer_value: number(answer), prediction, prediction_value, class })
    }

    fn task(&self, split: &str, row: &Row) -> Result<&Task, Error> {
        self.tasks.get(&row.example.task).ok_or_else(|| Error::Row {
            split: split.to_owned(),
            example_id: row.example.example_id,
            message: format!("its task `{}` is not in the definition of the dataset", row.example.task),
        })
    }
}

/// Returns tokens as they are, for an answer that spells no value; `...` where it goes on without END.
fn spelled(output: &[u16], ended: bool, vocabulary: &Vocabulary) -> String {
    let names = output.iter().map(|&id| vocabulary.token(id).map_or("?", |token| token.token.as_str()));
    names.chain((!ended).then_some("...")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
