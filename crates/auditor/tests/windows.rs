//! `--only windows` says of values of any size what brute force says, clean or not, and what the whole audit says.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[expect(dead_code, reason = "other tests need more of it")]
#[path = "common/foreign.rs"]
mod foreign;

use std::collections::HashSet;
use std::path::Path;

use auditor::{FolderAudit, Leak, Options, audit_folder};
use foreign::{lists, save_as};
use parquet::file::properties::WriterProperties;

type Rows = Vec<Vec<i64>>;

/// Splits from the strictest on.
const SPLITS: [&str; 3] = ["test", "validation", "train"];

fn save(path: &Path, rows: &Rows) {
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(3)).build();
    let rows: Vec<&[i64]> = rows.iter().map(Vec::as_slice).collect();
    save_as(path, vec![("terms", lists(&rows))], properties);
}

fn report(splits: &[Rows; 3], only_windows: bool) -> FolderAudit {
    let folder = tempfile::tempdir().unwrap();
    for (name, rows) in SPLITS.iter().zip(splits) {
        save(&folder.path().join(format!("{name}.parquet")), rows);
    }
    audit_folder(folder.path(), &Options { only_windows, ..Options::default() }).unwrap()
}

fn pairs(row: &[i64]) -> impl Iterator<Item = (i64, i64)> {
    row.windows(2).map(|pair| (pair[0], pair[1]))
}

/// Compares certificates and the first leak with plain sets, and with those of the whole audit.
fn compare(splits: &[Rows; 3]) {
    let found = report(splits, true);
    let whole = report(splits, false);
    let units = |report: &FolderAudit| {
        let units = report.certificates.iter().filter(|row| row.check == "units");
        units.cloned().collect::<Vec<_>>()
    };
    assert_eq!(units(&found), units(&whole), "{splits:?}");
    // Rows that are too short to have a pair are compared as rows, as the whole audit compares all.
    assert!(found.certificates.iter().all(|row| whole.certificates.contains(row)), "{splits:?}");
    assert_eq!(found.is_clean(), whole.is_clean(), "{splits:?}");
    // Where both lie is a folder of each.
    let leaks = |report: &FolderAudit| {
        let leaks = report.leaks.iter().filter(|leak| leak.check == "units").cloned();
        leaks.map(|leak| Leak { left_place: None, right_place: None, ..leak }).collect::<Vec<_>>()
    };
    assert_eq!(leaks(&found), leaks(&whole));
    for certificate in &units(&found) {
        let rows = |name: &str| &splits[SPLITS.iter().position(|split| *split == name).unwrap()];
        let (held, other) = (rows(&certificate.left), rows(&certificate.right));
        let there: HashSet<_> = other.iter().flat_map(|row| pairs(row)).collect();
        let distinct: HashSet<_> = held.iter().flat_map(|row| pairs(row)).collect();
        let violations = held.iter().filter(|row| pairs(row).any(|pair| there.contains(&pair))).count();
        let expected = (distinct.len() as i64, violations as i64);
        assert_eq!((certificate.compared, certificate.violations), expected, "{splits:?}");
        let leak = found.leaks.iter().find(|leak| {
            leak.check == "units" && (&leak.left, &leak.right) == (&certificate.left, &certificate.right)
        });
        assert_eq!(leak.is_some(), violations > 0);
        let Some(leak) = leak else { continue };
        let row = &other[leak.right_example_id as usize];
        let pair = &row[leak.offset as usize..leak.offset as usize + 2];
        assert_eq!(leak.piece, format!("{} {}", pair[0], pair[1]));
        assert!(held[leak.left_example_id as usize].windows(2).any(|held| held == pair));
    }
}

/// A small linear congruential generator.
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

#[test]
fn values_of_any_size_are_compared_as_they_are() {
    let worlds: [&[i64]; 4] = [
        &[-3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        // Alike in their lower 32 bits.
        &[1, 1 + (1 << 32), 1 - (1 << 32), 1 << 32, 0, 2, (7 << 32) + 2, -1, u32::MAX as i64],
        &[i64::MIN, i64::MAX, i64::MIN + 1, i64::MAX - 1, 0, -1],
        &[i32::MIN as i64, i32::MAX as i64, i32::MIN as i64 - 1, i32::MAX as i64 + 1, 0, 5],
    ];
    let mut draws = Draws(1);
    let (mut clean, mut leaky) = (0, 0);
    for round in 0..120 {
        let values = worlds[round % worlds.len()];
        let mut seen = HashSet::new();
        let splits: [Rows; 3] = [(0, 4), (1, 3), (2, 9)].map(|(number, count)| {
            let row = |draws: &mut Draws| {
                (0..1 + draws.below(5)).map(|_| values[draws.below(values.len())]).collect()
            };
            let mut rows: Rows = (0..1 + draws.below(count)).map(|_| row(&mut draws)).collect();
            // In every second round nothing is shared, but values are.
            let is_new = |row: &Vec<i64>| row.len() > 1 && !pairs(row).any(|pair| seen.contains(&pair));
            rows.retain(|row| round / 4 % 2 == 0 || is_new(row));
            seen.extend(rows.iter().flat_map(|row| pairs(row)));
            // Too short to have a pair, and never empty.
            rows.push(vec![values[number]]);
            rows
        });
        compare(&splits);
        let shared = report(&splits, true).leaks.is_empty();
        (clean, leaky) = (clean + usize::from(shared), leaky + usize::from(!shared));
    }
    assert!(clean > 30 && leaky > 30, "{clean} clean, {leaky} not");
}

#[test]
fn one_row_of_train_that_holds_a_large_pair_is_named() {
    let large = |at: i64| vec![at << 40, (at << 40) + 7, at << 41];
    let test = (1..400).map(large).collect::<Rows>();
    let mut train = (1000..1400).map(|at| vec![at << 40, at, at << 41]).collect::<Rows>();
    let splits = |train: &Rows| [test.clone(), vec![vec![1, 2]], train.clone()];
    assert!(report(&splits(&train), true).leaks.is_empty());
    // The end of one row and the beginning of the next are no pair.
    train.push(vec![3, 77 << 40]);
    train.push(vec![(77 << 40) + 7, 4]);
    assert!(report(&splits(&train), true).leaks.is_empty());
    train.push(vec![5, 5, 77 << 40, (77 << 40) + 7]);
    let found = report(&splits(&train), true);
    let leak = &found.leaks[0];
    assert_eq!((found.leaks.len(), leak.rows, leak.offset), (1, 1, 2));
    assert_eq!((leak.left_example_id, leak.right_example_id), (76, train.len() as i64 - 1));
}
