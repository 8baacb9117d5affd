//! The one bound on what a file may make its reader hold, and that it can be raised: a test by itself, since it is the
//! process's.

#![expect(dead_code, reason = "other tests use all of the encoder")]

#[path = "damage/encode.rs"]
mod encode;

use artifact::tables::Token;
use artifact::{LIMIT, ParquetFile, read_table, set_limit, table_rows};
use encode::{Column, file};

#[test]
fn what_is_refused_is_read_where_more_is_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    // One row of 2^20 values takes up to 24 MiB.
    std::fs::write(&path, file("lists", 1, 1, &[Column::list("terms", 1 << 20, 7)])).unwrap();
    let rows = || {
        let batches = ParquetFile::open(&path)?.batches(0..1, &[0], 0);
        batches.map(|batch| Ok(batch?.num_rows())).sum::<artifact::Result<usize>>()
    };
    set_limit(20 << 20);
    let error = rows().unwrap_err().to_string();
    assert!(
        error.contains("1048576 values, perhaps of one row, would take 25165824 bytes, 20971520 are"),
        "{error}"
    );
    set_limit(24 << 20);
    assert_eq!(rows().unwrap(), 1);

    // A text of 64 KiB stands in the file once, and in each of 2,000 rows: 125 MiB. A few rows at a time are little.
    let columns = [
        Column::int32("token_id", 2000, 0),
        Column::text("token", 2000, &[b'x'; 1 << 16]),
        Column::text("kind", 2000, b"digit"),
        Column::int64("value", 2000, 0),
    ];
    std::fs::write(&path, file("vocabulary", 2, 2000, &columns)).unwrap();
    let error = read_table::<Token>(&path).unwrap_err().to_string();
    assert!(error.contains("all rows together would take"), "{error}");
    assert!(error.ends_with("allow more with SEQLAB_MAX_HELD"), "{error}");
    let batches: Vec<usize> = table_rows::<Token>(&path).unwrap().map(|batch| batch.unwrap().len()).collect();
    assert_eq!((batches.iter().sum::<usize>(), batches[0]), (2000, 191));
    set_limit(LIMIT);
    assert_eq!(read_table::<Token>(&path).unwrap().len(), 2000);
}
