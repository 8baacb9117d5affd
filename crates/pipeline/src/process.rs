//! How a child is watched, how it and everything it started ends, and how it dies with its parent.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, kill_process_group, waitpid};

use crate::child::Stream;

/// Time between the wish that a child ends and the end of it.
const GRACE: Duration = Duration::from_secs(2);

/// What [`die_with_parent`] sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// A signal that cannot be caught.
    Sudden,
    /// A signal that asks to end.
    Asked,
}

/// Makes this process get a signal when its parent, the process `parent`, is gone. The first thing that a child does. Exists on
/// Linux; elsewhere a killed runner's children finish their stage, which is then litter.
///
/// # Errors
/// When the parent is already gone, or the system refuses.
pub fn die_with_parent(parent: u32, death: Death) -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(match death {
        Death::Sudden => Signal::KILL,
        Death::Asked => Signal::TERM,
    }))?;
    let now = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
    if now == Some(parent) { Ok(()) } else { Err(std::io::Error::other("the runner is gone")) }
}

/// Makes this process the parent of whatever its descendants leave behind, so that it can be ended. For a process that starts no other
/// children than those of this crate. Exists on Linux.
pub fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    match rustix::process::set_child_subreaper(Some(rustix::process::getpid())) {
        Ok(()) => ADOPTS.store(true, Ordering::Relaxed),
        Err(error) => tracing::debug!("what children leave behind cannot be taken over: {error}"),
    }
}

/// Whether children that this process did not start are orphans of those that it did.
static ADOPTS: AtomicBool = AtomicBool::new(false);

/// How a child ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) seconds: f64,
    /// The most memory it was seen to hold, in bytes.
    pub(crate) peak: Option<u64>,
    pub(crate) cancelled: bool,
}

/// The children that this process started itself and has not seen the end of.
static OURS: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// A child that does not outlive this value, nor does anything that it started.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> std::io::Result<Self> {
        let mut ours = OURS.lock().unwrap_or_else(PoisonError::into_inner);
        let child = command.spawn()?;
        ours.insert(child.id());
        Ok(Self(child))
    }

    /// Sends `signal` to the child's process group; one that is gone already is none of our business.
    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw);
        if let Some(Err(error)) = pid.map(|pid| kill_process_group(pid, signal)) {
            tracing::trace!("process group {} is gone: {error}", self.0.id());
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Whatever the child left behind would hold the pipes open and go on writing.
        self.signal(Signal::KILL);
        if let Err(error) = self.0.wait() {
            tracing::debug!("the end of process {} was not seen: {error}", self.0.id());
        }
        let mut ours = OURS.lock().unwrap_or_else(PoisonError::into_inner);
        ours.remove(&self.0.id());
        end_orphans(&ours);
    }
}

