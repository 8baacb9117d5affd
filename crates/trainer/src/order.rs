use artifact::stream_key;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

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
        let mut random = ChaCha8Rng::from_seed(stream_key("trainer/batches", &[seed, epoch]));
        if rows > LISTED {
            return Self::WorkedOut(Permutation::new(&mut random, rows));
        }
        // Uniform (Fisher and Yates).
        let mut order: Vec<u32> = (0..rows as u32).collect();
        for i in (1..order.len()).rev() {
            // Multiply and shift: biased by less than 2^-44.
            let j = (u128::from(random.next_u64()) * (i as u128 + 1)) >> 64;
            order.swap(i, j as usize);
        }
        Self::Listed(order)
    }
}

/// A pseudorandom permutation of 0 .. `rows`, worked out place by place: what is kept of it does not grow with the rows.
///
/// A Feistel network (Luby and Rackoff, 1988) permutes the numbers of so many bits, each half in turn by a hash of the other;
/// one that is no row is permuted again until it is a row ("cycle walking": Black and Rogaway, 2002). For a handful of rows
/// its orders are visibly not equally likely, which is one more reason to list the order of few.
struct Permutation {
    rows: u64,
    /// Bits of the upper and of the lower half.
    bits: [u32; 2],
    /// Of each round of the network.
    keys: [u64; 8],
}

impl Permutation {
    fn new(random: &mut ChaCha8Rng, rows: u64) -> Self {
        let bits = rows.next_power_of_two().trailing_zeros().max(2);
        let keys = std::array::from_fn(|_| random.next_u64());
        Self { rows, bits: [bits / 2, bits - bits / 2], keys }
    }

    fn at(&self, place: u64) -> u64 {
        let [above, below] = self.bits;
        let mut x = place;
        loop {
            let (mut upper, mut lower) = (x >> below, x & ((1 << below) - 1));
            for keys in self.keys.as_chunks::<2>().0 {
                upper ^= hash(lower ^ keys[0]) >> (u64::BITS - above);
                lower ^= hash(upper ^ keys[1]) >> (u64::BITS - below);
            }
            x = upper << below | lower;
            if x < self.rows {
                return x;
            }
        }
    }
}

/// Scatters a number over 64 bits (the finalizer of MurmurHash3 but for its last line, which leaves the upper half alone; no
/// other bits are used).
fn hash(mut x: u64) -> u64 {
    x = (x ^ (x >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    (x ^ (x >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53)
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

    #[test]
    fn a_permutation_shows_every_row_once() {
        let mut random = ChaCha8Rng::from_seed([7; 32]);
        for rows in (1..300).chain([1023, 1024, 1025, 99_991]) {
            let permutation = Permutation::new(&mut random, rows);
            let mut seen: Vec<u64> = (0..rows).map(|place| permutation.at(place)).collect();
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..rows), "{rows} rows");
        }
    }

    #[test]
    fn neither_a_place_nor_the_row_before_says_which_row_comes() {
        // How many standard deviations too unequal the counts of equally likely outcomes are (Fisher's approximation).
        let surprise = |counts: &[u64]| {
            let (cells, total) = (counts.len() as f64, counts.iter().sum::<u64>() as f64);
            let expected = total / cells;
            let chi_square: f64 =
                counts.iter().map(|&count| (count as f64 - expected).powi(2) / expected).sum();
            (2.0 * chi_square).sqrt() - (2.0 * (cells - 1.0) - 1.0).sqrt()
        };
        let mut random = ChaCha8Rng::from_seed([7; 32]);
        // 16 divides the rows, and 15 the rows but one.
        for rows in [256, 1936, 4096, 69_616] {
            let (mut places, mut steps) = ([[0; 16]; 16], [0; 15]);
            for _ in 0..4_000_000 / rows {
                let permutation = Permutation::new(&mut random, rows);
                let order: Vec<u64> = (0..rows).map(|place| permutation.at(place)).collect();
                for (place, row) in (0..).zip(&order) {
                    places[(place * 16 / rows) as usize][(row * 16 / rows) as usize] += 1;
                }
                for pair in order.windows(2) {
                    steps[((pair[1] + rows - pair[0] - 1) % rows * 15 / (rows - 1)) as usize] += 1;
                }
            }
            let found = [surprise(places.as_flattened()), surprise(&steps)];
            assert!(found.iter().all(|surprise| *surprise < 4.0), "{rows} rows: {found:?}");
        }
    }
}
