//! What the person sees while stages work: bars on a terminal, plain lines in a log, nothing with `--quiet`.
//!
//! Stages know no terminal. They log with `tracing`: an event of the target `progress` carries `task`, `done`,
//! `total` and `unit`; every other event of level info or above is one line to read.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, IsTerminal};
use std::panic::catch_unwind;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use serde::{Deserialize, Serialize};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::failure::Failure;
use crate::output::{LogFormat, Output};
use crate::say;

/// In a log, a line of progress comes this often at most.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// On the wire from a stage to the runner, an event of progress comes this often at most.
const WIRE_EVERY: Duration = Duration::from_millis(100);

/// Sends everything that stages log to standard error, in the form that `output` asks for.
pub(crate) fn start(output: &Output) {
    match output.log_format {
        LogFormat::Json => {
            let level = if output.quiet { Level::WARN } else { Level::INFO };
            let log = tracing_subscriber::fmt().json().with_max_level(level).with_writer(|| JsonLog);
            log.log_internal_errors(false).init();
        }
        LogFormat::Text | LogFormat::Wire => {
            tracing_subscriber::registry().with(Console::new(output)).init();
        }
    }
}

/// Shows what ended the command.
pub(crate) fn fail(failure: &Failure) {
    tracing::error!("{failure}");
}

/// Shows a fault of ours, whatever state it left the log in.
pub(crate) fn fault(words: &str) {
    if catch_unwind(|| tracing::error!("{words}")).is_err() {
        say::log(&format!("error: {words}"));
    }
}

/// Shows a line that an external command wrote to its standard error, `--quiet` or not.
pub(crate) fn pass_on(title: &str, line: &str) {
    tracing::warn!(target: COMMAND, task = title, "{line}");
}

/// Logs again what a stage sent on the wire; `title` names its work. False where `line` is something else.
pub(crate) fn receive(title: &str, line: &str) -> bool {
    let Some(Ok(event)) = line.starts_with(WIRE_START).then(|| serde_json::from_str::<Wire>(line)) else {
        return false;
    };
    let Fields { done, total, unit, message, .. } = &event.fields;
    match event.seqlab {
        Kind::Progress => tracing::info!(
            target: "progress", task = title, done = *done, total = *total, unit = unit.as_str(), "{message}"
        ),
        Kind::Error => tracing::error!("{title}: {message}"),
        Kind::Warning => tracing::warn!("{title}: {message}"),
        Kind::Info => tracing::info!("{title}: {message}"),
        Kind::Debug => tracing::debug!("{title}: {message}"),
    }
    true
}

const WIRE_START: &str = "{\"seqlab\":";

/// The target of lines that are another program's.
const COMMAND: &str = "command";

/// Where the JSON log goes.
struct JsonLog;

impl io::Write for JsonLog {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        say::log_as_it_is(&say::plain_json(&String::from_utf8_lossy(lines)));
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An event on its way from a stage to the runner, one JSON object a line.
#[derive(Serialize, Deserialize)]
struct Wire {
    seqlab: Kind,
    fields: Fields,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Progress,
    Error,
    Warning,
    Info,
    Debug,
}

struct Console {
    wire: bool,
    quiet: bool,
    verbose: bool,
    bars: Option<MultiProgress>,
    tasks: Mutex<HashMap<String, Task>>,
}

/// One piece of work under way.
struct Task {
    bar: Option<ProgressBar>,
    total: u64,
    started: Instant,
    first: u64,
    printed: Instant,
}

impl Console {
    fn new(output: &Output) -> Self {
        let terminal = std::io::stderr().is_terminal() && !output.quiet;
        let bars = terminal.then(MultiProgress::new);
        let wire = output.log_format.is_wire();
        Self { wire, quiet: output.quiet, verbose: output.verbose, bars, tasks: Mutex::default() }
    }

    fn send(&self, seqlab: Kind, fields: &Fields) {
        let wire = Wire { seqlab, fields: fields.clone() };
        let line = serde_json::to_string(&wire).expect("text and numbers are JSON");
        say::log_as_it_is(&format!("{line}\n"));
    }

    fn line(&self, text: &str) {
        match &self.bars {
            // `println` of a hidden group prints nothing, so an error here has lost nothing but a line of log.
            Some(bars) => drop(bars.println(say::shown(text))),
            None => say::log(text),
        }
    }

