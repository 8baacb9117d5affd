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
        split.batches(wanted, |source| {
            for row in source.list::<Int64Type>(column)?.rows() {
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
            Ok(())
        })?;
        if shared {
            return Ok(None);
        }
        all.insert_all(&own);
        distinct.push(own.len());
    }
    let space = Space::of(codes);
    let shared = AtomicBool::new(false);
    train.scan_batches(wanted, Vec::new, |coded: &mut Vec<u32>, source: &Source<'_>| {
        let lists: Lists<i64> = source.list::<Int64Type>(column)?;
        coded.clear();
        space.encode(&lists.values, coded);
        let mut found = false;
        for bounds in lists.offsets.windows(2) {
            for pair in coded[bounds[0]..bounds[1]].windows(2) {
                found |= all.contains(pack(pair[0], pair[1]));
            }
        }
        if found {
            shared.store(true, Ordering::Relaxed);
        }
        Ok(())
    })?;
    Ok((!shared.into_inner()).then_some(distinct))
}
