//! What the look-up tables of the audit answer, row by row, beside the model's answers.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use artifact::tables::{Ceiling, Memorizer};
use artifact::{read_table, table_rows};
use indexmap::IndexMap;

use crate::Error;
use crate::metrics::{Sums, column};

/// What each memoriser answers to each row of one split, from the simplest memoriser on.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    baselines: Vec<Baseline>,
    /// Row of [`Baseline::answers`] by example.
    index: HashMap<i64, usize>,
    /// Every wrong answer that is given anywhere.
    ids: HashMap<String, AnswerId>,
}

/// Number of a wrong answer.
pub(crate) type AnswerId = u32;

#[derive(Debug)]
struct Baseline {
    name: String,
    view: String,
    /// Whether it can only repeat what it saw; otherwise it is shallow.
    memory: bool,
    /// Nothing where it was not asked (the slow ones answer a keyed sample).
    answers: Vec<Option<Output>>,
}

/// What a memoriser says to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    Right,
    Wrong(AnswerId),
    /// Wrong, but something else stood as high, or nothing was said at all: that is no answer in particular.
    Tied,
}

/// The best baselines on some rows: what the columns of a row depend on beside the row itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Best {
    pub(crate) memory: Option<usize>,
    pub(crate) shallow: Option<usize>,
}

impl Memory {
    /// Returns the memorisers of every split in `path`.
    pub(crate) fn read(path: &Path) -> Result<BTreeMap<String, Memory>, Error> {
        let mut splits = BTreeMap::<String, Gathered>::new();
        for batch in table_rows::<Memorizer>(path)? {
            for row in batch? {
                splits.entry(row.split.clone()).or_default().add(row);
            }
        }
        Ok(splits.into_iter().map(|(split, gathered)| (split, gathered.finish())).collect())
    }

    /// Returns whether any baseline was asked for this row.
    pub(crate) fn knows(&self, example: i64) -> bool {
        self.index.contains_key(&example)
    }

    /// Returns the number of an answer, if a memoriser gives it to any row.
    pub(crate) fn id(&self, answer: &str) -> Option<AnswerId> {
        self.ids.get(answer).copied()
    }

    /// Returns name and view of a baseline.
    pub(crate) fn name(&self, number: usize) -> (String, String) {
        (self.baselines[number].name.clone(), self.baselines[number].view.clone())
    }

    /// Returns the numbers of the baselines that can only repeat, the simplest first.
    pub(crate) fn tables(&self) -> impl Iterator<Item = usize> {
        (0..self.baselines.len()).filter(|number| self.baselines[*number].memory)
    }

    /// Returns what a baseline answers to a row, where that is wrong and not one of several that are as good.
    pub(crate) fn wrong(&self, number: usize, example: i64) -> Option<AnswerId> {
        match self.baselines[number].answers[*self.index.get(&example)?]? {
            Output::Wrong(id) => Some(id),
            Output::Right | Output::Tied => None,
        }
    }

    /// Returns the best baseline of each class on these examples; the simplest where several are equal.
    pub(crate) fn best(&self, examples: &[i64]) -> Best {
        let places: Vec<usize> =
            examples.iter().filter_map(|example| self.index.get(example).copied()).collect();
        let best_of = |memory: bool| {
            let mut best: Option<(usize, f64)> = None;
            for (number, baseline) in self.baselines.iter().enumerate().filter(|(_, b)| b.memory == memory) {
                let answers = places.iter().filter_map(|&place| baseline.answers[place]);
                let (right, asked) = answers.fold((0.0, 0.0), |(r, n), output| {
                    (r + f64::from(u8::from(output == Output::Right)), n + 1.0)
                });
                if asked > 0.0 && best.is_none_or(|(_, accuracy)| right / asked > accuracy) {
                    best = Some((number, right / asked));
                }
            }
            best.map(|(number, _)| number)
        };
        Best { memory: best_of(true), shallow: best_of(false) }
    }

    /// Fills in the columns of one row that concern the memorisers; `sums` already says whether the model is right.
    pub(crate) fn fill(&self, best: Best, example: i64, sums: &mut Sums) {
        let Some(&place) = self.index.get(&example) else { return };
        let right = |baseline: &Baseline| baseline.answers[place].map(|output| output == Output::Right);
        let answer = |number: Option<usize>| number.and_then(|number| right(&self.baselines[number]));
        let number = |yes: bool| f64::from(u8::from(yes));
        if let Some(right) = answer(best.memory) {
            sums[column::BEST_ROWS] = 1.0;
            sums[column::BEST_CORRECT] = number(right);
        }
        if let Some(right) = answer(best.shallow) {
            sums[column::SHALLOW_ROWS] = 1.0;
            sums[column::SHALLOW_CORRECT] = number(right);
        }
        let mut asked = self.baselines.iter().filter(|b| b.memory).filter_map(right).peekable();
        if asked.peek().is_some() {
            let solved = asked.any(|right| right);
            sums[column::UNION_ROWS] = 1.0;
            sums[column::UNION_CORRECT] = number(solved);
            sums[column::BEYOND_ROWS] = number(!solved);
            sums[column::BEYOND_CORRECT] = number(!solved) * sums[column::CORRECT];
        }
    }
}

/// Outputs by the place of their row.
type OutputsAt = Vec<(usize, Output)>;

/// The rows of one split as they are read.
#[derive(Debug, Default)]
struct Gathered {
    /// By name and view: whether it can only repeat, and what it says to rows by their places.
    baselines: IndexMap<(String, String), (bool, OutputsAt)>,
    index: HashMap<i64, usize>,
    ids: HashMap<String, AnswerId>,
}

