//! Says what is drawn: keyed random streams, and a keyed permutation worked out number by number.
//!
//! There is no global random state. Every purpose has a stream of its own, named by a word and some numbers, so that
//! what is drawn for one purpose never moves what is drawn for another.
//!
//! * [`key`], [`word`]: 32 bytes, or one number, of a purpose.
//! * [`generator`], [`below`]: draws one after another.
//! * [`Permutation`]: drawing without replacement, with no list of what was drawn.

mod permutation;

pub use permutation::Permutation;
pub use rand_chacha::{ChaCha8Rng, rand_core::RngCore};

use rand_chacha::rand_core::SeedableRng;

/// Returns the key of the stream of one purpose, e.g. `("trainer/init", &[seed])`.
///
/// Two purposes, or two lists of numbers, never share a stream.
#[must_use]
pub fn key(purpose: &str, numbers: &[u64]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("seqlab random stream");
    hasher.update(&(purpose.len() as u64).to_le_bytes());
    hasher.update(purpose.as_bytes());
    for number in numbers {
        hasher.update(&number.to_le_bytes());
    }
    *hasher.finalize().as_bytes()
}

/// Returns one number for a purpose: the first 8 bytes of its key, little endian.
#[must_use]
pub fn word(purpose: &str, numbers: &[u64]) -> u64 {
    let key = key(purpose, numbers);
    u64::from_le_bytes(std::array::from_fn(|byte| key[byte]))
}

/// Returns the generator of one purpose: ChaCha with 8 rounds, which counts, so that any place of it is found at once.
#[must_use]
pub fn generator(purpose: &str, numbers: &[u64]) -> ChaCha8Rng {
    ChaCha8Rng::from_seed(key(purpose, numbers))
}

/// Returns the number below `bound` that a uniform `word` stands for, 0 where the bound is 0.
///
/// It is multiplied and shifted (Lemire 2019, "Fast random integer generation in an interval", without the rejection):
/// no number is more likely than another by more than `bound` / 2^64 of its probability.
#[must_use]
pub fn below(word: u64, bound: u64) -> u64 {
    ((u128::from(word) * u128::from(bound)) >> u64::BITS) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_different_purposes_differ() {
        let keys = [key("a", &[1]), key("a", &[2]), key("b", &[1]), key("a", &[]), key("a", &[1, 0])];
        for (i, one) in keys.iter().enumerate() {
            assert!(keys[..i].iter().all(|other| one != other));
        }
        assert_eq!(key("a", &[1]), keys[0]);
    }

    #[test]
    fn streams_are_those_that_they_were() {
        // Whoever changes one of these changes every dataset and every model.
        assert_eq!(word("trainer/init", &[3]), 5_287_163_847_953_966_442);
        assert_eq!(generator("trainer/init", &[3]).next_u64(), 7_575_486_532_960_284_991);
    }

    #[test]
    fn numbers_below_a_bound_are_spread_evenly() {
        assert_eq!([0, 1 << 63, u64::MAX].map(|word| below(word, 10)), [0, 5, 9]);
        assert_eq!(below(u64::MAX, u64::MAX), u64::MAX - 1);
        assert_eq!(below(u64::MAX, 0), 0);
    }
}
