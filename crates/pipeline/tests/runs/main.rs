//! What runs, what does not, and what a killed run leaves behind.
#![expect(clippy::disallowed_methods, reason = "a test may take a failing disk for absence")]

mod again;
#[path = "../common/mod.rs"]
mod common;
mod damage;
mod ends;
mod matrix;
mod shown;

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use common::{Place, X2, options, plan, play_child};

/// Not a test of its own: what the runner starts.
#[test]
fn child() {
    play_child();
}

/// Not a test of its own: a runner that is killed in the middle.
#[test]
fn runner() {
    let Some(path) = std::env::args().next_back().filter(|path| path.ends_with(".place")) else { return };
    let base = std::fs::read_to_string(path).expect("the test wrote it");
    let layout = pipeline::Layout::new(std::path::Path::new(&base)).expect("a layout");
    let plan = plan(X2, &["train.mood=wait"]).expect("a plan");
    pipeline::run(&plan, &layout, &options(), &AtomicBool::new(false), &|_| {}).expect("it runs");
}

pub(crate) const NOTHING: [&str; 0] = [];

pub(crate) const SWEEP: &str = "\
name: sweep
matrix: { k: [2, 20], a: [x, y] }
stages:
  data: { make: { seed: \"${matrix.k}\" } }
  train: { fit: { data: data, mood: \"mood ${matrix.a} $${k}\" } }
  fixed: { make: { seed: \"${stages.data.make.seed}\" } }
  report: { page: { inputs: [train, fixed] } }
  each: { run: { command: [cp, \"{inputs.model}/model.txt\", \"{out}/copy\"], inputs: { model: train }, outputs: [copy] } }
";

pub(crate) fn wait_for(place: &Place, name: &str) {
    let begun = Instant::now();
    while !place.path(name).exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no {name}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