impl Gathered {
    fn add(&mut self, row: Memorizer) {
        let next = self.index.len();
        let place = *self.index.entry(row.example_id).or_insert(next);
        // Who says nothing gives no answer that anybody could share.
        let output = match (row.correct, row.tied || row.prediction.is_empty()) {
            (true, _) => Output::Right,
            (false, true) => Output::Tied,
            (false, false) => {
                let next = self.ids.len() as AnswerId;
                Output::Wrong(*self.ids.entry(row.prediction).or_insert(next))
            }
        };
        let of = self.baselines.entry((row.memorizer, row.view));
        of.or_insert_with(|| (row.class == "memory", Vec::new())).1.push((place, output));
    }

    fn finish(self) -> Memory {
        let mut order = IndexMap::<String, usize>::new();
        for (name, _) in self.baselines.keys() {
            let next = order.len();
            order.entry(name.clone()).or_insert(next);
        }
        let rows = self.index.len();
        let mut baselines: Vec<Baseline> = self
            .baselines
            .into_iter()
            .map(|((name, view), (memory, output))| {
                let mut answers = vec![None; rows];
                output.into_iter().for_each(|(place, output)| answers[place] = Some(output));
                Baseline { name, view, memory, answers }
            })
            .collect();
        // The table lists all memorisers of one view, then all of the other.
        baselines.sort_by_cached_key(|baseline| (order[&baseline.name], baseline.view.clone()));
        Memory { baselines, index: self.index, ids: self.ids }
    }
}

/// The ceilings that the audit states: split, task and metric to value.
pub(crate) type Ceilings = BTreeMap<(String, String, String), f64>;

/// Reads the ceilings that the audit states.
pub(crate) fn read_ceilings(path: &Path) -> Result<Ceilings, Error> {
    let rows = read_table::<Ceiling>(path)?;
    Ok(rows.into_iter().map(|row| ((row.split, row.task, row.metric), row.value)).collect())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// One answer of a memoriser: name, class, view, example, answer, right, tied.
    pub(crate) type Given<'a> = (&'a str, &'a str, &'a str, i64, &'a str, bool, bool);

    /// Returns what stands in the table when these are its rows.
    pub(crate) fn memory(rows: &[Given<'_>]) -> Memory {
        let mut gathered = Gathered::default();
        for (memorizer, class, view, example_id, prediction, correct, tied) in rows.iter().copied() {
            gathered.add(Memorizer {
                split: "test".to_owned(),
                example_id,
                memorizer: memorizer.to_owned(),
                class: class.to_owned(),
                view: view.to_owned(),
                prediction: prediction.to_owned(),
                tied,
                correct,
            });
        }
        gathered.finish()
    }

    /// Four rows 1..=4: bigram right on 1 and 2, copy on 3, a shallow one on 1, 2, 3.
    fn example() -> Memory {
        let tables = [
            ("copy_last", "memory", "terms", [3].as_slice()),
            ("bigram", "memory", "terms", &[1, 2]),
            ("skip_grams", "shallow", "tokens", &[1, 2, 3]),
        ];
        let rows = tables.into_iter().flat_map(|(name, class, view, right)| {
            (1..=4).map(move |id| (name, class, view, id, "7", right.contains(&id), id == 4))
        });
        memory(&rows.collect::<Vec<_>>())
    }

    fn sums(memory: &Memory, examples: &[i64], right: &[i64]) -> Sums {
        let best = memory.best(examples);
        let mut total = [0.0; column::WIDTH];
        for example in examples {
            let mut row = [0.0; column::WIDTH];
            row[column::CORRECT] = f64::from(u8::from(right.contains(example)));
            memory.fill(best, *example, &mut row);
            statistics::add(&mut total, &row);
        }
        total
    }

    #[test]
    fn columns_by_hand() {
        let total = sums(&example(), &[1, 2, 3, 4], &[1, 4]);
        assert_eq!((total[column::BEST_CORRECT], total[column::BEST_ROWS]), (2.0, 4.0));
        assert_eq!((total[column::UNION_CORRECT], total[column::UNION_ROWS]), (3.0, 4.0));
        assert_eq!((total[column::SHALLOW_CORRECT], total[column::SHALLOW_ROWS]), (3.0, 4.0));
        assert_eq!((total[column::BEYOND_CORRECT], total[column::BEYOND_ROWS]), (1.0, 1.0));
    }

    #[test]
    fn the_best_baseline_is_that_of_the_rows_asked_for_and_the_simplest_of_equals() {
        let total = sums(&example(), &[3, 4], &[]);
        assert_eq!((total[column::BEST_CORRECT], total[column::BEST_ROWS]), (1.0, 2.0));
        let found = example();
        let name = |examples: &[i64]| found.best(examples).memory.map(|number| found.name(number).0);
        assert_eq!(name(&[1, 3]).as_deref(), Some("copy_last"));
        assert_eq!(name(&[1, 2, 3]).as_deref(), Some("bigram"));
    }

    #[test]
    fn a_row_no_baseline_was_asked_for_counts_nowhere() {
        let total = sums(&example(), &[9], &[9]);
        assert_eq!(total[column::BEST_ROWS..].iter().sum::<f64>(), 0.0);
    }

    #[test]
    fn only_a_wrong_answer_that_nothing_else_equals_is_one() {
        let found = example();
        let tables: Vec<usize> = found.tables().collect();
        assert_eq!(tables, [0, 1]);
        let wrong = |number, example| found.wrong(number, example).is_some();
        assert_eq!([1, 2, 3, 4, 9].map(|example| wrong(0, example)), [true, true, false, false, false]);
        assert_eq!(found.id("7"), found.wrong(1, 3));
        assert_eq!(found.id("8"), None);
    }
}
