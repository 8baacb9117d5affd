use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use transformer::{ActFn, Normalization, PositionalEmbedding};

use crate::batch_size::BatchSize;
use crate::bounds::{COMPUTABLE, expected, number};
use crate::{Error, Optimizer, Seeds};

/// What is trained, how, and how often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Shape of the model; vocabulary and context length follow from the data.
    pub model: Model,
    /// What an update does, and its schedule.
    #[serde(default)]
    pub optimizer: Optimizer,
    /// Models to train: a number (`8` is the seeds 0 to 7) or a list of seeds.
    pub seeds: Seeds,
    /// Updates of each model; of a continued run, further ones.
    pub steps: u64,
    /// Rows of each update: a number, or `full` for all of them in the table's own order.
    pub batch: BatchSize,
    /// Which rows come when.
    #[serde(default)]
    pub order: Order,
    /// The positions that are scored.
    #[serde(default)]
    pub loss: Loss,
    /// Updates between two logged steps.
    #[serde(default = "ten")]
    pub log_every: u64,
    /// Updates between two looks at the validation rows.
    #[serde(default = "fifty")]
    pub evaluate_every: u64,
    /// Steps whose weights are kept, besides the first (0, untrained) and the last.
    #[serde(default)]
    pub checkpoints: Checkpoints,
}

/// Shape of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Number of blocks; 0 is embedding and unembedding only.
    pub n_layers: usize,
    /// Heads of each block.
    pub n_heads: usize,
    /// Width of the residual stream.
    pub d_model: usize,
    /// Neurons of each MLP; left out: 4 d_model, or none with `attn_only`.
    #[serde(default)]
    pub d_mlp: Option<usize>,
    /// Width of a head; left out: d_model / n_heads.
    #[serde(default)]
    pub d_head: Option<usize>,
    /// The MLP's nonlinearity.
    #[serde(default)]
    pub act_fn: ActFn,
    /// Normalization before attention, MLP and unembedding.
    #[serde(default)]
    pub normalization: Normalization,
    /// Blocks without an MLP.
    #[serde(default)]
    pub attn_only: bool,
    /// Number of tokens that it can read; left out: as many as the longest train or validation row asks of it.
    ///
    /// Where longer rows are held out it has to be given, because the trainer does not see them.
    #[serde(default)]
    pub n_ctx: Option<usize>,
    /// Standard deviation of the initial matrices.
    #[serde(default = "gpt2_deviation")]
    pub initializer_range: f64,
    /// Share of the embeddings and of the outputs of attention and MLP that each update leaves out; training only.
    #[serde(default)]
    pub dropout: f64,
}

/// Which rows come when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Epoch after epoch, each one a shuffle without replacement by the model's seed.
    #[default]
    Shuffled,
    /// Every row once, in the table's own order; they are read as the steps go and never held together.
    Once,
}

/// The positions that are scored: always the next token given the ones before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Every token but the first.
    #[default]
    All,
    /// The tokens of the answer span.
    Answer,
    /// The tokens from a position on.
    Span(Span),
    /// Every position against the row's last token: refused, because it trains on a misaligned target.
    Last,
}

/// Part of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The first scored token, counted from 0; at least 1, since nothing stands before token 0.
    pub from: usize,
}

/// Steps whose weights are kept, besides the first (of a continued run, where it began) and the last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Checkpoints {
    /// Updates between two checkpoints; 0 is never.
    pub every: u64,
    /// Number of checkpoints spread evenly over the logarithm of the step; 0 is none.
    pub log_spaced: u64,
    /// Also the step with the lowest validation loss, of equals the first, of those where it is measured.
    pub best: bool,
}

/// Updates of a seed, at most; nothing that happens every so many of them happens less often.
const STEPS: u64 = 1_000_000_000;
/// Rows of an update that is not `full`, at most.
const BATCH: u64 = 1 << 24;
/// Checkpoints spread over the logarithm of the step, at most.
const SPACED: u64 = 10_000;
/// Checkpoints of all seeds, at most.
const KEPT: u64 = 1_000_000;
/// Lines about the training of all seeds, at most: they are held in memory until the end, 100 bytes each.
const LINES: u64 = 20_000_000;

fn ten() -> u64 {
    10
}

fn fifty() -> u64 {
    50
}

/// As in GPT-2 and TransformerLens.
fn gpt2_deviation() -> f64 {
    0.02
}

impl Config {
    /// Checks what can be known without the data.
    ///
    /// # Errors
    /// [`Error::Config`] with the path of the first value that cannot be meant.
    pub fn check(&self) -> Result<(), Error> {
        self.seeds.check()?;
        for (at, value, least, most) in [
            ("steps", self.steps, 1, STEPS),
            ("batch", self.batch.of(1), 1, BATCH),
            ("log_every", self.log_every, 1, STEPS),
            ("evaluate_every", self.evaluate_every, 1, STEPS),
            ("checkpoints.every", self.checkpoints.every, 0, STEPS),
            ("checkpoints.log_spaced", self.checkpoints.log_spaced, 0, SPACED),
        ] {
            if value < least {
                let message = format!("must be at least {least}, found {value}");
                return Err(Error::config(at, message, "name a larger number"));
            }
            if value > most {
                let message = format!("must be at most {most}, found {value}");
                return Err(Error::config(at, message, "name a smaller number"));
            }
        }
        self.check_records()?;
        if (self.batch, self.order) == (BatchSize::Full, Order::Once) {
            return Err(Error::config(
                "order",
                "`once` shows a row to one update, a batch that is `full` to every update",
                "leave one of the two out",
            ));
        }
        self.loss.check()?;
        self.optimizer.check(self.steps)?;
        self.model.check()
    }
}

