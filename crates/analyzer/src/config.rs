use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

use crate::{ANALYSES, Error};

/// What is analysed, and on which rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Which analyses are done.
    pub analyses: Vec<AnalysisName>,
    /// The split whose rows are looked at.
    pub split: SplitName,
    /// At most how many rows of each task, a sample keyed by `example_id`.
    pub sample: usize,
    /// What ablation measures; the first says which heads are the most important.
    pub metrics: Vec<Metric>,
    /// Up to how many of the most important heads are ablated together.
    pub top_heads: usize,
    /// Of how many rows of each task the attention patterns are kept one by one.
    pub example_rows: usize,
    /// Bootstrap draws behind every interval.
    pub bootstrap_draws: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            analyses: ANALYSES.iter().map(|analysis| AnalysisName(analysis.name)).collect(),
            split: SplitName::Test,
            sample: 256,
            metrics: vec![Metric::LogitDifference, Metric::LogitMargin, Metric::Accuracy],
            top_heads: 4,
            example_rows: 4,
            bootstrap_draws: 1000,
        }
    }
}

/// Rows of a task that are looked at, and heads of a model, each at most.
const MOST: usize = 4096;

impl Config {
    /// Checks what a type cannot say.
    ///
    /// # Errors
    /// [`Error::Config`] for the first field out of its range.
    pub fn check(&self) -> Result<(), Error> {
        let error = |at: &str, message: String, help: &str| {
            Err(Error::Config { at: at.to_owned(), message, help: help.to_owned() })
        };
        if self.analyses.is_empty() {
            return error(
                "analyses",
                "nothing to do".to_owned(),
                "name at least one, or leave the word out for all",
            );
        }
        let mut names: Vec<_> = self.analyses.iter().map(|name| name.0).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return error("analyses", format!("{} is named twice", twice[0]), "name it once");
        }
        if self.metrics.is_empty() {
            let help = "name at least one, or leave the word out for the usual ones";
            return error("metrics", "nothing to measure".to_owned(), help);
        }
        let twice = self.metrics.iter().enumerate().find(|(place, one)| self.metrics[..*place].contains(one));
        if let Some((_, twice)) = twice {
            return error("metrics", format!("{} is named twice", twice.as_str()), "name it once");
        }
        if !(1..=MOST).contains(&self.sample) {
            return error(
                "sample",
                format!("{} rows of each task", self.sample),
                "give 1 to 4096, 256 is usual",
            );
        }
        for (at, value) in [("top_heads", self.top_heads), ("example_rows", self.example_rows)] {
            if value > MOST {
                let found = format!("{value} of them");
                return error(at, found, "give 0 to 4096, 4 is usual");
            }
        }
        if !(100..=100_000).contains(&self.bootstrap_draws) {
            let found = format!("{} draws", self.bootstrap_draws);
            return error("bootstrap_draws", found, "give 100 to 100000, 1000 is usual");
        }
        Ok(())
    }
}

/// The name of an entry of [`ANALYSES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AnalysisName(pub(crate) &'static str);

impl AnalysisName {
    /// Returns the name.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl<'de> Deserialize<'de> for AnalysisName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = String::deserialize(deserializer)?;
        let names: Vec<&str> = ANALYSES.iter().map(|analysis| analysis.name).collect();
        let found = ANALYSES.iter().find(|analysis| analysis.name == written);
        found.map(|analysis| AnalysisName(analysis.name)).ok_or_else(|| {
            let known = names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            serde::de::Error::custom(format!("unknown variant `{written}`, expected one of {known}"))
        })
    }
}

impl JsonSchema for AnalysisName {
    fn schema_name() -> Cow<'static, str> {
        "AnalysisName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = |analysis: &crate::Analysis| serde_json::json!({ "const": analysis.name, "description": analysis.summary });
        json_schema!({ "oneOf": ANALYSES.iter().map(one).collect::<Vec<_>>() })
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

/// What is measured of the answer, the right tokens before each of its tokens given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Logit of the right token minus that of the last shown term (copying), where both first differ.
    LogitDifference,
    /// Logit of the right token minus that of the token that the full model finds the likeliest of all others, at the same
    /// position: what it answers instead, where it is wrong. An ablated model is measured against the same token.
    LogitMargin,
    /// Sum of the log-probabilities of the answer span's tokens, in nats.
    LogProbability,
    /// Share of rows whose every answer token is the likeliest.
    Accuracy,
}

impl Metric {
    /// Returns the name as written in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Metric::LogitDifference => "logit_difference",
            Metric::LogitMargin => "logit_margin",
            Metric::LogProbability => "log_probability",
            Metric::Accuracy => "accuracy",
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
        let text = serde_json::to_string(&config).expect("it is plain data");
        assert_eq!(serde_json::from_str::<Config>(&text).expect("it reads what it writes"), config);
    }

    #[test]
    fn an_unknown_analysis_is_told_the_known_ones() {
        let error = serde_json::from_str::<Config>(r#"{"analyses":["atention"]}"#).expect_err("a typo");
        assert!(error.to_string().contains("expected one of `ablation`, `attention`"), "{error}");
    }

    #[test]
    fn mistakes_name_their_field() {
        let base = Config::default();
        let twice = vec![AnalysisName("ablation"), AnalysisName("ablation")];
        for (config, at) in [
            (Config { analyses: vec![], ..base.clone() }, "analyses"),
            (Config { analyses: twice, ..base.clone() }, "analyses"),
            (Config { metrics: vec![], ..base.clone() }, "metrics"),
            (Config { metrics: vec![Metric::Accuracy; 2], ..base.clone() }, "metrics"),
            (Config { sample: 0, ..base.clone() }, "sample"),
            (Config { sample: usize::MAX, ..base.clone() }, "sample"),
            (Config { top_heads: usize::MAX, ..base.clone() }, "top_heads"),
            (Config { example_rows: usize::MAX, ..base.clone() }, "example_rows"),
            (Config { bootstrap_draws: 1, ..base.clone() }, "bootstrap_draws"),
        ] {
            let message = config.check().expect_err("it is out of range").to_string();
            assert!(message.starts_with(at), "{message}");
        }
    }
}
