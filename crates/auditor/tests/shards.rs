//! Shards of train, audited one by one and merged in any order, say byte for byte what one audit says.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[expect(dead_code, reason = "the other tests run the stage, these do not")]
mod common;

use std::path::{Path, PathBuf};

use artifact::tables::{Evidence, Example};
use artifact::{Provenance, read_table, write_table};
use auditor::{Options, Shard, audit_folder, audit_shard, merge_shards};
use common::{Notation, examples, write};

/// Rows with steps 1 to 3 from a range of starts.
fn rows(from: i64, to: i64) -> Vec<Vec<i64>> {
    let row = |start: i64, step: i64| (0..4 + start % 3).map(|at| start + at * step).collect();
    (from..to).flat_map(|start| (1..=3).map(move |step| row(start, step))).collect()
}

/// A dataset whose train lies in 20 files, with shared transitions, a shared row, and wrong tokens.
fn dataset(folder: &Path, level: &str, notation: Notation) {
    let mut train = examples(0, &rows(200, 300), notation);
    train.extend(examples(5000, &rows(95, 110), notation));
    train[77] = common::example(77, &[10, 12, 14, 16, 18], notation);
    train[150].tokens = notation.tokens(&[1, 2, 3, 4]).0;
    let (validation, test) =
        (examples(1000, &rows(100, 120), notation), examples(2000, &rows(10, 40), notation));
    let inputs = write(folder, level, notation, [&train, &validation, &test]);
    std::fs::remove_file(&inputs.train[0]).unwrap();
    let size = train.len().div_ceil(20);
    for (at, rows) in train.chunks(size).enumerate() {
        let path = folder.join(format!("train-{at:05}-of-00020.parquet"));
        write_table::<Example>(&path, &Provenance::default(), rows.to_vec()).unwrap();
    }
}

fn tables(out: &Path) -> Vec<Vec<u8>> {
    ["certificate", "leakage"].map(|name| std::fs::read(out.join(format!("{name}.parquet"))).unwrap()).into()
}

#[test]
fn sixteen_shards_merge_to_the_tables_of_one_audit_in_any_order() {
    for (notation, level) in [
        (Notation::Numeral, "transition"),
        (Notation::Digits(3), "transition"),
        (Notation::Numeral, "range"),
        (Notation::Numeral, "step"),
        (Notation::Digits(3), "window"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        dataset(&data, level, notation);
        let whole = folder.path().join("whole");
        std::fs::create_dir(&whole).unwrap();
        let options = Options { ours: true, ..Options::default() };
        let expected = audit_folder(&data, &options).unwrap();
        assert!(!expected.is_clean());
        expected.write(&whole).unwrap();
        let mut parts: Vec<PathBuf> = Vec::new();
        let mut rows = 0;
        for number in 1..=16 {
            let part = folder.path().join(format!("part{number}"));
            std::fs::create_dir(&part).unwrap();
            rows += audit_shard(&data, &options, Shard { number, of: 16 }, &part).unwrap();
            parts.push(part);
        }
        assert_eq!(rows, expected.splits[2].1);
        for turn in [0, 5, 11] {
            parts.rotate_left(turn);
            let merged = merge_shards(&data, &options, &parts).unwrap();
            assert_eq!(merged, expected, "{level}");
            let out = folder.path().join(format!("merged{turn}"));
            std::fs::create_dir(&out).unwrap();
            merged.write(&out).unwrap();
            assert!(tables(&out) == tables(&whole), "{level}: other bytes");
        }
        parts.reverse();
        assert_eq!(merge_shards(&data, &options, &parts).unwrap(), expected);
    }
}

#[test]
fn parts_that_are_not_all_shards_of_this_folder_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    dataset(&data, "transition", Notation::Numeral);
    let options = Options { ours: true, ..Options::default() };
    let part = |name: &str, options: &Options, number: usize, of: usize| {
        let part = folder.path().join(name);
        std::fs::create_dir(&part).unwrap();
        audit_shard(&data, options, Shard { number, of }, &part).unwrap();
        part
    };
    let (one, two) = (part("one", &options, 1, 2), part("two", &options, 2, 2));
    let third = part("third", &options, 1, 3);
    let random = Options { level: Some("random".to_owned()), ..options.clone() };
    let other = part("other", &random, 2, 2);
    let refused = |parts: &[&PathBuf]| {
        let parts: Vec<PathBuf> = parts.iter().map(|part| (*part).clone()).collect();
        merge_shards(&data, &options, &parts).unwrap_err().to_string()
    };
    assert!(refused(&[&one]).contains("expected every shard once, found 1/2"), "{}", refused(&[&one]));
    assert!(refused(&[&one, &one]).contains("expected every shard once"));
    assert!(refused(&[&one, &two, &third]).contains("expected every shard once"));
    assert!(refused(&[&one, &other]).contains("evidence against other held-out rows"));
    assert!(audit_shard(&data, &options, Shard { number: 3, of: 2 }, folder.path()).is_err());
    let evidence = one.join("evidence.parquet");
    let whole: Vec<Evidence> = read_table(&evidence).unwrap();
    let mut less = whole.clone();
    less.pop();
    let mut moved = whole.clone();
    moved[1].row += 1;
    for rows in [less, moved] {
        write_table(&evidence, &Provenance::default(), rows).unwrap();
        assert!(refused(&[&one, &two]).contains("its rows are not those that were written"));
    }
    write_table(&evidence, &Provenance::default(), whole[1..].to_vec()).unwrap();
    assert!(refused(&[&one, &two]).contains("does not say which shard it is"));
    write_table(&evidence, &Provenance::default(), whole).unwrap();
    let clean: Vec<PathBuf> = vec![one, two];
    assert!(merge_shards(&data, &options, &clean).is_ok());
    let notation = Notation::Numeral;
    write_table(
        &data.join("test-00000-of-00001.parquet"),
        &Provenance::default(),
        examples(2000, &rows(10, 41), notation),
    )
    .unwrap();
    let error = merge_shards(&data, &options, &clean).unwrap_err().to_string();
    assert!(error.contains("evidence against other held-out rows"), "{error}");
}