    fn tasks(&self) -> MutexGuard<'_, HashMap<String, Task>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn progress(&self, event: &Fields) {
        if self.quiet {
            return;
        }
        let now = Instant::now();
        let mut tasks = self.tasks();
        let task = tasks.entry(event.task.clone()).or_insert_with(|| Task {
            bar: self.bars.as_ref().map(|bars| started(bars.add(bar(event)), event.done)),
            total: event.total,
            started: now,
            first: event.done,
            printed: now,
        });
        if task.total != event.total {
            // What was under way ended early and something else began: its rate is its own.
            (task.total, task.started, task.first) = (event.total, now, event.done);
            task.bar.iter().for_each(ProgressBar::reset_eta);
        }
        let finished = event.done >= event.total;
        let since = now.duration_since(task.printed);
        let due = |pause| since >= pause;
        match &task.bar {
            _ if self.wire && !finished && task.first != event.done && !due(WIRE_EVERY) => {}
            _ if self.wire => {
                task.printed = now;
                self.send(Kind::Progress, event);
            }
            Some(bar) => {
                bar.set_length(event.total);
                bar.set_position(event.done);
                bar.set_message(artifact::printable(&event.message).into_owned());
            }
            None if finished || due(LINE_EVERY) => {
                task.printed = now;
                say::log(&plain(event, now.duration_since(task.started), task.first));
            }
            None => {}
        }
        if finished
            && let Some(task) = tasks.remove(&event.task)
            && let Some(bar) = task.bar
        {
            bar.finish_and_clear();
        }
    }
}

fn bar(event: &Fields) -> ProgressBar {
    // What matters comes first: a narrow terminal cuts the line.
    let template =
        "  {prefix:<9} {percent:>3} %  {msg}  {eta} left  {rate}  {human_pos}/{human_len} {unit}  {wide_bar}"
            .replace("{unit}", &event.unit);
    let rate = |state: &ProgressState, text: &mut dyn fmt::Write| {
        write!(text, "{:.1}/s", state.per_sec()).unwrap_or_default(); // what cannot be written is not shown
    };
    let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let style = style.with_key("rate", rate);
    ProgressBar::new(event.total)
        .with_style(style.progress_chars("━╸ "))
        .with_prefix(artifact::printable(&event.task).into_owned())
}

/// Begins the rate where an interrupted run goes on, not at nothing.
fn started(bar: ProgressBar, done: u64) -> ProgressBar {
    bar.set_position(done);
    bar.reset_eta();
    bar
}

fn plain(event: &Fields, elapsed: Duration, first: u64) -> String {
    let Fields { task, done, total, unit, message } = event;
    let percent = if *total == 0 { 100.0 } else { 100.0 * *done as f64 / *total as f64 };
    let rate = done.saturating_sub(first) as f64 / elapsed.as_secs_f64().max(1e-9);
    let mut line = format!("  {task}: {done}/{total} {unit} ({percent:.0} %)");
    if rate > 0.0 && elapsed.as_millis() > 100 {
        line += &format!(", {rate:.1}/s");
        if done < total {
            line += &format!(", {:.0} s left", total.saturating_sub(*done) as f64 / rate);
        }
    }
    if !message.is_empty() {
        line += &format!(", {message}");
    }
    line
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Console {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let mut fields = Fields::default();
        event.record(&mut fields);
        if metadata.target() == "progress" {
            return self.progress(&fields);
        }
        if self.wire {
            let kind = match *metadata.level() {
                Level::ERROR => Kind::Error,
                Level::WARN => Kind::Warning,
                Level::INFO => Kind::Info,
                Level::DEBUG if self.verbose => Kind::Debug,
                _ => return,
            };
            return self.send(kind, &fields);
        }
        match *metadata.level() {
            _ if metadata.target() == COMMAND => self.line(&fields.message),
            Level::ERROR => self.line(&format!("error: {}", fields.message)),
            Level::WARN => self.line(&format!("warning: {}", fields.message)),
            Level::INFO if !self.quiet => self.line(&format!("  {}", fields.message)),
            Level::DEBUG if self.verbose => self.line(&format!("  {}", fields.message)),
            _ => {}
        }
    }
}

/// The fields of an event.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Fields {
    task: String,
    done: u64,
    total: u64,
    unit: String,
    message: String,
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "done" => self.done = value,
            "total" => self.total = value,
            _ => {}
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.record_u64(field, u64::try_from(value).unwrap_or(0));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "task" => value.clone_into(&mut self.task),
            "unit" => value.clone_into(&mut self.unit),
            "message" => value.clone_into(&mut self.message),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_line_says_rate_and_time_left() {
        let event = Fields {
            task: "train".to_owned(),
            done: 30,
            total: 100,
            unit: "steps".to_owned(),
            message: "loss 0.5".to_owned(),
        };
        let line = plain(&event, Duration::from_secs(2), 10);
        assert_eq!(line, "  train: 30/100 steps (30 %), 10.0/s, 7 s left, loss 0.5");
        let done = Fields { done: 100, message: String::new(), ..event };
        assert_eq!(plain(&done, Duration::from_secs(9), 10), "  train: 100/100 steps (100 %), 10.0/s");
    }
}
