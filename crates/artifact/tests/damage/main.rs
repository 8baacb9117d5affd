//! Damaged and hostile Parquet files, made here byte by byte: a clear error that names the file, or rows that are sound;
//! never a panic, a wait, or more memory than is allowed.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod encode;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use artifact::tables::{Example, Token, Training};
use artifact::{Error, ParquetFile, Provenance, Row, read_table, row_count, write_table};
use encode::{Column, Fields, file, footer_of};

/// Reads a file in every way that there is.
fn read<R: Row>(path: &Path) -> artifact::Result<Vec<R>> {
    row_count(path)?;
    read_table(path)
}

/// The most memory that this process ever had, in MiB; nothing where the system does not tell.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn save(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.parquet");
    std::fs::write(&path, bytes).unwrap();
    (folder, path)
}

/// Reads bytes as a table that they should not be; returns what is said of them.
fn refused<R: Row>(bytes: &[u8]) -> String {
    let (_folder, path) = save(bytes);
    let begun = Instant::now();
    let error = match read::<R>(&path) {
        Ok(rows) => panic!("{} rows were read", rows.len()),
        Err(error) => error.to_string(),
    };
    assert!(begun.elapsed() < Duration::from_secs(10), "{error}: {:?}", begun.elapsed());
    assert!(error.contains("table.parquet"), "{error}");
    assert!(!error.contains(char::is_control), "{error:?}");
    assert!(peak() < 500, "{error}: {} MiB", peak());
    error
}

fn tokens(rows: i64, token: &[u8]) -> Vec<Column> {
    vec![
        Column::int32("token_id", rows, 0),
        Column::text("token", rows, token),
        Column::text("kind", rows, b"digit"),
        Column::int64("value", rows, 0),
    ]
}

#[test]
fn what_the_encoder_of_these_tests_writes_is_sound() {
    let (_folder, path) = save(&file("vocabulary", 2, 9, &tokens(9, b"x")));
    let rows = read::<Token>(&path).unwrap();
    assert_eq!(rows, vec![Token { token_id: 0, token: "x".into(), kind: "digit".into(), value: Some(0) }; 9]);
    let (_folder, path) = save(&file("lists", 1, 1, &[Column::list("terms", 3, 7)]));
    let batch = ParquetFile::open(&path).unwrap().batches(0..1, &[0], 0).next().unwrap().unwrap();
    assert_eq!((batch.num_rows(), batch.num_columns()), (1, 1));
}

#[test]
fn a_few_bytes_that_announce_gigabytes_are_refused() {
    // One row of 2^30 values, in runs of a few bytes: of lists, whatever column is asked for.
    let (_folder, path) = save(&file("lists", 1, 1, &[Column::list("terms", 1 << 30, 7)]));
    assert!(path.metadata().unwrap().len() < 700);
    let lists =
        ParquetFile::open(&path).and_then(|file| file.batches(0..1, &[0], 0).collect::<Result<Vec<_>, _>>());
    let error = lists.unwrap_err().to_string();
    assert!(error.contains("1073741824 values") && error.contains("SEQLAB_MAX_HELD"), "{error}");
    // 2^40 rows that are all the same.
    let error = refused::<Token>(&file("vocabulary", 2, 1 << 40, &tokens(1 << 40, b"x")));
    assert!(error.contains("a column of 1099511627776 values"), "{error}");
    // A page that says it is 2 GiB when it is decompressed, a dictionary that says it has 2^31 - 1 values.
    let mut large = tokens(9, b"x");
    large[1].announced = Some(i32::MAX);
    let error = refused::<Token>(&file("vocabulary", 2, 9, &large));
    assert!(error.contains("a page of 2147483647 bytes would take"), "{error}");
    let mut many = tokens(9, b"x");
    many[0].entries = i32::MAX;
    let error = refused::<Token>(&file("vocabulary", 2, 9, &many));
    assert!(error.contains("its dictionary has fewer bytes than values"), "{error}");
}

