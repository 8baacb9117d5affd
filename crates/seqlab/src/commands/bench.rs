use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use artifact::tables::{Example, Token, Training};
use artifact::{Provenance, write_table};
use clap::{Args, Subcommand};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;

use super::run::Device;
use crate::failure::Failure;
use crate::say;
use crate::threads::{ONE_THREAD, no_threads, threads};

/// Measure this machine
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    Train(Train),
    Peak(Peak),
}

/// Do fused multiply-adds in registers and nothing else, and print their rate, which no training can exceed, as one JSON line
#[derive(Debug, Args)]
pub(crate) struct Peak {
    /// How many do so at once; the rate is that of one
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    threads: u16,
}

/// Train on made-up tokens and print the rate as one JSON line; `steps_per_s` counts the steps of all seeds
#[derive(Debug, Args)]
pub(crate) struct Train {
    #[arg(long, default_value_t = 1)]
    layers: usize,
    #[arg(long, default_value_t = 64)]
    d_model: usize,
    #[arg(long, default_value_t = 4)]
    heads: usize,
    /// Hidden width of the MLP; 0 = no MLP
    #[arg(long, default_value_t = 256)]
    mlp: usize,
    /// Nonlinearity of the MLP
    #[arg(long, default_value = "gelu_new", value_parser = ["gelu", "gelu_new", "relu"])]
    act: String,
    /// 1 = layer norm before attention, MLP and unembedding; 0 = none
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=1))]
    ln: u8,
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u16).range(2..))]
    vocab: u16,
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    ctx: u16,
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    batch: u32,
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    steps: u64,
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..=1_000_000))]
    seeds: i32,
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=4096))]
    threads: u16,
    /// Steps before those that are measured
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    warmup: u64,
    /// Where to train
    #[arg(long, value_enum, default_value_t)]
    device: Device,
}

pub(crate) fn train(arguments: &Train) -> Result<ExitCode, Failure> {
    if std::env::var_os(ONE_THREAD[0].0).is_none() {
        let program = std::env::current_exe().map_err(Failure::io("find", Path::new("seqlab")))?;
        let mut again = Command::new(&program);
        again.args(std::env::args_os().skip(1)).envs(ONE_THREAD);
        return Err(Failure::io("start", &program)(again.exec()));
    }
    threads(arguments.threads.into())?;
    let folder = tempfile::tempdir().map_err(Failure::io("create", Path::new("a temporary folder")))?;
    let inputs = data(arguments, folder.path())?;
    // What is before the first step, and the first steps, go off from what is measured.
    // The very first run of all also compiles what is compiled for a GPU.
    let first = measure(arguments, arguments.warmup, &inputs, folder.path())?;
    let before = measure(arguments, arguments.warmup, &inputs, folder.path())?;
    let all = measure(arguments, arguments.warmup + arguments.steps, &inputs, folder.path())?;
    let (seconds, cpu_seconds) = (all.seconds - before.seconds, all.cpu_seconds - before.cpu_seconds);
    let steps = arguments.steps as f64 * f64::from(arguments.seeds);
    let tokens = f64::from(arguments.batch) * f64::from(arguments.ctx);
    let line = json!({
        "framework": "seqlab", "version": env!("CARGO_PKG_VERSION"), "mode": "fused",
        "device": arguments.device.name(), "isa": transformer::engine::isa(), "layers": arguments.layers,
        "d_model": arguments.d_model, "heads": arguments.heads, "mlp": arguments.mlp, "act": arguments.act,
        "ln": arguments.ln, "vocab": arguments.vocab,
        "ctx": arguments.ctx, "batch": arguments.batch, "seeds": arguments.seeds, "threads": arguments.threads,
        "steps": arguments.steps, "seconds": seconds, "cpu_seconds": cpu_seconds,
        "steps_per_s": steps / seconds, "steps_per_cpu_s": steps / cpu_seconds,
        "tokens_per_s": steps * tokens / seconds, "gflops_per_core": arguments.gflop() * steps / cpu_seconds, "compile_s": first.seconds - before.seconds, "final_loss": all.loss,
    });
    say::json(&line)?;
    Ok(ExitCode::SUCCESS)
}

impl Train {
    /// Returns the floating-point operations of a step of one seed, in 10^9: two per token and weight of a matrix, four per
    /// token, position, layer and head's dimension where positions meet, masked or not, and twice as many on the way back.
    fn gflop(&self) -> f64 {
        let [layers, d_model, mlp, vocabulary, positions, rows] =
            [self.layers, self.d_model, self.mlp, self.vocab.into(), self.ctx.into(), self.batch as usize]
                .map(|n| n as f64);
        let weights = layers * (4.0 * d_model * d_model + 2.0 * d_model * mlp) + d_model * vocabulary;
        let meetings = layers * positions * d_model;
        3.0 * rows * positions * (2.0 * weights + 4.0 * meetings) * 1e-9
    }
}

