/// Rounds of the network, each with a key of its own.
const ROUNDS: usize = 8;

/// A keyed permutation of `0..size`, worked out number by number: what is kept of it does not grow with the size.
///
/// A Feistel network (Luby and Rackoff, 1988) permutes the numbers of so many bits, each half in turn by a hash of the
/// other; a number outside is permuted again until it falls inside ("cycle walking": Black and Rogaway, 2002). The images
/// of 0, 1, 2, ... are drawn without replacement, with no set of what was drawn. For a handful of numbers the orders are
/// visibly not equally likely.
///
/// There are two forms of it, alike in all but the sizes of the halves and the hash: a dataset's rows are drawn by one and
/// shown to a model by the other, and neither could go without changing what is drawn.
#[derive(Debug, Clone)]
pub struct Permutation {
    size: u64,
    /// Bits of the upper and of the lower half; at least 1 each.
    bits: [u32; 2],
    keys: [u64; ROUNDS],
    hash: Hash,
}

/// What half of a number is hashed by.
#[derive(Debug, Clone, Copy)]
enum Hash {
    /// The finaliser of MurmurHash3, then of splitmix64, whose low bits are used.
    Long,
    /// The finaliser of MurmurHash3 but for its last line, which leaves the upper half alone; its high bits are used.
    Short,
}

impl Permutation {
    /// Returns the permutation that a key names, by halves of equal size.
    ///
    /// Its four words serve two rounds each, which hash much alike where halves have few bits: of 256 numbers, some come
    /// about 1 % too often in some parts of the order.
    #[must_use]
    pub fn of_key(size: u64, key: &[u8; 32]) -> Self {
        let word = |round: usize| u64::from_le_bytes(std::array::from_fn(|byte| key[8 * (round % 4) + byte]));
        let keys = std::array::from_fn(|round| word(round).wrapping_add(round as u64));
        Self { size, bits: [bits(size).div_ceil(2); 2], keys, hash: Hash::Long }
    }

    /// Returns the permutation whose rounds have these keys, by halves of as few bits as the size needs: faster.
    #[must_use]
    pub fn of_rounds(size: u64, keys: [u64; ROUNDS]) -> Self {
        let bits = bits(size);
        Self { size, bits: [bits / 2, bits - bits / 2], keys, hash: Hash::Short }
    }

    /// Returns the image of a number below the size.
    #[must_use]
    pub fn at(&self, number: u64) -> u64 {
        let mut image = self.forward(number);
        while image >= self.size {
            image = self.forward(image);
        }
        image
    }

    /// Returns the number whose image this is.
    #[must_use]
    pub fn inverse(&self, image: u64) -> u64 {
        let mut number = self.backward(image);
        while number >= self.size {
            number = self.backward(number);
        }
        number
    }

    fn forward(&self, number: u64) -> u64 {
        let [above, below] = self.bits;
        let (mut upper, mut lower) = (number >> below, number & ((1 << below) - 1));
        for [first, second] in self.keys.as_chunks().0 {
            upper ^= self.hash.of(lower ^ first, above);
            lower ^= self.hash.of(upper ^ second, below);
        }
        upper << below | lower
    }

    fn backward(&self, number: u64) -> u64 {
        let [above, below] = self.bits;
        let (mut upper, mut lower) = (number >> below, number & ((1 << below) - 1));
        for [first, second] in self.keys.as_chunks().0.iter().rev() {
            lower ^= self.hash.of(upper ^ second, below);
            upper ^= self.hash.of(lower ^ first, above);
        }
        upper << below | lower
    }
}

/// Returns how many bits the numbers below the size have; at least 2, one for each half.
fn bits(size: u64) -> u32 {
    (u64::BITS - size.saturating_sub(1).leading_zeros()).max(2)
}

