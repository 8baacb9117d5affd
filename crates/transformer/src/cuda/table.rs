use crate::{Config, Error, Result};

/// Rows to learn from and to be asked about, all as long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// Inputs of a row.
    pub positions: usize,
    /// `[rows, positions + 1]`; what stands behind the last token of a short row does not matter.
    pub tokens: Vec<u16>,
    /// What the token behind a place is for: [`Table::SCORED`], [`Table::ANSWER`], both or nothing, `[rows, positions]`.
    pub flags: Vec<u8>,
    /// END, and SEP, which a model may say in its place.
    pub border: Option<(u16, u16)>,
}

impl Table {
    /// It counts in the loss.
    pub const SCORED: u8 = 1;
    /// It is part of the answer.
    pub const ANSWER: u8 = 2;

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.tokens.len() / (self.positions + 1)
    }

    pub(super) fn check(&self, config: &Config) -> Result<()> {
        let fail = |message: String| Err(Error::Input(message));
        if self.positions == 0 || self.positions > config.n_ctx {
            return fail(format!("expected rows of 1 to {} inputs, found {}", config.n_ctx, self.positions));
        }
        let rows = self.rows();
        if rows == 0
            || self.tokens.len() != rows * (self.positions + 1)
            || self.flags.len() != rows * self.positions
        {
            let (tokens, flags) = (self.tokens.len(), self.flags.len());
            return fail(format!(
                "{tokens} tokens and {flags} flags are no rows of {} inputs",
                self.positions
            ));
        }
        match self.tokens.iter().find(|token| usize::from(**token) >= config.d_vocab) {
            Some(token) => fail(format!("expected tokens below {}, found {token}", config.d_vocab)),
            None => Ok(()),
        }
    }
}
