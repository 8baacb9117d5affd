//! What rows of other people are kept in: compressions, types, padding, a column of splits.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[expect(dead_code, reason = "other tests need more of it")]
#[path = "common/foreign.rs"]
mod foreign;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Decimal128Array, DictionaryArray, FixedSizeBinaryArray, Int8Array, Int64Array,
    Int64Builder, ListArray, ListBuilder, StringArray, UInt64Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{Field, Int8Type};
use auditor::{Column, Options, Place, Shard, audit_shard, merge_shards};
use foreign::{CLEAN, LEAKY, TRAIN, audited, folder, lists, save, save_as, texts};
use parquet::basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel};
use parquet::file::properties::WriterProperties;

#[test]
fn a_column_may_say_the_split_of_each_row() {
    let rows: [&[i64]; 5] = [&[1, 2, 3], &[5, 7, 8], &[7, 8, 9], &[4, 6, 8], &[2, 4, 7]];
    let folder = tempfile::tempdir().unwrap();
    let save_with = |names: &[&str]| {
        for (file, range) in [("b.parquet", 0..2), ("c.parquet", 2..5)] {
            let columns = vec![("terms", lists(&rows[range.clone()])), ("split", texts(&names[range]))];
            save(&folder.path().join(file), columns);
        }
    };
    let options = Options { split_column: Some("split".to_owned()), ..Options::default() };
    save_with(&["train", "test", "train", "train", "dev"]);
    for only_windows in [false, true] {
        let options = Options { only_windows, ..options.clone() };
        let report = audited(&folder, &options).unwrap();
        assert_eq!(
            report.splits,
            [("test".to_owned(), 1), ("validation".to_owned(), 1), ("train".to_owned(), 3)]
        );
        let leak = &report.leaks[0];
        let place = |name: &str, row: u64| Some(Place { file: folder.path().join(name), row });
        assert_eq!((&leak.left_place, &leak.right_place), (&place("b.parquet", 1), &place("c.parquet", 0)));
        assert_eq!((leak.piece.as_str(), leak.left_example_id, leak.right_example_id), ("7 8", 0, 1));
    }
    save_with(&["train", "test", "test", "train", "train"]);
    assert!(audited(&folder, &options).unwrap().is_clean());
    // In shards as at once.
    save_with(&["train", "test", "train", "train", "dev"]);
    let out = tempfile::tempdir().unwrap();
    let parts: Vec<_> = (1..=2).map(|number| out.path().join(number.to_string())).collect();
    for (number, part) in (1..).zip(&parts) {
        audit_shard(folder.path(), &options, Shard { number, of: 2 }, part).unwrap();
    }
    assert_eq!(merge_shards(folder.path(), &options, &parts).unwrap(), audited(&folder, &options).unwrap());
    // What it cannot be.
    let refused = |options: &Options| audited(&folder, options).unwrap_err().to_string();
    let none = Options { split_column: Some("fold".to_owned()), ..Options::default() };
    assert!(refused(&none).contains("should be the name of a split in every row, found nothing (`split`)"));
    let terms = Options { split_column: Some("terms".to_owned()), ..Options::default() };
    assert!(refused(&terms).contains("found List(Int64"));
    save_with(&["train", "train", "train", "train", "train"]);
    assert!(refused(&options).contains("found only `train`"));
    let missing = Arc::new(StringArray::from(vec![Some("test"), None])) as ArrayRef;
    save(&folder.path().join("b.parquet"), vec![("terms", lists(&LEAKY)), ("split", missing)]);
    assert!(refused(&options).contains("a null (row 1 of the file)"), "{}", refused(&options));
}

#[test]
fn padding_is_ignored_where_somebody_says_what_it_is() {
    let folder = folder(&[
        ("train.parquet", &[&[0, 0, 1, 2], &[3, 4, 0, 0], &[-100, 5, 6, 0]]),
        ("test.parquet", &[&[0, 0, 2, 3], &[4, 5, 0, 0]]),
    ]);
    for only_windows in [false, true] {
        for column in [Column::Terms("terms".to_owned()), Column::Tokens("terms".to_owned())] {
            let options = |ignored: &[i64]| Options {
                column: Some(column.clone()),
                ignored: ignored.to_vec(),
                only_windows,
                ..Options::default()
            };
            assert!(audited(&folder, &options(&[0, -100])).unwrap().is_clean());
            match &column {
                Column::Terms(_) => assert!(!audited(&folder, &options(&[])).unwrap().is_clean(), "0 0"),
                Column::Tokens(_) if only_windows => (),
                Column::Tokens(_) => {
                    let error = audited(&folder, &options(&[0])).unwrap_err().to_string();
                    assert!(
                        error.contains("fit UInt32, found one that does not (row 2 of the file)"),
                        "{error}"
                    );
                }
            }
        }
    }
}

