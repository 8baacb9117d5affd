//! Turns result tables into one self-contained HTML page.
//!
//! The page picks rows and formats them; every figure on it stands in a table that another stage wrote. A table that
//! is not among the inputs drops its section, and the page says so.
//!
//! * `folder`: which tables lie in which input folder, and which folders belong to one point of a matrix.
//! * `point`: what is known of a point, from `scores`, `verdict`, `pins`, `published`. `sections`: the list of what the page
//!   shows of it, one file each.
//! * `card`: the verdict; `answer`: the figure that answers the question, and `across` that of a `matrix`; `beside`: what others published.
//! * `figure`, `plot`, `rows`, `lines`, `grid`: number, caption, data and picture of a figure, drawn in SVG.
//! * `page`, `style.css`: the page itself. `script/`: values under the pointer, choices, downloads; without it all figures stand.

mod across;
mod answer;
mod beside;
mod card;
mod figure;
mod folder;
mod grid;
mod lines;
mod log;
mod matrix;
mod number;
mod origin;
mod page;
mod pins;
mod plot;
mod point;
mod positions;
mod published;
mod rows;
mod scores;
mod section;
mod sections;
mod verdict;
mod words;

use std::path::{Path, PathBuf};

use artifact::Provenance;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use published::{Metric, Published};

/// Raised when the same config and inputs give another page than before; part of the stage key.
pub const VERSION: u32 = 9;

/// Name of the page inside the stage's folder.
pub const PAGE_FILE: &str = "index.html";

/// The page stays below this many bytes.
pub const MAX_BYTES: usize = 1_000_000;

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

/// The finished folders that the page is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Stage name, with the matrix point behind a slash (`train/k=2`), and its folder. Which tables lie in a folder is
    /// found by their file names, so any stage may be named anything.
    pub folders: Vec<(String, PathBuf)>,
    /// What the page calls each folder, in their order; where there is nothing, the end of its path.
    pub shown: Vec<String>,
}

/// Everything that can go wrong while a page is made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The config says what cannot be.
    #[error("`{at}`: {message}")]
    Config {
        /// Path inside [`Config`].
        at: String,
        /// What was expected, what was found.
        message: String,
        /// What to do.
        help: String,
    },
    /// A table cannot be read.
    #[error(transparent)]
    Artifact(#[from] artifact::Error),
    /// An input folder or the page itself cannot be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
    /// `model.json` is no JSON object.
    #[error("{}: not a readable model config; rerun the stage that wrote it", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// The parser's own words.
        source: serde_json::Error,
    },
    /// Even the barest page is too large.
    #[error(
        "expected a page below {MAX_BYTES} bytes, found {bytes} for {points} matrix points; report on fewer of them"
    )]
    TooLarge {
        /// Size of the barest page.
        bytes: usize,
        /// Number of matrix points.
        points: usize,
    },
}

/// Writes `index.html` into the existing folder `out`.
///
/// The bytes are a pure function of the config and the inputs. `provenance` is the report's own: its key stands at the
/// foot of the page.
///
/// # Errors
/// When the config is wrong, a table is unreadable or of another version, or the page cannot be written.
pub fn run(config: &Config, inputs: &Inputs, out: &Path, provenance: &Provenance) -> Result<(), Error> {
    config.check()?;
    let html = page::build(config, inputs, provenance)?;
    let path = out.join(PAGE_FILE);
    std::fs::write(&path, &html).map_err(|source| Error::Io { action: "write", path, source })?;
    tracing::info!("wrote {PAGE_FILE}, {} bytes, for {} folders", html.len(), inputs.folders.len());
    Ok(())
}
