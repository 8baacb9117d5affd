/// Returns the p-values of many tests, adjusted for how many they are, in the order given.
///
/// Where an adjusted one is at most alpha the test counts; the chance that any counts wrongly is then at most alpha, whatever
/// depends on what (Holm 1979, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics
/// 6(2)). A p-value that is NaN stays so, and is counted as one of the tests.
#[must_use]
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).filter(|&at| !p_values[at].is_nan()).collect();
    order.sort_by(|&one, &other| p_values[one].total_cmp(&p_values[other]));
    let (mut adjusted, mut before) = (vec![f64::NAN; p_values.len()], 0.0_f64);
    for (smaller, at) in order.into_iter().enumerate() {
        before = before.max((p_values.len() - smaller) as f64 * p_values[at]).min(1.0);
        adjusted[at] = before;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjusted_values_are_those_of_r() {
        // p.adjust(p, "holm")
        for (p, expected) in [
            (vec![0.01, 0.02, 0.03, 0.04, 0.05], vec![0.05, 0.08, 0.09, 0.09, 0.09]),
            (vec![0.01, 0.04, 0.03, 0.005], vec![0.03, 0.06, 0.06, 0.02]),
            (vec![0.6, 0.7], vec![1.0, 1.0]),
            (vec![0.03], vec![0.03]),
            (vec![], vec![]),
        ] {
            let found = holm(&p);
            assert_eq!(found.len(), expected.len());
            let close = found.iter().zip(&expected).all(|(one, other)| (one - other).abs() < 1e-12);
            assert!(close, "{p:?}: {found:?}");
        }
    }

    #[test]
    fn what_was_not_measured_is_never_significant() {
        let found = holm(&[f64::NAN, 0.01]);
        assert!(found[0].is_nan() && (found[1] - 0.02).abs() < 1e-12, "{found:?}");
    }
}