#[test]
fn every_compression_is_read() {
    let codecs = [
        Compression::GZIP(GzipLevel::default()),
        Compression::BROTLI(BrotliLevel::default()),
        Compression::LZ4,
        Compression::LZ4_RAW,
        Compression::SNAPPY,
        Compression::ZSTD(ZstdLevel::default()),
    ];
    for codec in codecs {
        let folder = folder(&[("test.parquet", &LEAKY)]);
        let packed = WriterProperties::builder().set_compression(codec).build();
        save_as(&folder.path().join("train.parquet"), vec![("terms", lists(&TRAIN))], packed);
        assert_eq!(audited(&folder, &Options::default()).unwrap().leaks[0].piece, "7 8", "{codec}");
    }
}

#[test]
fn integers_are_read_however_they_are_kept_and_others_refused_by_what_they_are() {
    let list = |values: ArrayRef| -> ArrayRef {
        let field = Arc::new(Field::new("item", values.data_type().clone(), true));
        let half = values.len() / 2;
        Arc::new(ListArray::new(field, OffsetBuffer::from_lengths([half, values.len() - half]), values, None))
    };
    let keys = || Int8Array::from(vec![0, 1, 2, 1, 0]);
    let dictionary =
        |values: ArrayRef| -> ArrayRef { Arc::new(DictionaryArray::<Int8Type>::new(keys(), values)) };
    let decimal = |values: Vec<i128>, scale: i8| -> ArrayRef {
        Arc::new(Decimal128Array::from(values).with_precision_and_scale(30, scale).unwrap())
    };
    let read = [
        dictionary(Arc::new(Int64Array::from(vec![7, 8, 9]))),
        dictionary(Arc::new(UInt64Array::from(vec![7, 8, 9]))),
        decimal(vec![7, 8, 9, 8], 0),
    ];
    let train = |values: ArrayRef| {
        let folder = folder(&[("test.parquet", &[&[6, 7, 8]])]);
        save(&folder.path().join("train.parquet"), vec![("terms", list(values))]);
        audited(&folder, &Options::default()).map_err(|error| error.to_string())
    };
    for values in read {
        assert_eq!(train(values.clone()).unwrap().leaks[0].piece, "7 8", "{}", values.data_type());
    }
    let wide = FixedSizeBinaryArray::try_from_iter([[0; 16], [1; 16]].iter()).unwrap();
    for (values, words) in [
        (decimal(vec![7, 8, 1 << 80, 8], 0), "one that does not (row 1 of the file)"),
        (decimal(vec![7, 8], 2), "found List(Decimal128(30, 2)"),
        (dictionary(texts(&["7", "8", "9"])), "found List(Dictionary(Int8, Utf8)"),
        (Arc::new(wide), "integers of 128 bits, it seems, which Parquet has not; cast them to 64"),
        (
            Arc::new(Int64Array::from(vec![Some(7), Some(8), Some(9), None])),
            "a null among them (row 1 of the file)",
        ),
        (
            dictionary(Arc::new(Int64Array::from(vec![Some(7), None, Some(9)]))),
            "a null among them (row 0 of the file)",
        ),
    ] {
        let error = train(values).unwrap_err();
        assert!(error.contains(words) && error.contains("train.parquet"), "{error}");
    }
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let folder = folder(&[("test.parquet", &CLEAN)]);
    save(&folder.path().join("train.parquet"), vec![("terms", numbers)]);
    assert!(
        audited(&folder, &Options::default())
            .unwrap_err()
            .to_string()
            .contains("found Int64, one in each row")
    );
    let mut null_row = ListBuilder::new(Int64Builder::new());
    null_row.append(true);
    null_row.append(false);
    save(&folder.path().join("train.parquet"), vec![("terms", Arc::new(null_row.finish()))]);
    let error = audited(&folder, &Options::default()).unwrap_err().to_string();
    assert!(error.contains("found a null (row 1 of the file)"), "{error}");
}