impl Config {
    /// Checks that what is written down and kept of all seeds has bounds.
    fn check_records(&self) -> Result<(), Error> {
        let Self { steps, log_every, evaluate_every, checkpoints, .. } = *self;
        let seeds = self.seeds.0.len() as u64;
        let lines = seeds.saturating_mul(steps / log_every + steps / evaluate_every + 2);
        if lines > LINES {
            let (at, other) = match log_every < evaluate_every {
                true => ("log_every", "evaluate_every"),
                false => ("evaluate_every", "log_every"),
            };
            let message = format!(
                "{seeds} seeds of {steps} steps write {lines} lines with `log_every: {log_every}` and `evaluate_every: \
                 {evaluate_every}`, of at most {LINES}"
            );
            return Err(Error::config(
                at,
                message,
                format!("raise it, and `{other}` where that is small too"),
            ));
        }
        let each = steps.checked_div(checkpoints.every).unwrap_or(0) + checkpoints.log_spaced + 3;
        let kept = seeds.saturating_mul(each);
        if kept > KEPT {
            let at = if checkpoints.every > 0 { "checkpoints.every" } else { "checkpoints.log_spaced" };
            let message = format!(
                "{seeds} seeds keep up to {each} checkpoints each, {kept} together, of at most {KEPT}"
            );
            return Err(Error::config(at, message, "keep fewer, or train fewer seeds"));
        }
        Ok(())
    }
}

impl Loss {
    fn check(self) -> Result<(), Error> {
        match self {
            Loss::Last => Err(Error::config(
                "loss",
                "`last` scores every position against the last token, so all but one learn a target that is not theirs",
                "use `answer` to score the answer's tokens alone, or `all` for every next token",
            )),
            Loss::Span(Span { from: 0 }) => Err(Error::config(
                "loss.span.from",
                "token 0 has nothing before it to be predicted from",
                "count from 1, or use `all`",
            )),
            _ => Ok(()),
        }
    }
}

impl Model {
    fn check(&self) -> Result<(), Error> {
        if self.attn_only && self.d_mlp.unwrap_or(0) > 0 {
            return Err(Error::config(
                "model.d_mlp",
                "a model with `attn_only` has no MLP",
                "leave one of the two out",
            ));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            let message = format!("must be at least 0 and less than 1, found {}", number(self.dropout));
            return Err(Error::config("model.dropout", message, "leave it out for none"));
        }
        let range = self.initializer_range;
        if let Some(expected) = expected(range, (COMPUTABLE.0, 1e3)) {
            let message = format!("must be {expected}, found {}", number(range));
            return Err(Error::config("model.initializer_range", message, "leave it out for the default"));
        }
        let possible = self.n_heads.max(self.d_model) <= transformer::WIDEST;
        if possible
            && self.d_head.is_none()
            && (self.n_heads == 0 || !self.d_model.is_multiple_of(self.n_heads))
        {
            let message = format!("{} heads do not divide d_model {}", self.n_heads, self.d_model);
            return Err(Error::config("model.n_heads", message, "choose a divisor, or name `d_head`"));
        }
        self.shape(1, 1).check().map_err(|error| match error {
            transformer::Error::Config { at, message } => {
                let more = message.starts_with("must be at least");
                let help = if more { "name a larger number" } else { "name a smaller number" };
                Error::config(format!("model.{at}"), message, help)
            }
            other => other.into(),
        })
    }

    /// Returns the model's whole shape, for a vocabulary and a longest input.
    pub fn shape(&self, d_vocab: usize, longest: usize) -> transformer::Config {
        let d_mlp = if self.attn_only { 0 } else { self.d_mlp.unwrap_or(self.d_model.saturating_mul(4)) };
        transformer::Config {
            n_layers: self.n_layers,
            d_model: self.d_model,
            n_ctx: self.n_ctx.unwrap_or(longest),
            d_head: self.d_head.unwrap_or(self.d_model / self.n_heads.max(1)),
            n_heads: self.n_heads,
            d_mlp,
            d_vocab,
            act_fn: self.act_fn,
            normalization_type: self.normalization,
            positional_embedding_type: PositionalEmbedding::Standard,
            attn_only: d_mlp == 0,
            eps: 1e-5,
        }
    }
}

impl Checkpoints {
    /// Returns the steps whose weights are kept whatever comes of them: rising, `first` and `last` among them.
    ///
    /// Those of `every` are counted from the first step ever, those spread over the logarithm from `first`.
    pub(crate) fn at(self, first: u64, last: u64) -> Vec<u64> {
        let mut kept = vec![first, last];
        if let Some(before) = first.checked_div(self.every) {
            let next = |step: &u64| step.checked_add(self.every);
            let start = (before + 1).checked_mul(self.every);
            kept.extend(std::iter::successors(start, next).take_while(|&step| step < last));
        }
        let exponent = |i: u64| i as f64 / self.log_spaced as f64;
        let steps = (last - first) as f64;
        kept.extend((0..self.log_spaced).map(|i| first + steps.powf(exponent(i)).round() as u64));
        kept.sort_unstable();
        kept.dedup();
        kept
    }
}
