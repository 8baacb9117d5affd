//! Folders of any origin: column types, names of splits, broken files.
#![expect(clippy::disallowed_methods, reason = "a test may take a failing disk for absence")]
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod common;
#[expect(dead_code, reason = "other tests need more of it")]
#[path = "common/foreign.rs"]
mod foreign;

use std::fs;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, FixedSizeListBuilder, Float64Builder, Int16Array, Int32Builder, Int64Builder, LargeListBuilder,
    ListBuilder, StringArray, UInt16Builder, UInt64Builder,
};
use auditor::{Column, Error, Options, audit_folder};
use common::{Notation, audit, examples, write};
use foreign::{CLEAN, LEAKY, TRAIN, lists, save};

macro_rules! list {
    ($list:ident, $values:ident, $rows:expr) => {{
        let mut list = $list::new($values::new());
        for row in $rows {
            for value in row.iter() {
                list.values().append_value(*value as _);
            }
            list.append(true);
        }
        Arc::new(list.finish()) as ArrayRef
    }};
}

#[test]
fn lists_of_every_shape_and_width_are_read() {
    let fixed = |rows: &[&[i64]]| {
        let mut list = FixedSizeListBuilder::new(Int32Builder::new(), 3);
        for row in rows {
            row.iter().for_each(|value| list.values().append_value(*value as i32));
            list.append(true);
        }
        Arc::new(list.finish()) as ArrayRef
    };
    type Make<'a> = Box<dyn Fn(&[&[i64]]) -> ArrayRef + 'a>;
    let shapes: [Make<'_>; 5] = [
        Box::new(lists),
        Box::new(|rows| list!(ListBuilder, UInt16Builder, rows)),
        Box::new(|rows| list!(LargeListBuilder, Int32Builder, rows)),
        Box::new(|rows| list!(LargeListBuilder, UInt64Builder, rows)),
        Box::new(fixed),
    ];
    for make in shapes {
        for only_windows in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            save(&folder.path().join("train-00000-of-00001.parquet"), vec![("input_ids", make(&TRAIN))]);
            save(&folder.path().join("test.parquet"), vec![("input_ids", make(&LEAKY))]);
            for column in [Column::Terms("input_ids".to_owned()), Column::Tokens("input_ids".to_owned())] {
                let options = Options { column: Some(column), only_windows, ..Options::default() };
                let report = audit_folder(folder.path(), &options).unwrap();
                let leak = &report.leaks[0];
                assert_eq!((leak.left_example_id, leak.right_example_id, leak.offset), (1, 1, 0));
                assert_eq!((leak.piece.as_str(), leak.rows, leak.level.as_str()), ("7 8", 1, "transition"));
                save(&folder.path().join("test.parquet"), vec![("input_ids", make(&CLEAN))]);
                assert!(audit_folder(folder.path(), &options).unwrap().is_clean());
                save(&folder.path().join("test.parquet"), vec![("input_ids", make(&LEAKY))]);
            }
        }
    }
}

#[test]
fn a_rule_without_a_parameter_has_none_that_another_could_share() {
    let row = |family: &str, parameter: Option<i16>, terms: &[i64]| -> Vec<(&str, ArrayRef)> {
        vec![
            ("terms", lists(&[terms])),
            ("family", Arc::new(StringArray::from(vec![family])) as ArrayRef),
            ("parameter", Arc::new(Int16Array::from(vec![parameter])) as ArrayRef),
        ]
    };
    let options = Options { level: Some("step".to_owned()), ours: true, ..Options::default() };
    for (train, held, piece) in [
        (("fibonacci", None), ("fibonacci", None), Some("fibonacci")),
        (("geometric", Some(2)), ("geometric", Some(2)), Some("geometric 2")),
        (("geometric", Some(i16::MIN)), ("geometric", None), None),
        (("geometric", Some(0)), ("geometric", None), None),
        (("fibonacci", None), ("geometric", None), None),
    ] {
        let folder = tempfile::tempdir().unwrap();
        save(&folder.path().join("train.parquet"), row(train.0, train.1, &[1, 2, 4]));
        save(&folder.path().join("test.parquet"), row(held.0, held.1, &[3, 6, 12]));
        let report = audit_folder(folder.path(), &options).unwrap();
        assert_eq!(report.leaks.first().map(|leak| leak.piece.as_str()), piece, "{train:?} {held:?}");
    }
}

