//! Rows come back as they went in; schemas change visibly; bytes depend on rows and key alone.
#![expect(clippy::disallowed_methods, reason = "a test may take a failing disk for absence")]

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use arrow::compute::sum;
use arrow::datatypes::Int64Type;
use artifact::tables::{Definition, Example, Training, catalogue};
use artifact::{
    Defined, Error, Pinned, Provenance, digest_file, read_definition, read_table, write_definition,
    write_table,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::{Map, Value, json};

fn example(id: i64) -> Example {
    Example {
        example_id: id,
        task: "x2".to_owned(),
        family: "geometric".to_owned(),
        notation: "numeral".to_owned(),
        domain: "integer".to_owned(),
        unit: "pair".to_owned(),
        parameter: (id % 3 > 0).then_some(id),
        text: format!("{id} {}", 2 * id),
        terms: vec![id, 2 * id],
        tokens: vec![0, 7, 65_535],
        answer_start: 2,
        answer_length: 1,
        cluster: -id,
    }
}

fn training(loss: Option<f32>) -> Training {
    Training {
        seed: 3,
        step: 10,
        examples_seen: 100,
        train_loss: loss,
        train_accuracy: Some(0.5),
        validation_loss: None,
        validation_accuracy: None,
        learning_rate: 1e-3,
        gradient_norm: Some(1.0),
        weight_norm: Some(2.0),
    }
}

fn provenance(key: &str) -> Provenance {
    let inputs = BTreeMap::from([("data/train".to_owned(), "ab".to_owned())]);
    Provenance { key: key.to_owned(), config: serde_json::json!({"b": 1, "a": [0.003]}), inputs }
}

#[test]
fn rows_and_provenance_round_trip_over_several_row_groups() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.parquet");
    let rows: Vec<_> = (0..150_000).map(example).collect();
    assert_eq!(write_table(&path, &provenance("k"), rows.clone()).unwrap(), 150_000);
    assert_eq!(read_table::<Example>(&path).unwrap(), rows);
    assert_eq!(artifact::row_count(&path).unwrap(), 150_000);
    let reader = SerializedFileReader::new(std::fs::File::open(&path).unwrap()).unwrap();
    let pairs = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let pairs = pairs.iter().map(|pair| (pair.key.as_str(), pair.value.as_deref().unwrap()));
    assert!(pairs.eq([
        ("seqlab.table", "examples"),
        ("seqlab.version", "2"),
        ("seqlab.key", "k"),
        ("seqlab.config", r#"{"b":1,"a":[0.003]}"#),
        ("seqlab.inputs", r#"{"data/train":"ab"}"#),
    ]));
}

fn map(value: Value) -> Map<String, Value> {
    value.as_object().cloned().expect("a map")
}

#[test]
fn a_definition_is_read_by_what_its_readers_ask() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("definition.parquet");
    let tasks = json!({ "z": { "family": { "random": {} }, "terms": { "min": 4, "max": 6 }, "values": null }, "a": { "terms": 3 } });
    let pins = json!({ "train": [], "test": [{ "task": "z", "terms": [1, -2, 3, 4] }] });
    let write = |tasks: &Value, pins: &Value| {
        let holdout = map(json!({ "level": { "window": { "m": 3 } }, "block": 7 }));
        let sections = [("holdout", holdout), ("tasks", map(tasks.clone())), ("pins", map(pins.clone()))];
        write_definition(&path, &provenance("k"), sections).unwrap();
        Defined::read(&path)
    };
    let found = write(&tasks, &pins).unwrap();
    assert_eq!(found.level, Some(json!({ "window": { "m": 3 } })));
    let names: Vec<_> = found.tasks.iter().map(|task| (task.name.as_str(), task.shortest())).collect();
    assert_eq!(names, [("z", Some(4)), ("a", Some(3))]);
    let z = found.task("z").unwrap();
    assert_eq!(z.part::<Value>("family").unwrap(), Some(json!({ "random": {} })));
    assert_eq!((z.part::<u8>("values").unwrap(), z.part::<u8>("weight").unwrap()), (None, None));
    let message = z.part::<u8>("family").unwrap_err().to_string();
    assert!(
        message.contains("definition.parquet: tasks.z.family is unreadable: invalid type: map"),
        "{message}"
    );
    let pin = Pinned { split: "test".to_owned(), task: "z".to_owned(), terms: vec![1, -2, 3, 4] };
    assert_eq!(found.pins, [pin]);
    let message = write(&json!({ "z": 5 }), &pins).unwrap_err().to_string();
    assert!(message.contains("`z` of `tasks` should be a mapping; rerun"), "{message}");
    let message = write(&tasks, &json!({ "test": [{ "task": "z" }] })).unwrap_err().to_string();
    assert!(
        message.contains("`test` of `pins` should be a list of rows: missing field `terms`"),
        "{message}"
    );
    write_definition(&path, &provenance("k"), []).unwrap();
    assert_eq!(Defined::read(&path).unwrap(), Defined::default());
}

#[test]
fn a_definition_comes_back_in_its_order_and_what_is_no_definition_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("definition.parquet");
    let tasks = json!({ "z": { "terms": 4, "family": { "random": {} } }, "a": { "weight": 0.1 }, "m": null });
    let holdout = json!({ "level": { "window": { "m": 3 } }, "block": u64::MAX });
    let sections = [("tasks", map(tasks.clone())), ("holdout", map(holdout.clone()))];
    write_definition(&path, &provenance("k"), sections).unwrap();
    let found = read_definition(&path).unwrap();
    assert_eq!(found.to_string(), json!({ "tasks": tasks, "holdout": holdout }).to_string());

    let refused = |rows: &[(&str, &str)]| {
        let row = |(name, value): &(&str, &str)| Definition {
            section: "holdout".to_owned(),
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        };
        write_table(&path, &Provenance::default(), rows.iter().map(row)).unwrap();
        read_definition(&path).unwrap_err().to_string()
    };
    let message = refused(&[("level", "{")]);
    assert!(message.contains("definition.parquet: `level` of `holdout` should be JSON: "), "{message}");
    assert!(message.ends_with("; rerun the stage that wrote it"), "{message}");
    assert!(refused(&[("level", "1"), ("block", "2"), ("level", "1")]).contains("found it twice"));
    assert!(
        refused(&[("level", &"[".repeat(100_000))]).contains("should be JSON"),
        "no stack is deep enough"
    );
    std::fs::remove_file(&path).unwrap();
    let message = read_definition(&path).unwrap_err().to_string();
    assert!(message.ends_with("definition.parquet: missing; rerun the build stage"), "{message}");
    std::os::unix::fs::symlink(&path, &path).unwrap();
    assert!(
        !read_definition(&path).unwrap_err().to_string().contains("missing"),
        "a loop of links is no absence"
    );
}

