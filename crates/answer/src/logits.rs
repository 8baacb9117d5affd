/// Returns the token with the largest logit; the first of equal ones.
#[must_use]
pub fn likeliest(logits: &[f32]) -> u16 {
    let best = logits
        .iter()
        .enumerate()
        .fold(0, |best, (token, logit)| if *logit > logits[best] { token } else { best });
    best as u16
}

/// Returns 1 for the likeliest token, 2 for the next, and so on; of equal ones the first comes first.
#[must_use]
pub fn rank(logits: &[f32], token: u16) -> i32 {
    let token = usize::from(token);
    let before = |(other, logit): &(usize, &f32)| {
        **logit > logits[token] || **logit == logits[token] && *other < token
    };
    1 + logits.iter().enumerate().filter(before).count() as i32
}

/// Returns the natural logarithm of the token's probability.
#[must_use]
pub fn log_softmax(logits: &[f32], token: u16) -> f64 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|&logit| f64::from(logit - largest).exp()).sum();
    f64::from(logits[usize::from(token)]) - f64::from(largest) - sum.ln()
}

/// Returns the logarithm of the sum of probabilities given by their logarithms.
pub(crate) fn log_sum(mut logarithms: impl Iterator<Item = f64>) -> f64 {
    let first = logarithms.next().unwrap_or(f64::NEG_INFINITY);
    logarithms.fold(first, |one, other| one.max(other) + (-(one - other).abs()).exp().ln_1p())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_add_up() {
        let sum = log_sum([0.25_f64.ln(), 0.5_f64.ln()].into_iter());
        assert!((sum - 0.75_f64.ln()).abs() < 1e-12);
        assert_eq!(log_sum([-3.0].into_iter()), -3.0);
    }

    #[test]
    fn ranks_and_ties() {
        let logits = [1.0, 3.0, 3.0, -2.0];
        assert_eq!([0, 1, 2, 3].map(|token| rank(&logits, token)), [3, 1, 2, 4]);
        assert_eq!(likeliest(&logits), 1);
    }

    #[test]
    fn log_softmax_by_hand() {
        let logits = [0.0_f32, 3.0_f32.ln(), -1e30];
        assert!((log_softmax(&logits, 0) - 0.25_f64.ln()).abs() < 1e-7);
        assert!((log_softmax(&logits, 1) - 0.75_f64.ln()).abs() < 1e-7);
        assert!(log_softmax(&logits, 2).is_finite());
    }
}
