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

/// What a message offers, done: file, and what is written in place of what.
const REMEDIES: &[(&str, &[(&str, &str)])] = &[
    ("held_out_rows_beyond_the_context", &[("d_model: 16 }", "d_model: 16, n_ctx: 9 }")]),
    ("context_below_every_row", &[("n_ctx: 4", "n_ctx: 9")]),
    ("from_another_shape", &[("n_layers: 2", "n_layers: 1")]),
    ("from_other_seeds", &[("[0, 5]", "[0, 1]")]),
    ("from_other_tokens", &[("max: 250", "max: 199")]),
    ("audit_of_other_data", &[("audit: { data: other }", "audit: { data: data }")]),
    (
        "audit_of_rows_the_model_did_not_see",
        &[("audit: { audit: { data: data } }", "audit: { audit: { data: data, trained_on: [other] } }")],
    ),
    ("models_of_other_tokens", &[("min: 1, max: 200", "min: 0, max: 199")]),
    ("models_of_shorter_rows", &[("d_model: 16 }", "d_model: 16, n_ctx: 9 }")]),
    ("batch_above_every_row", &[("batch: 200", "batch: 100")]),
    ("once_beyond_the_rows", &[("steps: 10", "steps: 6")]),
    ("best_without_validation", &[("best: true", "best: false")]),
    ("span_behind_every_row", &[("from: 50", "from: 3")]),
    ("unused_axis", &[("seed: 1\n", "seed: \"${matrix.k}\"\n")]),
    (
        "axis_like_a_column",
        &[("seed: [1, 2]", "data_seed: [1, 2]"), ("${matrix.seed}", "${matrix.data_seed}")],
    ),
    ("unquoted_reference", &[("${matrix.k}", "\"${matrix.k}\"")]),
    ("model_of_many_parameters", &[("d_model: 16384", "d_model: 1024")]),
    ("model_beyond_every_memory", &[("9223372036854775807", "64")]),
    ("rows_beyond_every_memory", &[("terms: 10000", "terms: 100")]),
    ("steps_beyond_every_patience", &[("18446744073709551615", "1000000")]),
    ("lines_beyond_every_memory", &[("log_every: 1", "log_every: 10000\n      evaluate_every: 1000")]),
    ("checkpoints_beyond_count", &[("every: 1 }", "every: 1000 }")]),
    ("min_rows_beyond_count", &[("18446744073709551615", "1")]),
    ("learning_rate_beyond_numbers", &[("      optimizer: { learning_rate: 1.0e+308 }\n", "")]),
    ("eps_below_numbers", &[("      optimizer: { eps: 1.0e-320 }\n", "")]),
    ("audit_of_nothing", &[("      rows: { test: 0 }\n", "")]),
];

#[test]
fn what_the_messages_offer_works() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let invalid = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/invalid");
    for (name, changes) in REMEDIES {
        let text = std::fs::read_to_string(invalid.join(format!("{name}.yaml"))).expect("readable");
        let mended = changes.iter().fold(text, |text, (from, to)| {
            assert!(text.contains(from), "{name} has no `{from}`");
            text.replace(from, to)
        });
        std::fs::write(folder.path().join("x.yaml"), mended).expect("it takes a file");
        let output = Command::new(env!("CARGO_BIN_EXE_seqlab"))
            .args(["run", "x.yaml", "--dry-run"])
            .current_dir(folder.path())
            .output()
            .expect("seqlab starts");
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_pipe_is_no_definition_and_nobody_waits_for_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let pipe = folder.path().join("x.yaml");
    let mode = rustix::fs::Mode::RWXU;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0)
        .expect("it can make a pipe");
    let output = Command::new(env!("CARGO_BIN_EXE_seqlab"))
        .args(["run", "x.yaml"])
        .current_dir(folder.path())
        .output()
        .expect("seqlab starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("x.yaml: a definition is a regular file, this is a pipe"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("it is there").count(), 1);
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
