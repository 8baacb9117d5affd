//! The only way to standard output and standard error. Nothing here can panic, and nothing waits for ever.
//!
//! Standard output carries what was asked for: where it cannot be written, the command fails in words. A reader that has
//! gone (`| head`) has what it wanted: the command does its work to the end and keeps its exit code. Standard error
//! carries the log: what cannot be written there is lost, and the work goes on.

use std::borrow::Cow;
use std::fmt::{Display, Write};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use serde::Serialize;

use crate::failure::Failure;

/// A pipe that can be written to takes this many bytes at once without blocking.
const PIECE: usize = 512;
/// How often a reader that does not read is looked at.
const PAUSE: Duration = Duration::from_millis(50);
/// How long the end of a run waits for a reader that does not read.
const PATIENCE: Duration = Duration::from_millis(200);

/// Set when the command is to end.
static ENDS: OnceLock<Arc<AtomicBool>> = OnceLock::new();
/// Set when a reader was given up: nobody waits for it a second time.
static STUCK: AtomicBool = AtomicBool::new(false);

/// Lets `ends` end the waiting for a reader that does not read: a stopped pager does not hold up the end of a run.
pub(crate) fn until(ends: Arc<AtomicBool>) {
    ENDS.get_or_init(|| ends);
}

/// Prints a line for people; control characters in it are written out.
pub(crate) fn line(words: impl Display) -> Result<(), Failure> {
    text(&format!("{}\n", shown(&words.to_string())))
}

/// Prints `value` as one line of JSON that a terminal does not obey either.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let line = serde_json::to_string(value).map_err(Failure::stage)?;
    text(&format!("{}\n", plain_json(&line)))
}

/// Prints `text`, which is our own, as it is.
pub(crate) fn text(text: &str) -> Result<(), Failure> {
    match write(io::stdout().lock().as_fd(), text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(Failure::io("write", Path::new("standard output"))),
    }
}

/// Writes a line for people to the log.
pub(crate) fn log(line: &str) {
    log_as_it_is(&format!("{}\n", shown(line)));
}

/// Writes lines that hold no control characters to the log.
pub(crate) fn log_as_it_is(lines: &str) {
    // A log that cannot be written is lost; there is nowhere to say so.
    drop(write(io::stderr().lock().as_fd(), lines.as_bytes()));
}

/// Returns `text` with its lines and tabs, and what a terminal would obey written out.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if matches!(artifact::printable(text), Cow::Borrowed(_)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::new();
    for piece in text.split_inclusive(['\n', '\t']) {
        let words = piece.trim_end_matches(['\n', '\t']);
        shown += &artifact::printable(words);
        shown += &piece[words.len()..];
    }
    Cow::Owned(shown)
}

/// Returns JSON with what a terminal would obey written as JSON writes it; its line ends stay.
pub(crate) fn plain_json(json: &str) -> Cow<'_, str> {
    if matches!(artifact::printable(json), Cow::Borrowed(_)) {
        return Cow::Borrowed(json);
    }
    let mut plain = String::with_capacity(json.len());
    for character in json.chars() {
        let obeyed = |text: &str| matches!(artifact::printable(text), Cow::Owned(_));
        if character == '\n' || !obeyed(character.encode_utf8(&mut [0; 4])) {
            plain.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            write!(plain, "\\u{unit:04x}").unwrap_or_default(); // a String takes any text
        }
    }
    Cow::Owned(plain)
}

/// Writes all of `bytes`, waiting for the reader as long as the command is not to end.
fn write(stream: BorrowedFd<'_>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        wait(stream)?;
        match rustix::io::write(stream, &bytes[..bytes.len().min(PIECE)]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Waits until `stream` can be written to, or until writing would say why not.
fn wait(stream: BorrowedFd<'_>) -> io::Result<()> {
    let mut asked = None;
    loop {
        let pause = if STUCK.load(Ordering::Relaxed) { Duration::ZERO } else { PAUSE };
        let pause = Timespec { tv_sec: 0, tv_nsec: i64::from(pause.subsec_nanos()) };
        match poll(&mut [PollFd::from_borrowed_fd(stream, PollFlags::OUT)], Some(&pause)) {
            Ok(0) | Err(Errno::INTR) if ENDS.get().is_some_and(|ends| ends.load(Ordering::Relaxed)) => {
                let waited = asked.get_or_insert_with(Instant::now).elapsed() > PATIENCE;
                if waited || STUCK.load(Ordering::Relaxed) {
                    STUCK.store(true, Ordering::Relaxed);
                    return Err(io::ErrorKind::TimedOut.into());
                }
            }
            Ok(0) | Err(Errno::INTR) => {}
            // What poll itself refuses, writing will say better.
            Ok(_) | Err(_) => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_tabs_stay_and_the_rest_is_written_out() {
        assert_eq!(
            shown("two\nlines\tand \u{1b}[31mred\u{202e}\r\n"),
            "two\nlines\tand \\u{1b}[31mred\\u{202e}\\r\n"
        );
        assert_eq!(shown("\n\n\ta\n"), "\n\n\ta\n");
    }

    #[test]
    fn json_stays_json() {
        let value = serde_json::json!({ "a\u{1b}": "\u{9b}2J \u{202e} \u{7f} \n \u{e0041} é" });
        let text = serde_json::to_string(&value).unwrap();
        let plain = plain_json(&text).into_owned();
        assert!(plain.chars().all(|c| !c.is_control() && !('\u{202a}'..='\u{202e}').contains(&c)), "{plain}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&plain).unwrap(), value);
    }

    #[test]
    fn a_reader_that_does_not_read_holds_up_no_end() {
        let (_reader, writer) = io::pipe().unwrap();
        let ends = Arc::new(AtomicBool::new(false));
        until(ends.clone());
        std::thread::scope(|scope| {
            let writing = scope.spawn(|| write(writer.as_fd(), &vec![b'x'; 1 << 21]));
            std::thread::sleep(PAUSE * 2);
            assert!(!writing.is_finished(), "a pipe takes no 2 MiB");
            ends.store(true, Ordering::Relaxed);
            assert_eq!(writing.join().unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
        });
    }
}
