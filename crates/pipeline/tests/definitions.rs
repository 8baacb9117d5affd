//! Every broken definition gives one clear message, and never a panic or a hang.
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
        ("wrong at a point", b"name: x2\nmatrix: { k: [1, x, y] }\nstages:\n  data:\n    make: { seed: \"${matrix.k}\" }\n".to_vec(), &[]),
        ("unknown reference", fit("      steps: ${data.make.seed}\n"), &[]),
        ("unclosed reference", fit("      mood: ${data\n"), &[]),
        ("circular reference", fit("      mood: ${stages.train.fit.mood}\n"), &[]),
        ("reference inside text", fit("      mood: a ${stages.data}\n"), &[]),
        ("doubling references", doubling.into_bytes(), &[]),
        ("reference as an input", stages("  train: { fit: { data: \"${name}\" } }\n").into_bytes(), &[]),
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
