//! The unit gate alone over adjacent pairs, about as fast as a file can be decoded: nothing is kept of a row but its pairs.
//!
//! It says that nothing is shared, or that something may be: what, and where, is then for the whole index to say.

use std::sync::atomic::{AtomicBool, Ordering};

use arrow::datatypes::Int64Type;

use crate::Result;
use crate::codes::{Map, Space, UNKNOWN};
use crate::columns::{Source, Wanted};
use crate::lists::Lists;
use crate::numbers::{Numbers, pack};
use crate::split::Split;

/// Returns how many distinct pairs each held-out split has, where no split shares one with another that follows it.
pub(crate) fn shared_by_none(splits: &[Split], column: &str, wanted: &Wanted) -> Result<Option<Vec<usize>>> {
    let Some((train, strict)) = splits.split_last() else { return Ok(None) };
    let (mut codes, mut all) = (Map::default(), Numbers::default());
    let mut distinct = Vec::new();
    for split in strict {
        let mut own = Numbers::default();
        let mut shared = false;
        let lists = split.batches(wanted, |source| source.list::<Int64Type>(column))?;
        for row in lists.iter().flat_map(Lists::rows) {
            let mut last = UNKNOWN;
            for term in row {
                let next = codes.len() as u32;
                let code = *codes.entry(*term).or_insert(next);
                if last != UNKNOWN {
                    own.insert(pack(last, code));
                    shared |= all.contains(pack(last, code));
                }
                last = code;
            }
        }
        if shared {
            return Ok(None);
        }
        all.insert_all(&own);
        distinct.push(own.len());
    }
    let space = Space::of(codes);
    let shared = AtomicBool::new(false);
    train.scan_batches(
        wanted,
        Default::default,
        |(coded, maybe): &mut (Vec<u32>, Vec<u32>), source: &Source<'_>| {
            let lists: Lists<i64> = source.list::<Int64Type>(column)?;
            coded.clear();
            space.encode(&lists.values, coded);
            // All neighbours, those of two rows too: few are left to look at closely.
            maybe.resize(coded.len(), 0);
            let mut left = 0;
            for (at, pair) in (0_u32..).zip(coded.windows(2)) {
                maybe[left] = at;
                left += usize::from(all.may_hold(pack(pair[0], pair[1])));
            }
            let found = maybe[..left].iter().map(|at| *at as usize).any(|at| {
                all.contains(pack(coded[at], coded[at + 1]))
                    && lists.offsets.binary_search(&(at + 1)).is_err()
            });
            if found {
                shared.store(true, Ordering::Relaxed);
            }
            Ok(())
        },
    )?;
    Ok((!shared.into_inner()).then_some(distinct))
}
