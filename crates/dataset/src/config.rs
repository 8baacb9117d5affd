//! What a definition says under `build`.

use indexmap::IndexMap;
use schemars::JsonSchema;
use sequence::{Family, Notation, Range, Terms};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Level;

/// What a definition says under `build`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct Config {
    /// Chooses which rows are drawn and, unless `holdout.seed` is given, which are held out.
    #[serde(default = "defaults::seed")]
    pub seed: u64,
    /// The sequences, by name. A row that two tasks could make belongs to the first.
    pub tasks: IndexMap<String, Task>,
    /// What is held out.
    #[serde(default)]
    pub holdout: Holdout,
    /// Rows that stand in a certain split.
    #[serde(default)]
    pub pins: Pins,
    /// How many rows of each split are kept.
    #[serde(default)]
    pub rows: Rows,
    /// The corrupted rows made for every held-out row.
    #[serde(default)]
    pub counterfactuals: Counterfactuals,
}

/// One kind of sequence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// The rule.
    pub family: Family,
    /// How a value is written.
    pub notation: Notation,
    /// Bounds of the first term; those of every term if left out.
    #[serde(default)]
    pub start: Option<Range>,
    /// Bounds of every term, and the values that numerals have tokens for; the rule's own, if it has any, if left out.
    #[serde(default)]
    pub values: Option<Range>,
    /// The number of terms of a row, the answer included; left out where the family has only one.
    #[serde(default)]
    pub terms: Option<Terms>,
    /// The task's share where `rows` says how many rows are kept.
    #[serde(default = "defaults::weight")]
    pub weight: f64,
    /// Whether all rows of the task are train rows.
    #[serde(default)]
    pub train_only: bool,
}

/// What is held out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Holdout {
    /// What a held-out row may not share with a train row.
    #[serde(default)]
    pub level: Level,
    /// Share of the keys that are held out for the test, 0.10 if left out; nothing from level `step` on, which says
    /// itself what the test rows are.
    #[serde(default)]
    pub test: Option<f64>,
    /// Share of the keys that are held out for the validation, 0.05 if left out; from level `step` on, of the rows of
    /// the trained kinds, and nothing where the level itself names the validation.
    #[serde(default)]
    pub validation: Option<f64>,
    /// Chooses what is held out; the build's `seed` if left out.
    #[serde(default)]
    pub seed: Option<u64>,
    /// Units in a block of an orbit; three times the longest row of the task if left out.
    #[serde(default)]
    pub block: Option<u64>,
    /// The fewest rows of the held-out splits with which a build is a success.
    #[serde(default)]
    pub min_rows: MinRows,
    /// How often a train row must have each token of a held-out answer as a target.
    #[serde(default = "defaults::min_seen")]
    pub min_seen: u64,
}

/// The fewest rows of the held-out splits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MinRows {
    /// Of the validation.
    #[serde(default = "defaults::min_rows")]
    pub validation: u64,
    /// Of the test.
    #[serde(default = "defaults::min_rows")]
    pub test: u64,
}

/// Rows that stand in a certain split.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pins {
    /// In training.
    #[serde(default)]
    pub train: Vec<Pin>,
    /// In the validation.
    #[serde(default)]
    pub validation: Vec<Pin>,
    /// In the test.
    #[serde(default)]
    pub test: Vec<Pin>,
}

/// One row by its terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The task that the row belongs to.
    pub task: String,
    /// Its values, the answer last.
    pub terms: Vec<i64>,
}

/// How many rows of each split are kept; all if left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rows {
    /// Of the training.
    #[serde(default)]
    pub train: Option<u64>,
    /// Of the validation.
    #[serde(default)]
    pub validation: Option<u64>,
    /// Of the test.
    #[serde(default)]
    pub test: Option<u64>,
}

/// The corrupted rows made for every held-out row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counterfactuals {
    /// The kinds of corruption.
    #[serde(default = "defaults::kinds")]
    pub kinds: Vec<Corruption>,
    /// How many of each kind for a row.
    #[serde(default = "defaults::per_row")]
    pub per_row: u32,
}

/// A kind of corruption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Corruption {
    /// Each context term comes from another row of the task, at the same place.
    RandomMembers,
    /// The context terms in another order.
    Shuffle,
    /// The last context term comes from another row of the task, and all others repeat it.
    RepeatLast,
    /// The row that begins with the same terms and goes on by another parameter of its family.
    StepSwap,
    /// Another row of the same parameter.
    StartShift,
    /// One context term comes from another row of the task, at the same place.
    OneEdit,
}

impl Corruption {
    /// Every kind.
    pub const ALL: [Corruption; 6] = [
        Corruption::RandomMembers,
        Corruption::Shuffle,
        Corruption::RepeatLast,
        Corruption::StepSwap,
        Corruption::StartShift,
        Corruption::OneEdit,
    ];

    /// Returns the name in the table.
    pub fn name(self) -> &'static str {
        ["random_members", "shuffle", "repeat_last", "step_swap", "start_shift", "one_edit"][self as usize]
    }
}

impl<'de> Deserialize<'de> for Config {
    /// Reads a definition and fills in the defaults that hang on the level.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut config = Config::deserialize(deserializer)?;
        let shortest = config.tasks.values().filter_map(Task::shortest).min();
        let holdout = &mut config.holdout;
        if let Level::Window(window) = &mut holdout.level {
            window.m = window.m.or(shortest);
        }
        if !holdout.level.names_kinds() {
            holdout.test.get_or_insert(defaults::TEST);
        }
        if !holdout.level.names_validation() {
            holdout.validation.get_or_insert(defaults::VALIDATION);
        }
        Ok(config)
    }
}

impl Serialize for Config {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Config::serialize(self, serializer)
    }
}

impl Task {
    /// Returns the fewest terms of a row.
    fn shortest(&self) -> Option<u32> {
        match self.terms {
            Some(terms) => terms.min.try_into().ok(),
            None => self.family.terms()?.try_into().ok(),
        }
    }
}

impl Holdout {
    /// Returns the shares of the keys that are test and validation.
    pub(crate) fn shares(&self) -> (f64, f64) {
        (self.test.unwrap_or(0.0), self.validation.unwrap_or(0.0))
    }
}

impl Default for Holdout {
    fn default() -> Self {
        Holdout {
            level: Level::default(),
            test: Some(defaults::TEST),
            validation: Some(defaults::VALIDATION),
            seed: None,
            block: None,
            min_rows: MinRows::default(),
            min_seen: defaults::min_seen(),
        }
    }
}

impl Default for MinRows {
    fn default() -> Self {
        MinRows { validation: defaults::min_rows(), test: defaults::min_rows() }
    }
}

impl Default for Counterfactuals {
    fn default() -> Self {
        Counterfactuals { kinds: defaults::kinds(), per_row: defaults::per_row() }
    }
}

mod defaults {
    use super::Corruption;

    pub(super) const TEST: f64 = 0.10;
    pub(super) const VALIDATION: f64 = 0.05;

    pub(super) fn seed() -> u64 {
        1729
    }

    pub(super) fn weight() -> f64 {
        1.0
    }

    pub(super) fn min_rows() -> u64 {
        20
    }

    pub(super) fn min_seen() -> u64 {
        3
    }

    pub(super) fn kinds() -> Vec<Corruption> {
        Corruption::ALL.to_vec()
    }

    pub(super) fn per_row() -> u32 {
        1
    }
}
