//! `kill -9` in the middle of each stage: nothing runs on, and the same command completes to the same files.
#![expect(clippy::disallowed_methods, reason = "a test may take a failing disk for absence")]
#![expect(dead_code, reason = "each test binary uses a part of the common module")]

mod support;

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use support::{Place, TINY};

#[test]
fn a_killed_run_leaves_no_orphan_and_goes_on_to_the_same_files() {
    let whole = Place::new(TINY);
    whole.run(&[]);
    let expected = whole.results();
    let place = Place::new(TINY);
    for stage in ["data", "audit", "train", "evaluate", "analyze", "report"] {
        let mut runner = place
            .command(&["run", "tiny.yaml", stage])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("seqlab starts");
        let deadline = Instant::now() + Duration::from_secs(120);
        while !started(&place, stage) {
            assert!(Instant::now() < deadline, "{stage} did not start");
            std::thread::yield_now();
        }
        runner.kill().expect("it can be killed");
        runner.wait().expect("it is gone");
        while !children(&place).is_empty() {
            assert!(Instant::now() < deadline, "orphans of {stage}: {:?}", children(&place));
            std::thread::yield_now();
        }
    }
    place.run(&[]);
    assert_eq!(place.results(), expected);
    for folder in ["attempts", "partial"] {
        let left = place.names(&format!(".seqlab/{folder}"));
        assert!(left.is_empty(), "left in {folder}: {left:?}");
    }
}

#[test]
fn what_a_command_leaves_behind_ends_with_it_however_that_ends() {
    let definition = "name: tiny\nstages:\n  out: { run: { command: [sh, -c, \"setsid sh -c 'touch started; sleep 600' & sleep 600 & sleep 600\"], \
                      outputs: [x] } }\n";
    for kill_the_stage in [false, true] {
        let place = Place::new(definition);
        let mut runner = place
            .command(&["run", "tiny.yaml"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("seqlab starts");
        let deadline = Instant::now() + Duration::from_secs(60);
        while place.names("").iter().all(|name| name != "started") {
            assert!(Instant::now() < deadline, "the command did not start");
            std::thread::yield_now();
        }
        assert!(children(&place).len() > 4, "{:?}", children(&place));
        if kill_the_stage {
            let tasks = std::fs::read_dir(format!("/proc/{}/task", runner.id())).expect("it runs");
            let lists = tasks.flatten().map(|task| std::fs::read_to_string(task.path().join("children")));
            let child = lists.flatten().find_map(|list| list.trim().parse().ok()).expect("it has one child");
            let child = rustix::process::Pid::from_raw(child).expect("a process");
            rustix::process::kill_process(child, rustix::process::Signal::KILL).expect("it is ours");
            assert_eq!(runner.wait().expect("it ends").code(), Some(1));
        } else {
            runner.kill().expect("it can be killed");
            runner.wait().expect("it is gone");
        }
        while !children(&place).is_empty() {
            assert!(Instant::now() < deadline, "left: {:?}", children(&place));
            std::thread::yield_now();
        }
    }
}

/// Whether the work of `stage` has begun: there is a record of it.
fn started(place: &Place, stage: &str) -> bool {
    place.names(".seqlab/runs").iter().any(|name| name.contains(&format!("-tiny-{stage}.")))
}

/// Returns the processes that work in `place`.
fn children(place: &Place) -> Vec<String> {
    let mut found = vec![];
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        if let Ok(folder) = std::fs::read_link(entry.path().join("cwd"))
            && folder.starts_with(Path::new(&place.path("")))
        {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    found
}
