use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use transformer::engine::AdamW;

use crate::Error;
use crate::bounds::{COMPUTABLE, expected, number};

/// Adam or AdamW, with weight decay on matrices (never on biases or normalization weights).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Optimizer {
    /// Where weight decay enters.
    pub kind: OptimizerKind,
    /// Largest learning rate.
    pub learning_rate: f64,
    /// With `adamw`, the share of each matrix taken off per update, times the learning rate; with `adam`, the share of each
    /// matrix added to its gradient.
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

/// Where weight decay enters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerKind {
    /// It shrinks the weights, apart from the gradient (Loshchilov and Hutter 2019); `torch.optim.AdamW`.
    #[default]
    Adamw,
    /// It is added to the gradient, so that the moments see it (L2 regularisation); `torch.optim.Adam`.
    Adam,
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
    /// Falls to 0 along a line.
    Linear,
}

impl Default for Optimizer {
    fn default() -> Self {
        Self {
            kind: OptimizerKind::Adamw,
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

impl Optimizer {
    pub(crate) fn check(&self, steps: u64) -> Result<(), Error> {
        let share = |value: f64| match (0.0..1.0).contains(&value) {
            true => None,
            false => Some("at least 0 and less than 1".to_owned()),
        };
        let decay = |value: f64| match value {
            0.0 => None,
            value if value > 0.0 => expected(value, COMPUTABLE),
            _ => Some("at least 0".to_owned()),
        };
        let checks = [
            ("learning_rate", self.learning_rate, expected(self.learning_rate, COMPUTABLE)),
            ("weight_decay", self.weight_decay, decay(self.weight_decay)),
            ("beta1", self.beta1, share(self.beta1)),
            ("beta2", self.beta2, share(self.beta2)),
            ("eps", self.eps, expected(self.eps, COMPUTABLE)),
            ("clip", self.clip.unwrap_or(1.0), self.clip.and_then(|clip| expected(clip, COMPUTABLE))),
        ];
        for (name, value, expected) in checks {
            if let Some(expected) = expected {
                let message = format!("must be {expected}, found {}", number(value));
                let at = format!("optimizer.{name}");
                return Err(Error::config(at, message, "leave it out for the default"));
            }
        }
        if self.warmup >= steps {
            let message = format!("{} updates of warm-up leave none of the {steps} steps", self.warmup);
            return Err(Error::config("optimizer.warmup", message, "make it smaller than `steps`"));
        }
        Ok(())
    }

    /// Returns update `step` (from 1) at a learning rate, of gradients that are not clipped.
    pub(crate) fn update(&self, step: u64, learning_rate: f64) -> AdamW {
        let Self { kind, beta1, beta2, eps, weight_decay, .. } = *self;
        let (decoupled, l2) = match kind {
            OptimizerKind::Adamw => (weight_decay, 0.0),
            OptimizerKind::Adam => (0.0, weight_decay),
        };
        let power = i32::try_from(step).unwrap_or(i32::MAX);
        AdamW {
            mean_rate: (1.0 - beta1) as f32,
            square_kept: beta2 as f32,
            square_rate: (1.0 - beta2) as f32,
            kept: (1.0 - learning_rate * decoupled) as f32,
            l2: l2 as f32,
            rate: (learning_rate / (1.0 - beta1.powi(power))) as f32,
            root: (1.0 / (1.0 - beta2.powi(power)).sqrt()) as f32,
            eps: eps as f32,
            scale: 1.0,
        }
    }

    /// Returns the learning rate of update `step` (from 1) of `steps`, those of the runs that this one continues among them.
    pub(crate) fn learning_rate_at(&self, step: u64, steps: u64) -> f64 {
        if step <= self.warmup {
            return self.learning_rate * step as f64 / self.warmup as f64;
        }
        let done = (step - 1 - self.warmup) as f64 / (steps - self.warmup) as f64; // 0 to just under 1
        match self.schedule {
            Schedule::Constant => self.learning_rate,
            Schedule::Cosine => self.learning_rate * 0.5 * (1.0 + (std::f64::consts::PI * done).cos()),
            Schedule::Linear => self.learning_rate * (1.0 - done),
        }
    }
}
