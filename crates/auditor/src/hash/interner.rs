//! A map from 64-bit keys to consecutive numbers that says "not there" after reading one word.

/// Gives distinct keys a number each, out of a count that several maps may share. The key `u64::MAX` may not be used.
///
/// Open addressing under half load; before the table is read, two bits of a filter say whether it can hold the key. The
/// filter only saves time: what is found is always the key itself.
#[derive(Debug, Clone)]
pub(crate) struct Interner {
    filter: Vec<u64>,
    keys: Vec<u64>,
    values: Vec<u32>,
    len: usize,
    /// 64 - log2(size of the table).
    shift: u32,
}

const EMPTY: u64 = u64::MAX;
/// Places of the table for each word of the filter, as a power of two.
const FILTER: u32 = 4;

impl Default for Interner {
    fn default() -> Self {
        Self::of_size(6)
    }
}

impl Interner {
    fn of_size(log2: u32) -> Self {
        let places = 1_usize << log2;
        Self {
            filter: vec![0; places >> FILTER],
            keys: vec![EMPTY; places],
            values: vec![0; places],
            len: 0,
            shift: 64 - log2,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the number of the key; a new one gets the next of the count.
    pub(crate) fn intern(&mut self, key: u64, count: &mut u32) -> u32 {
        if self.keys.len() < 2 * (self.len + 1) {
            self.grow();
        }
        let place = self.place(key);
        if self.keys[place] != key {
            self.put(place, key, *count);
            self.len += 1;
            *count += 1;
        }
        self.values[place]
    }

    /// Puts a key in, where only that matters.
    pub(crate) fn insert(&mut self, key: u64) {
        self.intern(key, &mut 0);
    }

    /// Returns the number of the key where it has one.
    #[inline]
    pub(crate) fn get(&self, key: u64) -> Option<u32> {
        if !self.may_hold(key) {
            return None;
        }
        let place = self.place(key);
        (self.keys[place] == key && key != EMPTY).then(|| self.values[place])
    }

    /// Tells whether the key has a number.
    #[inline]
    pub(crate) fn contains(&self, key: u64) -> bool {
        self.get(key).is_some()
    }

    /// Tells whether the key can have a number: false where it has none, mostly.
    #[inline]
    pub(crate) fn may_hold(&self, key: u64) -> bool {
        let (word, bits) = self.bits(key);
        self.filter[word] & bits == bits
    }

    /// The key's word of the filter, and its two bits in it.
    #[inline]
    fn bits(&self, key: u64) -> (usize, u64) {
        let hash = mix(key);
        let shift = self.shift + FILTER;
        let bit = |at: u32| 1 << (hash >> at & 63);
        ((hash >> shift) as usize, bit(shift - 6) | bit(shift - 12))
    }

    /// The place of the key, or the empty one where it would go.
    #[inline]
    fn place(&self, key: u64) -> usize {
        let mut place = (mix(key) >> self.shift) as usize;
        while self.keys[place] != key && self.keys[place] != EMPTY {
            place = (place + 1) & (self.keys.len() - 1);
        }
        place
    }

    fn put(&mut self, place: usize, key: u64, value: u32) {
        (self.keys[place], self.values[place]) = (key, value);
        let (word, bits) = self.bits(key);
        self.filter[word] |= bits;
    }

    fn grow(&mut self) {
        let mut larger = Self::of_size(64 - self.shift + 1);
        for (key, value) in self.keys.iter().zip(&self.values).filter(|(key, _)| **key != EMPTY) {
            let place = larger.place(*key);
            larger.put(place, *key, *value);
        }
        larger.len = self.len;
        *self = larger;
    }
}

/// Spreads keys that differ anywhere over the upper bits (the finaliser of MurmurHash3, shortened).
#[inline]
pub(crate) fn mix(key: u64) -> u64 {
    let key = (key ^ (key >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (key ^ (key >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9)
}

/// Packs two codes into one key.
#[inline]
pub(crate) fn pack(first: u32, second: u32) -> u64 {
    u64::from(first) << 32 | u64::from(second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::rows::tests::Draws;

    #[test]
    fn numbers_are_those_of_a_plain_map() {
        let mut draws = Draws(3);
        let mut known = std::collections::HashMap::new();
        let mut numbers = Interner::default();
        let mut count = 0;
        for _ in 0..50_000 {
            let key = pack(draws.below(400) as u32, draws.below(400) as u32);
            let next = known.len() as u32;
            assert_eq!(numbers.intern(key, &mut count), *known.entry(key).or_insert(next));
            let other = pack(draws.below(500) as u32, draws.below(500) as u32);
            assert_eq!(numbers.get(other), known.get(&other).copied());
        }
        assert_eq!((count as usize, numbers.get(u64::MAX)), (known.len(), None));
    }
}
