//! What the look-up tables of the audit answer, row by row, beside the model's answers.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use artifact::tables::{Ceiling, Memorizer};
use artifact::{read_table, table_rows};

use crate::Error;
use crate::metrics::{Sums, column};

/// Whether each memoriser answers each row of one split rightly.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    baselines: Vec<Baseline>,
    /// Row of [`Baseline::correct`] by example.
    index: HashMap<i64, usize>,
}

#[derive(Debug)]
struct Baseline {
    /// Whether it can only repeat what it saw; otherwise it is shallow.
    memory: bool,
    /// Nothing where it was not asked (the slow ones answer a keyed sample).
    correct: Vec<Option<bool>>,
}

/// Examples and whether they were answered rightly, by name, view, and whether the baseline can only repeat.
type ByBaseline = BTreeMap<(String, String, bool), Vec<(i64, bool)>>;

/// The best baselines on some rows: what the columns of a row depend on beside the row itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Best {
    memory: Option<usize>,
    shallow: Option<usize>,
}

impl Memory {
    /// Returns the memorisers of every split in `path`.
    pub(crate) fn read(path: &Path) -> Result<BTreeMap<String, Memory>, Error> {
        let mut splits = BTreeMap::<String, ByBaseline>::new();
        for batch in table_rows::<Memorizer>(path)? {
            for row in batch? {
                let key = (row.memorizer, row.view, row.class == "memory");
                splits
                    .entry(row.split)
                    .or_default()
                    .entry(key)
                    .or_default()
                    .push((row.example_id, row.correct));
            }
        }
        Ok(splits.into_iter().map(|(split, answers)| (split, Memory::of(answers))).collect())
    }

    fn of(answers: ByBaseline) -> Memory {
        let mut index = HashMap::new();
        for (example, _) in answers.values().flatten() {
            let next = index.len();
            index.entry(*example).or_insert(next);
        }
        let baselines = answers
            .into_iter()
            .map(|((_, _, memory), rows)| {
                let mut correct = vec![None; index.len()];
                for (example, right) in rows {
                    correct[index[&example]] = Some(right);
                }
                Baseline { memory, correct }
            })
            .collect();
        Memory { baselines, index }
    }

    /// Returns whether any baseline was asked for this row.
    pub(crate) fn knows(&self, example: i64) -> bool {
        self.index.contains_key(&example)
    }

    /// Returns the best baseline of each class on these examples; the first by name where several are equal.
    pub(crate) fn best(&self, examples: &[i64]) -> Best {
        let places: Vec<usize> =
            examples.iter().filter_map(|example| self.index.get(example).copied()).collect();
        let best_of = |memory: bool| {
            let mut best: Option<(usize, f64)> = None;
            for (number, baseline) in self.baselines.iter().enumerate().filter(|(_, b)| b.memory == memory) {
                let answers = places.iter().filter_map(|&place| baseline.correct[place]);
                let (right, asked) =
                    answers.fold((0.0, 0.0), |(r, n), c| (r + f64::from(u8::from(c)), n + 1.0));
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
        let answer = |number: Option<usize>| number.and_then(|number| self.baselines[number].correct[place]);
        let number = |yes: bool| f64::from(u8::from(yes));
        if let Some(right) = answer(best.memory) {
            sums[column::BEST_ROWS] = 1.0;
            sums[column::BEST_CORRECT] = number(right);
        }
        if let Some(right) = answer(best.shallow) {
            sums[column::SHALLOW_ROWS] = 1.0;
            sums[column::SHALLOW_CORRECT] = number(right);
        }
        let mut asked =
            self.baselines.iter().filter(|b| b.memory).filter_map(|b| b.correct[place]).peekable();
        if asked.peek().is_some() {
            let solved = asked.any(|right| right);
            sums[column::UNION_ROWS] = 1.0;
            sums[column::UNION_CORRECT] = number(solved);
            sums[column::BEYOND_ROWS] = number(!solved);
            sums[column::BEYOND_CORRECT] = number(!solved) * sums[column::CORRECT];
        }
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
mod tests {
    use super::*;

    /// Four rows 1..=4: bigram right on 1 and 2, copy on 3, a shallow one on 1, 2, 3.
    fn example() -> Memory {
        let rows = |right: &[i64]| (1..=4).map(|id| (id, right.contains(&id))).collect::<Vec<_>>();
        Memory::of(BTreeMap::from([
            (("bigram".to_owned(), "terms".to_owned(), true), rows(&[1, 2])),
            (("copy_last".to_owned(), "terms".to_owned(), true), rows(&[3])),
            (("skip_grams".to_owned(), "tokens".to_owned(), false), rows(&[1, 2, 3])),
        ]))
    }

    fn sums(memory: &Memory, examples: &[i64], right: &[i64]) -> Sums {
        let best = memory.best(examples);
        let mut total = [0.0; column::WIDTH];
        for example in examples {
            let mut row = [0.0; column::WIDTH];
            row[column::CORRECT] = f64::from(u8::from(right.contains(example)));
            memory.fill(best, *example, &mut row);
            crate::statistics::add(&mut total, &row, 1.0);
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
    fn the_best_baseline_is_that_of_the_rows_asked_for() {
        let total = sums(&example(), &[3, 4], &[]);
        assert_eq!((total[column::BEST_CORRECT], total[column::BEST_ROWS]), (1.0, 2.0));
    }

    #[test]
    fn a_row_no_baseline_was_asked_for_counts_nowhere() {
        let total = sums(&example(), &[9], &[9]);
        assert_eq!(total[column::BEST_ROWS..].iter().sum::<f64>(), 0.0);
    }
}
