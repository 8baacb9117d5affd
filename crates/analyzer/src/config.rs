use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::analyses::Analysis;
use crate::error::Error;
use crate::named;

/// Rows that all bootstrap draws of a task take together, at most: 512 MiB.
const MOST_DRAWN: usize = 1 << 27;

/// What is analysed, and on which rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Which analyses are done: each a name, or `{ name: { parameters } }`.
    #[serde(deserialize_with = "named::list")]
    pub analyses: Vec<Analysis>,
    /// The split whose rows are looked at.
    pub split: SplitName,
    /// At most how many rows of each task, a sample keyed by `example_id`.
    pub sample: usize,
    /// Bootstrap draws behind every interval.
    pub bootstrap_draws: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { analyses: Analysis::all(), split: SplitName::Test, sample: 256, bootstrap_draws: 1000 }
    }
}

impl Config {
    /// Checks what a type cannot say.
    ///
    /// # Errors
    /// [`Error::Config`] for the first field out of its range.
    pub fn check(&self) -> Result<(), Error> {
        if self.analyses.is_empty() {
            let help = "name at least one, or leave the word out for all";
            return Err(Error::config("analyses", "nothing to do", help));
        }
        for (place, analysis) in self.analyses.iter().enumerate() {
            let (at, name) = (format!("analyses[{place}]"), analysis.name());
            if self.analyses[..place].iter().any(|before| before.name() == name) {
                return Err(Error::config(at, format!("{name} is named twice"), "name it once"));
            }
            analysis.get().check().map_err(|error| error.inside(&format!("{at}.{name}")))?;
        }
        Error::unless_within("sample", self.sample, 1..=4096, 256)?;
        Error::unless_within("bootstrap_draws", self.bootstrap_draws as usize, 100..=100_000, 1000)?;
        let (draws, drawn) = (self.bootstrap_draws, self.bootstrap_draws as usize * self.sample);
        if drawn > MOST_DRAWN {
            let message = format!(
                "{draws} draws from {} rows take {drawn} places, of at most {MOST_DRAWN}",
                self.sample
            );
            return Err(Error::config("bootstrap_draws", message, "lower it, or `sample`"));
        }
        Ok(())
    }
}

/// A split of the dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SplitName {
    /// The rows that training saw.
    Train,
    /// The rows that training was watched on.
    Validation,
    /// The rows that nothing saw.
    Test,
}

impl SplitName {
    /// Returns the name as written in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            SplitName::Train => "train",
            SplitName::Validation => "validation",
            SplitName::Test => "test",
        }
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
    }

    #[test]
    fn mistakes_name_their_place() {
        for (text, at) in [
            (r#"{"analyses":[]}"#, "analyses: nothing to do"),
            (r#"{"analyses":["ablation",{"ablation":{}}]}"#, "analyses[1]: ablation is named twice"),
            (
                r#"{"analyses":["attention",{"ablation":{"metrics":[]}}]}"#,
                "analyses[1].ablation.metrics: nothing to measure",
            ),
            (
                r#"{"analyses":[{"ablation":{"metrics":["accuracy","accuracy"]}}]}"#,
                "analyses[0].ablation.metrics: ",
            ),
            (r#"{"analyses":[{"ablation":{"top_heads":4097}}]}"#, "analyses[0].ablation.top_heads: "),
            (r#"{"analyses":[{"attention":{"example_rows":4097}}]}"#, "analyses[0].attention.example_rows: "),
            (r#"{"sample":0}"#, "sample: "),
            (r#"{"sample":4097}"#, "sample: "),
            (r#"{"bootstrap_draws":1}"#, "bootstrap_draws: "),
            (r#"{"sample":4096,"bootstrap_draws":100000}"#, "bootstrap_draws: "),
        ] {
            let config: Config = serde_json::from_str(text).expect(text);
            let message = config.check().expect_err("it is out of range").to_string();
            assert!(message.starts_with(at), "{message}");
        }
    }
}
