//! What others published.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::folder::{Source, parse_point};
use crate::number::{share, steps, times};

/// A figure that somebody published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// What was measured.
    pub metric: Metric,
    /// What was found: a share from 0 to 1, steps, or a ratio.
    pub value: f64,
    /// Who published it, so that a reader finds it.
    pub source: String,
    /// The points of the matrix that it is to be read beside, written like the names of their folders (`norm=LN`);
    /// left out: all points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// What has to be known beside it, for instance in what their settings differ from ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The metrics of `scores.parquet` that a published figure can stand beside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Share of held-out rows whose whole answer is right.
    Accuracy,
    /// First step at which the train rows were learned.
    TMem,
    /// First step at which the validation rows were learned.
    TGen,
    /// Steps from one to the other.
    GrokkingDelay,
    /// The second over the first.
    GrokkingRatio,
}

impl Metric {
    /// Returns its name in the table and on which split it is measured; for accuracy the split of the page.
    pub(crate) fn column(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Accuracy => ("accuracy", None),
            Self::TMem => ("t_mem", Some("train")),
            Self::TGen => ("t_gen", Some("validation")),
            Self::GrokkingDelay => ("grokking_delay", Some("validation")),
            Self::GrokkingRatio => ("grokking_ratio", Some("validation")),
        }
    }

    /// Returns a value as text.
    pub(crate) fn text(self, value: f64) -> String {
        match self {
            Self::Accuracy => share(value),
            Self::TMem | Self::TGen | Self::GrokkingDelay => steps(value),
            Self::GrokkingRatio => times(value),
        }
    }

    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Accuracy => "share of held-out rows answered right",
            Self::TMem => "steps until the train rows are learned",
            Self::TGen => "steps until the validation rows are learned",
            Self::GrokkingDelay => "steps from T_mem to T_gen",
            Self::GrokkingRatio => "T_gen over T_mem",
        }
    }
}

impl Published {
    /// Checks what the types cannot say; `index` is its place in the list.
    pub(crate) fn check(&self, index: usize) -> Result<(), Error> {
        let error = |key: &str, message: String, help: &str| {
            Err(Error::Config { at: format!("published[{index}].{key}"), message, help: help.to_owned() })
        };
        let (least, most) = if self.metric == Metric::Accuracy { (0.0, 1.0) } else { (0.0, 1e15) };
        if !(least..=most).contains(&self.value) {
            let expected = if most == 1.0 { "a share from 0 to 1" } else { "a number from 0 to 1e15" };
            let long = self.value.abs() >= 1e15;
            let found = if long { format!("{:e}", self.value) } else { self.value.to_string() };
            return error("value", format!("expected {expected}, found {found}"), "write 0.99 for 99 %");
        }
        for (key, text) in
            [("source", Some(&self.source)), ("note", self.note.as_ref()), ("at", self.at.as_ref())]
        {
            let Some(text) = text else { continue };
            if text.trim().is_empty() || text.chars().count() > 1_000 {
                return error(
                    key,
                    "expected some text of at most 1000 characters".to_owned(),
                    "say it shortly",
                );
            }
        }
        Ok(())
    }

    pub(crate) fn is_at(&self, source: &Source) -> bool {
        let wanted = parse_point(self.at.as_deref().unwrap_or_default());
        wanted.iter().all(|pair| source.point.contains(pair))
    }
}

/// Returns what is to be read beside one point.
pub(crate) fn beside<'a>(published: &'a [Published], source: &Source) -> Vec<&'a Published> {
    published.iter().filter(|one| one.is_at(source)).collect()
}
