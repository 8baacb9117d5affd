//! Every broken definition: exit code 2, one message that says where and what to do, nothing left behind.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs `seqlab run NAME` beside a copy of the file and returns what it said.
fn refuse(name: &str, bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join(name), bytes).expect("it takes a file");
    let output = Command::new(env!("CARGO_BIN_EXE_seqlab"))
        .args(["run", name])
        .current_dir(folder.path())
        .output()
        .expect("seqlab starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{name}: {said}");
    assert_eq!(output.stdout, b"", "{name}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("it is there").collect();
    assert_eq!(left.len(), 1, "{name} left {left:?}");
    assert!(said.contains(&format!("error: {name}:")), "{name} does not name its file: {said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

#[test]
fn every_broken_definition_is_refused_with_a_message_that_helps() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/invalid");
    let entries = std::fs::read_dir(&folder).expect("tests/invalid is there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    assert!(files.len() >= 25, "only {} broken definitions", files.len());
    let mut all = String::new();
    for path in files {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        let said = refuse(&name, &std::fs::read(&path).expect("readable"));
        all += &format!("{said}\n");
    }
    insta::with_settings!({ snapshot_path => "invalid", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("messages", all);
    });
}

#[test]
fn huge_and_deep_definitions_are_refused_at_once() {
    let mut all = refuse("ten_megabytes.yaml", &b"name: x\n".repeat(10 * 1024 * 1024 / 8));
    all += &refuse("brackets.yaml", format!("name: {}\n", "[".repeat(20_000)).as_bytes());
    all +=
        &refuse("deep.yaml", format!("name: {}{}\n", "{a: ".repeat(20_000), "}".repeat(20_000)).as_bytes());
    insta::with_settings!({ snapshot_path => "invalid", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("huge", all);
    });
}

#[test]
fn vectors_that_the_processor_does_not_have_are_an_error() {
    let output = Command::new(env!("CARGO_BIN_EXE_seqlab"))
        .args(["bench", "train"])
        .env("SEQLAB_MAX_ISA", "AVX")
        .output()
        .expect("seqlab starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.starts_with("error: SEQLAB_MAX_ISA: expected `none`, or `avx2` on a processor that has it"),
        "{said}"
    );
}

#[test]
fn a_gpu_that_is_not_there_is_an_error_before_anything_runs() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let definition = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pipelines/x2.yaml");
    std::fs::copy(definition, folder.path().join("x2.yaml")).expect("it can be copied");
    let output = Command::new(env!("CARGO_BIN_EXE_seqlab"))
        .args(["run", "x2.yaml", "--dry-run", "--device", "cuda"])
        .current_dir(folder.path())
        .output()
        .expect("seqlab starts");
    if output.status.success() {
        return; // there is one
    }
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.starts_with("error: --device cuda: GPU: "), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("it is there").count(), 1);
}
