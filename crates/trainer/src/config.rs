use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use transformer::{ActFn, INITIALIZER_RANGE, Normalization, PositionalEmbedding};

use crate::Error;
use crate::seeds::Seeds;

/// What is trained, how, and how often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Shape of the model; vocabulary and context length follow from the data.
    pub model: Model,
    /// AdamW and its schedule.
    #[serde(default)]
    pub optimizer: Optimizer,
    /// Models to train: a number (`8` is the seeds 0 to 7) or a list of seeds.
    pub seeds: Seeds,
    /// Updates of each model.
    pub steps: u64,
    /// Rows of each update.
    pub batch: usize,
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
    /// Standard deviation of the initial matrices; left out: 0.02, as in GPT-2. Without normalization that is little.
    #[serde(default = "gpt2_range")]
    pub initializer_range: f64,
}

/// AdamW with decoupled weight decay on matrices (never on biases or normalization weights).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Optimizer {
    /// Largest learning rate.
    pub learning_rate: f64,
    /// Share of each matrix taken off per update, times the learning rate.
    pub weight_decay: f64,
    /// Decay of the mean of gradients.
    pub beta1: f64,
    /// Decay of the mean of squared gradients.
    pub beta2: f64,
    /// Added to the root of the mean square.
    pub eps: f64,
    /// Updates over which the learning rate rises linearly to `learning_rate`.
    pub warmup: u64,
    /// The learning rate after the warm-up.
    pub schedule: Schedule,
    /// Largest norm of the gradient over all parameters; longer ones are scaled to it.
    pub clip: Option<f64>,
}

/// The learning rate after the warm-up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// Stays.
    #[default]
    Constant,
    /// Falls to 0 along half a cosine.
    Cosine,
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

/// Steps whose weights are kept, besides the first and the last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Checkpoints {
    /// Updates between two checkpoints; 0 is never.
    pub every: u64,
    /// Number of checkpoints spread evenly over the logarithm of the step; 0 is none.
    pub log_spaced: u64,
}

impl Default for Optimizer {
    fn default() -> Self {
        Self {
            learning_rate: 1e-3,
            weight_decay: 0.01,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            warmup: 0,
            schedule: Schedule::Constant,
            clip: None,
        }
    }
}

fn gpt2_range() -> f64 {
    INITIALIZER_RANGE
}

fn ten() -> u64 {
    10
}

fn fifty() -> u64 {
    50
}

impl Config {
    /// Checks what can be known without the data.
    ///
    /// # Errors
    /// [`Error::Config`] with the path of the first value that cannot be meant.
    pub fn check(&self) -> Result<(), Error> {
        self.seeds.check()?;
        for (at, value) in [
            ("steps", self.steps),
            ("batch", self.batch as u64),
            ("log_every", self.log_every),
            ("evaluate_every", self.evaluate_every),
        ] {
            if value == 0 {
                return Err(Error::config(at, "must be at least 1, found 0", "name a larger number"));
            }
        }
        self.loss.check()?;
        self.optimizer.check(self.steps)?;
        self.model.check()
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

impl Optimizer {
    fn check(&self, steps: u64) -> Result<(), Error> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let share = |value: f64| (0.0..1.0).contains(&value);
        let checks = [
            ("learning_rate", self.learning_rate, positive(self.learning_rate), "a positive number"),
            (
                "weight_decay",
                self.weight_decay,
                self.weight_decay.is_finite() && self.weight_decay >= 0.0,
                "at least 0",
            ),
            ("beta1", self.beta1, share(self.beta1), "at least 0 and less than 1"),
            ("beta2", self.beta2, share(self.beta2), "at least 0 and less than 1"),
            ("eps", self.eps, positive(self.eps), "a positive number"),
            ("clip", self.clip.unwrap_or(1.0), self.clip.is_none_or(positive), "a positive number"),
        ];
        for (name, value, fine, expected) in checks {
            if !fine {
                let message = format!("must be {expected}, found {value}");
                return Err(Error::config(
                    format!("optimizer.{name}"),
                    message,
                    "leave it out for the default",
                ));
            }
        }
        if self.warmup >= steps {
            let message = format!("{} updates of warm-up leave none of the {steps} steps", self.warmup);
            return Err(Error::config("optimizer.warmup", message, "make it smaller than `steps`"));
        }
        Ok(())
    }

    /// Returns the learning rate of update `step` (from 1) of `steps`.
    pub fn learning_rate_at(&self, step: u64, steps: u64) -> f64 {
        if step <= self.warmup {
            return self.learning_rate * step as f64 / self.warmup as f64;
        }
        match self.schedule {
            Schedule::Constant => self.learning_rate,
            Schedule::Cosine => {
                let done = (step - 1 - self.warmup) as f64 / (steps - self.warmup) as f64; // 0 to just under 1
                self.learning_rate * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
            }
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
        if !(self.initializer_range.is_finite() && self.initializer_range > 0.0) {
            let message = format!("must be a positive number, found {}", self.initializer_range);
            return Err(Error::config("model.initializer_range", message, "leave it out for the default"));
        }
        if self.d_head.is_none() && (self.n_heads == 0 || !self.d_model.is_multiple_of(self.n_heads)) {
            let message = format!("{} heads do not divide d_model {}", self.n_heads, self.d_model);
            return Err(Error::config("model.n_heads", message, "choose a divisor, or name `d_head`"));
        }
        self.shape(1, 1).check().map_err(|error| match error {
            transformer::Error::Config { at, message } => {
                Error::config(format!("model.{at}"), message, "name a larger number")
            }
            other => other.into(),
        })
    }

    /// Returns the model's whole shape, for a vocabulary and a longest input.
    pub fn shape(&self, d_vocab: usize, longest: usize) -> transformer::Config {
        let d_mlp = if self.attn_only { 0 } else { self.d_mlp.unwrap_or(4 * self.d_model) };
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
    /// Returns the steps whose weights are kept, rising, 0 and `steps` among them.
    pub fn at(self, steps: u64) -> Vec<u64> {
        let mut kept = vec![0, steps];
        kept.extend((1..).map(|i| i * self.every).take_while(|&step| self.every > 0 && step < steps));
        let exponent = |i: u64| i as f64 / self.log_spaced as f64;
        kept.extend((0..self.log_spaced).map(|i| (steps as f64).powf(exponent(i)).round() as u64));
        kept.sort_unstable();
        kept.dedup();
        kept
    }
}