#[test]
fn what_the_footer_says_is_not_believed() {
    let sound = file("vocabulary", 2, 9, &tokens(9, b"x"));
    let with = |change: &dyn Fn(&mut Fields)| {
        let mut bytes = sound[..sound.len() - 8 - footer_of(&sound).len()].to_vec();
        let mut fields = Fields::default();
        change(&mut fields);
        let length = u32::try_from(fields.bytes().len()).unwrap();
        bytes.extend(fields.bytes());
        bytes.extend(length.to_le_bytes());
        bytes.extend(b"PAR1");
        refused::<Token>(&bytes)
    };
    // A schema whose root has 2^31 - 1 children: room for them would be 16 GiB.
    let error = with(&|fields| {
        let root = Fields::default().binary(4, b"root").int(5, 5, i64::from(i32::MAX)).bytes().to_vec();
        fields.int(1, 5, 1).list(2, 12, &[root]);
    });
    assert!(error.contains("a column of more parts than there are"), "{error}");
    // Groups in groups, each of one: decoders call themselves at each.
    let error = with(&|fields| {
        let group = || Fields::default().int(3, 5, 0).binary(4, b"g").int(5, 5, 1).bytes().to_vec();
        let groups: Vec<Vec<u8>> = (0..50_000).map(|_| group()).collect();
        fields.int(1, 5, 1).list(2, 12, &groups);
    });
    assert!(error.contains("columns nested too deep"), "{error}");
    // Lists of booleans that take no bytes to skip, 2^31 - 1 of them each, a thousand times.
    let error = with(&|fields| {
        let lists: Vec<Vec<u8>> = (0..1000).map(|_| vec![0xf1, 0xff, 0xff, 0xff, 0xff, 7]).collect();
        fields.int(1, 5, 1).list(20, 9, &lists);
    });
    assert!(error.contains("its footer has a list too long"), "{error}");
    // A footer longer than the file.
    let mut long = sound.clone();
    let at = long.len() - 8;
    long[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(refused::<Token>(&long).contains("its footer should have 4294967295 bytes"));
    // Rows, values and places that cannot be.
    let mut other = tokens(9, b"x");
    other[0].values = 8;
    let error = refused::<Token>(&file("vocabulary", 2, 9, &other));
    assert!(error.contains("column `token_id` cannot have 8 values in 9 rows"), "{error}");
    let mut other = tokens(9, b"x");
    other[3].start = Some(-5);
    let error = refused::<Token>(&file("vocabulary", 2, 9, &other));
    assert!(error.contains("column `value` lies outside of the file"), "{error}");
    let mut other = tokens(9, b"x");
    other[3].length = Some(1 << 40);
    assert!(refused::<Token>(&file("vocabulary", 2, 9, &other)).contains("lies outside"));
    // Names that would be obeyed by a terminal.
    let error = refused::<Token>(&file("\u{1b}[2Jvoca\u{202e}", 1, 9, &tokens(9, b"x")));
    assert!(error.contains("\\u{1b}[2Jvoca\\u{202e}"), "{error}");
}

#[test]
fn values_that_no_row_has_are_refused_by_row_and_column() {
    use std::sync::Arc;

    use arrow::array::{
        ArrayRef, Float32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    };
    use parquet::arrow::ArrowWriter;
    use parquet::file::metadata::KeyValue;

    let training = |losses: ArrayRef, rates: ArrayRef, seeds: ArrayRef| {
        let n = seeds.len();
        let float = || Arc::new(Float32Array::from(vec![Some(0.5); n])) as ArrayRef;
        let long = || Arc::new(Int64Array::from(vec![1; n])) as ArrayRef;
        let columns = [
            ("seed", seeds),
            ("step", long()),
            ("examples_seen", long()),
            ("train_loss", losses),
            ("train_accuracy", float()),
            ("validation_loss", float()),
            ("validation_accuracy", float()),
            ("learning_rate", rates),
            ("gradient_norm", float()),
            ("weight_norm", float()),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        for (key, value) in [("seqlab.table", "training"), ("seqlab.version", "1")] {
            writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value.to_owned()));
        }
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        bytes
    };
    let n = 9000;
    let seeds = || Arc::new(Int32Array::from(vec![0; n])) as ArrayRef;
    let rates = || Arc::new(Float64Array::from(vec![0.1; n])) as ArrayRef;
    let losses = || Arc::new(Float32Array::from(vec![Some(0.1); n])) as ArrayRef;
    let (_folder, path) = save(&training(losses(), rates(), seeds()));
    assert_eq!(read::<Training>(&path).unwrap().len(), n);
    let at = |bad: f32| {
        Arc::new(Float32Array::from_iter((0..n).map(|row| Some(if row == 8500 { bad } else { 1e-3 }))))
    };
    for bad in [f32::NAN, f32::INFINITY] {
        let error = refused::<Training>(&training(at(bad), rates(), seeds()));
        assert!(error.contains("row 8500: column `train_loss` should be f32, null where"), "{error}");
    }
    let rate =
        Arc::new(Float64Array::from_iter((0..n).map(|row| Some(if row == 3 { f64::NAN } else { 1e-3 }))));
    assert!(
        refused::<Training>(&training(losses(), rate, seeds())).contains("row 3: column `learning_rate`")
    );
    let null = Arc::new(Int32Array::from_iter((0..n as i32).map(|row| (row != 8200).then_some(row))));
    assert!(
        refused::<Training>(&training(losses(), rates(), null))
            .contains("row 8200: column `seed` should be i32, found a null")
    );
    let text = Arc::new(StringArray::from(vec!["<script>"; n])) as ArrayRef;
    assert!(
        refused::<Training>(&training(losses(), rates(), text))
            .contains("column `seed` should be i32, found Utf8")
    );
}

