//! "Clean" only if everything that is there was read: what plainly is a split, plainly Parquet or announced, and was not
//! read, is an error that names it.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[expect(dead_code, reason = "other tests need more of it")]
#[path = "common/foreign.rs"]
mod foreign;

use std::fs;
use std::path::Path;

use auditor::{Error, Options, audit_folder};
use foreign::{CLEAN, LEAKY, TRAIN, audited, folder, given, lists, refused, save, skipping};

const USUAL: [(&str, &[&[i64]]); 2] = [("train.parquet", &TRAIN), ("validation.parquet", &CLEAN)];

/// A folder with train, validation and one more file.
fn beside(name: &str, rows: &[&[i64]]) -> tempfile::TempDir {
    folder(&[USUAL[0], USUAL[1], (name, rows)])
}

#[test]
fn a_split_under_any_parquet_name_is_read() {
    for name in [
        "test.pq",
        "test.parq",
        "TEST.PARQUET",
        "test.snappy.parquet",
        "test/000000_0",
        "testing.parquet",
        "test2.parquet",
        "split=test/part-0.parquet",
        "a/b/c/d/e/f/g/h/i/j/test.parquet",
        "test/en/0.parquet",
    ] {
        let report = audited(&beside(name, &LEAKY), &Options::default()).unwrap();
        assert_eq!(report.splits[0], ("test".to_owned(), 2), "{name}");
        assert_eq!(report.leaks.len(), 3, "{name}: {:?}", report.leaks);
    }
}

#[test]
fn parquet_that_no_name_places_is_an_error_until_somebody_places_it() {
    for name in
        ["heldout.parquet", "eval.parquet", "eval.pq", "extra/more.parquet", "heldout", "eval/0.parquet"]
    {
        let folder = beside(name, &LEAKY);
        let error = refused(&folder, &Options::default());
        assert!(error.contains(&format!("`{name}`")) && error.contains("--split test="), "{error}");
        let report = audited(&folder, &given(&[("test", name)])).unwrap();
        assert_eq!((report.splits[0].0.as_str(), report.leaks.len()), ("test", 3), "{name}");
        let report = audited(&folder, &given(&[("ood", name)])).unwrap();
        assert_eq!((report.splits[1].0.as_str(), report.is_clean()), ("ood", false), "{name}");
        let report = audited(&folder, &skipping(&[name])).unwrap();
        assert!(report.is_clean());
        assert_eq!(report.skipped, [folder.path().join(name)]);
    }
    // Where nothing but one split is known, every name is one.
    let two = folder(&[USUAL[0], ("eval.parquet", &LEAKY)]);
    assert!(!audited(&two, &Options::default()).unwrap().is_clean());
}

#[test]
fn a_split_that_is_no_parquet_is_an_error_that_names_it() {
    for name in [
        "test.csv",
        "test.jsonl",
        "test.json",
        "test.txt",
        "test.arrow",
        "test.parquet.gz",
        "test-00000-of-00001.jsonl.zst",
        "eval.tsv",
        "heldout.npy",
        "test/data-00000-of-00001.arrow",
        "val.bin",
    ] {
        let folder = folder(&USUAL);
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "[1, 2, 3]").unwrap();
        let error = refused(&folder, &Options::default());
        assert!(error.contains(&format!("`{name}`")) && error.contains("write them as Parquet"), "{error}");
        let top = name.split('/').next().unwrap();
        assert!(audited(&folder, &skipping(&[top])).unwrap().is_clean(), "{name}");
    }
    let folder = folder(&USUAL[..1]);
    fs::write(folder.path().join("test.csv"), "1 2 3").unwrap();
    let error = refused(&folder, &Options::default());
    assert!(error.contains("found only `train`") && error.contains("`test.csv`"), "{error}");
}

#[test]
fn what_is_of_no_matter_is_no_error() {
    let folder = folder(&USUAL);
    for name in [
        "README.md",
        "manifest.json",
        "dataset_info.json",
        "stats.csv",
        "train_log.csv",
        "test_results.json",
        "train.py",
        "test.sh",
        "_SUCCESS",
        "_metadata",
        "_test.parquet",
        ".train.parquet.crc",
        ".hidden/test.parquet",
        "notes/test-plan.md",
        "train.d/notes.txt",
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "PAR").unwrap();
    }
    assert!(audited(&folder, &Options::default()).unwrap().is_clean());
}

#[test]
fn a_folder_named_as_a_split_that_holds_nothing_is_an_error() {
    for name in ["test", "split=test", "eval", "dev"] {
        let folder = folder(&[USUAL[0], ("test.parquet", &CLEAN)]);
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join("_SUCCESS"), "").unwrap();
        let error = refused(&folder, &Options::default());
        assert!(error.contains(&format!("`{name}`")), "{error}");
        assert!(audited(&folder, &skipping(&[name])).unwrap().is_clean());
    }
}

