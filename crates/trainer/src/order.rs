use artifact::stream_key;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The order in which a seed sees the rows: epoch after epoch, each one a shuffle without replacement.
///
/// Epoch e of a seed is a pure function of the seed, e and the number of rows, so a run can go on from any step.
pub(crate) struct Shuffled {
    seed: u64,
    rows: usize,
    epoch: u64,
    order: Vec<u32>,
}

impl Shuffled {
    pub(crate) fn new(seed: i32, rows: usize) -> Self {
        let seed = u64::from(seed.unsigned_abs());
        Self { seed, rows, epoch: 0, order: shuffle(seed, 0, rows) }
    }

    /// Returns the rows at the places from `first` on, counted over all epochs; they may reach over the end of an epoch.
    pub(crate) fn rows(&mut self, first: u64, count: usize) -> Vec<usize> {
        let rows = self.rows as u64;
        let mut row = |place: u64| {
            if place / rows != self.epoch {
                self.epoch = place / rows;
                self.order = shuffle(self.seed, self.epoch, self.rows);
            }
            self.order[(place % rows) as usize] as usize
        };
        (first..first + count as u64).map(&mut row).collect()
    }
}

/// A uniform permutation (Fisher and Yates), from its own counter-based stream.
fn shuffle(seed: u64, epoch: u64, rows: usize) -> Vec<u32> {
    let mut random = ChaCha8Rng::from_seed(stream_key("trainer/batches", &[seed, epoch]));
    let mut order: Vec<u32> = (0..rows as u32).collect();
    for i in (1..rows).rev() {
        // Multiply and shift: biased by less than 2^-32 for any number of rows that fits into memory.
        let j = (u128::from(random.next_u64()) * (i as u128 + 1)) >> 64;
        order.swap(i, j as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_shows_every_row_once_and_in_another_order() {
        let mut order = Shuffled::new(3, 10);
        let seen: Vec<usize> = (0..5).flat_map(|step| order.rows(4 * step, 4)).collect(); // two epochs
        for epoch in seen.chunks(10) {
            let mut sorted = epoch.to_vec();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..10).collect::<Vec<_>>());
        }
        assert_ne!(seen[..10], seen[10..]);
        assert_ne!(seen[..4], Shuffled::new(4, 10).rows(0, 4)[..]);
    }

    #[test]
    fn rows_are_a_pure_function_of_their_places() {
        let mut order = Shuffled::new(3, 10);
        let third = order.rows(8, 4);
        order.rows(32, 4);
        assert_eq!(order.rows(8, 4), third);
        assert_eq!(Shuffled::new(3, 10).rows(8, 4), third);
    }
}
