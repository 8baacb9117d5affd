use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use clap::{Args, ValueEnum};
use pipeline::{Definition, Event, Job, Layout, Options, Plan, Root, Selection, State, Stream};

use crate::console;
use crate::failure::Failure;
use crate::output::Output;
use crate::say;
use crate::signals::signals;
use crate::stages::Known;
use crate::threads::ONE_THREAD;

/// Run a pipeline: every stage whose result does not stand yet
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The definition, e.g. pipelines/x2.yaml
    file: PathBuf,
    /// Stages to run, after those of their ancestors that are stale; all stages if none is named
    #[arg(value_name = "STAGE")]
    stages: Vec<String>,
    /// Run the named stages alone, on the inputs that are shown now
    #[arg(long, requires = "stages", conflicts_with_all = ["from", "until"])]
    only: bool,
    /// Run this stage and all that come after it
    #[arg(long, value_name = "STAGE", conflicts_with = "stages")]
    from: Option<String>,
    /// Run nothing that comes after this stage
    #[arg(long, value_name = "STAGE", conflicts_with = "stages")]
    until: Option<String>,
    /// Change a value of the definition, e.g. train.seeds=16 or data.build.tasks.x2.terms=6
    #[arg(long = "set", value_name = "PATH=VALUE")]
    sets: Vec<String>,
    /// Say what would run and why, and run nothing
    #[arg(long)]
    dry_run: bool,
    /// Run the named stages (all, without names) though their results stand
    #[arg(long)]
    force: bool,
    /// After a failure go on with what does not need what failed
    #[arg(short, long)]
    keep_going: bool,
    /// How many independent stages run at once
    #[arg(short, long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: u16,
    /// Threads for each stage; by default the machine's cores, divided by --jobs
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=4096))]
    threads: Option<u16>,
    /// Where to train
    #[arg(long, value_enum, default_value_t)]
    device: Device,
}

/// Where to train.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Device {
    /// On the processor
    #[default]
    Cpu,
    /// On an NVIDIA GPU
    Cuda,
}

impl Device {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }
}

/// Reads and checks a definition.
pub(crate) fn plan(file: &Path, sets: &[String]) -> Result<Plan, Failure> {
    Ok(Plan::new(&Definition::load(file, sets)?, &Known)?)
}

/// Returns where results lie: in the project around the current folder, of which the definition is a part.
pub(crate) fn layout(definition: Option<&Path>) -> Result<Layout, Failure> {
    let here = std::env::current_dir().map_err(Failure::io("find", Path::new(".")))?;
    Ok(Layout::around(&here, definition)?)
}

/// Returns the very program that this process runs, also when its file was replaced since.
pub(crate) fn program() -> Result<PathBuf, Failure> {
    if cfg!(target_os = "linux") {
        return Ok(PathBuf::from("/proc/self/exe"));
    }
    std::env::current_exe().map_err(Failure::io("find", Path::new("seqlab")))
}

pub(crate) fn run(arguments: &Run, output: &Output) -> Result<ExitCode, Failure> {
    let (cancel, signal) = signals()?;
    if arguments.device == Device::Cuda {
        let name = trainer::gpu().map_err(|error| Failure::usage(format!("--device cuda: {error}")))?;
        tracing::info!("training on {name}");
    }
    let plan = plan(&arguments.file, &arguments.sets)?;
    let layout = layout(Some(&arguments.file))?;
    let options = options(arguments, output)?;
    if arguments.dry_run {
        for step in pipeline::dry_run(&plan, &layout, &options)? {
            say::line(format_args!("{}: {}", plan.jobs[step.job].title(), describe(&plan, &step.state)))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    pipeline::adopt_orphans();
    // What commands print may find no room: that ends no run, but the exit code says so.
    let unsaid = Mutex::new(None);
    let observer = |event: Event<'_>| {
        if let Err(failure) = tell(&plan, &layout, &event) {
            unsaid.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
        }
    };
    match pipeline::run(&plan, &layout, &options, &cancel, &observer) {
        Err(pipeline::Error::Cancelled) => {
            let number = signal.load(Ordering::Relaxed);
            Err(Failure::Signal(u8::try_from(number).unwrap_or(2)))
        }
        Err(error) => Err(error.into()),
        Ok(summary) => {
            let (ran, skipped) = (summary.ran.len(), summary.skipped.len());
            tracing::info!("{}: {ran} run, {skipped} already done; {}", plan.shown(), places(&plan, &layout));
            unsaid.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(ExitCode::SUCCESS), Err)
        }
    }
}

