//! A set of ordered pairs of values that is asked about far more pairs than it holds.
//!
//! A pair is a key that is as random as a hash and still the pair itself: keys are made by a function that can be undone,
//! so equal keys are equal pairs. Sorted, they are a hash table without an empty place; before it is read, two bits of a
//! filter say whether it can hold the key. The filter only saves time: what is found is always the key itself.

use rayon::slice::ParallelSliceMut;

use crate::hash::interner::mix;

/// A pair of values as one number, different for different pairs.
pub(crate) trait Key: Copy + Ord + Send + Sync {
    /// The key of a pair; none where the values are too large for it.
    fn of(first: i64, second: i64) -> Option<Self>;

    /// The upper 64 bits of the key, any bits where the pair has none.
    fn hash(first: i64, second: i64) -> u64;

    /// The upper 64 bits.
    fn upper(self) -> u64;
}

/// Pairs of values that fit 32 bits, as those of most datasets do.
impl Key for u64 {
    fn of(first: i64, second: i64) -> Option<Self> {
        let fits = i32::try_from(first).is_ok() && i32::try_from(second).is_ok();
        fits.then(|| Self::hash(first, second))
    }

    #[inline]
    fn hash(first: i64, second: i64) -> u64 {
        mix((first as u64) << 32 | u64::from(second as u32))
    }

    #[inline]
    fn upper(self) -> u64 {
        self
    }
}

/// Pairs of any values. The lower half says the second value; beside that the upper half says the first.
impl Key for u128 {
    fn of(first: i64, second: i64) -> Option<Self> {
        Some(Self::from(<Self as Key>::hash(first, second)) << 64 | Self::from(mix(second as u64)))
    }

    #[inline]
    fn hash(first: i64, second: i64) -> u64 {
        mix(first as u64 ^ mix(second as u64))
    }

    #[inline]
    fn upper(self) -> u64 {
        (self >> 64) as u64
    }
}

/// The distinct keys of one split after another.
#[derive(Debug)]
pub(crate) struct Gathered<K> {
    /// Those of each split that is finished in order, then others as they came.
    keys: Vec<K>,
    /// Where those of the present split begin.
    start: usize,
    /// So many of one split are looked through for repeats: memory goes by how many are different.
    most: usize,
}

/// Keys of a split that are not worth looking through.
const FEW: usize = 1 << 20;

impl<K: Key> Gathered<K> {
    /// No keys, and room for so many: a list that grew would be there twice whenever it is copied.
    pub(crate) fn with_room(keys: usize) -> Self {
        Self { keys: Vec::with_capacity(keys), start: 0, most: FEW }
    }

    /// Adds keys of the present split.
    pub(crate) fn add(&mut self, keys: &[K]) {
        if self.keys.len() - self.start + keys.len() > self.most {
            self.sort();
            self.most = FEW.max(2 * (self.keys.len() - self.start));
        }
        self.keys.extend_from_slice(keys);
    }

    /// Ends a split; returns how many different keys it has.
    pub(crate) fn end_split(&mut self) -> usize {
        self.sort();
        let distinct = self.keys.len() - self.start;
        (self.start, self.most) = (self.keys.len(), FEW);
        distinct
    }

    fn sort(&mut self) {
        self.keys[self.start..].par_sort_unstable();
        let mut kept = self.start;
        for at in self.start..self.keys.len() {
            if at == self.start || self.keys[at] != self.keys[kept - 1] {
                self.keys[kept] = self.keys[at];
                kept += 1;
            }
        }
        self.keys.truncate(kept);
    }

    /// Returns the keys of all splits; nothing where two splits have one.
    pub(crate) fn apart(mut self) -> Option<Pairs<K>> {
        // One run for each split: these are merged, not sorted.
        self.keys.sort();
        let apart = self.keys.windows(2).all(|pair| pair[0] != pair[1]);
        apart.then(|| Pairs::of(self.keys))
    }

    /// Returns the keys of the only split.
    pub(crate) fn set(mut self) -> Pairs<K> {
        self.end_split();
        Pairs::of(self.keys)
    }
}

