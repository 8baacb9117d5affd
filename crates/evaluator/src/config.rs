use artifact::tables::LEARNED;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Error;

/// How checkpoints are scored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How many train rows are scored, a sample keyed by `example_id`.
    pub train_rows: usize,
    /// Rows in one forward pass.
    pub batch: usize,
    /// Bootstrap draws, of clusters and of seeds, behind the intervals.
    pub bootstrap_draws: u32,
    /// Accuracy from which on a split counts as learned, for `t_mem` and `t_gen`.
    pub threshold: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { train_rows: 512, batch: 256, bootstrap_draws: 2000, threshold: LEARNED }
    }
}

/// Train rows that are scored, at most: the answers of every seed to them are held in memory.
const TRAIN_ROWS: usize = 1_000_000;

impl Config {
    /// Checks what a type cannot say.
    ///
    /// # Errors
    /// [`Error::Config`] for the first field out of its range.
    pub fn check(&self) -> Result<(), Error> {
        let error = |at: &str, message: String, help: &str| {
            Err(Error::Config { at: at.to_owned(), message, help: help.to_owned() })
        };
        if self.train_rows > TRAIN_ROWS {
            let found = format!("{} rows", self.train_rows);
            return error("train_rows", found, "give 0 to 1000000, 512 is usual");
        }
        if !(1..=65_536).contains(&self.batch) {
            return error(
                "batch",
                format!("{} rows in one pass", self.batch),
                "give 1 to 65536, 256 is usual",
            );
        }
        if !(100..=100_000).contains(&self.bootstrap_draws) {
            let found = format!("{} draws", self.bootstrap_draws);
            return error("bootstrap_draws", found, "give 100 to 100000, 2000 is usual");
        }
        if !(self.threshold > 0.0 && self.threshold <= 1.0) {
            let found = format!("{:?} is no accuracy", self.threshold);
            return error("threshold", found, "give a number above 0 and at most 1, 0.99 is usual");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_written_is_the_default() {
        let config: Config = serde_json::from_str("{}").expect("every field has a default");
        assert_eq!(config, Config::default());
        assert!(config.check().is_ok());
        assert!(serde_json::from_str::<Config>(r#"{"drawz": 1}"#).is_err());
    }

    #[test]
    fn mistakes_name_their_field() {
        let base = Config::default();
        for (config, at) in [
            (Config { batch: 0, ..base.clone() }, "batch"),
            (Config { batch: usize::MAX, ..base.clone() }, "batch"),
            (Config { train_rows: usize::MAX, ..base.clone() }, "train_rows"),
            (Config { bootstrap_draws: u32::MAX, ..base.clone() }, "bootstrap_draws"),
            (Config { threshold: 1e308, ..base.clone() }, "threshold"),
            (Config { bootstrap_draws: 99, ..base.clone() }, "bootstrap_draws"),
            (Config { threshold: f64::NAN, ..base.clone() }, "threshold"),
        ] {
            let message = config.check().expect_err("it is out of range").to_string();
            assert!(message.starts_with(at), "{message}");
        }
    }
}