impl Hash {
    /// Returns so many bits of a number's hash.
    fn of(self, number: u64, bits: u32) -> u64 {
        let number = (number ^ (number >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        match self {
            Hash::Long => {
                let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                (number ^ (number >> 31)) & ((1 << bits) - 1)
            }
            Hash::Short => {
                (number ^ (number >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53) >> (u64::BITS - bits)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RngCore, generator, key};

    /// Both forms, of the permutation with this number.
    fn forms(size: u64, number: u64) -> [Permutation; 2] {
        let mut random = generator("stream/test", &[number]);
        let keys = std::array::from_fn(|_| random.next_u64());
        [Permutation::of_key(size, &key("stream/test", &[number])), Permutation::of_rounds(size, keys)]
    }

    #[test]
    fn every_number_comes_once_and_is_found_again() {
        for size in (1..300).chain([1000, 1023, 1024, 1025, 4097, 99_991]) {
            for permutation in forms(size, size) {
                let mut images: Vec<u64> = (0..size).map(|number| permutation.at(number)).collect();
                assert!(images.iter().zip(0..).all(|(&image, number)| permutation.inverse(image) == number));
                images.sort_unstable();
                assert!(images.into_iter().eq(0..size), "{size} numbers");
            }
        }
        for permutation in forms(1 << 62, 0) {
            let image = permutation.at((1 << 62) - 1);
            assert!(image < 1 << 62 && permutation.inverse(image) == (1 << 62) - 1);
        }
    }

    #[test]
    fn permutations_are_those_that_they_were() {
        // Whoever changes one of these raises `VERSION` of the stage that draws by it: the builder, the trainer.
        let key = std::array::from_fn(|byte| byte as u8);
        for (size, of_key, of_rounds) in [
            (1000, [892, 361, 606, 918], [849, 257, 393, 63]),
            (1025, [376, 69, 438, 273], [198, 904, 657, 851]),
            (
                1 << 40,
                [820_758_377_030, 250_282_360_106, 552_742_071_401, 590_878_720_110],
                [695_262_163_404, 400_560_138_282, 933_156_793_166, 1_076_768_459_150],
            ),
        ] {
            let images = |permutation: Permutation| [0, 1, 2, 999].map(|number| permutation.at(number));
            assert_eq!(images(Permutation::of_key(size, &key)), of_key);
            assert_eq!(images(Permutation::of_rounds(size, [1, 2, 3, 4, 5, 6, 7, 8])), of_rounds);
        }
    }

    #[test]
    fn keys_differ() {
        for (one, other) in forms(1000, 1).into_iter().zip(forms(1000, 2)) {
            let same = (0..1000).filter(|&number| one.at(number) == other.at(number)).count();
            assert!(same < 15, "{same}");
        }
    }

    #[test]
    fn neither_a_number_nor_the_image_before_says_which_image_comes() {
        // How many standard deviations too unequal the counts of equally likely outcomes are (Fisher's approximation).
        let surprise = |counts: &[u64]| {
            let (cells, total) = (counts.len() as f64, counts.iter().sum::<u64>() as f64);
            let expected = total / cells;
            let chi_square: f64 =
                counts.iter().map(|&count| (count as f64 - expected).powi(2) / expected).sum();
            (2.0 * chi_square).sqrt() - (2.0 * (cells - 1.0) - 1.0).sqrt()
        };
        // 16 divides the sizes, and 15 the sizes but one.
        for size in [256, 1936, 4096, 69_616] {
            let mut counts = [([[0; 16]; 16], [0; 15]); 2];
            for number in 0..4_000_000 / size {
                for (permutation, (places, steps)) in forms(size, number).into_iter().zip(&mut counts) {
                    let order: Vec<u64> = (0..size).map(|number| permutation.at(number)).collect();
                    for (number, image) in (0..).zip(&order) {
                        places[(number * 16 / size) as usize][(image * 16 / size) as usize] += 1;
                    }
                    for pair in order.windows(2) {
                        steps[((pair[1] + size - pair[0] - 1) % size * 15 / (size - 1)) as usize] += 1;
                    }
                }
            }
            // Of few numbers the first form is known to be uneven.
            for (places, steps) in &counts[usize::from(size < 1000)..] {
                let found = [surprise(places.as_flattened()), surprise(steps)];
                assert!(found.iter().all(|surprise| *surprise < 4.0), "{size} numbers: {found:?}");
            }
        }
    }
}
