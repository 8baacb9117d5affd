//! What an interrupted run leaves: gone on from where it is whole and the run's own, and else a new start.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use artifact::Provenance;
use trainer::{Config, Error, Inputs, Resume, Summary, run};

use crate::common::{config, examples, files, inputs};

/// A run of three seeds that has ended after 20 of 30 steps, and what the whole run leaves.
struct World {
    folder: tempfile::TempDir,
    inputs: Inputs,
}

const SEEDS: u64 = 3;
/// What is left to do where every state is taken, and what more there is where one is not.
const LEFT: u64 = 10 * SEEDS;
const ANEW: u64 = 20;

fn steps(steps: u64) -> Config {
    config(|config| {
        config["steps"] = steps.into();
        config["evaluate_every"] = 1.into();
        config["checkpoints"] = serde_json::json!({ "every": 10 });
    })
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let inputs = inputs(&data, examples(0, 30), examples(30, 7));
        let world = Self { folder, inputs };
        world.run(&steps(20), "left", "out", "key").unwrap();
        run(&steps(30), &world.inputs, &world.path("whole"), trainer::Device::Cpu, None, &with("key"))
            .unwrap();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, config: &Config, states: &str, out: &str, key: &str) -> Result<Summary, Error> {
        let interrupted = AtomicBool::new(false);
        let (states, out) = (self.path(states), self.path(out));
        let resume = Resume { folder: &states, interrupted: &interrupted };
        run(config, &self.inputs, &out, trainer::Device::Cpu, Some(resume), &with(key))
    }

    /// Goes on from what was left, changed, and returns how many updates that took to what the whole run leaves.
    fn after(&self, change: impl Fn(&Path)) -> u64 {
        let changed = self.path("changed");
        copy(&self.path("left"), &changed);
        change(&changed);
        let updates = self.run(&steps(30), "changed", "again", "key").unwrap().updates;
        assert!(files(&self.path("again")) == files(&self.path("whole")), "other files");
        for folder in [changed, self.path("again")] {
            std::fs::remove_dir_all(folder).unwrap();
        }
        updates
    }
}

fn with(key: &str) -> Provenance {
    Provenance { key: key.to_owned(), ..Provenance::default() }
}

fn copy(from: &Path, to: &Path) {
    for (name, bytes) in files(from) {
        let path = to.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

#[test]
fn what_is_whole_is_gone_on_from_and_what_is_damaged_costs_its_seed_a_new_start() {
    let world = World::new();
    assert_eq!(world.after(|_| ()), LEFT);
    let left = files(&world.path("left"));
    let of_seed = left.keys().filter(|path| path.to_string_lossy().contains("seed-001"));
    let of_seed: Vec<&PathBuf> = of_seed.collect();
    assert_eq!(of_seed.len(), 4 + 3, "{of_seed:?}");
    for name in of_seed {
        let whole = &left[name];
        let damaged = |bytes: &[u8]| world.after(|folder| std::fs::write(folder.join(name), bytes).unwrap());
        for length in [0, whole.len() - 1] {
            assert_eq!(damaged(&whole[..length]), LEFT + ANEW, "{} cut to {length}", name.display());
        }
        for at in (0..whole.len()).step_by(whole.len() / 3) {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << (at % 8);
            assert_eq!(damaged(&flipped), LEFT + ANEW, "{}: byte {at}", name.display());
        }
        // A page that never reached the disk.
        let mut lost = whole.clone();
        let half = lost.len() / 2;
        lost[half..].fill(0);
        assert_eq!(damaged(&lost), LEFT + ANEW, "{} half lost", name.display());
        let gone = world.after(|folder| std::fs::remove_file(folder.join(name)).unwrap());
        assert_eq!(gone, LEFT + ANEW, "{} gone", name.display());
    }
}

#[test]
fn a_state_of_another_seed_run_or_model_is_not_gone_on_from() {
    let world = World::new();
    let swapped = world.after(|folder| {
        let [one, two, aside] = ["seed-001", "seed-002", "aside"].map(|name| folder.join(name));
        std::fs::rename(&one, &aside).unwrap();
        std::fs::rename(&two, &one).unwrap();
        std::fs::rename(&aside, &two).unwrap();
    });
    assert_eq!(swapped, LEFT + 2 * ANEW);
    copy(&world.path("left"), &world.path("other"));
    let other = world.run(&steps(30), "other", "out-of-another-run", "another").unwrap();
    assert_eq!(other.updates, LEFT + SEEDS * ANEW);
    let wider = config(|config| {
        config["model"]["d_mlp"] = 40.into();
        config["evaluate_every"] = 1.into();
    });
    copy(&world.path("left"), &world.path("wider"));
    assert_eq!(world.run(&wider, "wider", "out-of-wider", "key").unwrap().updates, LEFT + SEEDS * ANEW);
}

#[test]
fn a_state_is_found_wherever_the_machine_stopped_while_it_was_replaced() {
    let world = World::new();
    let rename = |folder: &Path, from: &str, to: &str| {
        std::fs::rename(folder.join(from), folder.join(to)).unwrap();
    };
    assert_eq!(world.after(|folder| rename(folder, "seed-001", "seed-001.old")), LEFT);
    assert_eq!(world.after(|folder| rename(folder, "seed-001", "seed-001.new")), LEFT);
    let torn = |folder: &Path| {
        copy(&folder.join("seed-001"), &folder.join("seed-001.new"));
        std::fs::remove_file(folder.join("seed-001.new/state.json")).unwrap();
    };
    assert_eq!(world.after(torn), LEFT);
    let only_torn = |folder: &Path| {
        torn(folder);
        std::fs::remove_dir_all(folder.join("seed-001")).unwrap();
    };
    assert_eq!(world.after(only_torn), LEFT + ANEW);
    let stray = |folder: &Path| {
        std::fs::write(folder.join("checkpoints/seed-001/step-000030.safetensors"), b"half").unwrap();
        std::fs::write(folder.join("checkpoints/seed-001/.step-000030.safetensors.new"), b"").unwrap();
    };
    assert_eq!(world.after(stray), LEFT);
}

#[test]
fn how_much_is_saved_is_said_beside_the_states() {
    let world = World::new();
    let said = |folder: &str| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(world.path(folder).join("progress.json")).unwrap()).unwrap()
    };
    assert_eq!(said("left"), serde_json::json!({ "done": 60, "total": 60, "unit": "steps" }));
    copy(&world.path("left"), &world.path("more"));
    world.run(&steps(30), "more", "out-of-more", "key").unwrap();
    assert_eq!(said("more"), serde_json::json!({ "done": 90, "total": 90, "unit": "steps" }));
}

#[test]
fn what_cannot_be_written_is_an_error_that_names_it_and_leaves_what_was_saved() {
    let world = World::new();
    copy(&world.path("left"), &world.path("full"));
    // A folder stands where the next state is to be written, as a disk that refuses would.
    std::fs::write(world.path("full").join("seed-001.new"), b"").unwrap();
    let error = world.run(&steps(30), "full", "out-of-full", "key").unwrap_err().to_string();
    assert!(error.starts_with("cannot remove ") && error.contains("seed-001.new: "), "{error}");
    std::fs::remove_file(world.path("full").join("seed-001.new")).unwrap();
    let updates = world.run(&steps(30), "full", "out-after", "key").unwrap().updates;
    assert!(updates <= LEFT, "{updates}");
    assert!(files(&world.path("out-after")) == files(&world.path("whole")));
}