#[test]
fn splits_are_found_under_the_names_that_people_use() {
    for (train, held, name) in [
        ("train.parquet", "test.parquet", "test"),
        ("data/train-00000-of-00001.parquet", "data/validation-00000-of-00001.parquet", "validation"),
        ("train/part-0.parquet", "dev/part-0.parquet", "validation"),
        ("x2/train/0000.parquet", "x2/val/0000.parquet", "validation"),
        ("split=train/a.parquet", "split=test/a.parquet", "test"),
        ("big.parquet", "aside.parquet", "aside"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        save(&folder.path().join(train), vec![("terms", lists(&TRAIN))]);
        save(&folder.path().join(held), vec![("terms", lists(&LEAKY))]);
        fs::write(folder.path().join("README.md"), "no data").unwrap();
        let report = audit_folder(folder.path(), &Options::default()).unwrap();
        assert_eq!(report.leaks[0].left, name, "{train} {held}");
        assert_eq!(report.splits[0], (name.to_owned(), 2));
        let random = Options { level: Some("random".to_owned()), ..Options::default() };
        assert!(audit_folder(folder.path(), &random).unwrap().is_clean(), "at random only the row counts");
        let out = tempfile::tempdir().unwrap();
        report.write(out.path()).unwrap();
        assert!(
            out.path().join("certificate.parquet").exists() && out.path().join("leakage.parquet").exists()
        );
    }
}

#[test]
fn what_cannot_be_audited_is_an_error_that_says_why() {
    let message = |columns: Vec<(&str, ArrayRef)>| {
        let folder = tempfile::tempdir().unwrap();
        save(&folder.path().join("train.parquet"), columns);
        save(&folder.path().join("test.parquet"), vec![("terms", lists(&CLEAN))]);
        let error = audit_folder(folder.path(), &Options::default()).unwrap_err();
        error.to_string().replace(&folder.path().display().to_string(), "DIR")
    };
    let mut with_null_row = ListBuilder::new(Int64Builder::new());
    with_null_row.append(false);
    let mut with_null = ListBuilder::new(Int64Builder::new());
    with_null.values().append_null();
    with_null.append(true);
    let text: ArrayRef = Arc::new(StringArray::from(vec!["1 2 3"]));
    let floats = list!(ListBuilder, Float64Builder, [[1.0, 2.0]]);
    let huge = list!(ListBuilder, UInt64Builder, [[u64::MAX, 1]]);
    let expected = [
        (
            vec![("terms", text.clone())],
            "column `terms` should be a list of integers; name another column with --terms or --tokens, found Utf8",
        ),
        (vec![("terms", floats)], "found List(Float64"),
        (vec![("text", text), ("ids", lists(&TRAIN[..1]))], "found nothing (lists of integers: `ids`)"),
        (vec![("terms", Arc::new(with_null_row.finish()) as ArrayRef)], "a list in every row, found a null"),
        (vec![("terms", Arc::new(with_null.finish()) as ArrayRef)], "found a null among them"),
        (vec![("terms", huge)], "integers that fit Int64"),
        (vec![("terms", lists(&[]))], "DIR: split train holds no rows"),
    ];
    for (columns, part) in expected {
        let found = message(columns);
        assert!(found.contains(part), "expected {part:?}, found {found:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    save(&folder.path().join("train.parquet"), vec![("terms", lists(&TRAIN))]);
    let error = audit_folder(folder.path(), &Options::default()).unwrap_err().to_string();
    assert!(error.contains("expected two splits or more"), "{error}");
    let error = audit_folder(&folder.path().join("none"), &Options::default()).unwrap_err();
    assert!(
        matches!(&error, Error::Folder { .. }) && error.to_string().ends_with("there is nothing"),
        "{error}"
    );
    fs::write(folder.path().join("test.parquet"), "").unwrap();
    assert!(matches!(audit_folder(folder.path(), &Options::default()), Err(Error::Parquet { .. })));
}

/// Broken bytes give an error or, where the format cannot tell, other rows; never a panic that gets out.
#[test]
fn truncated_and_flipped_files_never_panic_and_never_pass_silently() {
    let folder = tempfile::tempdir().unwrap();
    let rows = |from: i64| (from..from + 20).map(|a| vec![a, a + 2, a + 4]).collect::<Vec<_>>();
    let notation = Notation::Numeral;
    let splits = [
        examples(0, &rows(100), notation),
        examples(50, &rows(40), notation),
        examples(80, &rows(0), notation),
    ];
    let inputs = write(folder.path(), "transition", notation, [&splits[0], &splits[1], &splits[2]]);
    audit(folder.path(), &inputs).1.unwrap();
    std::panic::set_hook(Box::new(|_| ()));
    let whole = fs::read(&inputs.train[0]).unwrap();
    for length in (0..whole.len()).step_by(whole.len() / 60) {
        fs::write(&inputs.train[0], &whole[..length]).unwrap();
        assert!(
            audit_folder(folder.path(), &Options { ours: true, ..Options::default() }).is_err(),
            "truncated to {length} of {}",
            whole.len()
        );
    }
    for at in (0..whole.len()).step_by(whole.len() / 300) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&inputs.train[0], &flipped).unwrap();
        let _ = audit_folder(folder.path(), &Options { ours: true, ..Options::default() });
    }
    fs::write(&inputs.train[0], &whole[..whole.len() / 2]).unwrap();
    let (_, result) = audit(folder.path(), &inputs);
    assert!(matches!(result, Err(Error::Parquet { .. })));
    let _ = std::panic::take_hook();
}

#[test]
fn our_own_folder_is_audited_as_it_claims() {
    let folder = tempfile::tempdir().unwrap();
    let notation = Notation::Digits(3);
    let rows = |from: i64, to: i64| (from..to).map(|a| vec![a, a + 2, a + 4]).collect::<Vec<_>>();
    let splits = [
        examples(0, &rows(100, 120), notation),
        examples(50, &rows(60, 70), notation),
        examples(80, &rows(68, 74), notation),
    ];
    for (level, clean) in [("random", false), ("transition", false)] {
        write(folder.path(), level, notation, [&splits[0], &splits[1], &splits[2]]);
        let report = audit_folder(folder.path(), &Options { ours: true, ..Options::default() }).unwrap();
        assert_eq!(report.level, level);
        assert_eq!(report.is_clean(), clean);
        assert_eq!(report.leaks[0].check, "rows");
        assert!(report.certificates.iter().any(|row| row.check == "decoding" && row.passed));
    }
}
