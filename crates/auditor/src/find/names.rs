//! What the names that people give to files and folders say: a split, a shard of several, a format.

/// The names of the splits, as words that a name begins with.
const SPLITS: [(&str, &str); 8] = [
    ("training", "train"),
    ("train", "train"),
    ("validation", "validation"),
    ("valid", "validation"),
    ("val", "validation"),
    ("dev", "validation"),
    ("testing", "test"),
    ("test", "test"),
];

/// Names of splits that one person means as test and another as validation: only who wrote them knows.
const UNPLACED: [&str; 8] =
    ["eval", "evaluation", "heldout", "held_out", "held-out", "holdout", "ood", "unseen"];

/// What people keep rows in that is not Parquet.
const FORMATS: [&str; 22] = [
    "arrow",
    "avro",
    "bin",
    "csv",
    "feather",
    "h5",
    "hdf5",
    "ipc",
    "json",
    "jsonl",
    "ndjson",
    "npy",
    "npz",
    "orc",
    "pickle",
    "pkl",
    "pt",
    "safetensors",
    "tar",
    "tfrecord",
    "tsv",
    "txt",
];

/// What stands behind the name of a file that was packed as a whole.
const PACKED: [&str; 11] = ["7z", "br", "bz2", "gz", "gzip", "lz4", "snappy", "tgz", "xz", "zip", "zst"];

/// What a file's name says of how it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Parquet,
    /// Rows in another format, or packed.
    Rows,
    Unknown,
}

/// Returns what the end of a file's name says.
pub(crate) fn format(name: &str) -> Format {
    let lower = name.to_lowercase();
    match lower.rsplit_once('.').map(|(_, end)| end) {
        Some("parquet" | "parq" | "pq" | "pqt") => Format::Parquet,
        Some(end) if FORMATS.contains(&end) || PACKED.contains(&end) => Format::Rows,
        _ => Format::Unknown,
    }
}

/// Returns the name of a file without what says how it was written.
pub(crate) fn stem(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() && format(name) == Format::Rows => self::stem(stem),
        Some((stem, _)) if !stem.is_empty() && format(name) == Format::Parquet => stem,
        _ => name,
    }
}

/// Returns the split that a name begins with, if it then goes on with no letter; of `split=NAME` the name, whatever it is.
pub(crate) fn split_name(name: &str) -> Option<String> {
    let lower = name.to_lowercase();
    let (hive, lower) = lower.strip_prefix("split=").map_or((false, lower.as_str()), |name| (true, name));
    let begins =
        |prefix: &str| lower.strip_prefix(prefix).is_some_and(|rest| !rest.starts_with(char::is_alphabetic));
    let known = SPLITS.iter().find(|(prefix, _)| begins(prefix)).map(|(_, split)| (*split).to_owned());
    known.or_else(|| hive.then(|| lower.to_owned()))
}

/// Tells whether a name is that of a split and of nothing else: `test`, `test-00000-of-00002`, `eval`, not `test_results`.
pub(crate) fn is_split(name: &str) -> bool {
    let lower = name.to_lowercase();
    let lower = announced(&lower).map_or(lower.as_str(), |shard| shard.name);
    let lower = lower.strip_prefix("split=").unwrap_or(lower);
    let bare = lower.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches(['-', '_', '.']);
    SPLITS.iter().any(|(name, _)| *name == bare) || UNPLACED.contains(&bare)
}

/// One file of several, as its name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Announced<'a> {
    /// What stands before the number.
    pub(crate) name: &'a str,
    pub(crate) number: u64,
    pub(crate) of: u64,
    /// How many digits the numbers have.
    pub(crate) digits: (usize, usize),
}

/// Reads `train-00000-of-00003`, with or without something behind it.
pub(crate) fn announced(stem: &str) -> Option<Announced<'_>> {
    let places = ["-of-", "_of_", "of"].into_iter().flat_map(|between| stem.match_indices(between));
    places.into_iter().find_map(|(at, between)| {
        let (before, behind) = (&stem[..at], &stem[at + between.len()..]);
        let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).count();
        let of = &behind[..digits(behind)];
        let name = before.trim_end_matches(|c: char| c.is_ascii_digit());
        let number = &before[name.len()..];
        let apart = name.is_empty() || name.ends_with(['-', '_', '.']);
        let ends = !behind[of.len()..].starts_with(char::is_alphanumeric);
        (apart && ends).then_some(())?;
        Some(Announced {
            name: name.trim_end_matches(['-', '_', '.']),
            number: number.parse().ok()?,
            of: of.parse().ok()?,
            digits: (number.len(), of.len()),
        })
    })
}

/// Removes `-00000-of-00003` and what stands behind it.
pub(crate) fn without_shard(stem: &str) -> &str {
    announced(stem).map_or(stem, |shard| shard.name)
}

/// Strictest first: test before validation before anything else before train.
pub(crate) fn rank(split: &str) -> u8 {
    match split {
        "test" => 0,
        "validation" => 1,
        "train" => 3,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_splits_as_people_mean_them() {
        for (name, split) in [
            ("train", Some("train")),
            ("Train-00000-of-00002-ab12", Some("train")),
            ("train1", Some("train")),
            ("valid", Some("validation")),
            ("dev_0", Some("validation")),
            ("split=test", Some("test")),
            ("split=ood", Some("ood")),
            ("trainer", None),
            ("latest", None),
            ("eval", None),
            ("heldout", None),
        ] {
            assert_eq!(split_name(name).as_deref(), split, "{name}");
        }
        for (name, alone) in [
            ("test", true),
            ("test-00000-of-00002", true),
            ("eval", true),
            ("val_01", true),
            ("held-out", true),
            ("test_results", false),
            ("training_log", false),
            ("contest", false),
        ] {
            assert_eq!(is_split(name), alone, "{name}");
        }
        for (name, stem_, format_) in [
            ("test.parquet", "test", Format::Parquet),
            ("test.snappy.PARQUET", "test.snappy", Format::Parquet),
            ("test.pq", "test", Format::Parquet),
            ("test.parquet.gz", "test", Format::Rows),
            ("test.csv.zst", "test", Format::Rows),
            ("test.py", "test.py", Format::Unknown),
            ("test", "test", Format::Unknown),
        ] {
            assert_eq!((stem(name), format(name)), (stem_, format_), "{name}");
        }
    }

    #[test]
    fn shards_are_read_in_every_spelling() {
        for (stem, name, number, of) in [
            ("train-00000-of-00002", "train", 0, 2),
            ("train-00001-of-00002-abc123", "train", 1, 2),
            ("00000-of-00003", "", 0, 3),
            ("a_test_2_of_10", "a_test", 2, 10),
            ("part.00001of00004.c000", "part", 1, 4),
        ] {
            let found = announced(stem).map(|shard| (shard.name, shard.number, shard.of));
            assert_eq!(found, Some((name, number, of)), "{stem}");
        }
        for stem in ["train", "proof-1", "best-of-luck", "1-of-a", "train-of-3", "x1-of-2", "1-of-2b"] {
            assert_eq!(announced(stem), None, "{stem}");
        }
    }
}
