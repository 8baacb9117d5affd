//! Lists of numbers back to back: rows without an allocation each.

/// Lists stored back to back; `offsets[i]..offsets[i + 1]` are the bounds of list `i`.
#[derive(Debug, Clone)]
pub(crate) struct Lists<T> {
    pub(crate) values: Vec<T>,
    pub(crate) offsets: Vec<usize>,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Self { values: Vec::new(), offsets: vec![0] }
    }
}

impl<T: Copy> Lists<T> {
    /// Lists without values.
    pub(crate) fn empty(len: usize) -> Self {
        Self { values: Vec::new(), offsets: vec![0; len + 1] }
    }

    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.offsets.truncate(1);
    }

    pub(crate) fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    pub(crate) fn row(&self, index: usize) -> &[T] {
        &self.values[self.offsets[index]..self.offsets[index + 1]]
    }

    pub(crate) fn push(&mut self, row: &[T]) {
        self.values.extend_from_slice(row);
        self.offsets.push(self.values.len());
    }

    pub(crate) fn append(&mut self, other: &Self) {
        let base = self.values.len();
        self.values.extend_from_slice(&other.values);
        self.offsets.extend(other.offsets[1..].iter().map(|offset| base + offset));
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &[T]> {
        (0..self.len()).map(|index| self.row(index))
    }
}
