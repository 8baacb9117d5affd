use stream::{Permutation, RngCore};

/// The order in which a seed sees the rows: epoch after epoch, each one a shuffle without replacement.
///
/// Epoch e of a seed is a pure function of the seed, e and the number of rows, so a run can go on from any step.
pub(crate) struct Shuffled {
    seed: u64,
    rows: u64,
    epoch: u64,
    shuffle: Shuffle,
}

/// One epoch's order.
enum Shuffle {
    Listed(Vec<u32>),
    WorkedOut(Permutation),
}

/// Rows whose order is listed, at most: 4 MiB a seed at work.
const LISTED: u64 = 1 << 20;

impl Shuffled {
    /// Returns the order of a model's seed over so many rows, at least 1.
    pub(crate) fn new(seed: i32, rows: u64) -> Self {
        let seed = u64::from(seed.unsigned_abs());
        Self { seed, rows, epoch: 0, shuffle: Shuffle::new(seed, 0, rows) }
    }

    /// Returns the rows at the places from `first` on, counted over all epochs; they may reach over the end of an epoch.
    pub(crate) fn rows(&mut self, first: u64, count: usize) -> impl Iterator<Item = u64> {
        (first..first + count as u64).map(|place| {
            if place / self.rows != self.epoch {
                self.epoch = place / self.rows;
                self.shuffle = Shuffle::new(self.seed, self.epoch, self.rows);
            }
            match &self.shuffle {
                Shuffle::Listed(order) => u64::from(order[(place % self.rows) as usize]),
                Shuffle::WorkedOut(permutation) => permutation.at(place % self.rows),
            }
        })
    }
}

impl Shuffle {
    /// Draws an order from its own counter-based stream.
    fn new(seed: u64, epoch: u64, rows: u64) -> Self {
        let mut random = stream::generator("trainer/batches", &[seed, epoch]);
        if rows > LISTED {
            return Self::WorkedOut(Permutation::of_rounds(rows, std::array::from_fn(|_| random.next_u64())));
        }
        // Uniform (Fisher and Yates).
        let mut order: Vec<u32> = (0..rows as u32).collect();
        for i in (1..order.len()).rev() {
            order.swap(i, stream::below(random.next_u64(), i as u64 + 1) as usize);
        }
        Self::Listed(order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_shows_every_row_once_and_in_another_order() {
        for rows in [1, 2, 3, 10, 1000, LISTED + 1] {
            let mut order = Shuffled::new(3, rows);
            let count = rows as usize;
            let whole: Vec<u64> = order.rows(0, 2 * count).collect();
            let (size, mut steps) = (count.div_ceil(3), Vec::new());
            (0..).map(|step| step * size).take_while(|&first| first < 2 * count).for_each(|first| {
                steps.extend(order.rows(first as u64, size));
            });
            assert!(steps[..2 * count] == whole, "{rows} rows");
            for epoch in whole.chunks(count) {
                let mut sorted = epoch.to_vec();
                sorted.sort_unstable();
                assert!(sorted.into_iter().eq(0..rows), "{rows} rows");
            }
            assert!(rows < 10 || whole[..count] != whole[count..]);
            assert!(rows < 10 || !Shuffled::new(4, rows).rows(0, count).eq(whole[..count].iter().copied()));
        }
    }

    #[test]
    fn rows_are_a_pure_function_of_their_places() {
        for rows in [10, LISTED + 1] {
            let mut order = Shuffled::new(3, rows);
            let over: Vec<u64> = order.rows(rows - 2, 4).collect();
            order.rows(3 * rows, 4).for_each(drop);
            assert_eq!(order.rows(rows - 2, 4).collect::<Vec<_>>(), over);
            assert_eq!(Shuffled::new(3, rows).rows(rows - 2, 4).collect::<Vec<_>>(), over);
        }
    }

    #[test]
    fn orders_are_those_that_they_were() {
        // Whoever changes one of these raises `VERSION`.
        let first = |rows, place| Shuffled::new(3, rows).rows(place, 5).collect::<Vec<_>>();
        assert_eq!(first(10, 0), [4, 6, 0, 5, 2]);
        assert_eq!(first(10, 10), [8, 7, 3, 5, 4]);
        assert_eq!(first(LISTED + 1, 0), [965670, 545987, 963953, 998640, 909491]);
        assert_eq!(first(LISTED + 1, LISTED + 1), [1038016, 826473, 184925, 71014, 1001038]);
    }
}
