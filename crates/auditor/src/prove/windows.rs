//! The unit gate alone over adjacent pairs, about as fast as a file can be decoded: nothing is kept of a row but its pairs.
//!
//! It says that nothing is shared, or that something is: what, and where, is then for the whole index to say.

use std::borrow::Cow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::Int64Type;

use crate::error::Result;
use crate::hash::pairs::{Gathered, Key, Pairs};
use crate::read::columns::{Source, Wanted};
use crate::read::lists::Lists;
use crate::read::split::Split;

/// Returns how many distinct pairs each held-out split has, where no split shares one with another that follows it.
pub(crate) fn shared_by_none(splits: &[Split], column: &str, wanted: &Wanted) -> Result<Option<Vec<usize>>> {
    let Some((train, strict)) = splits.split_last() else { return Ok(None) };
    let scan = Scan { train, strict, column, wanted };
    match scan.with::<u64>()? {
        Found::TooLarge => Ok(match scan.with::<u128>()? {
            Found::Apart(distinct) => Some(distinct),
            Found::Shared | Found::TooLarge => None,
        }),
        Found::Apart(distinct) => Ok(Some(distinct)),
        Found::Shared => Ok(None),
    }
}

struct Scan<'a> {
    train: &'a Split,
    strict: &'a [Split],
    column: &'a str,
    wanted: &'a Wanted,
}

enum Found {
    /// No pair in two splits; how many pairs each held-out split has.
    Apart(Vec<usize>),
    Shared,
    /// A held-out value that no key has room for.
    TooLarge,
}

impl Scan<'_> {
    fn with<K: Key>(&self) -> Result<Found> {
        let mut room = 0;
        for split in self.strict {
            let values = split.values(self.wanted)?;
            let bytes = values.saturating_mul(size_of::<K>() as u64);
            split.hold(|| format!("to hold the pairs of its {} rows", split.rows), bytes)?;
            room += values as usize;
        }
        let mut all = Mutex::new(Gathered::with_room(room));
        let mut distinct = Vec::new();
        for split in self.strict {
            if !self.gather::<K>(split, &all)? {
                return Ok(Found::TooLarge);
            }
            distinct.push(all.get_mut().expect("no thread panics while it holds this lock").end_split());
        }
        let all = all.into_inner().expect("no thread panics while it holds this lock");
        let Some(pairs) = all.apart() else { return Ok(Found::Shared) };
        Ok(if self.holds(&pairs)? { Found::Shared } else { Found::Apart(distinct) })
    }

    /// Gathers the pairs of a held-out split; false where a value is too large for its key.
    fn gather<K: Key>(&self, split: &Split, all: &Mutex<Gathered<K>>) -> Result<bool> {
        let too_large = AtomicBool::new(false);
        split.scan_batches(self.wanted, Vec::new, |keys: &mut Vec<K>, source| {
            if too_large.load(Ordering::Relaxed) {
                return Ok(());
            }
            let (values, borders) = self.values(source)?;
            keys.clear();
            let mut pairs = borders.rows(&values).flat_map(|row| row.windows(2));
            if !pairs.all(|pair| K::of(pair[0], pair[1]).map(|key| keys.push(key)).is_some()) {
                too_large.store(true, Ordering::Relaxed);
            }
            all.lock().expect("no thread panics while it holds this lock").add(keys);
            Ok(())
        })?;
        Ok(!too_large.into_inner())
    }

    /// Tells whether train holds one of the pairs.
    fn holds<K: Key>(&self, pairs: &Pairs<K>) -> Result<bool> {
        let shared = AtomicBool::new(false);
        self.train.scan_batches(self.wanted, Vec::new, |places: &mut Vec<u32>, source| {
            let (values, borders) = self.values(source)?;
            // All neighbours, those of two rows too: few are left to look at closely.
            pairs.may_begin(&values, places);
            let mut places = places.iter().map(|at| *at as usize);
            if places.any(|at| pairs.hold(values[at], values[at + 1]) && !borders.between(at)) {
                shared.store(true, Ordering::Relaxed);
            }
            Ok(())
        })?;
        Ok(shared.into_inner())
    }

    /// Returns the values of a batch and where its rows end: as they lie there, where nothing has to be said against them.
    fn values<'a>(&self, source: &Source<'a>) -> Result<(Cow<'a, [i64]>, Borders<'a>)> {
        if let Some((values, offsets)) = plain(source.batch.column_by_name(self.column)) {
            return Ok((Cow::Borrowed(values), Borders::Plain(offsets)));
        }
        let lists: Lists<i64> = source.list::<Int64Type>(self.column)?;
        Ok((Cow::Owned(lists.values), Borders::Counted(lists.offsets)))
    }
}

/// Where the rows of a batch begin and end among its values.
enum Borders<'a> {
    /// As they lie in the batch, whose first value need not be the first of its array.
    Plain(&'a [i32]),
    Counted(Vec<usize>),
}

impl Borders<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Plain(offsets) => offsets.len(),
            Self::Counted(offsets) => offsets.len(),
        }
    }

    fn at(&self, index: usize) -> usize {
        match self {
            Self::Plain(offsets) => (offsets[index] - offsets[0]) as usize,
            Self::Counted(offsets) => offsets[index],
        }
    }

    fn rows<'a>(&'a self, values: &'a [i64]) -> impl Iterator<Item = &'a [i64]> {
        (1..self.len()).map(|row| &values[self.at(row - 1)..self.at(row)])
    }

    /// Tells whether a row ends between the value at this place and the next.
    fn between(&self, place: usize) -> bool {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.at(middle).cmp(&(place + 1)) {
                std::cmp::Ordering::Equal => return true,
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        false
    }
}

/// Returns the values of lists of `i64` and their offsets, without a copy, where there is no null and no disorder.
fn plain(column: Option<&ArrayRef>) -> Option<(&[i64], &[i32])> {
    let list = column?.as_list_opt::<i32>()?;
    let values = list.values().as_primitive_opt::<Int64Type>()?;
    let offsets = list.value_offsets();
    let (start, end) = (usize::try_from(*offsets.first()?).ok()?, usize::try_from(*offsets.last()?).ok()?);
    let sound = list.null_count() == 0 && values.null_count() == 0 && offsets.is_sorted();
    sound.then(|| values.values().get(start..end)).flatten().map(|values| (values, offsets))
}
