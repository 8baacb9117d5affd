use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Args;
use pipeline::{Death, Spec};
use signal_hook::consts::{SIGINT, SIGKILL, SIGTERM};

use super::run::program;
use crate::failure::Failure;
use crate::stages;
use crate::threads::threads;

/// Do the work of one stage: how `seqlab run` calls itself
#[derive(Debug, Args)]
pub(crate) struct Stage {
    /// The file that says what to do
    spec: PathBuf,
    /// The process that watches over an external command: the command is started in this process's place, and ends with that one
    #[arg(long, value_name = "PID")]
    under: Option<u32>,
}

pub(crate) fn stage(arguments: &Stage) -> Result<ExitCode, Failure> {
    let spec = Spec::read(&arguments.spec)?;
    let follow = |parent, death| {
        pipeline::die_with_parent(parent, death).map_err(Failure::io("follow the runner of", &arguments.spec))
    };
    match (arguments.under, &spec.external) {
        (Some(parent), _) => {
            follow(parent, Death::Sudden)?;
            return Err(spec.exec().into());
        }
        (None, Some(_)) => {
            // The end of a runner with several threads may be told more than once: no second signal ends this process.
            let ended = Arc::new(AtomicBool::new(false));
            for signal in [SIGINT, SIGTERM] {
                signal_hook::flag::register(signal, ended.clone())
                    .map_err(Failure::io("watch for", Path::new("signals")))?;
            }
            follow(spec.parent, Death::Asked)?;
            return watch_over(&arguments.spec, &ended);
        }
        (None, None) => follow(spec.parent, Death::Sudden)?,
    }
    threads(spec.threads)?;
    let stage = stages::find(&spec.verb)
        .ok_or_else(|| Failure::usage(format!("there is no kind of stage `{}`", spec.verb)))?;
    (stage.run)(&spec)?;
    Ok(ExitCode::SUCCESS)
}

/// Runs the external command of `spec` in a process of its own, and ends whatever it left behind, however this one is told to end.
fn watch_over(spec: &Path, ended: &AtomicBool) -> Result<ExitCode, Failure> {
    let program = program()?;
    let mut command = std::process::Command::new(&program);
    command.arg("stage").arg(spec).arg("--under").arg(std::process::id().to_string());
    let status = pipeline::supervise(command, ended).map_err(Failure::io("start", &program))?;
    match status.code() {
        Some(code) => Ok(ExitCode::from(u8::try_from(code).unwrap_or(1))),
        None => {
            let signal = status.signal().unwrap_or(SIGKILL);
            // To end as it ended; where that cannot be, by the code that shells give for it.
            let ended = signal_hook::low_level::emulate_default_handler(signal);
            tracing::debug!("ended by signal {signal}: {ended:?}");
            Ok(ExitCode::from(u8::try_from(128 + signal).unwrap_or(1)))
        }
    }
}
