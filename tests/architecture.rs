//! The rooms of the house, as a test: what ARCHITECTURE.md says of the crates is so, no files import each other in a circle, and one
//! crate alone prints or exits.
#![expect(clippy::disallowed_methods, reason = "a test may take a failing disk for absence")]

mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use imports::Imports;
use serde_json::Value;

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

/// A row of the table of rooms in ARCHITECTURE.md.
struct Room {
    purpose: String,
    /// The crates of the workspace that it uses.
    uses: BTreeSet<String>,
    /// The packages that it must never use.
    never: BTreeSet<String>,
}

/// Reads the table of rooms: crate, purpose, uses, must never, whose backticks hold names of packages.
fn rooms() -> BTreeMap<String, Room> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ARCHITECTURE.md");
    let page = std::fs::read_to_string(page).expect("ARCHITECTURE.md is there");
    let table = page.split("| crate | purpose | uses | must never |\n").nth(1).expect("the table of rooms");
    let rows: Vec<Vec<&str>> = table
        .lines()
        .skip(1)
        .map_while(|line| line.strip_prefix('|')?.strip_suffix('|'))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    let room = |row: &Vec<&str>| {
        let [name, purpose, uses, never] = row[..] else { panic!("expected four columns, found {row:?}") };
        let name = ticked(name).pop_first().expect("the name of a crate in backticks");
        let uses: BTreeSet<String> = match uses {
            "-" => BTreeSet::new(),
            uses => uses.split(", ").map(str::to_owned).collect(),
        };
        (name, Room { purpose: purpose.to_owned(), uses, never: ticked(never) })
    };
    rows.iter().map(room).collect()
}

/// Returns what stands between backticks.
fn ticked(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn every_crate_is_what_its_room_says() {
    let (rooms, packages) = (rooms(), packages());
    let members: BTreeSet<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let named: BTreeSet<&str> = rooms.keys().map(String::as_str).collect();
    assert_eq!(members, named, "a crate without a room, or a room without a crate");
    for package in &packages {
        let name = package["name"].as_str().expect("a package has a name");
        let Room { purpose, uses, never } = &rooms[name];
        assert_eq!(package["description"].as_str(), Some(purpose.as_str()), "purpose of `{name}`");
        let dependencies = package["dependencies"].as_array().expect("a list");
        let normal = dependencies.iter().filter(|dependency| dependency["kind"].is_null());
        // A package may be called otherwise here than in its registry.
        let names: BTreeSet<&str> = normal
            .flat_map(|dependency| [&dependency["name"], &dependency["rename"]])
            .filter_map(Value::as_str)
            .collect();
        let found: BTreeSet<String> = names.intersection(&members).map(|name| (*name).to_owned()).collect();
        assert_eq!(&found, uses, "crates of the workspace that `{name}` uses");
        for other in never {
            assert!(!names.contains(other.as_str()), "`{name}` must never use `{other}`");
        }
        let manifest = Path::new(package["manifest_path"].as_str().expect("a path"));
        let folder =
            manifest.parent().and_then(|parent| parent.file_name()).and_then(|folder| folder.to_str());
        assert_eq!(folder, Some(name), "folder name = crate name");
    }
}

#[test]
fn what_a_room_must_never_use_is_a_name_that_somebody_uses() {
    let packages = packages();
    let all = packages.iter().flat_map(|package| package["dependencies"].as_array().expect("a list"));
    let known: BTreeSet<&str> =
        all.flat_map(|one| [&one["name"], &one["rename"]]).filter_map(Value::as_str).collect();
    for (name, Room { never, .. }) in rooms() {
        for other in never {
            assert!(
                known.contains(other.as_str()),
                "`{other}`, which `{name}` must never use, is no package here"
            );
        }
    }
}

#[test]
fn no_files_of_a_crate_import_each_other_in_a_circle() {
    let mut read = 0;
    let mut told = Vec::new();
    for name in rooms().into_keys() {
        let src = crates().join(&name).join("src");
        let root = ["lib.rs", "main.rs"].map(|root| src.join(root)).into_iter().find(|root| root.exists());
        let imports = Imports::of(&root.expect("a crate has a root"));
        read += imports.len();
        told.extend(imports.circles().into_iter().map(|circle| format!("{name}: {circle}")));
    }
    assert!(read > 200, "the sources were not found");
    assert!(told.is_empty(), "files import each other in circles:\n{}", told.join("\n"));
}

/// Returns the folder of all crates.
fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("crates/ holds every crate").to_owned()
}

#[test]
fn only_seqlab_prints_reads_the_environment_or_exits() {
    let mut read = 0;
    for name in rooms().into_keys().filter(|name| name != "seqlab") {
        for file in rust_files(&crates().join(name).join("src")).filter(|file| !file.ends_with("tests.rs")) {
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
