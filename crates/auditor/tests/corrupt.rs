//! Files that are not what they say: a clear error, or a verdict on what they do say; never a panic, a hang, or a
//! certificate of something that was not read.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[expect(dead_code, reason = "other tests need more of it")]
#[path = "common/foreign.rs"]
mod foreign;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, DictionaryArray, Int8Array, Int64Array, LargeListViewArray, ListArray, ListBuilder,
    ListViewArray, StringArray, UInt8Builder,
};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{DataType, Field, Int8Type};
use auditor::{Column, Error, FolderAudit, Options, audit_folder};
use foreign::{LEAKY, TRAIN, bare, lists, save};

/// A folder with a train file of one column and a test file that shares `7 8` with it.
fn folder(train: ArrayRef) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    save(&folder.path().join("train.parquet"), vec![("terms", train)]);
    save(&folder.path().join("test.parquet"), vec![("terms", lists(&LEAKY))]);
    folder
}

fn audited(folder: &Path) -> auditor::Result<FolderAudit> {
    audit_folder(folder, &Options::default())
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    let folder = folder(lists(&TRAIN));
    let path = folder.path().join("train.parquet");
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let error = audited(folder.path()).unwrap_err();
        assert!(matches!(error, Error::Parquet { source: Some(_), .. }), "cut to {length}: {error:?}");
        assert!(error.to_string().contains("train.parquet"), "{error}");
    }
}

#[test]
fn a_flipped_bit_is_an_error_or_a_verdict_on_what_then_stands_there() {
    std::panic::set_hook(Box::new(|_| ()));
    let folder = folder(lists(&TRAIN));
    let path = folder.path().join("train.parquet");
    let whole = fs::read(&path).unwrap();
    let mut errors = 0;
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&path, &flipped).unwrap();
        for only_windows in [true, false] {
            let options = Options { only_windows, ..Options::default() };
            match audit_folder(folder.path(), &options) {
                Err(_) => errors += 1,
                // Whatever the bytes now say, all rows that the footer promises were read.
                Ok(report) => assert!(report.splits[1].1 > 0, "byte {at}"),
            }
        }
    }
    let _ = std::panic::take_hook();
    assert!(errors > whole.len() / 4, "{errors} of {} found", 2 * whole.len());
}

#[test]
fn a_footer_that_promises_more_than_the_file_holds_is_never_believed() {
    use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, ParquetMetaDataWriter};
    type Promise = fn(ParquetMetaData, i64) -> ParquetMetaData;
    let promises: [(&str, Promise); 2] = [
        ("rows", |metadata, many| {
            let group = metadata.row_group(0).clone().into_builder().set_num_rows(many).build().unwrap();
            metadata.into_builder().set_row_groups(vec![group]).build()
        }),
        ("values", |metadata, many| {
            let group = metadata.row_group(0).clone();
            let column = group.column(0).clone().into_builder().set_num_values(many).build().unwrap();
            let group = group.into_builder().set_column_metadata(vec![column]).build().unwrap();
            metadata.into_builder().set_row_groups(vec![group]).build()
        }),
    ];
    let sound = folder(lists(&TRAIN));
    let path = sound.path().join("train.parquet");
    let whole = fs::read(&path).unwrap();
    let footer = u32::from_le_bytes(whole[whole.len() - 8..whole.len() - 4].try_into().unwrap()) as usize;
    for (name, promise) in promises {
        for many in [i64::MAX, 1 << 60, 1 << 45, 1 << 40, 1 << 33, -1] {
            let file = fs::File::open(&path).unwrap();
            let metadata = ParquetMetaDataReader::new().parse_and_finish(&file).unwrap();
            let mut bytes = whole[..whole.len() - 8 - footer].to_vec();
            ParquetMetaDataWriter::new(&mut bytes, &promise(metadata, many)).finish().unwrap();
            let folder = folder(lists(&TRAIN));
            fs::write(folder.path().join("train.parquet"), bytes).unwrap();
            for only_windows in [true, false] {
                let options = Options { only_windows, ..Options::default() };
                match audit_folder(folder.path(), &options) {
                    Err(Error::Parquet { .. } | Error::Artifact(artifact::Error::Demand { .. })) => (),
                    Ok(_) => panic!("{many} {name} were believed"),
                    Err(error) => panic!("{many} {name}: {error}"),
                }
            }
        }
    }
}

#[test]
fn a_manifest_of_ours_finds_every_flipped_bit_in_the_data() {
    std::panic::set_hook(Box::new(|_| ()));
    let folder = folder(lists(&TRAIN));
    let path = folder.path().join("train.parquet");
    artifact::seal(folder.path(), &bare("build")).unwrap();
    assert!(!audited(folder.path()).unwrap().is_clean());
    let whole = fs::read(&path).unwrap();
    let mut passed = 0;
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&path, &flipped).unwrap();
        passed += usize::from(audited(folder.path()).is_ok());
    }
    let _ = std::panic::take_hook();
    assert_eq!(passed, 0, "flips passed");
}

