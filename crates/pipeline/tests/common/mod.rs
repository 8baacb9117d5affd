//! Four kinds of stages that do next to nothing, played by the test binary itself.

#[path = "../../../../tests/support/names.rs"]
mod names;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use names::names;
use pipeline::{
    Cover, Death, Definition, Event, Layout, Options, Plan, Problem, Resolved, Result, Role, Root, Selection,
    Spec, Verbs, die_with_parent, typed,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The kinds `make`, `fit`, `score` and `page`.
pub(crate) struct Kinds {
    pub(crate) version: u32,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Make {
    seed: u64,
    #[serde(default)]
    rows: Rows,
    #[serde(default)]
    tasks: serde_json::Map<String, Value>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
struct Rows {
    train: u32,
    test: u32,
}

impl Default for Rows {
    fn default() -> Self {
        Self { train: 10, test: 5 }
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Fit {
    #[serde(default = "steps")]
    steps: u32,
    #[serde(default)]
    rate: f64,
    /// `wait`: until a file `go` lies in the base; `fail`: exits 3.
    #[serde(default)]
    mood: String,
}

fn steps() -> u32 {
    300
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl Verbs for Kinds {
    fn names(&self) -> Vec<&'static str> {
        vec!["make", "fit", "score", "page"]
    }

    fn roles(&self, verb: &str) -> &'static [Role] {
        match verb {
            "fit" => const { &[Role::one("data", &["make"], &["train*.txt"])] },
            "score" => {
                const {
                    &[
                        Role::one("data", &["make"], &["test.txt"]),
                        Role::one("model", &["fit"], &["model.txt"]),
                    ]
                }
            }
            "page" => const { &[Role::one("inputs", &[], &["*"]).many().gathering()] },
            _ => &[],
        }
    }

    fn resolve(&self, verb: &str, config: &Value) -> std::result::Result<Resolved, Vec<Problem>> {
        let json = |value: serde_json::Result<Value>| value.expect("a config is JSON");
        let config = match verb {
            "make" => json(serde_json::to_value(typed::<Make>(config)?)),
            "fit" => {
                let fit = typed::<Fit>(config)?;
                if fit.steps == 0 {
                    let message = "must be at least 1, found 0".to_owned();
                    return Err(vec![Problem { at: "steps".into(), message, ..Problem::default() }]);
                }
                json(serde_json::to_value(fit))
            }
            _ => json(serde_json::to_value(typed::<Nothing>(config)?)),
        };
        Ok(Resolved {
            config,
            version: self.version,
            root: if verb == "make" { Root::Datasets } else { Root::Results },
            device_matters: verb == "fit",
            shows_pipeline: verb == "page",
            resumable: verb == "fit",
        })
    }

    fn cover(&self, verb: &str, name: &str, folder: &str) -> Option<Cover> {
        let (head, part, tail) = (format!("{name}\n"), format!("{folder}\n"), "end\n".to_owned());
        (verb == "make").then_some(Cover { file: "README.md", head, part, tail })
    }
}

/// Does the job of the spec file that is this process's last argument, if it is one.
pub(crate) fn play_child() {
    let Some(path) = std::env::args().next_back().filter(|path| path.ends_with(".spec")) else { return };
    let spec = Spec::read(Path::new(&path)).expect("the runner wrote it");
    die_with_parent(spec.parent, Death::Sudden).expect("the runner lives");
    if spec.external.is_some() {
        panic!("{}", spec.exec());
    }
    let read = |role: &str, name: &str| {
        std::fs::read_to_string(spec.input(role).expect("an input").join(name)).expect("a file of the input")
    };
    let write = |name: &str, text: String| std::fs::write(spec.out.join(name), text).expect("it can write");
    match spec.verb.as_str() {
        "make" => {
            write("train.txt", format!("{} {}", spec.config["seed"], spec.config["rows"]["train"]));
            write("test.txt", format!("{} {}", spec.config["seed"], spec.config["rows"]["test"]));
        }
        "fit" => {
            let partial = spec.partial.as_ref().expect("it can go on");
            std::fs::create_dir_all(partial).expect("it can write");
            let steps = partial.join("steps");
            let before = std::fs::read_to_string(&steps).unwrap_or_default();
            std::fs::write(&steps, format!("{before}x")).expect("it can write");
            // Of its own, because several may start at once.
            let me = std::process::id().to_string();
            std::fs::write(spec.base.join(&me), &me).expect("it can write");
            std::fs::rename(spec.base.join(&me), spec.base.join("started")).expect("it can write");
            match spec.config["mood"].as_str() {
                Some("wait") => {
                    while !spec.base.join("go").exists() {
                        std::thread::sleep(std::time::Duration::from_millis(5));
                    }
                }
                Some("fail") => {
                    std::process::exit(3);
                }
                _ => {}
            }
            write("model.txt", format!("{} {}", spec.config["steps"], read("data", "train.txt")));
        }
        "score" => {
            write("scores.txt", format!("{} on {}", read("model", "model.txt"), read("data", "test.txt")))
        }
        _ => {
            let inputs = spec.folders("inputs");
            let list: Vec<String> =
                inputs.iter().map(|input| format!("{} {}", input.stage, input.point)).collect();
            write("index.html", list.join("\n"));
        }
    }
    std::process::exit(0);
}

pub(crate) const X2: &str = "\
name: x2
description: Doubling.
stages:
  data: { make: { seed: 1, tasks: { a: {}, b: {} } } }
  train: { fit: { data: data, steps: 300 } }
  evaluate: { score: { data: data, model: train } }
  report: { page: { inputs: [data, train, evaluate] } }
";

/// A folder to run in.
pub(crate) struct Place {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) layout: Layout,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let layout = Layout::new(folder.path()).expect("a layout");
        Self { folder, layout }
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Returns what a person reads in a file, `.seqlab/` or not.
    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Returns the folder in the store that `folder` shows.
    pub(crate) fn entry(&self, folder: &str) -> PathBuf {
        let mut links =
            std::fs::read_dir(self.path(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        let link = links.next().expect("a link").expect("readable").path();
        let target = std::fs::read_link(&link).unwrap_or_else(|error| panic!("{}: {error}", link.display()));
        let entry = self.path(folder).join(target.parent().expect("a file in a folder"));
        std::fs::canonicalize(entry).expect("it is there")
    }

    /// Returns what lies in a folder, sorted; nothing where it is not there.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        names(&self.path(folder))
    }

    /// Runs `text` and returns the titles of the jobs that ran, or the error.
    pub(crate) fn run(&self, text: &str, sets: &[&str], options: &Options) -> Result<Vec<String>> {
        let plan = plan(text, sets)?;
        let summary =
            pipeline::run(&plan, &self.layout, options, &AtomicBool::new(false), &|_: Event<'_>| {})?;
        Ok(summary.ran.iter().map(|index| plan.jobs[*index].title()).collect())
    }
}

pub(crate) fn plan(text: &str, sets: &[&str]) -> Result<Plan> {
    plan_with(text, sets, 1)
}

pub(crate) fn plan_with(text: &str, sets: &[&str], version: u32) -> Result<Plan> {
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    let definition = Definition::parse(Path::new("x2.yaml"), text.as_bytes(), &sets)?;
    Plan::new(&definition, &Kinds { version })
}

pub(crate) fn options() -> Options {
    let me = std::env::current_exe().expect("a test binary");
    Options {
        selection: Selection::All,
        force: false,
        keep_going: false,
        jobs: 1,
        threads: 1,
        device: "cpu".to_owned(),
        child: vec![me.into_os_string(), "--exact".into(), "child".into()],
        environment: Vec::new(),
        tool: "test 0".to_owned(),
        command: "test run x2.yaml".to_owned(),
    }
}
