//! One task: what a definition says of it, and the rows that follow.

use schemars::JsonSchema;
use sequence::{Bounds, Family, Key, Notation, Range, Row, Space, Terms};
use serde::{Deserialize, Serialize};

use crate::{Error, piece::Piece};

/// Rows of all tasks that are looked at, about, to find out what a level leaves each split.
pub(crate) const LOOKED_AT: u64 = 100_000;
/// The most terms of a row.
const MOST_TERMS: i64 = 10_000;

/// One kind of sequence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Task {
    /// The rule.
    pub(crate) family: Family,
    /// How a value is written.
    pub(crate) notation: Notation,
    /// Bounds of the first term; those of every term if left out.
    #[serde(default)]
    pub(crate) start: Option<Range>,
    /// Bounds of every term, and the values that numerals have tokens for; the rule's own, if it has any, if left out.
    #[serde(default)]
    pub(crate) values: Option<Range>,
    /// The number of terms of a row, the answer included; left out where the family has only one.
    #[serde(default)]
    pub(crate) terms: Option<Terms>,
    /// The task's share where `rows` says how many rows are kept.
    #[serde(default = "one")]
    pub(crate) weight: f64,
    /// Whether all rows of the task are train rows.
    #[serde(default)]
    pub(crate) train_only: bool,
}

/// The weight that a task has by itself.
fn one() -> f64 {
    1.0
}

/// The rows of one task.
pub(crate) struct Sequences {
    pub(crate) name: String,
    pub(crate) task: Task,
    pub(crate) space: Space,
    /// `example_id` of row 0.
    pub(crate) offset: u64,
    /// What has a split of its own at the level.
    pub(crate) piece: Piece,
    /// The first task of the same notation: they count tokens together.
    pub(crate) script: usize,
    /// The first task of the same domain: their values are compared.
    pub(crate) domain: usize,
}

impl Task {
    /// Returns the rows of the task, in blocks of so many units, refusing bounds that none fits.
    pub(crate) fn space(&self, at: &str, block: Option<u64>) -> Result<Space, Error> {
        self.family.check().map_err(|error| Error::sequence(at, error))?;
        let terms = self.terms(at)?;
        let (natural, operands) = (self.family.natural(), self.family.natural_start());
        for (word, range, natural) in [("start", self.start, operands), ("values", self.values, natural)] {
            let Some(range) = range else { continue };
            let at = format!("{at}.{word}");
            if range.min > range.max {
                let message = format!("`min` {} is greater than `max` {}", range.min, range.max);
                return Err(Error::config(at, message, "exchange them"));
            }
            if let Some(natural) = natural.filter(|&natural| range.and(natural) != range) {
                let message =
                    format!("{} to {} reaches outside the values of the rule", range.min, range.max);
                let help = format!("keep it from {} to {}", natural.min, natural.max);
                return Err(Error::config(at, message, help));
            }
        }
        let values = self.values.or(natural);
        let Some(start) = self.start.or(operands).or(values) else {
            let help =
                "give `start: { min, max }` for the first term, or `values: { min, max }` for every term";
            return Err(Error::config(at, "it has no bounds", help));
        };
        let block = block.unwrap_or(3 * terms.1 as u64);
        let bounds = Bounds { start, values: values.unwrap_or(Range::ALL), terms, block };
        let space = Space::new(&self.family, bounds).map_err(|error| Error::sequence(at, error))?;
        let Some(reach) = space.reach() else {
            let help = "widen `start` or `values`, or shorten `terms`";
            return Err(Error::config(at, "not one row fits its bounds", help));
        };
        self.notation
            .check(self.values.unwrap_or(reach).and(reach))
            .map_err(|error| Error::sequence(at, error))?;
        Ok(space)
    }

    /// Returns the fewest terms of a row.
    pub(crate) fn shortest(&self) -> Option<u32> {
        match self.terms {
            Some(terms) => terms.min.try_into().ok(),
            None => self.family.terms()?.try_into().ok(),
        }
    }

    /// Returns the fewest and the most terms of the task's rows.
    fn terms(&self, at: &str) -> Result<(usize, usize), Error> {
        let Some(terms) = self.terms else {
            let help = "give a number of terms, the answer included, or `{ min, max }`";
            let only = self.family.terms().map(|only| (only, only));
            return only.ok_or_else(|| Error::config(format!("{at}.terms"), "it is missing", help));
        };
        if terms.min < 2 || terms.max < terms.min || terms.max > MOST_TERMS {
            let message = format!("{} to {} terms found", terms.min, terms.max);
            let help =
                format!("a row has 2 to {MOST_TERMS} terms, the answer included, and `min` is at most `max`");
            return Err(Error::config(format!("{at}.terms"), message, help));
        }
        let terms = (terms.min as usize, terms.max as usize);
        for count in [terms.0, terms.1] {
            self.family.check_terms(count).map_err(|error| Error::sequence(at, error))?;
        }
        Ok(terms)
    }
}

impl Sequences {
    /// Returns the row's number over all tasks.
    pub(crate) fn example_id(&self, index: u64) -> i64 {
        (self.offset + index) as i64
    }

    /// Returns the row that the number names; only for numbers that were drawn.
    pub(crate) fn drawn(&self, index: u64) -> Row {
        self.space.row(index).expect("only numbers of rows are drawn")
    }

    /// Returns about so many rows spread over all of them, and whether these are all.
    pub(crate) fn spread(&self, most: u64) -> (impl Iterator<Item = Row> + '_, bool) {
        let stride = self.space.capacity().div_ceil(most).max(1) as usize;
        let numbers = (0..self.space.capacity()).step_by(stride);
        (numbers.filter_map(|index| self.space.row(index)), stride == 1)
    }

    /// Calls `found` with the parameters and keys under which the task could make a piece of the level.
    pub(crate) fn keys(&self, piece: &[i64], found: &mut dyn FnMut(i64, Key)) {
        let key = || Key::Unit { family: self.space.family.name(), unit: piece.to_vec() };
        match self.piece {
            Piece::Unit(_) => self.space.keys(piece, found),
            Piece::Row => {
                if let Some((_, parameter)) = self.space.locate(piece) {
                    found(parameter, key());
                }
            }
            Piece::Window(_) => self.space.through(piece, &mut |parameter| found(parameter, key())),
        }
    }
}