/// Runs `command` to its end, handing on every line, and kills it with all its descendants when `cancel` is set.
pub(crate) fn watch(
    mut command: Command,
    cancel: &AtomicBool,
    line: &(dyn Fn(Stream, &str) + Sync),
) -> std::io::Result<Ended> {
    use std::os::unix::process::CommandExt as _;
    let begun = Instant::now();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut running = Running::start(&mut command)?;
    let (out, err) = (running.0.stdout.take(), running.0.stderr.take());
    // A listener that panics must not leave the child before a full pipe.
    let deaf = AtomicBool::new(false);
    let line = &|stream, text: &str| {
        if catch_unwind(AssertUnwindSafe(|| line(stream, text))).is_err() {
            deaf.store(true, Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| {
        let reading = std::thread::Builder::new()
            .spawn_scoped(scope, move || lines(out, &|text| line(Stream::Out, text)))
            .and_then(|_| {
                std::thread::Builder::new()
                    .spawn_scoped(scope, move || lines(err, &|text| line(Stream::Err, text)))
            });
        let waited = reading.and_then(|_| wait(&mut running, cancel));
        // Before the threads are waited for: they read until nobody holds the pipes any more.
        drop(running);
        let (status, peak, cancelled) = waited?;
        if deaf.load(Ordering::Relaxed) {
            return Err(std::io::Error::other("what it said could not be shown"));
        }
        Ok(Ended { status, seconds: begun.elapsed().as_secs_f64(), peak, cancelled })
    })
}

/// Runs `command` in the place of its parent, which it does not outlive, and ends with all that it left behind. When `ended` is set it is
/// asked to end, and after a grace made to.
///
/// # Errors
/// When it cannot be started or waited for.
pub fn supervise(mut command: Command, ended: &AtomicBool) -> std::io::Result<ExitStatus> {
    adopt_orphans();
    let mut ours = OURS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut child = command.spawn()?;
    ours.insert(child.id());
    let mut nap = Duration::from_millis(1);
    let mut asked: Option<Instant> = None;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        match asked {
            None if ended.load(Ordering::Relaxed) => asked = Some(Instant::now()),
            Some(since) if since.elapsed() > GRACE => child.kill()?,
            _ => {}
        }
        std::thread::sleep(nap);
        nap = (nap * 2).min(Duration::from_millis(10));
    };
    ours.clear();
    end_orphans(&ours);
    Ok(status)
}

/// Waits in growing naps, so that short stages are not held up and long ones cost nothing.
fn wait(running: &mut Running, cancel: &AtomicBool) -> std::io::Result<(ExitStatus, Option<u64>, bool)> {
    let mut nap = Duration::from_millis(1);
    let mut peak = None;
    let mut asked: Option<Instant> = None;
    loop {
        peak = peak.max(peak_memory(running.0.id()));
        if let Some(status) = running.0.try_wait()? {
            return Ok((status, peak, asked.is_some()));
        }
        match asked {
            None if cancel.load(Ordering::Relaxed) => {
                running.signal(Signal::TERM);
                asked = Some(Instant::now());
            }
            // A supervisor has the same grace for what it supervises.
            Some(since) if since.elapsed() > GRACE + Duration::from_secs(1) => running.signal(Signal::KILL),
            _ => {}
        }
        std::thread::sleep(nap);
        nap = (nap * 2).min(Duration::from_millis(25));
    }
}

/// Ends the children of this process that it did not start itself, and theirs, until there are none.
fn end_orphans(ours: &BTreeSet<u32>) {
    for _ in 0..if ADOPTS.load(Ordering::Relaxed) { 1000 } else { 0 } {
        let orphans: Vec<u32> = children().into_iter().filter(|pid| !ours.contains(pid)).collect();
        if orphans.is_empty() {
            return;
        }
        for pid in orphans.into_iter().filter_map(|pid| i32::try_from(pid).ok().and_then(Pid::from_raw)) {
            // What it had started becomes a child of this process in its turn.
            if let Err(error) =
                kill_process(pid, Signal::KILL).and_then(|()| waitpid(Some(pid), WaitOptions::empty()))
            {
                tracing::trace!("process {} is gone: {error}", pid.as_raw_nonzero());
            }
        }
    }
}

/// Returns the children of this process, as far as the system says.
fn children() -> Vec<u32> {
    let mut found = Vec::new();
    for task in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        found.extend(text.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
    found
}

fn lines(pipe: Option<impl Read>, line: &dyn Fn(&str)) {
    let Some(pipe) = pipe else { return };
    let mut reader = BufReader::new(pipe);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        // A line without an end must not fill the memory.
        match (&mut reader).take(LONGEST).read_until(b'\n', &mut bytes) {
            Ok(0) | Err(_) => return,
            Ok(_) => line(String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r'])),
        }
    }
}

/// A longer line is handed on in pieces.
const LONGEST: u64 = 1 << 20;

/// Returns the most memory that the process has held so far, in bytes, where the system says so.
///
/// What the system counts for a child that has ended (`wait4`) begins with what this process had held when it started the child.
fn peak_memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}
