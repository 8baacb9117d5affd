//! Every broken definition gives one clear message, and never a panic or a hang.
#![expect(clippy::disallowed_methods, reason = "a test may take a failing disk for absence")]
#![expect(dead_code, reason = "each test binary uses a part of the common module")]

mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use common::Kinds;
use pipeline::{Definition, Error, Plan};

fn message(bytes: &[u8], sets: &[&str]) -> String {
    let begun = Instant::now();
    let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
    let error = Definition::parse(Path::new("bad.yaml"), bytes, &sets)
        .and_then(|definition| Plan::new(&definition, &Kinds { version: 1 }))
        .expect_err("it is broken");
    assert!(begun.elapsed() < Duration::from_secs(5), "it took {:?}", begun.elapsed());
    assert!(matches!(error, Error::Definition(_)), "{error:?}");
    error.to_string()
}

/// A definition whose stage `data` is right and whose other stages are `rest`.
fn stages(rest: &str) -> String {
    format!("name: x2\nstages:\n  data: {{ make: {{ seed: 1 }} }}\n{rest}")
}

#[test]
fn messages() {
    let bomb: String = (1..12).fold("x: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n".to_owned(), |text, level| {
        let uses = vec![format!("*a{}", level - 1); 10].join(", ");
        format!("{text}x{level}: &a{level} [{uses}]\n")
    });
    let start = "name: x2\nstages:\n  data:\n    make:\n      seed: 1\n      tasks:\n        x0: aaaaaaaa\n"
        .to_owned();
    let doubling = (1..40).fold(start, |text, level| {
        let inner = format!("${{stages.data.make.tasks.x{}}}", level - 1);
        format!("{text}        x{level}: {inner}{inner}\n")
    });
    // Each is 400 KiB, 100 times.
    let much = format!("a: &a {}\nb: [{}]\n", "x".repeat(400 << 10), vec!["*a"; 100].join(", "));
    let chain = |from: &str, to: &str| -> String {
        let tasks =
            (0..500).map(|k| format!("        x{k}: {from}${{stages.data.make.tasks.x{}}}{to}\n", k + 1));
        stages("").replace("{ make: { seed: 1 } }\n", "\n    make:\n      seed: 1\n      tasks:\n")
            + &tasks.collect::<String>()
            + "        x500: 1\n"
    };
    let leading = chain("", "");
    let deep = chain("{ a: { a: { a: \"", "\" } } }");
    let many_jobs =
        format!("name: x2\nmatrix: {{ k: {0:?}, l: {0:?} }}\nstages:\n", (0..100).collect::<Vec<_>>())
            + &(0..11)
                .map(|n| format!("  d{n}: {{ make: {{ seed: \"${{matrix.k}}${{matrix.l}}\" }} }}\n"))
                .collect::<String>();
    let deepset = format!("train{}=1", ".a".repeat(100));
    let deepset = [deepset.as_str()];
    let run =
        |rest: &str| stages(&format!("  out: {{ run: {{ command: [\"true\"], {rest} }} }}\n")).into_bytes();
    let fit = |rest: &str| stages(&format!("  train:\n    fit:\n      data: data\n{rest}")).into_bytes();
    let named = |values: &str| {
        let matrix = format!("matrix: {{ k: {{ {values} }} }}");
        format!(
            "name: x2\n{matrix}\nstages:\n  data:\n    make:\n      seed: 1\n      rows: \"${{matrix.k}}\"\n"
        )
        .into_bytes()
    };
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it is text");
    let cases: Vec<(&str, Vec<u8>, &[&str])> = vec![
        ("empty", b"".to_vec(), &[]),
        ("only a comment", b"# nothing\n".to_vec(), &[]),
        ("a list", b"[1, 2]".to_vec(), &[]),
        ("two documents", b"name: a\n---\nname: b\n".to_vec(), &[]),
        ("duplicate key", b"name: x2\nstages: {}\nname: x3\n".to_vec(), &[]),
        ("duplicate inner key", fit("      steps: 1\n      rate: 2\n      steps: 3\n"), &[]),
        ("unknown top key", b"name: x2\nstagse: {}\n".to_vec(), &[]),
        ("no name", b"stages: { data: { make: { seed: 1 } } }".to_vec(), &[]),
        ("bad name", b"name: ../x2\nstages: { data: { make: { seed: 1 } } }".to_vec(), &[]),
        ("name like a key", b"name: x2-0123abcd\nstages: { data: { make: { seed: 1 } } }".to_vec(), &[]),
        ("no stages", b"name: x2\nstages:\n".to_vec(), &[]),
        ("bad stage name", b"name: x2\nstages: { a/b: { make: { seed: 1 } } }".to_vec(), &[]),
        ("two verbs", b"name: x2\nstages:\n  data:\n    make: { seed: 1 }\n    fit: {}\n".to_vec(), &[]),
        ("unknown verb", stages("  train: { fti: { data: data } }\n").into_bytes(), &[]),
        ("unknown key", fit("      stepz: 5\n"), &[]),
        ("unknown keys", fit("      step: 5\n      dta: 5\n      rate: x\n"), &[]),
        ("wrong type", fit("      steps: many\n"), &[]),
        ("out of range", fit("      steps: 0\n"), &[]),
        ("missing key", b"name: x2\nstages:\n  data:\n    make: {}\n".to_vec(), &[]),
        ("no mapping", b"name: x2\nstages:\n  data:\n    make: 3\n".to_vec(), &[]),
        ("missing role", stages("  train: { fit: { steps: 1 } }\n").into_bytes(), &[]),
        ("missing stage", stages("  train: { fit: { data: dat } }\n").into_bytes(), &[]),
        ("wrong verb", stages("  score: { score: { data: data, model: data } }\n").into_bytes(), &[]),
        ("role is a list", stages("  train: { fit: { data: [data] } }\n").into_bytes(), &[]),
        ("input twice", stages("  page: { page: { inputs: [data, data] } }\n").into_bytes(), &[]),
        ("self", stages("  page: { page: { inputs: [page] } }\n").into_bytes(), &[]),
        (
            "cycle",
            stages("  a: { page: { inputs: [data, c] } }\n  b: { page: { inputs: [a] } }\n  c: { page: { inputs: [b] } }\n")
                .into_bytes(),
            &[],
        ),
        ("one path", stages("  a: { page: { inputs: [data] } }\n  A: { page: { inputs: [data] } }\n").into_bytes(), &[]),
        ("tab", b"name: x2\nstages:\n\tdata:\n\t\tmake: { seed: 1 }\n".to_vec(), &[]),
        ("unclosed", b"name: x2\nstages: { data: { make: { seed: 1 }\n".to_vec(), &[]),
        ("bad indentation", b"name: x2\nstages:\n  data:\n    make:\n   seed: 1\n".to_vec(), &[]),
        ("NUL", b"name: x2\nstages: \0\n".to_vec(), &[]),
        ("control character", b"name: x\x1b2\n".to_vec(), &[]),
        ("non-UTF-8", b"name: x2\ndescription: caf\xe9\n".to_vec(), &[]),
        ("UTF-16", b"\xff\xfen\0a\0".to_vec(), &[]),
        ("alias bomb", bomb.into_bytes(), &[]),
        ("aliases of much text", much.into_bytes(), &[]),
        ("long key", format!("name: x2\n? {}\n: 1\n", "k".repeat(2_000)).into_bytes(), &[]),
        ("hidden characters", "name: \"a\\e[31m\\u202e\\nb\"\n\"st\u{200b}ages\": {}\n".into(), &[]),
        ("many mistakes", (0..60).map(|k| format!("k{k}: 1\n")).collect::<String>().into_bytes(), &[]),
        ("alias to itself", b"name: &a [*a]\n".to_vec(), &[]),
        ("unknown alias", b"name: *nothing\n".to_vec(), &[]),
        ("merge key", b"a: &a { b: 1 }\nc: { <<: *a }\n".to_vec(), &[]),
        ("tag", b"name: !!python/object x\n".to_vec(), &[]),
        ("number as a key", b"name: x2\n1: 2\n".to_vec(), &[]),
        ("list as a key", b"name: x2\n[a]: 2\n".to_vec(), &[]),
        ("not a number", fit("      rate: .nan\n"), &[]),
        ("10 MB", vec![b'a'; 10 << 20], &[]),
        ("20,000 brackets", vec![b'['; 20_000], &[]),
        ("20,000 braces", "{a: ".repeat(20_000).into_bytes(), &[]),
        ("20,000 dashes", "- ".repeat(20_000).into_bytes(), &[]),
        ("matrix is a list", b"name: x2\nmatrix: [1]\nstages: { data: { make: { seed: 1 } } }".to_vec(), &[]),
        ("axis is a number", b"name: x2\nmatrix: { k: 3 }\nstages: { data: { make: { seed: 1 } } }".to_vec(), &[]),
        ("axis with a list", b"name: x2\nmatrix: { k: [[1]] }\nstages: { data: { make: { seed: 1 } } }".to_vec(), &[]),
        ("axis with a path", b"name: x2\nmatrix: { k: [a/b] }\nstages: { data: { make: { seed: 1 } } }".to_vec(), &[]),
        ("axis without values", b"name: x2\nmatrix: { k: {} }\nstages: { data: { make: { seed: 1 } } }".to_vec(), &[]),
        ("name of a value with a path", named("a/b: 1"), &[]),
        ("name of a value twice", named("a: 1, a: 2"), &[]),
        ("reference in the matrix", named("a: { train: \"${name}\" }"), &[]),
        ("wrong in a named value", named("few: { train: 1 }, many: { trian: 2, test: x }"), &[]),
        ("wrong in a named value that is set", named("few: { train: 1 }"), &["matrix.k.many={ trian: 2 }"]),
        ("named value inside text", format!("{}  train: {{ fit: {{ data: data, mood: \"as ${{matrix.k}}\" }} }}\n", text(named("few: {}"))).into_bytes(), &[]),
        ("part that is not there", text(named("few: { train: 1 }")).replace("matrix.k}", "matrix.k.trian}").into_bytes(), &[]),
        ("wrong in a part", text(named("few: { rows: { train: x } }")).replace("matrix.k}", "matrix.k.rows}").into_bytes(), &[]),
        ("value twice", b"name: x2\nmatrix: { k: [1, 1] }\nstages: { data: { make: { seed: 1 } } }".to_vec(), &[]),
        (
            "unknown axis",
            b"name: x2\nmatrix: { kk: [1] }\nstages:\n  data:\n    make: { seed: \"${matrix.k}\" }\n".to_vec(),
            &[],
        ),
        ("unused axis", b"name: x2\nmatrix:\n  kk: [1]\n  k: [1]\nstages:\n  data:\n    make: { seed: \"${matrix.k}\" }\n".to_vec(), &[]),
        ("axis like a column", b"name: x2\nmatrix:\n  Seed: [1]\nstages:\n  data:\n    make: { seed: \"${matrix.Seed}\" }\n".to_vec(), &[]),
        ("axes in another case", b"name: x2\nmatrix: { k: [1], K: [1] }\nstages: { data: { make: { seed: \"${matrix.k}\" } } }".to_vec(), &[]),
        ("axis that is hidden", b"name: x2\nmatrix: { _k: [1] }\nstages: { data: { make: { seed: \"${matrix._k}\" } } }".to_vec(), &[]),
        ("values in another case", named("a: { train: 1 }, A: { train: 2 }"), &[]),
        ("values that are one number", b"name: x2\nmatrix: { k: [1000, 1e3, 7] }\nstages: { data: { make: { seed: \"${matrix.k}\" } } }".to_vec(), &[]),
        ("value set twice", named("a: { train: 1 }"), &["matrix.k=[x, x]"]),
        ("many axes", format!("name: x2\nmatrix: {{ {} }}\nstages: {{ data: {{ make: {{ seed: 1 }} }} }}", (0..17).map(|k| format!("k{k}: [1]")).collect::<Vec<_>>().join(", ")).into_bytes(), &[]),
        ("many points", format!("name: x2\nmatrix: {{ k: {0:?}, l: {0:?} }}\nstages: {{ data: {{ make: {{ seed: 1 }} }} }}", (0..101).collect::<Vec<_>>()).into_bytes(), &[]),
        ("many jobs", many_jobs.into_bytes(), &[]),
        ("wrong at a point", b"name: x2\nmatrix: { k: [1, x, y] }\nstages:\n  data:\n    make: { seed: \"${matrix.k}\" }\n".to_vec(), &[]),
        ("unknown reference", fit("      steps: ${data.make.seed}\n"), &[]),
        ("unclosed reference", fit("      mood: ${data\n"), &[]),
        ("unquoted reference in braces", stages("  train: { fit: { data: data, mood: a ${name} b, steps: 1 } }\n").into_bytes(), &[]),
        ("unquoted reference in brackets", run("outputs: [x, ${name}.csv]"), &[]),
        ("unquoted reference as a key", stages("  train: { fit: { data: data, ${name}: 1 } }\n").into_bytes(), &[]),
        ("unquoted reference that never ends", stages("  train: { fit: { data: data, mood: ${name , steps: 1 } }\n").into_bytes(), &[]),
        ("unquoted reference that is set", fit(""), &["train={ data: data, mood: ${name} }"]),
        ("references that lead on", leading.into_bytes(), &[]),
        ("circular reference", fit("      mood: ${stages.train.fit.mood}\n"), &[]),
        ("reference inside text", fit("      mood: a ${stages.data}\n"), &[]),
        ("doubling references", doubling.into_bytes(), &[]),
        ("deep references", deep.into_bytes(), &[]),
        ("reference as an input", stages("  train: { fit: { data: \"${name}\" } }\n").into_bytes(), &[]),
        ("a long description", stages(&format!("description: {}\n", "é".repeat(4_001))).into_bytes(), &[]),
        ("set: too deep", fit(""), &deepset),
        ("set: unknown stage", fit(""), &["trian.steps=1"]),
        ("set: unknown key", fit(""), &["train.stepz=1"]),
        ("set: wrong type", fit(""), &["train.steps=x"]),
        ("set: no value", fit(""), &["train.steps"]),
        ("set: into a number", fit("      steps: 1\n"), &["train.steps.x=1"]),
        ("output outside", run("outputs: [../x.csv]"), &[]),
        ("output inside out", run("outputs: [a/../../x.csv]"), &[]),
        ("absolute output", run("outputs: [/etc/x.csv]"), &[]),
        ("output twice", run("outputs: [x.csv, x.csv]"), &[]),
        ("no outputs", run("inputs: [data]"), &[]),
        ("absolute file", run("outputs: [x], files: [/etc/passwd]"), &[]),
        ("inputs in one variable", stages("  data_: { make: { seed: 2 } }\n  out: { run: { command: [\"true\"], inputs: { a: data, A: data_ }, outputs: [x] } }\n").into_bytes(), &[]),
        ("inputs without names in one variable", stages("  a-b: { make: { seed: 2 } }\n  a_b: { make: { seed: 3 } }\n  out: { run: { command: [\"true\"], inputs: [a-b, a_b], outputs: [x] } }\n").into_bytes(), &[]),
        ("command as text", stages("  out: { run: { command: \"rm -rf x\", outputs: [x] } }\n").into_bytes(), &[]),
        (
            "unknown placeholder",
            stages("  out: { run: { command: [cat, \"{inputs.dta}\"], inputs: [data], outputs: [x] } }\n").into_bytes(),
            &[],
        ),
    ];
    let told: Vec<String> =
        cases.iter().map(|(name, bytes, sets)| format!("## {name}\n{}\n", message(bytes, sets))).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_missing_file_is_an_error() {
    let error = Definition::load(Path::new("/nowhere/x.yaml"), &[]).expect_err("it is not there");
    assert!(error.to_string().starts_with("cannot open /nowhere/x.yaml: "), "{error}");
}

#[test]
fn what_is_no_file_is_refused_at_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let pipe = folder.path().join("x.yaml");
    let mode = rustix::fs::Mode::RWXU;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0)
        .expect("it can make a pipe");
    for (path, what) in
        [(pipe.as_path(), "a pipe"), (folder.path(), "a folder"), (Path::new("/dev/zero"), "a device")]
    {
        let error = Definition::load(path, &[]).expect_err(what).to_string();
        let expected =
            format!("cannot read {}: a definition is a regular file, this is {what}", path.display());
        assert_eq!(error, expected);
    }
}