/// The set, ready to be asked.
#[derive(Debug)]
pub(crate) struct Pairs<K> {
    keys: Vec<K>,
    /// By the upper bits of a key: where those that share them begin. One more says where the last end.
    starts: Vec<usize>,
    filter: Vec<u64>,
    /// 64 - log2(number of buckets).
    shift: u32,
}

/// Pairs that are looked up together.
const AT_ONCE: usize = 512;

/// Keys of a bucket, on average at most: as many share a word of the filter.
const KEYS: usize = 8;

impl<K: Key> Pairs<K> {
    fn of(mut keys: Vec<K>) -> Self {
        if keys.len() < keys.capacity() / 2 {
            keys.shrink_to_fit();
        }
        // Two at least: a number cannot be shifted by all of its bits.
        let buckets = keys.len().div_ceil(KEYS).next_power_of_two().max(2);
        let shift = 64 - buckets.trailing_zeros();
        let mut pairs =
            Self { starts: Vec::with_capacity(buckets + 1), filter: vec![0; buckets], keys, shift };
        for (at, key) in pairs.keys.iter().enumerate() {
            let hash = key.upper();
            let bucket = (hash >> shift) as usize;
            pairs.starts.resize(pairs.starts.len().max(bucket + 1), at);
            pairs.filter[bucket] |= bits(hash, shift);
        }
        pairs.starts.resize(buckets + 1, pairs.keys.len());
        pairs
    }

    /// Writes down at which values a pair begins that the set may hold; of a pair that it does not, mostly nothing.
    ///
    /// The filter of many pairs is in no near cache. So words of it are fetched for many pairs by a loop that does nothing
    /// else: the processor then waits for all of them together.
    pub(crate) fn may_begin(&self, values: &[i64], places: &mut Vec<u32>) {
        places.clear();
        let (mut hashes, mut words) = ([0; AT_ONCE], [0; AT_ONCE]);
        for first in (0..values.len().saturating_sub(1)).step_by(AT_ONCE) {
            let values = &values[first..values.len().min(first + AT_ONCE + 1)];
            let hashes = &mut hashes[..values.len() - 1];
            for (hash, pair) in hashes.iter_mut().zip(values.windows(2)) {
                *hash = K::hash(pair[0], pair[1]);
            }
            for (word, hash) in words.iter_mut().zip(&*hashes) {
                *word = self.filter[(hash >> self.shift) as usize];
            }
            let mut left = places.len();
            places.resize(left + hashes.len(), 0);
            for (at, (word, hash)) in (first as u32..).zip(words.iter().zip(&*hashes)) {
                let bits = bits(*hash, self.shift);
                places[left] = at;
                left += usize::from(word & bits == bits);
            }
            places.truncate(left);
        }
    }

    /// Tells whether the set holds a pair.
    #[inline]
    pub(crate) fn hold(&self, first: i64, second: i64) -> bool {
        let Some(key) = K::of(first, second) else { return false };
        let hash = key.upper();
        let (bucket, bits) = ((hash >> self.shift) as usize, bits(hash, self.shift));
        if self.filter[bucket] & bits != bits {
            return false;
        }
        self.keys[self.starts[bucket]..self.starts[bucket + 1]].contains(&key)
    }
}

