//! How rows lie in memory: whole vectors, and never a power of two apart.

/// Columns are padded to a multiple of this, which all vector widths divide.
pub(crate) const PAD: usize = 16;

/// Returns the floats of a row of so many, padded to whole vectors.
pub(crate) fn padded(columns: usize) -> usize {
    columns.next_multiple_of(PAD)
}

/// Returns the floats from one row to the next, for rows of so many: whole vectors, and not a power of two apart.
pub(crate) fn stride(columns: usize) -> usize {
    padded(columns) + PAD
}
