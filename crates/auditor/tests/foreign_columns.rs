//! Columns of other people: what they are called says nothing of ours, and what they are kept in is read or refused by name.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[expect(dead_code, reason = "other tests need more of it")]
#[path = "common/foreign.rs"]
mod foreign;

use std::fs;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use auditor::{Column, Error, Options, Place, audit_points};
use foreign::{CLEAN, LEAKY, TRAIN, audited, bare, folder, lists, save, skipping, texts};

fn level(name: &str) -> Options {
    Options { level: Some(name.to_owned()), ..Options::default() }
}

#[test]
fn columns_called_like_ours_are_believed_of_ours_alone() {
    type Columns = fn(&str) -> Vec<(&'static str, ArrayRef)>;
    let extra: [(&str, Columns); 5] = [
        // A copied row in another notation is no copy, of ours.
        ("random", |split| vec![("notation", texts(&[split]))]),
        ("random", |split| vec![("domain", texts(&[split]))]),
        ("transition", |_| vec![("unit", texts(&["none"]))]),
        ("transition", |split| vec![("domain", texts(&[split]))]),
        // What cannot be ours at all.
        ("transition", |_| {
            vec![("unit", texts(&["kg"])), ("parameter", Arc::new(Int64Array::from(vec![None])))]
        }),
    ];
    for (number, (name, columns)) in extra.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        for split in ["train", "test"] {
            let columns = [vec![("terms", lists(&[&[1, 2, 3]]))], columns(split)].concat();
            save(&folder.path().join(format!("{split}.parquet")), columns);
        }
        let report = audited(&folder, &level(name)).unwrap();
        assert!(!report.is_clean() && !report.unbelieved.is_empty(), "{number}");
        assert_eq!(report.leaks[0].left_example_id, 0, "{number}");
        for only_windows in [false, true].into_iter().take(if name == "random" { 1 } else { 2 }) {
            let ours = Options { ours: true, only_windows, ..level(name) };
            match (number, audited(&folder, &ours)) {
                (2, Ok(report)) => assert!(!report.is_clean(), "the whole row is there"),
                (4, result) => {
                    let error = result.unwrap_err().to_string();
                    assert!(error.contains("found `kg`") || error.contains("column `parameter`"), "{error}");
                }
                (_, result) => assert!(result.unwrap().is_clean(), "{number}"),
            }
            // A manifest says the same.
            artifact::seal(folder.path(), &bare("build")).unwrap();
            let sealed = audited(&folder, &Options { only_windows, ..level(name) });
            assert_eq!(
                sealed.map_err(|error| error.to_string()),
                audited(&folder, &ours).map_err(|error| error.to_string())
            );
            fs::remove_file(folder.path().join("manifest.json")).unwrap();
            // What another command wrote has a manifest, and columns of its own.
            artifact::seal(folder.path(), &bare("run")).unwrap();
            assert!(!audited(&folder, &level(name)).unwrap().is_clean());
            fs::remove_file(folder.path().join("manifest.json")).unwrap();
        }
    }
}

#[test]
fn tables_called_like_ours_are_ours_by_their_manifest() {
    let folder = folder(&[("train.parquet", &TRAIN), ("test.parquet", &CLEAN)]);
    for name in ["definition", "vocabulary", "counterfactuals"] {
        save(&folder.path().join(format!("{name}.parquet")), vec![("word", texts(&["of others"]))]);
    }
    let error = foreign::refused(&folder, &Options::default());
    assert!(
        error.contains("`counterfactuals.parquet`, `definition.parquet`, `vocabulary.parquet`"),
        "{error}"
    );
    let skip = skipping(&["counterfactuals.parquet", "definition.parquet", "vocabulary.parquet"]);
    assert!(audited(&folder, &skip).unwrap().is_clean());
    let ours = Options { ours: true, ..Options::default() };
    let error = audited(&folder, &ours).unwrap_err().to_string();
    assert!(error.contains("definition.parquet: expected table"), "{error}");
    // A table that the manifest lists is known, whatever it is; one that it does not list is not.
    for name in ["definition", "vocabulary", "counterfactuals"] {
        fs::remove_file(folder.path().join(format!("{name}.parquet"))).unwrap();
    }
    save(&folder.path().join("more.parquet"), vec![("word", texts(&["ours"]))]);
    artifact::seal(folder.path(), &bare("build")).unwrap();
    assert!(audited(&folder, &Options::default()).unwrap().is_clean());
    save(&folder.path().join("other.parquet"), vec![("word", texts(&["somebody's"]))]);
    assert!(foreign::refused(&folder, &Options::default()).contains("`other.parquet`"));
}