#[test]
fn evidence_that_no_audit_leaves_is_refused() {
    use artifact::read_table;
    use artifact::tables::Evidence;

    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    dataset(&data, "transition", Notation::Numeral);
    let options = Options { ours: true, ..Options::default() };
    let part = folder.path().join("part");
    std::fs::create_dir(&part).unwrap();
    audit_shard(&data, &options, Shard { number: 1, of: 1 }, &part).unwrap();
    let file = part.join("evidence.parquet");
    let sound = read_table::<Evidence>(&file).unwrap();
    let merge = |rows: Vec<Evidence>| {
        write_table(&file, &Provenance::default(), rows).unwrap();
        merge_shards(&data, &options, std::slice::from_ref(&part))
    };
    assert!(merge(sound.clone()).is_ok());
    let abouts: std::collections::BTreeSet<&String> = sound.iter().map(|row| &row.about).collect();
    assert!(abouts.len() > 4, "{abouts:?}");
    for about in abouts {
        let at = sound.iter().position(|row| row.about == *about).unwrap();
        for extreme in [i64::MIN, -1, 1 << 20, 1 << 40, i64::MAX] {
            let with = |change: &dyn Fn(&mut Evidence)| {
                let mut rows = sound.clone();
                change(&mut rows[at]);
                let changed = rows != sound;
                (merge(rows).is_err(), changed)
            };
            type Change = Box<dyn Fn(&mut Evidence)>;
            let mut changes: Vec<Change> = vec![
                Box::new(move |row| row.row = extreme),
                Box::new(move |row| row.count = extreme),
                Box::new(move |row| row.offset = extreme as i32),
                Box::new(|row| row.key.clear()),
            ];
            for key in 0..sound[at].key.len() {
                changes.push(Box::new(move |row| row.key[key] = extreme));
            }
            for (number, change) in changes.iter().enumerate() {
                // Of the first row, which says what shard it is, two numbers mean nothing.
                let (refused, changed) = with(change);
                assert!(refused || !changed || at == 0, "{about}: {extreme}, change {number}");
            }
        }
    }
}