pub(crate) fn peak(arguments: &Peak) -> Result<ExitCode, Failure> {
    const ROUNDS: u64 = 20_000_000;
    let measure = || {
        let begun = Instant::now();
        let operations = transformer::engine::multiply_adds(ROUNDS);
        operations as f64 / begun.elapsed().as_secs_f64() * 1e-9
    };
    // The best of some, as others may be at work here; each begins when all have ended the one before.
    let round = || {
        std::thread::scope(|scope| {
            let start = |_| std::thread::Builder::new().spawn_scoped(scope, measure);
            let threads = (0..arguments.threads).map(start).collect::<std::io::Result<Vec<_>>>()?;
            let rates = threads.into_iter().map(|thread| thread.join().expect("it only multiplies"));
            std::io::Result::Ok(rates.sum::<f64>() / f64::from(arguments.threads))
        })
    };
    let rates = (0..5).map(|_| round()).collect::<Result<Vec<_>, _>>();
    let rates = rates.map_err(|error| no_threads(arguments.threads.into(), &error))?;
    let line = json!({
        "framework": "seqlab", "version": env!("CARGO_PKG_VERSION"), "mode": "peak", "isa": transformer::engine::isa(),
        "threads": arguments.threads, "gflops_per_core": rates.into_iter().fold(0.0, f64::max),
    });
    say::json(&line)?;
    Ok(ExitCode::SUCCESS)
}

/// What a run took, and the mean of the seeds' last losses.
struct Measured {
    seconds: f64,
    cpu_seconds: f64,
    loss: f64,
}

fn measure(
    arguments: &Train,
    steps: u64,
    inputs: &trainer::Inputs,
    folder: &Path,
) -> Result<Measured, Failure> {
    let config: trainer::Config = serde_json::from_value(json!({
        "model": {
            "n_layers": arguments.layers, "n_heads": arguments.heads, "d_model": arguments.d_model,
            "d_mlp": arguments.mlp, "attn_only": arguments.mlp == 0, "act_fn": arguments.act,
            "normalization": if arguments.ln == 1 { "LN" } else { "none" },
        },
        "seeds": arguments.seeds, "steps": steps, "batch": arguments.batch,
        "log_every": steps, "evaluate_every": steps,
    }))
    .map_err(Failure::usage)?;
    config.check().map_err(Failure::usage)?;
    let device = if arguments.device == Device::Cuda { trainer::Device::Cuda } else { trainer::Device::Cpu };
    let cpu = || {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
    };
    let (begun, used) = (Instant::now(), cpu());
    trainer::run(&config, inputs, folder, device, None, &Provenance::default()).map_err(Failure::stage)?;
    let (seconds, cpu_seconds) = (begun.elapsed().as_secs_f64(), cpu() - used);
    let log: Vec<Training> =
        artifact::read_table(&folder.join("training.parquet")).map_err(Failure::stage)?;
    let last = log.iter().filter(|row| row.step == steps as i64).filter_map(|row| row.train_loss);
    let loss = last.map(f64::from).sum::<f64>() / f64::from(arguments.seeds);
    Ok(Measured { seconds, cpu_seconds, loss })
}

/// Writes rows of `ctx + 1` scattered tokens, 16 batches of them.
fn data(arguments: &Train, folder: &Path) -> Result<trainer::Inputs, Failure> {
    let (vocabulary, length) = (u64::from(arguments.vocab), u64::from(arguments.ctx) + 1);
    let row = |id: u64| Example {
        example_id: i64::try_from(id).unwrap_or(i64::MAX),
        task: "bench".to_owned(),
        family: "none".to_owned(),
        notation: "numeral".to_owned(),
        domain: "integer".to_owned(),
        unit: "none".to_owned(),
        parameter: None,
        text: String::new(),
        terms: vec![],
        tokens: (id * length..(id + 1) * length)
            .map(|i| u16::try_from((i.wrapping_mul(2_654_435_761) >> 7) % vocabulary).unwrap_or(0))
            .collect(),
        answer_start: i32::from(arguments.ctx),
        answer_length: 1,
        cluster: 0,
    };
    let token = |token_id: u16| Token {
        token_id: i32::from(token_id),
        token: token_id.to_string(),
        kind: "value".to_owned(),
        value: Some(token_id.into()),
    };
    let [train, validation, words] =
        ["train.parquet", "validation.parquet", "vocabulary.parquet"].map(|name| folder.join(name));
    let provenance = Provenance::default();
    let rows = 16 * u64::from(arguments.batch);
    write_table(&train, &provenance, (0..rows).map(row))?;
    write_table(&validation, &provenance, (rows..=rows).map(row))?;
    write_table(&words, &provenance, (0..arguments.vocab).map(token))?;
    Ok(trainer::Inputs { train: vec![train], validation: vec![validation], vocabulary: words, from: None })
}
