//! What the page shows of a point, section by section.
//!
//! A section is one value of one file in `sections/`, and one line of the list.

mod ablation;
mod attention;
mod certificate;
mod curves;
pub(crate) mod learned;
mod lookups;
mod mistakes;
mod parts;
mod pins;
pub(crate) mod seeds;
mod settings;

use maud::{Markup, html};

use crate::Error;
use crate::point::Point;
use crate::section::Section;

/// Every section, in the order of the page: what answers the question, what it rests on, how it was asked.
pub(crate) const SECTIONS: &[Section] = &[
    pins::SECTION,
    seeds::SECTION,
    parts::SECTION,
    learned::SECTION,
    curves::SECTION,
    mistakes::SECTION,
    attention::SECTION,
    ablation::SECTION,
    settings::SECTION,
    certificate::SECTION,
    lookups::SECTION,
];

/// Builds the sections of a point that there is something to show of, as title, anchor and content.
pub(crate) fn build(
    point: &Point<'_>,
    points: usize,
    halvings: u32,
) -> Result<Vec<(&'static Section, Markup)>, Error> {
    let mut built = Vec::new();
    for section in SECTIONS {
        if let Some(content) = (section.build)(point, section.limit.of(points, halvings))? {
            built.push((section, content));
        }
    }
    Ok(built)
}

/// Names the sections that are left out because their table is not among the inputs.
pub(crate) fn missing(point: &Point<'_>) -> Markup {
    let missing: Vec<&Section> = SECTIONS
        .iter()
        .filter(|section| !section.table.is_empty() && point.source.table(section.table).is_none())
        .collect();
    html! {
        @if !missing.is_empty() {
            p.note {
                "Left out, because no input folder has their table: "
                @for (index, section) in missing.iter().enumerate() {
                    @if index > 0 { ", " }
                    (section.title.to_lowercase()) " (" code { (section.table) } ")"
                }
                "."
            }
        }
    }
}
