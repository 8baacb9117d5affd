//! The N-th file operation of a stage fails: that is an error which names a path, or the same bytes. Never a panic, other bytes, or litter.
//!
//! Every twentieth operation of one stage a verb, each failing once; `make torture ALL=1` tries them all, and more ways to fail.
#![expect(clippy::disallowed_methods, reason = "a test may take a failing disk for absence")]
#![expect(dead_code, reason = "each test binary uses a part of the common module")]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Place, TINY, text};

/// From one operation that fails to the next that is tried.
const STEP: u64 = 20;
/// What the system says: an error of the disk, and too many open files.
const ERRORS: [&str; 2] = ["5", "24"];

#[test]
fn build_stands_every_failing_call() {
    stands("data", 3);
}

#[test]
fn audit_stands_every_failing_call() {
    stands("audit", 7);
}

#[test]
fn train_stands_every_failing_call() {
    stands("train", 2);
}

#[test]
fn evaluate_stands_every_failing_call() {
    stands("evaluate", 11);
}

#[test]
fn analyze_stands_every_failing_call() {
    stands("analyze", 5);
}

#[test]
fn report_stands_every_failing_call() {
    stands("report", 13);
}

#[test]
fn an_external_command_stands_every_failing_call() {
    stands("shell", 1);
}

/// Runs what comes before `stage`, and then the stage over and over, the operation number `first` failing, the one `STEP` later, ...
fn stands(stage: &str, first: u64) {
    let shell = "  shell: { run: { command: [sh, -c, \"wc -c < \\\"$0\\\"/scores.parquet > \\\"$1\\\"/size.txt\", \"{inputs.scores}\", \"{out}\"], \
                 inputs: { scores: evaluate }, outputs: [size.txt] } }\n";
    let definition = format!("{TINY}{shell}")
        .replace("analyses: [attention, ablation]", "analyses: [attention], sample: 20");
    let (place, before) = (Place::new(&definition), tempfile::tempdir().expect("a temporary folder"));
    let shim = before.path().join("fault.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/torture/fault.c");
    let flags = ["-O1", "-w", "-shared", "-fPIC", "-fno-delete-null-pointer-checks", "-o"];
    let made =
        Command::new("cc").args(flags).arg(&shim).args([source, "-ldl"]).status().expect("a C compiler");
    assert!(made.success());
    let earlier: Vec<&str> =
        ["data", "audit", "train", "evaluate"].into_iter().take_while(|name| *name != stage).collect();
    if let Some(last) = earlier.last() {
        place.run(&["--until", last, "--threads", "1"]);
    }
    let (base, kept) = (place.path(""), before.path().join("kept"));
    copy(&base, &kept);
    let state = before.path().join("state");
    let run = |fault: Option<(u64, &str)>| {
        let mut command = place.command(&["run", "tiny.yaml", stage, "--threads", "1", "-q"]);
        if let Some((number, error)) = fault {
            std::fs::write(&state, [0; 16]).expect("it can write");
            command.env("LD_PRELOAD", &shim).env("FAULT_STATE", &state).env("FAULT_OPS", "owrfnmuldtsc");
            command.env("FAULT_N", number.to_string()).env("FAULT_MODE", error).env("FAULT_UNDER", &base);
        }
        command.output().expect("seqlab starts")
    };
    let counted = |at: usize| {
        let bytes = std::fs::read(&state).expect("the shim wrote it");
        u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
    };
    assert!(run(Some((0, "5"))).status.success());
    let (operations, expected) = (counted(0), results(&base));
    assert!(operations > 100, "{stage}: only {operations} operations were seen");
    let mut tried = 0;
    for (number, error) in (first..=operations).step_by(STEP as usize).zip(ERRORS.into_iter().cycle()) {
        std::fs::remove_dir_all(&base).expect("it is ours");
        copy(&kept, &base);
        let failed = run(Some((number, error)));
        let said = text(&failed);
        let what = format!("{stage}: error {error} at operation {number} of {operations}:\n{said}");
        assert!(!said.contains("panicked") && !said.contains("internal fault"), "{what}");
        match failed.status.code() {
            Some(0) => {}
            Some(1) => {
                assert!(counted(8) > 0 && said.starts_with("error: "), "{what}");
                assert!(said.contains(&*base.to_string_lossy()), "no path is named; {what}");
                assert_eq!(place.names(".seqlab/attempts"), [""; 0], "{what}");
            }
            code => panic!("exit code {code:?}; {what}"),
        }
        let again = run(None);
        assert!(again.status.success(), "the next run failed: {}\n{what}", text(&again));
        let found = results(&base);
        let differs = |name: &&PathBuf| found.get(*name) != expected.get(*name);
        let differing: Vec<_> = found.keys().chain(expected.keys()).filter(differs).collect();
        assert!(differing.is_empty(), "other bytes in {differing:?}; {what}");
        for folder in ["attempts", "partial"] {
            assert_eq!(place.names(&format!(".seqlab/{folder}")), [""; 0], "{folder}; {what}");
        }
        tried += 1;
    }
    assert!(tried >= 5, "{stage}: only {tried} operations were tried");
}

/// Returns every file that people see or the store holds, manifests without what is said of the run.
fn results(base: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut open = ["datasets", "results", ".seqlab/store"].map(PathBuf::from).to_vec();
    while let Some(relative) = open.pop() {
        for entry in std::fs::read_dir(base.join(&relative)).into_iter().flatten() {
            let entry = entry.expect("readable");
            let (path, name) = (entry.path(), relative.join(entry.file_name()));
            let kind = entry.file_type().expect("readable");
            let said = if kind.is_symlink() {
                std::fs::read_link(&path).expect("readable").to_string_lossy().into_owned()
            } else if kind.is_dir() {
                open.push(name);
                continue;
            } else if path.ends_with("manifest.json") {
                artifact::read_manifest(path.parent().expect("a folder"))
                    .expect("whole")
                    .expect("there")
                    .digest
            } else {
                artifact::bytes_digest(&path).expect("readable")
            };
            found.insert(name, said);
        }
    }
    found
}

/// Copies a folder with everything in it, links as links.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("it can write");
    for entry in std::fs::read_dir(from).expect("readable") {
        let entry = entry.expect("readable");
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().expect("readable");
        if kind.is_symlink() {
            let link = std::fs::read_link(&path).expect("readable");
            std::os::unix::fs::symlink(link, &target).expect("it can link");
        } else if kind.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("it can write");
        }
    }
}
