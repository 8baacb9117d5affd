//! What a section of the page is.

use maud::Markup;

use crate::Error;
use crate::point::Point;

/// One section of a point.
pub(crate) struct Section {
    /// Its anchor behind the point's: `p0-curves`.
    pub id: &'static str,
    pub title: &'static str,
    /// The table that it shows; a page without it says so. Empty where it is made of whatever there is.
    pub table: &'static str,
    /// How much of the table it shows.
    pub limit: Limit,
    /// What stands beneath the title, with at most so much of the table; `None` where there is nothing to show.
    pub build: fn(&Point<'_>, usize) -> Result<Option<Markup>, Error>,
    /// What its figures can do besides what all figures can.
    pub script: &'static str,
}

/// How much of a large table is shown, in the section's own measure: lines, values, bytes.
pub(crate) struct Limit {
    /// Of one point at most.
    pub most: usize,
    /// Of all points together at most.
    pub all: usize,
    /// Even where the page is too large.
    pub least: usize,
}

impl Limit {
    /// All that there is: the table is small whatever the study.
    pub(crate) const NONE: Self = Self { most: usize::MAX, all: usize::MAX, least: usize::MAX };

    /// Returns how much of one of `points` points is shown on a page that was too large `halvings` times.
    pub(crate) fn of(&self, points: usize, halvings: u32) -> usize {
        ((self.all / points.max(1)).min(self.most) >> halvings).max(self.least)
    }
}