#[test]
fn what_the_system_refuses_to_write_is_named_with_its_cause() {
    // A device that is always full.
    let full = std::path::Path::new("/dev/full");
    if !full.exists() {
        return;
    }
    let error = write_table(full, &Provenance::default(), (0..100).map(example)).unwrap_err().to_string();
    assert_eq!(error, "cannot write /dev/full: No space left on device (os error 28)");
}

#[test]
fn empty_tables_and_nulls_round_trip_and_nan_becomes_null() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    write_table::<Training>(&path, &Provenance::default(), []).unwrap();
    assert_eq!(read_table::<Training>(&path).unwrap(), []);
    let rows = [training(None), training(Some(f32::NAN)), training(Some(f32::INFINITY))];
    write_table(&path, &Provenance::default(), rows).unwrap();
    assert_eq!(read_table::<Training>(&path).unwrap(), vec![training(None); 3]);
}

#[test]
fn a_mean_over_a_column_is_one_of_real_values() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("train.parquet");
    // Rows 0, 3, 6 and 9 have no parameter, the others their number.
    write_table(&path, &Provenance::default(), (0..10).map(example)).unwrap();
    let file = std::fs::File::open(&path).unwrap();
    let batch =
        ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap().next().unwrap().unwrap();
    let column = batch.column_by_name("parameter").unwrap().as_primitive::<Int64Type>();
    assert_eq!((column.len(), column.null_count()), (10, 4));
    assert_eq!(sum(column), Some(1 + 2 + 4 + 5 + 7 + 8));
    let nullable: Vec<_> =
        batch.schema().fields().iter().filter(|f| f.is_nullable()).map(|f| f.name().clone()).collect();
    assert_eq!(nullable, ["parameter"]);
    let found = read_table::<Example>(&path).unwrap();
    assert!(found.iter().all(|row| row.parameter == (row.example_id % 3 > 0).then_some(row.example_id)));
}

#[test]
fn digest_follows_the_rows_and_not_the_metadata() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b, c] = ["a", "b", "c"].map(|name| folder.path().join(name).with_extension("parquet"));
    write_table(&a, &provenance("one"), [example(1)]).unwrap();
    write_table(&b, &provenance("another, longer key"), [example(1)]).unwrap();
    write_table(&c, &provenance("one"), [example(2)]).unwrap();
    assert_ne!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap());
    assert_eq!(digest_file(&a).unwrap().content, digest_file(&b).unwrap().content);
    assert_ne!(digest_file(&a).unwrap().content, digest_file(&c).unwrap().content);
}

#[test]
fn another_table_a_foreign_file_and_a_truncated_one_are_typed_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    write_table(&path, &Provenance::default(), [example(1)]).unwrap();
    let error = read_table::<Training>(&path).unwrap_err();
    assert!(matches!(&error, Error::WrongTable { .. }), "{error}");
    assert!(error.to_string().contains("expected table `training version 1`, found `examples version 2`"));
    let bytes = std::fs::read(&path).unwrap();
    for length in 0..bytes.len() {
        std::fs::write(&path, &bytes[..length]).unwrap();
        assert!(read_table::<Example>(&path).is_err(), "a file cut at byte {length} was read");
    }
}

#[test]
fn schemas_are_what_they_were() {
    let mut text = String::new();
    for table in catalogue() {
        text += &format!("{} version {} ({})\n", table.table, table.version, table.files);
        for column in table.columns {
            text += &format!("  {}: {}\n", column.name, column.type_name);
        }
    }
    insta::assert_snapshot!(text);
}
