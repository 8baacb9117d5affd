//! A keyed permutation of the numbers below a bound, computed number by number.

/// A keyed permutation of `0..size`: a Feistel network over the next even number of bits, walked until it falls
/// inside. Drawing the images of 0, 1, 2, ... is drawing without replacement, with no set of what was drawn.
#[derive(Debug, Clone)]
pub struct Permutation {
    size: u64,
    half: u32,
    keys: [u64; 4],
}

const ROUNDS: usize = 8;

impl Permutation {
    /// Returns the permutation of `0..size` that the key names.
    pub fn new(size: u64, key: &[u8; 32]) -> Self {
        let bits = u64::BITS - size.saturating_sub(1).leading_zeros();
        let word = |i: usize| u64::from_le_bytes(std::array::from_fn(|byte| key[8 * i + byte]));
        Permutation { size, half: bits.div_ceil(2).max(1), keys: std::array::from_fn(word) }
    }

    /// Returns the image of a number below the size.
    pub fn at(&self, index: u64) -> u64 {
        let mut image = self.step(index);
        while image >= self.size {
            image = self.step(image);
        }
        image
    }

    /// Returns the number whose image this is.
    pub fn inverse(&self, image: u64) -> u64 {
        let mut index = self.step_back(image);
        while index >= self.size {
            index = self.step_back(index);
        }
        index
    }

    fn step(&self, number: u64) -> u64 {
        let mask = (1_u64 << self.half) - 1;
        let (mut left, mut right) = (number >> self.half, number & mask);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ (self.mixed(right, round) & mask));
        }
        left << self.half | right
    }

    fn step_back(&self, number: u64) -> u64 {
        let mask = (1_u64 << self.half) - 1;
        let (mut left, mut right) = (number >> self.half, number & mask);
        for round in (0..ROUNDS).rev() {
            (left, right) = (right ^ (self.mixed(left, round) & mask), left);
        }
        left << self.half | right
    }

    fn mixed(&self, half: u64, round: usize) -> u64 {
        mix(half ^ self.keys[round % 4].wrapping_add(round as u64))
    }
}

/// Returns the number well mixed (the finaliser of MurmurHash3, then of splitmix64).
fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_comes_once() {
        for size in [1, 2, 3, 5, 64, 65, 1000, 4097] {
            let permutation = Permutation::new(size, &[7; 32]);
            let mut images: Vec<u64> = (0..size).map(|i| permutation.at(i)).collect();
            assert!(images.iter().zip(0..).all(|(&image, index)| permutation.inverse(image) == index));
            images.sort_unstable();
            assert!(images.into_iter().eq(0..size));
        }
        assert!(Permutation::new(1 << 62, &[7; 32]).at((1 << 62) - 1) < 1 << 62);
    }

    #[test]
    fn neighbours_fall_apart_and_keys_differ() {
        let (one, other) = (Permutation::new(1000, &[1; 32]), Permutation::new(1000, &[2; 32]));
        let same = (0..1000).filter(|&i| one.at(i) == other.at(i)).count();
        let steps = (0..999).filter(|&i| one.at(i).abs_diff(one.at(i + 1)) == 1).count();
        assert!(same < 15 && steps < 15, "{same} {steps}");
        // The first tenth is spread over the whole: 10 in each tenth, standard deviation 3.
        let mut tenths = [0; 10];
        (0..100).for_each(|i| tenths[one.at(i) as usize / 100] += 1);
        assert!(tenths.iter().all(|&n| n <= 22), "{tenths:?}");
    }
}
