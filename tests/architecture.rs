//! The rooms of the house, as a test: which crate may use which, and who alone may print or exit.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cargo_metadata::{CargoOpt, DependencyKind, Metadata, MetadataCommand};

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

fn metadata() -> Metadata {
    MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .features(CargoOpt::AllFeatures)
        .no_deps()
        .exec()
        .expect("cargo metadata runs where cargo test runs")
}

#[test]
fn every_crate_uses_only_what_its_room_allows() {
    let metadata = metadata();
    let rooms: BTreeMap<_, _> = ROOMS.iter().map(|(name, may, never)| (*name, (*may, *never))).collect();
    let members: BTreeSet<_> = metadata.workspace_packages().iter().map(|p| p.name.to_string()).collect();
    assert_eq!(members, rooms.keys().map(ToString::to_string).collect(), "a crate without a room, or the reverse");
    for package in metadata.workspace_packages() {
        let (may, never) = rooms[package.name.as_str()];
        for dependency in package.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal) {
            let name = dependency.name.as_str();
            assert!(
                !members.contains(name) || may.contains(&name),
                "`{}` depends on `{name}`; it may use only {may:?} of the workspace",
                package.name
            );
            assert!(!never.contains(&name), "`{}` must never depend on `{name}`", package.name);
        }
        let folder = package.manifest_path.parent().and_then(|parent| parent.file_name());
        assert_eq!(folder, Some(package.name.as_str()), "folder name = crate name");
    }
}

#[test]
fn only_seqlab_prints_reads_the_environment_or_exits() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("crates/ holds every crate");
    let mut read = 0;
    for (name, ..) in ROOMS.iter().filter(|(name, ..)| *name != "seqlab") {
        for file in rust_files(&crates.join(name).join("src")) {
            let text = std::fs::read_to_string(&file).expect("sources are readable");
            // Unit tests stand at the end of a file and may print.
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for (number, line) in code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
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

fn rust_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = vec![];
    for entry in std::fs::read_dir(folder).expect("every crate has src/") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