#[test]
fn only_what_a_manifest_lists_is_audited() {
    let entry = folder(lists(&TRAIN));
    artifact::seal(entry.path(), &bare("build")).unwrap();
    // What people see: links to the files of the finished folder, without its manifest.
    let shown = tempfile::tempdir().unwrap();
    for name in ["train.parquet", "test.parquet"] {
        std::os::unix::fs::symlink(entry.path().join(name), shown.path().join(name)).unwrap();
    }
    assert!(!audited(shown.path()).unwrap().is_clean());
    fs::copy(entry.path().join("train.parquet"), shown.path().join("train-2.parquet")).unwrap();
    let error = audited(shown.path()).unwrap_err().to_string();
    assert!(error.contains("train-2.parquet") && error.contains("does not list it"), "{error}");
    fs::remove_file(shown.path().join("train-2.parquet")).unwrap();
    let mut bytes = fs::read(entry.path().join("train.parquet")).unwrap();
    bytes[40] ^= 1;
    fs::write(entry.path().join("train.parquet"), &bytes).unwrap();
    let error = audited(shown.path()).unwrap_err().to_string();
    assert!(error.contains("train.parquet") && error.contains("not what its manifest says"), "{error}");
}

#[test]
fn lists_of_views_and_names_in_dictionaries_are_read() {
    let item = || Arc::new(Field::new("item", DataType::Int64, false));
    // Views may lie in any order and overlap.
    let values: ArrayRef = Arc::new(Int64Array::from(vec![4, 6, 8, 9, 1, 2, 3, 7]));
    let (offsets, sizes) = (vec![4, 1, 0], vec![3, 3, 3]);
    let small = ListViewArray::new(
        item(),
        ScalarBuffer::from(offsets.clone()),
        ScalarBuffer::from(sizes.clone()),
        values.clone(),
        None,
    );
    let wide = |numbers: Vec<i32>| ScalarBuffer::from(numbers.into_iter().map(i64::from).collect::<Vec<_>>());
    let large = LargeListViewArray::new(item(), wide(offsets), wide(sizes), values, None);
    for array in [Arc::new(small) as ArrayRef, Arc::new(large)] {
        let folder = folder(array);
        save(&folder.path().join("test.parquet"), vec![("terms", lists(&[&[5, 8, 9]]))]);
        let report = audited(folder.path()).unwrap();
        let leak = &report.leaks[0];
        assert_eq!((leak.right_example_id, leak.offset, leak.piece.as_str()), (1, 1, "8 9"));
    }
    let names = |keys: Vec<i8>, names: Vec<&str>| -> ArrayRef {
        Arc::new(DictionaryArray::<Int8Type>::new(Int8Array::from(keys), Arc::new(StringArray::from(names))))
    };
    let folder = tempfile::tempdir().unwrap();
    let domains = names(vec![1, 0, 1], vec!["month", "integer"]);
    save(
        &folder.path().join("data/train-00000-of-00001.parquet"),
        vec![("terms", lists(&TRAIN)), ("domain", domains)],
    );
    let domains = names(vec![0, 0], vec!["integer"]);
    save(
        &folder.path().join("data/test-00000-of-00001.parquet"),
        vec![("terms", lists(&LEAKY)), ("domain", domains)],
    );
    // `7 8` are months in train, and numbers in test.
    let ours = Options { ours: true, ..Options::default() };
    let report = audit_folder(folder.path(), &ours).unwrap();
    assert!(report.is_clean(), "{:?}", report.leaks);
    assert!(!audited(folder.path()).unwrap().is_clean(), "nobody says that the column is one of ours");
}

#[test]
fn bytes_and_wide_rows_are_read() {
    let mut bytes = ListBuilder::new(UInt8Builder::new());
    for row in TRAIN {
        row.iter().for_each(|term| bytes.values().append_value(*term as u8));
        bytes.append(true);
    }
    let report = audited(folder(Arc::new(bytes.finish())).path()).unwrap();
    assert_eq!(report.leaks[0].piece, "7 8");
    let long: Vec<i64> = (0..200_000).map(|at| at * 3).chain([7, 8]).collect();
    let report = audited(folder(lists(&[&long])).path()).unwrap();
    assert_eq!((report.leaks[0].piece.as_str(), report.leaks[0].offset), ("7 8", 200_000));
}

