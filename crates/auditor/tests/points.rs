//! Folders of several datasets: matrix points, folds, configurations, each audited by itself.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[expect(dead_code, reason = "other tests need more of it")]
#[path = "common/foreign.rs"]
mod foreign;

use auditor::{FolderAudit, Options, Shard, audit_folder, audit_points, audit_shard, merge_shards};
use foreign::{CLEAN, LEAKY, TRAIN, folder, given, skipping};

fn points(files: &[(&str, &[&[i64]])], options: &Options) -> Result<Vec<(String, usize, bool)>, String> {
    let folder = folder(files);
    let said =
        |report: &FolderAudit| (report.point.display().to_string(), report.splits.len(), report.is_clean());
    let found = audit_points(folder.path(), options).map_err(|error| error.to_string())?;
    Ok(found.iter().map(said).collect())
}

fn point(name: &str, splits: usize, clean: bool) -> (String, usize, bool) {
    (name.to_owned(), splits, clean)
}

#[test]
fn each_folder_with_splits_of_its_own_is_a_dataset() {
    let other: [&[i64]; 1] = [&[5, 7, 8]];
    let usual = Options::default();
    // Of two points one leaks; what one trains on the other may test.
    let found = points(
        &[
            ("k=2/train.parquet", &TRAIN),
            ("k=2/test.parquet", &CLEAN),
            ("k=3/train.parquet", &CLEAN),
            ("k=3/test.parquet", &LEAKY),
        ],
        &usual,
    );
    assert_eq!(found.unwrap(), [point("k=2", 2, true), point("k=3", 2, false)]);
    let found = points(
        &[
            ("a/fold_0/train/0.parquet", &TRAIN),
            ("a/fold_0/test/0.parquet", &CLEAN),
            ("b/fold_0/train-00000-of-00001.parquet", &other),
            ("b/fold_0/val-00000-of-00001.parquet", &CLEAN),
        ],
        &usual,
    );
    assert_eq!(found.unwrap(), [point("a/fold_0", 2, true), point("b/fold_0", 2, true)]);
    // What stands above the folds belongs to each of them.
    let folds: [(&str, &[&[i64]]); 5] = [
        ("test.parquet", &[&[5, 7, 8]]),
        ("fold0/train.parquet", &[&[1, 2, 3]]),
        ("fold0/validation.parquet", &CLEAN),
        ("fold1/train.parquet", &TRAIN),
        ("fold1/validation.parquet", &CLEAN),
    ];
    assert_eq!(points(&folds, &usual).unwrap(), [point("fold0", 3, true), point("fold1", 3, false)]);
    // Names that say nothing are splits where a fold has two of them.
    let plain: [(&str, &[&[i64]]); 4] =
        [("x/a.parquet", &TRAIN), ("x/b.parquet", &LEAKY), ("y/a.parquet", &TRAIN), ("y/b.parquet", &CLEAN)];
    assert_eq!(points(&plain, &usual).unwrap(), [point("x", 2, false), point("y", 2, true)]);
}

#[test]
fn folders_of_one_split_each_are_one_dataset() {
    let usual = Options::default();
    for [train, held] in [
        ["train/en/0.parquet", "test/fr/0.parquet"],
        ["data/train.parquet", "heldout/test.parquet"],
        ["train/train-0.parquet", "test/test-0.parquet"],
        ["split=train/lang=en/0.parquet", "split=test/lang=fr/0.parquet"],
    ] {
        let found = points(&[(train, &TRAIN), (held, &LEAKY)], &usual);
        assert_eq!(found.unwrap(), [point("", 2, false)], "{train} {held}");
    }
    let deeper: [(&str, &[&[i64]]); 3] =
        [("train.parquet", &TRAIN), ("validation.parquet", &CLEAN), ("extra/test.parquet", &LEAKY)];
    assert_eq!(points(&deeper, &usual).unwrap(), [point("", 3, false)]);
}

#[test]
fn a_fold_that_lacks_what_others_have_is_named() {
    let files: [(&str, &[&[i64]]); 3] =
        [("a/train.parquet", &TRAIN), ("a/test.parquet", &CLEAN), ("b/train.parquet", &LEAKY)];
    let error = points(&files, &Options::default()).unwrap_err();
    assert!(error.contains("`b` holds only `train`") && error.contains("--together"), "{error}");
    assert_eq!(points(&files, &skipping(&["b"])).unwrap(), [point("", 2, true)]);
    let together = Options { together: true, ..Options::default() };
    assert_eq!(points(&files, &together).unwrap(), [point("", 2, false)]);
    // All as one: what one folder tests, another trains.
    let files: [(&str, &[&[i64]]); 4] = [
        ("a/train.parquet", &[&[1, 2, 3]]),
        ("a/test.parquet", &LEAKY),
        ("b/train.parquet", &TRAIN),
        ("b/test.parquet", &CLEAN),
    ];
    assert_eq!(points(&files, &Options::default()).unwrap(), [point("a", 2, true), point("b", 2, true)]);
    assert_eq!(points(&files, &together).unwrap(), [point("", 2, false)]);
    // What is unread in one point is unread.
    let files = [files[0], files[1], files[2], files[3], ("b/heldout.parquet", &LEAKY as &[&[i64]])];
    assert!(points(&files, &Options::default()).unwrap_err().contains("`b/heldout.parquet`"));
    let found = points(&files, &given(&[("ood", "heldout.parquet")])).unwrap();
    assert_eq!(found, [point("a", 2, true), point("b", 3, false)]);
}

#[test]
fn shards_are_of_one_dataset() {
    let folder = folder(&[
        ("k=2/train.parquet", &TRAIN),
        ("k=2/test.parquet", &CLEAN),
        ("k=3/train.parquet", &TRAIN),
        ("k=3/test.parquet", &LEAKY),
    ]);
    let options = Options { written: vec![folder.path().join("k=3/part")], ..Options::default() };
    let part = folder.path().join("k=3/part");
    let whole = Shard { number: 1, of: 1 };
    let error = audit_shard(folder.path(), &options, whole, &part).unwrap_err().to_string();
    assert!(error.contains("2 datasets lie in it; audit one of them, k=2"), "{error}");
    assert!(audit_folder(folder.path(), &options).is_err());
    let point = folder.path().join("k=3");
    // Evidence and certificates inside the folder are no data.
    audit_shard(&point, &options, whole, &part).unwrap();
    let merged = merge_shards(&point, &options, std::slice::from_ref(&part)).unwrap();
    merged.write(&part).unwrap();
    assert_eq!(merged, audit_folder(&point, &options).unwrap());
    let error = audit_folder(&point, &Options::default()).unwrap_err().to_string();
    assert!(error.contains("`part/certificate.parquet`"), "{error}");
}
