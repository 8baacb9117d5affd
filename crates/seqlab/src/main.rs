//! The command line: connects stages to the pipeline and talks to the person.
//!
//! Exit codes: 0 done, 1 a stage failed or a leak was found, 2 the command or the definition is wrong, 75 another
//! runner holds the lock, 130 and 143 after SIGINT and SIGTERM.

mod cli;
mod commands;
mod console;
mod failure;
mod fault;
mod output;
mod say;
mod signals;
mod stages;
mod threads;

use std::io::IsTerminal as _;
use std::panic::catch_unwind;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use signal_hook::consts::SIGXFSZ;

use crate::failure::Failure;

// Training allocates and frees the same large buffers at every step; an allocator that keeps them saves page faults.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    fault::watch();
    catch_unwind(program).unwrap_or_else(|payload| {
        console::fault(&fault::describe(&*payload));
        ExitCode::FAILURE
    })
}

fn program() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return answer(&error),
    };
    console::start(&cli.output);
    match errors_instead_of_signals().and_then(|()| commands::execute(cli.command, &cli.output)) {
        Ok(code) => code,
        Err(failure) => {
            console::fail(&failure);
            failure.exit_code()
        }
    }
}

/// Prints what clap has to say: help, the version, or what is wrong with the command.
fn answer(error: &clap::Error) -> ExitCode {
    let words = error.render();
    let plain = words.to_string();
    let (terminal, code) = match error.use_stderr() {
        true => (std::io::stderr().is_terminal(), u8::try_from(error.exit_code()).unwrap_or(2)),
        false => (std::io::stdout().is_terminal(), 0),
    };
    // An argument may hold what a terminal obeys; clap's own colours may be shown.
    let coloured = terminal && std::env::var_os("NO_COLOR").is_none() && say::shown(&plain) == plain;
    let text = if coloured { words.ansi().to_string() } else { say::shown(&plain).into_owned() };
    if error.use_stderr() {
        say::log_as_it_is(&text);
    } else if let Err(failure) = say::text(&text) {
        say::log(&format!("error: {failure}"));
        return failure.exit_code();
    }
    ExitCode::from(code)
}

/// Lets a write beyond the limit on the size of files (`ulimit -f`) be an error that names its file. A program that is
/// started by this one has the signal's own meaning back. SIGPIPE is ignored by Rust itself, in the same way.
fn errors_instead_of_signals() -> Result<(), Failure> {
    signal_hook::flag::register(SIGXFSZ, Arc::default())
        .map(drop)
        .map_err(Failure::io("watch for", Path::new("signals")))
}
