//! What a page is asked to show.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::published::Published;

/// What the page calls itself; everything may be left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Heading of the page; by default the name of the pipeline.
    pub title: Option<String>,
    /// One or two sentences under the heading; by default the description of the pipeline.
    pub description: Option<String>,
    /// The question that the run was made for, set apart from the description.
    pub question: Option<String>,
    /// Name of the pipeline, for the commands that rerun it; by default that of the pipeline that it is a stage of.
    pub pipeline: Option<String>,
    /// Figures that others published, each to be read beside ours.
    pub published: Vec<Published>,
}

impl Config {
    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// [`Error::Config`] with the path inside the config, e.g. for an empty title.
    pub fn check(&self) -> Result<(), Error> {
        let texts = [
            ("title", &self.title, 200),
            ("description", &self.description, 4_000),
            ("question", &self.question, 4_000),
            ("pipeline", &self.pipeline, 200),
        ];
        for (at, text, longest) in texts {
            let Some(text) = text else { continue };
            let length = text.chars().count();
            let message = match length {
                _ if text.trim().is_empty() => "expected some text, found none".to_owned(),
                length if length > longest => {
                    format!("expected at most {longest} characters, found {length}")
                }
                _ => continue,
            };
            let help = format!("write a shorter text, or leave `{at}` out");
            return Err(Error::Config { at: at.to_owned(), message, help });
        }
        self.published.iter().enumerate().try_for_each(|(index, published)| published.check(index))
    }
}