/// Two bits for a hash, picked by those that follow the number of its bucket.
#[inline]
fn bits(hash: u64, shift: u32) -> u64 {
    let bit = |at: u32| 1 << (hash >> at & 63);
    bit(shift.saturating_sub(6)) | bit(shift.saturating_sub(12))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::read::rows::tests::Draws;

    /// Values that meet, that differ in upper bits only, and that lie at the ends of what there is.
    fn value(draws: &mut Draws, narrow: bool) -> i64 {
        let small = draws.below(40) as i64 - 20;
        match draws.below(if narrow { 3 } else { 6 }) {
            0 => small,
            1 => i64::from(i32::MIN) + small.abs(),
            2 => i64::from(i32::MAX) - small.abs(),
            3 => small << 32,
            4 => i64::MIN + small.abs(),
            _ => i64::MAX - small.abs(),
        }
    }

    fn pairs(draws: &mut Draws, count: u64, narrow: bool) -> Vec<(i64, i64)> {
        (0..count).map(|_| (value(draws, narrow), value(draws, narrow))).collect()
    }

    fn keys<K: Key>(pairs: &[(i64, i64)]) -> Vec<K> {
        pairs.iter().map(|(first, second)| K::of(*first, *second).unwrap()).collect()
    }

    /// Compares with plain sets: how many each split has, whether two share one, and which values begin one.
    fn compare<K: Key>(draws: &mut Draws, narrow: bool) {
        let apart = draws.below(3) > 0;
        let (mut splits, mut seen): (Vec<Vec<_>>, HashSet<_>) = Default::default();
        for _ in 0..3 {
            let count = [0, 1, 3, 100, 2000][draws.below(5) as usize];
            let mut split = pairs(draws, count, narrow);
            split.retain(|pair| !apart || !seen.contains(pair));
            seen.extend(split.iter().copied());
            splits.push(split);
        }
        let plain: Vec<HashSet<_>> = splits.iter().map(|split| split.iter().copied().collect()).collect();
        let all: HashSet<_> = plain.iter().flatten().copied().collect();
        let mut gathered = Gathered::<K>::with_room(0);
        for (split, plain) in splits.iter().zip(&plain) {
            gathered.most = 50;
            keys(split).chunks(7).for_each(|keys| gathered.add(keys));
            assert_eq!(gathered.end_split(), plain.len());
        }
        let Some(set) = gathered.apart() else {
            assert!(all.len() < plain.iter().map(HashSet::len).sum());
            return;
        };
        assert_eq!(all.len(), plain.iter().map(HashSet::len).sum::<usize>());
        let values: Vec<i64> = pairs(draws, 500, false)
            .into_iter()
            .chain(all.iter().copied().take(500))
            .flat_map(|(first, second)| [first, second])
            .collect();
        let mut places = Vec::new();
        set.may_begin(&values, &mut places);
        for (at, pair) in values.windows(2).enumerate() {
            let holds = all.contains(&(pair[0], pair[1]));
            assert_eq!(set.hold(pair[0], pair[1]), holds, "{pair:?}");
            assert!(!holds || places.contains(&(at as u32)), "{pair:?}");
        }
    }

    #[test]
    fn a_set_holds_the_pairs_that_a_plain_one_holds() {
        let mut draws = Draws(5);
        for _ in 0..60 {
            compare::<u64>(&mut draws, true);
            compare::<u128>(&mut draws, true);
            compare::<u128>(&mut draws, false);
        }
    }

    #[test]
    fn equal_keys_are_equal_pairs_and_few_others_pass_the_filter() {
        let mut draws = Draws(9);
        let held: HashSet<(i64, i64)> =
            (0..100_000).map(|_| (draws.below(1 << 22) as i64, draws.below(200) as i64)).collect();
        let held: Vec<_> = held.into_iter().collect();
        fn check<K: Key>(held: &[(i64, i64)], draws: &mut Draws) {
            let distinct: HashSet<u64> = keys::<K>(held).into_iter().map(Key::upper).collect();
            assert_eq!(distinct.len(), held.len(), "upper halves are as good as a hash");
            let mut gathered = Gathered::<K>::with_room(0);
            gathered.add(&keys(held));
            gathered.end_split();
            let set = gathered.apart().unwrap();
            let values: Vec<i64> = (0..100_000).map(|_| draws.below(1 << 22) as i64).collect();
            let mut places = Vec::new();
            set.may_begin(&values, &mut places);
            assert!(places.len() < values.len() / 10, "{} of {} pass", places.len(), values.len());
        }
        check::<u64>(&held, &mut draws);
        check::<u128>(&held, &mut draws);
    }

    #[test]
    fn values_of_more_than_32_bits_have_no_narrow_key() {
        let least = i64::from(i32::MIN);
        assert!(<u64 as Key>::of(least, i64::from(i32::MAX)).is_some());
        for outside in [least - 1, i64::from(i32::MAX) + 1, i64::MIN, i64::MAX, 1 << 32] {
            assert_eq!((<u64 as Key>::of(outside, 0), <u64 as Key>::of(0, outside)), (None, None));
        }
    }
}