#[test]
fn a_shard_that_a_name_announces_is_missed() {
    let sets: [(&[&str], Option<&str>); 14] = [
        (&["train-00000-of-00002", "train-00001-of-00002"], None),
        (&["train-00001-of-00002", "train-00002-of-00002"], None),
        (&["train-00000-of-00002-0a1b", "train-00001-of-00002-ffee"], None),
        (&["train_0_of_1"], None),
        (&["train-00000-of-00002"], Some("the first 00001-of-00002")),
        (&["train-00001-of-00002"], Some("the first 00000-of-00002")),
        (&["train-00002-of-00002"], Some("the first 00001-of-00002")),
        (&["train-00000-of-00002-0a1b"], Some("the first 00001-of-00002")),
        (&["train/00000-of-00003", "train/00002-of-00003"], Some("the first 00001-of-00003")),
        (&["train_1_of_3", "train_3_of_3"], Some("the first 2-of-3")),
        (&["train-00000-of-99999999999"], Some("99999999998 missing")),
        (&["train-00000-of-00001", "train-00000-of-00002", "train-00001-of-00002"], Some("two divisions")),
        (&["train-00000-of-00001-0a1b", "train-00000-of-00001-ffee"], Some("the same part")),
        (&["train-00005-of-00002", "train-00000-of-00002", "train-00001-of-00002"], Some("expects")),
    ];
    for (names, problem) in sets {
        let folder = folder(&[("test.parquet", &CLEAN)]);
        for name in names {
            save(&folder.path().join(format!("{name}.parquet")), vec![("terms", lists(&TRAIN))]);
        }
        match problem {
            None => assert!(audited(&folder, &Options::default()).unwrap().is_clean(), "{names:?}"),
            Some("expects") => {
                assert!(refused(&folder, &Options::default()).contains("train-00005-of-00002"))
            }
            Some(problem) => {
                let error = refused(&folder, &Options::default());
                assert!(error.contains(problem) && error.contains(names[0]), "{names:?}: {error}");
            }
        }
    }
    // Of each folder by itself, and of every split.
    let folder = folder(&[
        ("data/train-00000-of-00001.parquet", &TRAIN),
        ("data/test-00000-of-00002.parquet", &CLEAN),
    ]);
    let error = refused(&folder, &Options::default());
    assert!(error.contains("`data/test-00000-of-00002.parquet` announces 2 files; 1 missing"), "{error}");
}

#[test]
fn an_option_that_means_nothing_or_two_things_is_refused() {
    let folder = beside("heldout.parquet", &LEAKY);
    for options in [
        given(&[("test", "held.parquet")]),
        skipping(&["heldout"]),
        given(&[("test", "./k/heldout.parquet")]),
    ] {
        assert!(refused(&folder, &options).contains("nothing in it is called"), "{options:?}");
    }
    let twice = given(&[("test", "heldout.parquet"), ("validation", "held*")]);
    assert!(refused(&folder, &twice).contains("more than one split: test, validation"));
    fs::write(folder.path().join("test.csv"), "1 2 3").unwrap();
    let csv = given(&[("test", "test.csv"), ("test", "heldout.parquet")]);
    let error = audited(&folder, &csv).unwrap_err();
    assert!(matches!(&error, Error::Parquet { .. }) && error.to_string().contains("test.csv"), "{error}");
}

#[test]
fn a_folder_that_is_not_there_or_holds_nothing_is_no_verdict() {
    let none = folder(&[]);
    for (path, words) in
        [("none", "there is nothing"), ("file", "found a file"), ("", "found no Parquet file")]
    {
        fs::write(none.path().join("file"), "").unwrap();
        let error = audit_folder(&none.path().join(path), &Options::default()).unwrap_err();
        assert!(matches!(&error, Error::Folder { .. }), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn a_link_into_itself_is_named_and_other_links_are_followed() {
    let folder = folder(&USUAL[..1]);
    let elsewhere = tempfile::tempdir().unwrap();
    save(&elsewhere.path().join("0.parquet"), vec![("terms", lists(&LEAKY))]);
    let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, folder.path().join(name)).unwrap();
    link(elsewhere.path(), "test");
    assert!(!audited(&folder, &Options::default()).unwrap().is_clean());
    link(folder.path(), "again");
    let error = refused(&folder, &Options::default());
    assert!(error.contains("again: it is a link to a folder that it lies in"), "{error}");
    fs::remove_file(folder.path().join("again")).unwrap();
    for name in ["validation.pq", "eval.csv"] {
        link(Path::new("nowhere"), name);
        let error = audited(&folder, &Options::default()).unwrap_err().to_string();
        assert!(error.contains("cannot look at") && error.contains(name), "{error}");
        fs::remove_file(folder.path().join(name)).unwrap();
    }
}
