//! The ready-made pipelines: each checks out, is documented, and builds data that passes its audit.
#![expect(clippy::disallowed_methods, reason = "a test may take a failing disk for absence")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use artifact::read_table;
use artifact::tables::Example;

/// Returns the root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns the names of all definitions in `pipelines/`, sorted.
fn names() -> Vec<String> {
    let entries = std::fs::read_dir(root().join("pipelines")).expect("pipelines/ is there");
    let paths = entries.map(|entry| entry.expect("readable").path());
    let definitions = paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    let mut names: Vec<String> =
        definitions.map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned()).collect();
    names.sort();
    assert!(names.len() >= 5, "only {names:?}");
    names
}

/// An empty folder with a copy of `pipelines/` in it.
fn place() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let copy = folder.path().join("pipelines");
    std::fs::create_dir(&copy).expect("it takes a folder");
    for entry in std::fs::read_dir(root().join("pipelines")).expect("pipelines/ is there") {
        let entry = entry.expect("readable");
        std::fs::copy(entry.path(), copy.join(entry.file_name())).expect("it takes a file");
    }
    folder
}

fn seqlab(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seqlab"));
    command.args(arguments).current_dir(folder).output().expect("seqlab starts")
}

#[test]
fn every_definition_checks_out_and_is_called_like_its_file() {
    let place = place();
    for name in names() {
        let output = seqlab(place.path(), &["run", &format!("pipelines/{name}.yaml"), "--dry-run"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {said}");
        let plan = String::from_utf8_lossy(&output.stdout);
        assert!(plan.starts_with("data") && plan.contains("\naudit"), "{name} has other stages: {plan}");
        let text = std::fs::read_to_string(root().join(format!("pipelines/{name}.yaml"))).expect("readable");
        assert!(
            text.starts_with(&format!("name: {name}\ndescription: >-\n")),
            "{name}: name, then description"
        );
    }
    assert!(!place.path().join("results").exists(), "a dry run leaves nothing");
}

#[test]
fn the_readme_says_what_every_pipeline_asks() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("readable");
    for name in names() {
        assert!(readme.contains(&format!("\n| `{name}` | ")), "README.md does not list {name}");
    }
}

/// Returns the tables of test rows in a folder and those below it.
fn test_tables(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder of the dataset");
    let below = |path: PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_test = name.starts_with("test-") && name.ends_with(".parquet");
        if path.is_dir() { test_tables(&path) } else { is_test.then_some(path).into_iter().collect() }
    };
    entries.flat_map(|entry| below(entry.expect("readable").path())).collect()
}

/// Returns how many clusters of equal size the rows of a table count as.
fn effective_clusters(path: &Path) -> f64 {
    let mut sizes = BTreeMap::<i64, f64>::new();
    for row in read_table::<Example>(path).expect("a table of examples") {
        *sizes.entry(row.cluster).or_default() += 1.0;
    }
    let (sum, squares) = sizes.values().fold((0.0, 0.0), |(sum, squares), n| (sum + n, squares + n * n));
    sum * sum / squares
}

#[test]
fn the_data_of_every_definition_pass_their_audit_and_bear_what_is_said_of_them() {
    let place = place();
    let mut few = Vec::new();
    for name in names() {
        // The gates are exact whatever the sample of this one memoriser, which compares all pairs of rows.
        let quick = ["--set", "audit.nearest_neighbor_pairs=1000000"];
        let file = format!("pipelines/{name}.yaml");
        let output = seqlab(place.path(), &[&["run", file.as_str(), "audit"], &quick[..]].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {said}");
        // What `--set` changes is shown under its own name.
        let tables = test_tables(&place.path().join(format!("datasets/{name}@{}", quick[1])));
        assert!(!tables.is_empty(), "{name}");
        if tables.iter().any(|table| effective_clusters(table) < 20.0) {
            few.push(name);
        }
    }
    // A year has twelve months: its test rows are few whatever is held out, and its description says so.
    assert_eq!(few, ["months"]);
}
