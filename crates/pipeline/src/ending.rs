//! How a process ended, in words.

use std::process::ExitStatus;

use rustix::process::Signal;

/// Signals that end a process, and what they usually mean.
const SIGNALS: &[(Signal, &str, &str)] = &[
    (Signal::HUP, "SIGHUP", "its terminal or session was closed"),
    (Signal::INT, "SIGINT", "it was interrupted from outside"),
    (Signal::QUIT, "SIGQUIT", "it was stopped from outside"),
    (Signal::ILL, "SIGILL", "an instruction that this processor does not have"),
    (Signal::TRAP, "SIGTRAP", "a trap of a debugger or of the program itself"),
    (Signal::ABORT, "SIGABRT", "the program gave up, often because it was refused memory (ulimit -v)"),
    (Signal::BUS, "SIGBUS", "a file was cut short while it was read, or memory is damaged"),
    (Signal::FPE, "SIGFPE", "an impossible calculation, for instance a division by zero"),
    (
        Signal::KILL,
        "SIGKILL",
        "killed from outside, perhaps for lack of memory: the system's log (dmesg) says so then",
    ),
    (Signal::SEGV, "SIGSEGV", "a fault of the program, or its stack is full (ulimit -s)"),
    (Signal::PIPE, "SIGPIPE", "it wrote to a program that had ended"),
    (Signal::ALARM, "SIGALRM", "its alarm went off"),
    (Signal::TERM, "SIGTERM", "it was asked from outside to end"),
    (Signal::XCPU, "SIGXCPU", "the limit on processor time (ulimit -t)"),
    (Signal::XFSZ, "SIGXFSZ", "the limit on the size of a file (ulimit -f)"),
    (Signal::SYS, "SIGSYS", "a system call that is not allowed here (seccomp)"),
];

/// Says how a process ended and what that usually means, as the end of "stage x failed: ...".
pub(crate) fn ending(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    if let Some(number) = status.signal() {
        let core = if status.core_dumped() { "; it left a core file" } else { "" };
        return match known(number) {
            Some((name, meaning)) => format!("ended by {name} ({meaning}{core})"),
            None => format!("ended by signal {number}{core}"),
        };
    }
    match status.code() {
        // A shell says 128 + the number when a signal ended what it ran.
        Some(code @ 129..) => match known(code - 128) {
            Some((name, meaning)) => format!("exit status {code}, as after {name} ({meaning})"),
            None => format!("exit status {code}"),
        },
        Some(127) => "exit status 127, as where a program is not found".to_owned(),
        Some(126) => "exit status 126, as where a program may not be started".to_owned(),
        Some(code) => format!("exit status {code}"),
        None => status.to_string(),
    }
}

fn known(number: i32) -> Option<(&'static str, &'static str)> {
    let found = SIGNALS.iter().find(|(signal, ..)| signal.as_raw() == number);
    found.map(|(_, name, meaning)| (*name, *meaning))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a shell that ends with `script`.
    fn of(script: &str) -> String {
        ending(std::process::Command::new("sh").args(["-c", script]).status().unwrap())
    }

    #[test]
    fn signals_are_named_with_what_they_mean() {
        let memory = "killed from outside, perhaps for lack of memory: the system's log (dmesg) says so then";
        assert_eq!(of("kill -KILL $$"), format!("ended by SIGKILL ({memory})"));
        assert_eq!(of("kill -XFSZ $$"), "ended by SIGXFSZ (the limit on the size of a file (ulimit -f))");
        assert_eq!(of("kill -XCPU $$"), "ended by SIGXCPU (the limit on processor time (ulimit -t))");
        for name in ["SEGV", "ABRT", "BUS", "ILL", "TERM", "PIPE"] {
            let said = of(&format!("ulimit -c 0; kill -{name} $$"));
            assert!(said.starts_with(&format!("ended by SIG{name} (")), "{said}");
        }
    }

    #[test]
    fn a_limit_on_the_size_of_files_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x").display().to_string();
        let said = of(&format!(
            "ulimit -c 0; ulimit -f 1; exec dd if=/dev/zero of={file} bs=4096 count=9 2>/dev/null"
        ));
        assert_eq!(said, "ended by SIGXFSZ (the limit on the size of a file (ulimit -f))");
    }

    #[test]
    fn exit_codes_are_told_and_those_of_a_shell_explained() {
        assert_eq!(of("exit 3"), "exit status 3");
        assert!(of("exit 137").starts_with("exit status 137, as after SIGKILL ("));
        assert_eq!(of("exit 255"), "exit status 255");
        assert_eq!(
            of("exec /nowhere/to/be/found 2>/dev/null"),
            "exit status 127, as where a program is not found"
        );
    }
}