#[test]
fn what_is_no_table_of_sequences_is_an_error_that_names_the_file() {
    let nested: ArrayRef = {
        let inner = lists(&[&[1, 2], &[3]]);
        let field = Arc::new(Field::new("item", inner.data_type().clone(), true));
        Arc::new(ListArray::new(field, arrow::buffer::OffsetBuffer::from_lengths([1, 1]), inner, None))
    };
    for wrong in [nested, Arc::new(Int64Array::from(vec![1, 2])), Arc::new(StringArray::from(vec!["1 2"]))] {
        let error = audited(folder(wrong).path()).unwrap_err();
        assert!(matches!(error, Error::Column { .. }), "{error}");
    }
    for (bytes, name) in
        [(&b"1 2 3\n"[..], "text"), (b"", "empty"), (b"PAR1PAR1", "magic"), (&[0; 4096], "zeros")]
    {
        let folder = folder(lists(&TRAIN));
        fs::write(folder.path().join("train.parquet"), bytes).unwrap();
        let error = audited(folder.path()).unwrap_err().to_string();
        assert!(error.contains("train.parquet: not a readable Parquet file"), "{name}: {error}");
    }
    // A folder with the name of a file holds nothing, or parts.
    let folder = folder(lists(&TRAIN));
    fs::remove_file(folder.path().join("train.parquet")).unwrap();
    fs::create_dir(folder.path().join("train.parquet")).unwrap();
    assert!(matches!(audited(folder.path()), Err(Error::Folder { .. })));
    save(&folder.path().join("train.parquet/part-0.parquet"), vec![("terms", lists(&TRAIN))]);
    assert!(!audited(folder.path()).unwrap().is_clean());
    let options = Options { column: Some(Column::Terms("none".to_owned())), ..Options::default() };
    let error = audit_folder(folder.path(), &options).unwrap_err().to_string();
    assert!(error.contains("column `none` should be a list of integers, found nothing"), "{error}");
}

#[test]
fn a_manifest_has_to_list_what_is_read_and_what_it_lists_has_to_be_there() {
    let folder = folder(lists(&TRAIN));
    let at = |name: &str| folder.path().join(name);
    let manifest = || {
        let _ = fs::remove_file(at("manifest.json"));
        artifact::seal(folder.path(), &bare("build")).unwrap();
    };
    manifest();
    audited(folder.path()).unwrap();
    save(&at("train-extra.parquet"), vec![("terms", lists(&TRAIN))]);
    let error = audited(folder.path()).unwrap_err().to_string();
    assert!(error.contains("train-extra.parquet") && error.contains("does not list it"), "{error}");
    manifest();
    audited(folder.path()).unwrap();
    fs::remove_file(at("train-extra.parquet")).unwrap();
    let error = audited(folder.path()).unwrap_err().to_string();
    assert!(error.contains("train-extra.parquet") && error.contains("it is not there"), "{error}");
}

#[test]
fn what_is_no_file_is_refused_and_what_a_link_misses_is_missed() {
    let pipe = folder(lists(&TRAIN));
    let path = pipe.path().join("train-1.parquet");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let error = audited(pipe.path()).unwrap_err().to_string();
    assert!(error.contains("train-1.parquet: expected a regular file"), "{error}");
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("nowhere", &path).unwrap();
    let error = audited(pipe.path()).unwrap_err().to_string();
    assert!(error.contains("cannot look at") && error.contains("train-1.parquet"), "{error}");
    fs::remove_file(&path).unwrap();
    // A link that leads to a table is that table, as in a folder that shows what lies elsewhere.
    let elsewhere = tempfile::tempdir().unwrap();
    let table = elsewhere.path().join("table");
    fs::rename(pipe.path().join("train.parquet"), &table).unwrap();
    std::os::unix::fs::symlink(&table, &path).unwrap();
    assert!(!audited(pipe.path()).unwrap().is_clean());
}

#[test]
fn a_name_is_never_obeyed() {
    let folder = folder(lists(&TRAIN));
    let units: ArrayRef = Arc::new(StringArray::from(vec!["\u{1b}[2J\u{202e}"; 3]));
    save(&folder.path().join("train.parquet"), vec![("terms", lists(&TRAIN)), ("unit", units)]);
    let ours = Options { ours: true, ..Options::default() };
    let error = audit_folder(folder.path(), &ours).unwrap_err().to_string();
    assert!(error.contains("\\u{1b}[2J\\u{202e}"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let columns = || vec![("\u{1b}[31m", lists(&TRAIN))];
    save(&folder.path().join("train.parquet"), columns());
    save(&folder.path().join("test.parquet"), columns());
    let error = audited(folder.path()).unwrap_err().to_string();
    assert!(error.contains("\\u{1b}[31m") && !error.contains('\u{1b}'), "{error}");
}
