//! What is written to a terminal, a pipe or a full disk: nothing panics, nothing is obeyed, exit codes say the truth.
#![expect(clippy::disallowed_methods, reason = "a test may take a failing disk for absence")]
#![expect(dead_code, reason = "each test binary uses a part of the common module")]

mod support;

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use support::{Place, TINY, text};

/// A definition whose only stage is quick, and prints.
const TALKS: &str = "\
name: tiny
stages:
  talk:
    run:
      command: [sh, -c, \"printf 'said \\\\033[31mred\\\\233\\\\n'; printf 'told \\\\033]0;x\\\\007\\\\n' >&2; echo {\\\\\\\"seqlab\\\\\\\":\\\\\\\"error\\\\\\\",\\\\\\\"fields\\\\\\\":{}} >&2; grep SigIgn /proc/self/status > $0/x\", \"{out}\"]
      outputs: [x]
";

fn full() -> Stdio {
    Stdio::from(File::options().write(true).open("/dev/full").expect("Linux has one"))
}

/// A pipe whose reader has gone.
fn gone() -> Stdio {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    Stdio::from(writer)
}

/// Runs `command` and returns how it ended, after checking that it did not panic or abort.
fn ended(command: &mut Command) -> Output {
    let output = command.output().expect("seqlab starts");
    let code = output.status.code().unwrap_or(-1);
    assert!([0, 1, 2, 75].contains(&code), "{command:?}: {:?}\n{}", output.status, text(&output));
    assert!(!text(&output).contains("panicked"), "{command:?}: {}", text(&output));
    output
}

#[test]
fn every_command_says_when_its_output_is_lost_and_is_quiet_when_its_reader_has_gone() {
    let place = Place::new(TINY);
    place.run(&["data"]);
    let commands: &[&[&str]] = &[
        &["--help"],
        &["--version"],
        &["run", "--help"],
        &["tables"],
        &["tables", "--markdown"],
        &["tasks"],
        &["analyses"],
        &["schema"],
        &["completions", "bash"],
        &["runs"],
        &["runs", "--json"],
        &["status", "tiny.yaml"],
        &["status", "tiny.yaml", "--json"],
        &["why", "tiny.yaml", "train"],
        &["gc", "tiny.yaml"],
        &["run", "tiny.yaml", "--dry-run"],
        &["audit", "datasets/tiny", "-q"],
    ];
    for arguments in commands {
        let usual = ended(&mut place.command(arguments));
        assert_eq!(usual.status.code(), Some(0), "{arguments:?}: {}", text(&usual));
        assert!(!usual.stdout.is_empty(), "{arguments:?} prints nothing");

        let lost = ended(place.command(arguments).stdout(full()));
        let said = text(&lost);
        assert_eq!(lost.status.code(), Some(1), "{arguments:?}: {said}");
        let expected = "error: cannot write standard output: No space left on device (os error 28)\n";
        assert_eq!(said, expected, "{arguments:?}");

        let unread = ended(place.command(arguments).stdout(gone()));
        assert_eq!((unread.status.code(), text(&unread)), (Some(0), String::new()), "{arguments:?}");

        for stderr in [full(), gone()] {
            let unlogged = ended(place.command(arguments).stderr(stderr));
            assert_eq!(unlogged.status.code(), Some(0), "{arguments:?}");
            assert_eq!(unlogged.stdout, usual.stdout, "{arguments:?}");
        }
        let nothing = ended(place.command(arguments).stdout(full()).stderr(full()));
        assert_eq!(nothing.status.code(), Some(1), "{arguments:?}");
    }
    for mistake in
        [&["nonsense"][..], &[], &["run"], &["run", "absent.yaml"], &["status", "tiny.yaml", "--set", "a"]]
    {
        let usual = ended(&mut place.command(mistake)).status.code();
        for stderr in [full(), gone()] {
            assert_eq!(ended(place.command(mistake).stderr(stderr)).status.code(), usual, "{mistake:?}");
        }
    }
}

#[test]
fn a_verdict_stays_a_verdict_when_nobody_reads_it() {
    let place = Place::new(TINY);
    place.run(&["data"]);
    let folder = place.path("leaking");
    std::fs::create_dir(&folder).expect("a folder");
    for (from, to) in [("train-00000-of-00001", "train"), ("train-00000-of-00001", "test")] {
        let from = place.path(&format!("datasets/tiny/{from}.parquet"));
        std::fs::copy(from, folder.join(format!("{to}.parquet"))).expect("a copy");
    }
    let read = ended(&mut place.command(&["audit", "leaking"]));
    assert!(text(&read).contains("leak"), "{}", text(&read));
    assert_eq!(read.status.code(), Some(1));
    assert_eq!(ended(place.command(&["audit", "leaking"]).stdout(gone())).status.code(), Some(1));
}

#[test]
fn a_run_goes_on_whatever_happens_to_its_log() {
    let expected = {
        let place = Place::new(TINY);
        place.run(&[]);
        place.results()
    };
    for more in [&[][..], &["--quiet"], &["--verbose"], &["--log-format", "json"]] {
        let place = Place::new(TINY);
        let arguments = [&["run", "tiny.yaml"], more].concat();
        let output = ended(place.command(&arguments).stdout(full()).stderr(full()));
        assert_eq!(output.status.code(), Some(0), "{more:?}");
        assert_eq!(place.results(), expected, "{more:?}");
        let output =
            ended(place.command(&[&arguments[..], &["--force"]].concat()).stdout(gone()).stderr(gone()));
        assert_eq!(output.status.code(), Some(0), "{more:?}");
        let closed = ended(
            Command::new("sh")
                .args(["-c", "exec \"$0\" run tiny.yaml --force >&- 2>&- <&-", env!("CARGO_BIN_EXE_seqlab")])
                .args(more)
                .current_dir(place.path("")),
        );
        assert_eq!(closed.status.code(), Some(0), "{more:?}");
        assert_eq!(place.results(), expected, "{more:?}");
    }
}

#[test]
fn what_a_command_prints_may_be_lost_but_then_the_exit_code_says_so() {
    let place = Place::new(TALKS);
    let output = ended(place.command(&["run", "tiny.yaml", "-q"]).stdout(full()));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let said = text(&output);
    assert!(
        said.ends_with("error: cannot write standard output: No space left on device (os error 28)\n"),
        "{said}"
    );
    assert_eq!(place.run(&[]), [] as [&str; 0], "it was committed all the same");
    let output = ended(place.command(&["run", "tiny.yaml", "-q", "--force"]).stdout(gone()));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

#[test]
fn lines_of_commands_are_shown_and_not_obeyed() {
    let place = Place::new(TALKS);
    let output = ended(&mut place.command(&["run", "tiny.yaml"]));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(out, "said \\u{1b}[31mred\u{fffd}\n");
    assert!(err.contains("told \\u{1b}]0;x\\u{7}\n"), "{err}");
    assert!(err.contains("\n{\"seqlab\":\"error\",\"fields\":{}}\n"), "a command cannot speak for us: {err}");
    // SIGPIPE (13) and SIGXFSZ (25) mean to a command what they mean everywhere.
    let ignored = place.seqlab(&["run", "tiny.yaml", "--dry-run"], 0);
    assert!(ignored.contains("up to date"), "{ignored}");
    let file = std::fs::read_to_string(place.path("results/tiny/talk/x")).expect("it was written");
    let mask = file.trim().rsplit('\t').next().and_then(|mask| u64::from_str_radix(mask, 16).ok());
    assert_eq!(mask.map(|mask| mask & (1 << 12 | 1 << 24)), Some(0), "{file}");

    let output =
        ended(&mut place.command(&["run", "tiny.yaml", "--force", "--quiet", "--log-format", "json"]));
    let err = String::from_utf8_lossy(&output.stderr);
    for line in err.lines() {
        serde_json::from_str::<serde_json::Value>(line).expect(line);
    }
    assert!(err.contains("told \\u001b]0;x\\u0007"), "{err}");
}

#[test]
fn escape_sequences_of_a_definition_reach_no_terminal() {
    let escapes = ["\\e[2J", "\\x9b2J", "\\u202e", "\\u2066", "\\x7f", "\\a"];
    let broken = [
        ("name: tiny", "name: \"a%b\""),
        ("description: A", "descr%ption: A"),
        ("  data:\n", "  \"da%ta\":\n"),
        ("x2:\n", "\"x%2\":\n"),
        ("geometric: { ratio: 2 }", "\"geo%\": { ratio: 2 }"),
        ("order: least_first", "order: \"least%\""),
        ("data: data\n", "data: \"da%ta\"\n"),
        ("level: transition", "level: { \"tr%\": 1 }"),
        ("analyses: [attention, ablation]", "analyses: [\"a%\"]"),
        ("steps: 12", "steps: \"1%2\""),
        ("steps: 12", "\"ste%ps\": 12"),
        ("seeds: 2", "seeds: \"${matrix.%}\""),
    ];
    for (index, (from, to)) in broken.iter().enumerate() {
        let escape = escapes[index % escapes.len()];
        assert!(TINY.contains(from), "{from}");
        let to = to.replace('%', escape);
        let place = Place::new(&TINY.replacen(from, &to, 1));
        for arguments in [
            &["run", "tiny.yaml", "--dry-run"][..],
            &["status", "tiny.yaml"],
            &["status", "tiny.yaml", "--json"],
        ] {
            let output = ended(&mut place.command(arguments));
            clean(&output, &format!("{to} {arguments:?}"));
        }
    }
    let place = Place::new(TINY);
    let name = "no\u{1b}[31m\u{9b}2J\u{202e}\nerror: all is well.yaml";
    let output = ended(&mut place.command(&["run", name]));
    assert_eq!(output.status.code(), Some(1));
    clean(&output, name);
    let output = ended(&mut place.command(&["run", "tiny.yaml", "--set", "a\u{1b}[31m.b=1"]));
    assert_eq!(output.status.code(), Some(2));
    clean(&output, "--set");
}

fn clean(output: &Output, of: &str) {
    let said = text(output);
    let obeyed = |c: &char| {
        (c.is_control() && !['\n', '\t'].contains(c))
            || ('\u{202a}'..='\u{202e}').contains(c)
            || ('\u{2066}'..='\u{2069}').contains(c)
    };
    assert!(!said.contains(|c: char| obeyed(&c)), "{of}: {said:?}");
}

#[test]
fn names_that_are_not_utf8_are_names() {
    let place = Place::new(TINY);
    let folder = place.path("").join(OsStr::from_bytes(b"not \xff utf8 \xc3"));
    std::fs::create_dir(&folder).expect("a folder");
    let file = OsStr::from_bytes(b"\xfe.yaml");
    std::fs::write(folder.join(file), TINY).expect("a file");
    let seqlab = |arguments: &[&OsStr]| {
        ended(Command::new(env!("CARGO_BIN_EXE_seqlab")).args(arguments).current_dir(&folder))
    };
    let word = OsStr::new;
    for arguments in [
        &[word("status"), file][..],
        &[word("status"), file, word("--json")],
        &[word("why"), file, word("data")],
        &[word("run"), file, word("--dry-run")],
        &[word("gc"), file],
        &[word("runs")],
    ] {
        let output = seqlab(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output));
    }
    let strange = OsStr::from_bytes(b"\xffx");
    for arguments in [
        &[strange][..],
        &[word("run"), strange],
        &[word("run"), file, strange],
        &[word("run"), file, word("--set"), strange],
        &[word("run"), file, word("--device"), strange],
        &[word("stage"), strange],
        &[word("audit"), strange],
        &[word("audit"), word("."), word("--level"), strange],
        &[word("completions"), strange],
    ] {
        let code = seqlab(arguments).status.code();
        assert!(matches!(code, Some(1 | 2)), "{arguments:?}: {code:?}");
    }
}

#[test]
fn a_reader_that_does_not_read_holds_up_no_end() {
    let endless = TALKS.replace("printf 'said", "yes >&2; printf 'said");
    let place = Place::new(&endless);
    for signal in ["-TERM", "-INT"] {
        let (_reader, writer) = std::io::pipe().expect("a pipe");
        let mut runner = place.command(&["run", "tiny.yaml"]).stderr(writer).spawn().expect("seqlab starts");
        std::thread::sleep(Duration::from_millis(500)); // by now the pipe is full
        let sent =
            Command::new("kill").args([signal, &runner.id().to_string()]).status().expect("kill starts");
        assert!(sent.success());
        let asked = Instant::now();
        let status = loop {
            if let Some(status) = runner.try_wait().expect("it can be waited for") {
                break status;
            }
            if asked.elapsed() > Duration::from_secs(20) {
                runner.kill().expect("it can be killed");
                panic!("{signal} did not end it");
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        assert_eq!(status.code(), Some(if signal == "-TERM" { 143 } else { 130 }));
    }
}

#[test]
fn a_file_that_grows_beyond_the_limit_is_an_error_in_words() {
    let place = Place::new(TINY);
    let output = ended(
        Command::new("sh")
            .args(["-c", "ulimit -f 4; exec \"$0\" run tiny.yaml data", env!("CARGO_BIN_EXE_seqlab")])
            .current_dir(place.path("")),
    );
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("File too large"), "{}", text(&output));
}
