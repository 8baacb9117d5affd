//! The command line: connects stages to the pipeline and talks to the person.
//!
//! Exit codes: 0 done, 1 a stage failed or a leak was found, 2 the command or the definition is wrong, 75 another
//! runner holds the lock, 130 and 143 after SIGINT and SIGTERM.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the command line is where the project speaks"
)]

mod cli;
mod commands;
mod console;
mod failure;
mod stages;

use std::process::ExitCode;

use clap::Parser;

// Training allocates and frees the same large buffers at every step; an allocator that keeps them saves page faults.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // `seqlab tables | head` ends quietly when head does.
    sigpipe::reset();
    let cli = cli::Cli::parse();
    console::start(&cli.output);
    match commands::execute(cli.command, &cli.output) {
        Ok(code) => code,
        Err(failure) => {
            console::fail(&failure);
            failure.exit_code()
        }
    }
}
