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
mod config;
mod error;
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

use std::path::Path;

use artifact::Provenance;

pub use config::Config;
pub use error::{Error, MAX_BYTES};
pub use folder::Inputs;
pub use published::{Metric, Published};

/// Raised when the same config and inputs give another page than before; part of the stage key.
pub const VERSION: u32 = 9;

/// Name of the page inside the stage's folder.
pub const PAGE_FILE: &str = "index.html";

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