/// Stages that each read the one before, in the order of the definition or against it.
fn chain(stages: usize, backwards: bool) -> String {
    let stage = |number: usize| match number {
        0 => "  s0: { run: { command: [\"true\"], outputs: [x] } }\n".to_owned(),
        _ => format!(
            "  s{number}: {{ run: {{ command: [\"true\"], inputs: [s{}], outputs: [x] }} }}\n",
            number - 1
        ),
    };
    let mut lines: Vec<String> = (0..stages).map(stage).collect();
    if backwards {
        lines.reverse();
    }
    format!("name: long\nstages:\n{}", lines.concat())
}

#[test]
fn planning_takes_time_in_the_number_of_jobs() {
    let planned = |text: &str| {
        let begun = Instant::now();
        let plan = common::plan(text, &[]).expect("a plan");
        // Some 0.2 s on a machine of 2025; what grew with the square took 20.
        assert!(begun.elapsed() < Duration::from_secs(5), "it took {:?}", begun.elapsed());
        plan
    };
    for backwards in [false, true] {
        let plan = planned(&chain(4_000, backwards));
        assert_eq!(plan.jobs.len(), 4_000);
        assert!(plan.jobs.iter().enumerate().all(|(index, job)| job.stage == format!("s{index}")));
    }
    let values = (1..=100).collect::<Vec<_>>();
    let plan = planned(&format!(
        "name: wide\nmatrix: {{ k: {values:?}, l: {values:?} }}\nstages:\n  data: {{ make: {{ seed: \"${{matrix.k}}\" }} }}\n  \
         train: {{ fit: {{ data: data, steps: \"${{matrix.l}}\" }} }}\n  evaluate: {{ score: {{ data: data, model: train }} }}\n  \
         report: {{ page: {{ inputs: [data, train, evaluate] }} }}\n"
    ));
    assert_eq!(plan.jobs.len(), 100 + 10_000 + 10_000 + 1);
    assert_eq!(plan.jobs.last().map(|job| job.inputs[0].jobs.len()), Some(20_100));
    let one = plan.jobs.iter().find(|job| job.title() == "evaluate k=7,l=9").expect("a point");
    let reads: Vec<String> = one.inputs.iter().map(|input| plan.jobs[input.jobs[0]].title()).collect();
    assert_eq!(reads, ["data k=7", "train k=7,l=9"]);
}

#[test]
fn an_axis_that_a_set_value_takes_the_place_of_is_dropped() {
    let text = "name: x2\nmatrix: { k: [1, 2] }\nstages:\n  data: { make: { seed: \"${matrix.k}\" } }\n";
    assert_eq!(common::plan(text, &[]).expect("a plan").jobs.len(), 2);
    assert_eq!(common::plan(text, &["data.seed=7"]).expect("a plan").jobs.len(), 1);
    assert_eq!(common::plan(text, &["matrix.k=[3, 4, 5]"]).expect("a plan").jobs.len(), 3);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(name|stages|data|make|seed|matrix|[a-c]|[0-9]|[ \n\t:{}\\[\\],&*!|>'\"$#-]){0,60}") {
        let read = Definition::parse(Path::new("x.yaml"), text.as_bytes(), &[]);
        let _ = read.and_then(|definition| Plan::new(&definition, &Kinds { version: 1 }));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        assert!(Definition::parse(Path::new("x.yaml"), &bytes, &[]).is_err());
    }
}
