//! The rooms of the house, as a test: which crate may use which, and who alone may print or exit.
#![expect(clippy::disallowed_methods, reason = "a test may take a failing disk for absence")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Crate, workspace crates it may use, packages it must never use.
const ROOMS: &[(&str, &[&str], &[&str])] = &[
    ("artifact", &[], &["candle-core", "candle-nn"]),
    ("sequence", &[], &["candle-core", "arrow", "parquet", "rand", "rand_chacha"]),
    ("dataset", &["artifact", "sequence"], &["candle-core", "candle-nn", "transformer"]),
    ("auditor", &["artifact"], &["candle-core", "candle-nn"]),
    ("transformer", &[], &["arrow", "parquet", "serde_yaml"]),
    ("trainer", &["artifact", "transformer"], &["serde_yaml"]),
    ("evaluator", &["artifact", "sequence", "transformer"], &["serde_yaml"]),
    ("analyzer", &["artifact", "transformer"], &["serde_yaml"]),
    ("report", &["artifact"], &["candle-core", "candle-nn", "serde_yaml"]),
    ("pipeline", &["artifact"], &["candle-core", "candle-nn", "arrow", "parquet"]),
    (
        "seqlab",
        &[
            "analyzer",
            "artifact",
            "auditor",
            "dataset",
            "evaluator",
            "pipeline",
            "report",
            "sequence",
            "trainer",
            "transformer",
        ],
        &[],
    ),
];

/// Words that only `seqlab` may use: the terminal, the environment, the end of the process.
const ONLY_SEQLAB: &[&str] = &["println!", "eprintln!", "std::process::exit", "std::env::var", "env::args"];

/// Returns the packages of the workspace as `cargo metadata` describes them.
fn packages() -> Vec<Value> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline", "--manifest-path", manifest])
        .output()
        .expect("cargo metadata runs where cargo test runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    metadata["packages"].as_array().expect("there are packages").clone()
}

#[test]
fn every_crate_uses_only_what_its_room_allows() {
    let rooms: BTreeMap<_, _> = ROOMS.iter().map(|(name, may, never)| (*name, (*may, *never))).collect();
    let packages = packages();
    let members: BTreeSet<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    assert_eq!(members, rooms.keys().copied().collect(), "a crate without a room, or a room without a crate");
    for package in &packages {
        let name = package["name"].as_str().expect("a package has a name");
        let (may, never) = rooms[name];
        let dependencies = package["dependencies"].as_array().expect("a list");
        for dependency in dependencies.iter().filter(|dependency| dependency["kind"].is_null()) {
            let other = dependency["name"].as_str().expect("a dependency has a name");
            let allowed = !members.contains(other) || may.contains(&other);
            assert!(allowed, "`{name}` depends on `{other}`; it may use only {may:?} of the workspace");
            assert!(!never.contains(&other), "`{name}` must never depend on `{other}`");
        }
        let manifest = Path::new(package["manifest_path"].as_str().expect("a path"));
        let folder =
            manifest.parent().and_then(|parent| parent.file_name()).and_then(|folder| folder.to_str());
        assert_eq!(folder, Some(name), "folder name = crate name");
    }
}

#[test]
fn only_seqlab_prints_reads_the_environment_or_exits() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("crates/ holds every crate");
    let mut read = 0;
    for (name, ..) in ROOMS.iter().filter(|(name, ..)| *name != "seqlab") {
        for file in rust_files(&crates.join(name).join("src")).filter(|file| !file.ends_with("tests.rs")) {
            let text = std::fs::read_to_string(&file).expect("sources are readable");
            // Unit tests stand at the end of a file and may print.
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for (number, line) in
                code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
            {
                for word in ONLY_SEQLAB {
                    let place = format!("{}:{}", file.display(), number + 1);
                    assert!(!line.contains(word), "{place}: only seqlab may use `{word}`");
                }
            }
            read += 1;
        }
    }
    assert!(read > 20, "the sources were not found");
}

fn rust_files(folder: &Path) -> impl Iterator<Item = std::path::PathBuf> + use<> {
    let mut files: Vec<std::path::PathBuf> = vec![];
    for entry in std::fs::read_dir(folder).expect("every crate has src/") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.into_iter()
}