/// Whatever the one says the other says, of leaks and of mistakes.
#[test]
fn the_quick_form_and_the_whole_audit_agree() {
    let one: [&[i64]; 2] = [&[5], &[1, 9]];
    let none: [&[i64]; 2] = [&[], &[1, 9]];
    let other: [&[i64]; 1] = [&[5]];
    let empty: [&[i64]; 1] = [&[]];
    type Rows<'a> = &'a [&'a [i64]];
    let cases: [(Rows<'_>, Rows<'_>, bool); 6] = [
        (&TRAIN, &CLEAN, true),
        (&TRAIN, &LEAKY, false),
        (&one, &other, false),
        (&none, &empty, false),
        (&one, &empty, true),
        (&TRAIN, &other, true),
    ];
    for (train, test, clean) in cases {
        for column in [None, Some(Column::Tokens("terms".to_owned()))] {
            let folder = folder(&[("train.parquet", train), ("test.parquet", test)]);
            let options =
                |only_windows| Options { column: column.clone(), only_windows, ..Options::default() };
            let whole = audited(&folder, &options(false)).unwrap();
            let quick = audited(&folder, &options(true)).unwrap();
            assert_eq!((whole.is_clean(), quick.is_clean()), (clean, clean), "{train:?} {test:?}");
            let units = whole.certificates.iter().filter(|row| row.check == "units").collect::<Vec<_>>();
            assert!(quick.certificates.iter().filter(|row| row.check == "units").eq(units));
        }
    }
    // Units and domains of ours count in both.
    for (unit, test, clean) in
        [("unordered_pair", [3, 2, 9], false), ("unordered_pair", [2, 9, 3], true), ("pair", [3, 2, 9], true)]
    {
        let folder = tempfile::tempdir().unwrap();
        for (split, row) in [("train", [1, 2, 3]), ("test", test)] {
            let domain = texts(&["integer"]);
            let columns = vec![("terms", lists(&[&row])), ("unit", texts(&[unit])), ("domain", domain)];
            save(&folder.path().join(format!("{split}.parquet")), columns);
        }
        for only_windows in [false, true] {
            let options = Options { ours: true, only_windows, ..Options::default() };
            let report = audited(&folder, &options).unwrap();
            assert_eq!(report.is_clean(), clean, "{unit} {test:?} {only_windows}");
            let views: Vec<&str> = report
                .certificates
                .iter()
                .filter(|row| row.check == "units")
                .map(|row| row.view.as_str())
                .collect();
            assert_eq!(views, ["terms", "canonical"]);
        }
    }
    // At another level there is no such gate, and nothing is called clean by it.
    let folder = folder(&[("train.parquet", &TRAIN), ("test.parquet", &TRAIN)]);
    let error = audited(&folder, &Options { only_windows: true, ..level("random") }).unwrap_err();
    assert!(
        matches!(&error, Error::Config { .. }) && error.to_string().contains("the level is random"),
        "{error}"
    );
}

#[test]
fn a_witness_names_file_and_row() {
    let folder = folder(&[
        ("train-00000-of-00002.parquet", &TRAIN[..1]),
        ("train-00001-of-00002.parquet", &TRAIN[1..]),
        ("test.parquet", &LEAKY),
    ]);
    let place = |name: &str, row: u64| Some(Place { file: folder.path().join(name), row });
    for only_windows in [false, true] {
        let report = audited(&folder, &Options { only_windows, ..Options::default() }).unwrap();
        let leak = &report.leaks[0];
        assert_eq!(
            (&leak.left_place, &leak.right_place),
            (&place("test.parquet", 1), &place("train-00001-of-00002.parquet", 0))
        );
        let text = leak.to_string();
        assert!(
            text.contains("test.parquet row 1), `7 8`, in row 1 of train (")
                && text.contains("00002.parquet row 0) at offset 0"),
            "{text}"
        );
    }
}

#[test]
fn a_manifest_of_others_is_none_and_ours_is_looked_for_beside_each_point() {
    let folder = folder(&[
        ("k=2/train.parquet", &TRAIN),
        ("k=2/test.parquet", &CLEAN),
        ("k=3/train.parquet", &TRAIN),
        ("k=3/test.parquet", &CLEAN),
    ]);
    for text in ["", "{}", "[1]", "{\"name\": \"an extension\", \"key\": 3}"] {
        fs::write(folder.path().join("k=2/manifest.json"), text).unwrap();
        assert_eq!(audit_points(folder.path(), &Options::default()).unwrap().len(), 2, "{text}");
    }
    fs::remove_file(folder.path().join("k=2/manifest.json")).unwrap();
    artifact::seal(&folder.path().join("k=3"), &bare("build")).unwrap();
    for only_windows in [false, true] {
        let options = Options { only_windows, ..Options::default() };
        assert_eq!(audit_points(folder.path(), &options).unwrap().len(), 2);
        let path = folder.path().join("k=3/train.parquet");
        let whole = fs::read(&path).unwrap();
        save(&path, vec![("terms", lists(&TRAIN[1..]))]);
        let error = audit_points(folder.path(), &options).unwrap_err().to_string();
        assert!(
            error.contains("k=3/train.parquet") && error.contains("not what its manifest says"),
            "{error}"
        );
        fs::remove_file(&path).unwrap();
        save(&folder.path().join("k=3/train-2.parquet"), vec![("terms", lists(&TRAIN))]);
        let error = audit_points(folder.path(), &options).unwrap_err();
        assert!(
            error.to_string().contains("the manifest of its folder lists it, and it is not there"),
            "{error}"
        );
        fs::remove_file(folder.path().join("k=3/train-2.parquet")).unwrap();
        fs::write(&path, whole).unwrap();
    }
    let path = folder.path().join("k=3/manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"size\": ", "\"size\": 1")).unwrap();
    assert!(audit_points(folder.path(), &Options::default()).is_err(), "ours, and damaged");
}
