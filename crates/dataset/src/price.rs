//! What became of the rows of one task that were looked at.

use std::fmt::{Display, Formatter, Result};

use crate::split::Reason;

/// What became of the rows of one task that were looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Price {
    /// Numbered rows that were looked at.
    pub(crate) seen: u64,
    /// Kept, by split.
    pub(crate) kept: [u64; 3],
    /// Dropped, by [`Reason`].
    pub(crate) dropped: [u64; Reason::ALL.len()],
}

/// `of 99 rows 70 train, 5 validation, 12 test; dropped 12 (9 ...; 3 ...)`.
impl Display for Price {
    fn fmt(&self, text: &mut Formatter) -> Result {
        let (seen, [train, validation, test]) = (self.seen, self.kept);
        write!(text, "of {seen} rows {train} train, {validation} validation, {test} test")?;
        let dropped: u64 = self.dropped.iter().sum();
        let undrawn = seen - dropped - self.kept.iter().sum::<u64>();
        if undrawn > 0 {
            write!(text, ", {undrawn} not asked for")?;
        }
        if dropped > 0 {
            let reasons = Reason::ALL.iter().zip(&self.dropped).filter(|(_, dropped)| **dropped > 0);
            let reasons: Vec<String> =
                reasons.map(|((_, words), dropped)| format!("{dropped} {words}")).collect();
            write!(text, "; dropped {dropped} ({})", reasons.join("; "))?;
        }
        Ok(())
    }
}