/// A small congruential generator: what is drawn depends on nothing else.
struct Draws(u64);

impl Draws {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound.max(1)
    }

    /// Damages bytes at one place or a few: bits, blocks, an end that is missing, the footer, the page headers, lengths.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        let length = bytes.len();
        let footer = footer_of(bytes).len();
        let odd = |draws: &mut Self, known: u8| {
            [known ^ (1 << draws.below(8)), 0, 255, 127, 128, draws.below(256) as u8]
        };
        match self.below(7) {
            0 => (0..=self.below(8)).for_each(|_| bytes[self.below(length)] ^= 1 << self.below(8)),
            1 => {
                let size = [1, 8, 64][self.below(3)].min(length);
                let (from, to) = (self.below(length - size), self.below(length - size));
                match self.below(4) {
                    0 => bytes[to..to + size].fill(0),
                    1 => bytes.copy_within(from..from + size, to),
                    2 => drop(bytes.drain(to..to + size)),
                    _ => {
                        let block = bytes[from..from + size].to_vec();
                        drop(bytes.splice(to..to, block));
                    }
                }
            }
            2 => bytes.truncate(self.below(length)),
            3 | 4 => {
                for _ in 0..=self.below(3) {
                    let at = length - 8 - footer + self.below(footer);
                    bytes[at] = odd(self, bytes[at])[self.below(6)];
                }
            }
            5 => {
                let at = 4 + self.below(64.min(length - 5));
                bytes[at] = odd(self, bytes[at])[self.below(6)];
            }
            _ => {
                let numbers = [0, 1, 127, 128, 1 << 15, 1 << 20, u32::MAX / 2, u32::MAX];
                bytes[length - 8..length - 4].copy_from_slice(&numbers[self.below(8)].to_le_bytes());
            }
        }
    }
}

fn survives<R: Row + PartialEq>(name: &str, sound: &[u8], trials: u64) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.parquet");
    let mut errors = 0;
    for seed in 0..trials {
        let mut bytes = sound.to_vec();
        Draws(seed).damage(&mut bytes);
        std::fs::write(&path, &bytes).unwrap();
        let begun = Instant::now();
        match read::<R>(&path) {
            Ok(_) => (),
            Err(Error::Io { .. } | Error::NoFile { .. }) => panic!("{name}, seed {seed}: the file is there"),
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains("damaged.parquet"), "{name}, seed {seed}: {error}");
                assert!(!error.contains(char::is_control), "{name}, seed {seed}: {error:?}");
                errors += 1;
            }
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{name}, seed {seed}: {:?}", begun.elapsed());
    }
    assert!(errors > trials / 4, "{name}: {errors} errors");
    assert!(peak() < 500, "{name}: {} MiB", peak());
}

#[test]
fn random_damage_is_an_error_or_other_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("examples.parquet");
    let example = |id: i64| Example {
        example_id: id,
        task: "x2".to_owned(),
        family: "geometric".to_owned(),
        notation: "numeral".to_owned(),
        domain: "integer".to_owned(),
        unit: "pair".to_owned(),
        parameter: None,
        text: format!("{id} {}", 2 * id),
        terms: vec![id, 2 * id],
        tokens: vec![0, (id % 7) as u16, 1],
        answer_start: 2,
        answer_length: 1,
        cluster: -id,
    };
    write_table(&path, &Provenance::default(), (0..40).map(example)).unwrap();
    survives::<Example>("a table of ours", &std::fs::read(&path).unwrap(), 1000);
    survives::<Token>("runs and dictionaries", &file("vocabulary", 2, 9, &tokens(9, b"x")), 1000);
}