fn options(arguments: &Run, output: &Output) -> Result<Options, Failure> {
    let selection = match (&arguments.from, &arguments.until) {
        (Some(from), Some(until)) => Selection::Between(from.clone(), until.clone()),
        (Some(from), None) => Selection::From(from.clone()),
        (None, Some(until)) => Selection::Until(until.clone()),
        (None, None) if arguments.stages.is_empty() => Selection::All,
        (None, None) if arguments.only => Selection::Only(arguments.stages.clone()),
        (None, None) => Selection::Stages(arguments.stages.clone()),
    };
    let jobs = usize::from(arguments.jobs);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = arguments.threads.map_or((cores / jobs).max(1), usize::from);
    let mut child = vec![program()?.into_os_string()];
    child.extend(["stage", "--log-format", "wire"].map(OsString::from));
    if output.verbose {
        child.push("--verbose".into());
    }
    Ok(Options {
        selection,
        force: arguments.force,
        keep_going: arguments.keep_going,
        jobs,
        threads,
        device: arguments.device.name().to_owned(),
        child,
        environment: ONE_THREAD.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        tool: concat!("seqlab ", env!("CARGO_PKG_VERSION")).to_owned(),
        command: std::env::args_os()
            .map(|word| word.to_string_lossy().into_owned())
            .collect::<Vec<_>>()
            .join(" "),
    })
}

fn tell(plan: &Plan, layout: &Layout, event: &Event<'_>) -> Result<(), Failure> {
    let shown = |folder: &Path| folder.strip_prefix(layout.base()).unwrap_or(folder).display().to_string();
    match event {
        Event::StaleInput { job } => {
            tracing::warn!("{} does not fit the definition any more; it is read as it is", job.title());
        }
        Event::Busy { job, holder } => {
            tracing::info!("{}: waits for {holder}, which is at the same work", job.title());
        }
        Event::Kept { job, place } => tracing::warn!(
            "{}: {} held something else; it lies in {} now",
            job.title(),
            job.shown(),
            shown(place)
        ),
        Event::Hidden { job } => {
            tracing::info!(
                "{}: {} was made from other inputs and is not shown any more",
                job.title(),
                job.shown()
            );
        }
        Event::Skipped { job, folder, relinked } => {
            let how = if *relinked { "done before, shown again" } else { "done" };
            tracing::info!("{}: {how}, {}", job.title(), shown(folder));
        }
        Event::Started { job, state } => tracing::info!("{}: {}", job.title(), describe(plan, state)),
        Event::Line { job, stream: Stream::Err, line } => line_of(job, line),
        Event::Line { line, .. } => return say::line(line),
        Event::Finished { job, folder, seconds, peak_bytes } => {
            let memory = peak_bytes.map_or(String::new(), |bytes| format!(", {} MiB", bytes >> 20));
            tracing::info!("{}: done in {seconds:.1} s{memory}, {}", job.title(), shown(folder));
        }
        Event::Failed { job, reason } => tracing::debug!("{}: {reason}", job.title()),
    }
    Ok(())
}

/// Shows a line that a child wrote: an event on the wire, or plain words of an external command.
fn line_of(job: &Job, line: &str) {
    // Only our own stages send events: another program's line is never taken for one.
    if job.external.is_some() || !console::receive(&job.title(), line) {
        console::pass_on(&job.title(), line);
    }
}

/// Says where a person finds the results.
fn places(plan: &Plan, layout: &Layout) -> String {
    let mut folders = Vec::new();
    for (root, name) in [(Root::Datasets, "datasets"), (Root::Results, "results")] {
        if plan.jobs.iter().any(|job| job.resolved.root == root) {
            folders.push(format!("{name}/{}", plan.shown()));
        }
    }
    let elsewhere = std::env::current_dir().is_ok_and(|here| here != layout.base());
    let below = if elsewhere { format!(" below {}", layout.base().display()) } else { String::new() };
    format!("see {}{below}", folders.join(" and "))
}

/// Says how a job stands, for a person.
pub(crate) fn describe(plan: &Plan, state: &State) -> String {
    match state {
        State::UpToDate(_) => "up to date".to_owned(),
        State::New => "new".to_owned(),
        State::Failed { reason } => format!("failed ({})", reason.lines().next().unwrap_or_default()),
        State::Interrupted { share: Some(share) } => format!("interrupted ({:.0} % done)", 100.0 * share),
        State::Interrupted { share: None } => "interrupted".to_owned(),
        State::Running => "is being run by another process".to_owned(),
        State::Stale(changes) => {
            let mut lines = changes.iter().take(4).map(ToString::to_string).collect::<Vec<_>>();
            if changes.len() > lines.len() {
                lines.push(format!("{} more", changes.len() - lines.len()));
            }
            format!(
                "stale ({})",
                if lines.is_empty() { "its folder is gone".to_owned() } else { lines.join("; ") }
            )
        }
        State::Waiting(jobs) => {
            let names: Vec<_> = jobs.iter().map(|job| plan.jobs[*job].title()).collect();
            format!("waits for {}", names.join(", "))
        }
    }
}
