//! What a definition says under `build`.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{levels::Level, task::Task};

/// What a definition says under `build`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
pub struct Config {
    /// Chooses which rows are drawn and, unless `holdout.seed` is given, which are held out.
    #[serde(default = "default_seed")]
    pub(crate) seed: u64,
    /// The sequences, by name. A row that two tasks could make belongs to the first.
    pub(crate) tasks: IndexMap<String, Task>,
    /// What is held out.
    #[serde(default)]
    pub(crate) holdout: Holdout,
    /// Rows that stand in a certain split.
    #[serde(default)]
    pub(crate) pins: Pins,
    /// How many rows of each split are kept.
    #[serde(default)]
    pub(crate) rows: Rows,
    /// The corrupted rows made for every held-out row.
    #[serde(default)]
    pub(crate) counterfactuals: Counterfactuals,
}

/// What is held out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Holdout {
    /// What a held-out row may not share with a train row.
    #[serde(default)]
    pub(crate) level: Level,
    /// Share of the keys that are held out for the test, 0.10 if left out; nothing from level `step` on, which says
    /// itself what the test rows are.
    #[serde(default)]
    pub(crate) test: Option<f64>,
    /// Share of the keys that are held out for the validation, 0.05 if left out; from level `step` on, of the rows of
    /// the trained kinds, and nothing where the level itself names the validation.
    #[serde(default)]
    pub(crate) validation: Option<f64>,
    /// Chooses what is held out; the build's `seed` if left out.
    #[serde(default)]
    pub(crate) seed: Option<u64>,
    /// Units in a block of an orbit; three times the longest row of the task if left out.
    #[serde(default)]
    pub(crate) block: Option<u64>,
    /// The fewest rows of the held-out splits with which a build is a success.
    #[serde(default)]
    pub(crate) min_rows: MinRows,
    /// How often a train row must have each token of a held-out answer as a target.
    #[serde(default = "default_min_seen")]
    pub(crate) min_seen: u64,
}

/// The fewest rows of the held-out splits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MinRows {
    /// Of the validation.
    #[serde(default = "default_min_rows")]
    pub(crate) validation: u64,
    /// Of the test.
    #[serde(default = "default_min_rows")]
    pub(crate) test: u64,
}

/// Rows that stand in a certain split.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pins {
    /// In training.
    #[serde(default)]
    pub(crate) train: Vec<Pin>,
    /// In the validation.
    #[serde(default)]
    pub(crate) validation: Vec<Pin>,
    /// In the test.
    #[serde(default)]
    pub(crate) test: Vec<Pin>,
}

/// One row by its terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pin {
    /// The task that the row belongs to.
    pub(crate) task: String,
    /// Its values, the answer last.
    pub(crate) terms: Vec<i64>,
}

/// How many rows of each split are kept; all if left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rows {
    /// Of the training.
    #[serde(default)]
    pub(crate) train: Option<u64>,
    /// Of the validation.
    #[serde(default)]
    pub(crate) validation: Option<u64>,
    /// Of the test.
    #[serde(default)]
    pub(crate) test: Option<u64>,
}

/// The corrupted rows made for every held-out row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Counterfactuals {
    /// The kinds of corruption.
    #[serde(default = "default_kinds")]
    pub(crate) kinds: Vec<Corruption>,
    /// How many of each kind for a row.
    #[serde(default = "default_per_row")]
    pub(crate) per_row: u32,
}

/// A kind of corruption.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Corruption {
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
    pub(crate) const ALL: [Corruption; 6] = [
        Corruption::RandomMembers,
        Corruption::Shuffle,
        Corruption::RepeatLast,
        Corruption::StepSwap,
        Corruption::StartShift,
        Corruption::OneEdit,
    ];

    /// Returns the name in the table.
    pub(crate) fn name(self) -> &'static str {
        ["random_members", "shuffle", "repeat_last", "step_swap", "start_shift", "one_edit"][self as usize]
    }
}

impl<'de> Deserialize<'de> for Config {
    /// Reads a definition and fills in the defaults that hang on the level.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut config = Config::deserialize(deserializer)?;
        let shortest = config.tasks.values().filter_map(Task::shortest).min();
        let holdout = &mut config.holdout;
        holdout.level.resolve(shortest);
        if !holdout.level.names_test() {
            holdout.test.get_or_insert(TEST);
        }
        if !holdout.level.names_validation() {
            holdout.validation.get_or_insert(VALIDATION);
        }
        Ok(config)
    }
}

impl Serialize for Config {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Config::serialize(self, serializer)
    }
}

impl Holdout {
    /// Returns the shares of the keys that are test and validation.
    pub(crate) fn shares(&self) -> [f64; 2] {
        [self.test.unwrap_or(0.0), self.validation.unwrap_or(0.0)]
    }
}

impl Default for Holdout {
    fn default() -> Self {
        Holdout {
            level: Level::default(),
            test: Some(TEST),
            validation: Some(VALIDATION),
            seed: None,
            block: None,
            min_rows: MinRows::default(),
            min_seen: default_min_seen(),
        }
    }
}

impl Default for MinRows {
    fn default() -> Self {
        MinRows { validation: default_min_rows(), test: default_min_rows() }
    }
}

impl Default for Counterfactuals {
    fn default() -> Self {
        Counterfactuals { kinds: default_kinds(), per_row: default_per_row() }
    }
}

const TEST: f64 = 0.10;
const VALIDATION: f64 = 0.05;

fn default_seed() -> u64 {
    1729
}

fn default_min_rows() -> u64 {
    20
}

fn default_min_seen() -> u64 {
    3
}

fn default_kinds() -> Vec<Corruption> {
    Corruption::ALL.to_vec()
}

fn default_per_row() -> u32 {
    1
}
