use crate::{Config, Error, Result};

/// Rows of one length, and the places where the model is asked for the next token.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// Inputs, `[rows, positions]`.
    pub tokens: Vec<u32>,
    /// Positions of a row.
    pub positions: usize,
    /// Flat indices into `[rows * positions]`, rising, `[n]`.
    pub places: Vec<u32>,
    /// The right next tokens there, `[n]`.
    pub targets: Vec<u32>,
    /// Weight of each in the loss, `[n]`.
    pub weights: Vec<f32>,
}

/// What a model gives for a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// Weighted sum of the negative log-likelihoods of the targets, in nats.
    pub loss: f64,
    /// The likeliest next token at each place, of equals the least, `[n]`.
    pub predicted: Vec<u32>,
}

impl Batch {
    /// Refuses a batch that models of this shape cannot take.
    pub(super) fn check(&self, config: &Config) -> Result<()> {
        let Self { tokens, positions, places, targets, weights } = self;
        check_inputs(config, tokens, *positions, places)?;
        check_tokens(config, targets)?;
        if targets.len() == places.len() && weights.len() == places.len() {
            return Ok(());
        }
        let [targets, weights, places] = [targets.len(), weights.len(), places.len()];
        Err(Error::Input(format!("{targets} targets and {weights} weights for {places} places")))
    }
}

/// Refuses rows, and places in them, that models of this shape cannot take.
pub(super) fn check_inputs(config: &Config, tokens: &[u32], positions: usize, places: &[u32]) -> Result<()> {
    if tokens.is_empty()
        || positions == 0
        || positions > config.n_ctx
        || !tokens.len().is_multiple_of(positions)
    {
        let (n_ctx, found) = (config.n_ctx, tokens.len());
        return Err(Error::Input(format!(
            "expected rows of 1 to {n_ctx} tokens, found {found} in rows of {positions}"
        )));
    }
    check_tokens(config, tokens)?;
    let rising = places.windows(2).all(|pair| pair[0] < pair[1]);
    if !rising || places.last().is_some_and(|place| *place as usize >= tokens.len()) {
        return Err(Error::Input(format!("expected rising places below {}", tokens.len())));
    }
    Ok(())
}

fn check_tokens(config: &Config, tokens: &[u32]) -> Result<()> {
    match tokens.iter().find(|token| **token as usize >= config.d_vocab) {
        Some(token) => Err(Error::Input(format!("expected tokens below {}, found {token}", config.d_vocab))),
        None => Ok(()),
    }
}
