use proptest::prelude::*;

use super::*;

fn close(left: f64, right: f64) -> bool {
    (left - right).abs() < 1e-9
}

#[test]
fn wilson_agrees_with_published_values() {
    // Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I: 81/263, 15/148, 0/20, 1/29.
    for (x, n, low, high) in [
        (81.0, 263, 0.2553, 0.3662),
        (15.0, 148, 0.0624, 0.1605),
        (0.0, 20, 0.0, 0.1611),
        (1.0, 29, 0.0061, 0.1718),
    ] {
        let found = wilson(x / n as f64, n as f64, ALPHA).expect("there are rows");
        assert!((found.low - low).abs() < 5e-5 && (found.high - high).abs() < 5e-5, "{x}/{n}: {found:?}");
    }
    assert_eq!(wilson(0.5, 0.0, ALPHA), None);
    assert_eq!(wilson(1.0, 7.0, ALPHA).map(|i| i.high), Some(1.0));
}

#[test]
fn wilson_solves_its_own_equation() {
    // The borders are the p with |share - p| = z sqrt(p (1 - p) / n).
    for (share, n) in [(0.1, 10_u64), (0.5, 33), (0.97, 1102)] {
        let found = wilson(share, n as f64, ALPHA).expect("there are rows");
        for p in [found.low, found.high] {
            assert!(close((share - p).abs(), normal(ALPHA) * (p * (1.0 - p) / n as f64).sqrt()));
        }
    }
}

#[test]
fn drawing_is_the_same_every_time_and_differs_by_stream() {
    let clusters: Vec<[f64; 2]> = (0..40).map(|i| [f64::from(i % 3), 1.0]).collect();
    assert_eq!(draw_clusters(&clusters, 50, 1), draw_clusters(&clusters, 50, 1));
    assert_ne!(draw_clusters(&clusters, 50, 1), draw_clusters(&clusters, 50, 2));
    assert!(draw_clusters(&clusters, 50, 1).iter().all(|sums| close(sums[1], 40.0)));
}

#[test]
fn two_clusters_are_drawn_with_binomial_shares() {
    // Of two clusters, one right and one wrong, the accuracy of a draw is 0, 1/2, 1 with shares 1/4, 1/2, 1/4.
    let draws = draw_clusters(&[[1.0, 1.0], [0.0, 1.0]], 20_000, 0);
    for (accuracy, share) in [(0.0, 0.25), (0.5, 0.5), (1.0, 0.25)] {
        let found = draws.iter().filter(|s| close(s[0] / s[1], accuracy)).count() as f64 / 20_000.0;
        assert!((found - share).abs() < 0.015, "{accuracy}: {found}");
    }
}

#[test]
fn the_interval_of_independent_rows_is_the_normal_one() {
    // 400 clusters of one row, 30 % right: standard error sqrt(0.3 * 0.7 / 400) = 0.0229.
    let clusters: Vec<[f64; 2]> = (0..400).map(|i| [f64::from(i % 10 < 3), 1.0]).collect();
    let draws = draw_clusters(&clusters, 4000, 0);
    let found = percentile(draws.iter().map(|s| Some(s[0] / s[1])), ALPHA).expect("there are rows");
    assert!((found.low - (0.3 - normal(ALPHA) * 0.0229)).abs() < 0.006, "{found:?}");
    assert!((found.high - (0.3 + normal(ALPHA) * 0.0229)).abs() < 0.006, "{found:?}");
}

#[test]
fn clusters_widen_the_interval() {
    // The same 400 rows in 20 clusters that are all right or all wrong: about sqrt(20) times as wide.
    let rows: Vec<[f64; 2]> = (0..400).map(|i| [f64::from(i % 10 < 5), 1.0]).collect();
    let clusters: Vec<[f64; 2]> = (0..20).map(|i| [f64::from(i % 2) * 20.0, 20.0]).collect();
    let width = |clusters: &[[f64; 2]]| {
        let draws = draw_clusters(clusters, 2000, 0);
        let found = percentile(draws.iter().map(|s| Some(s[0] / s[1])), ALPHA).expect("there are rows");
        found.high - found.low
    };
    let ratio = width(&clusters) / width(&rows);
    assert!((ratio - 20_f64.sqrt()).abs() < 0.7, "{ratio}");
}

#[test]
fn seeds_are_drawn_as_a_whole() {
    // Two seeds, one always right and one always wrong: over seeds 0, 1/2 and 1 with shares 1/4, 1/2, 1/4.
    let right = draw_clusters(&[[1.0, 1.0]; 30], 8000, 0);
    let wrong = draw_clusters(&[[0.0, 1.0]; 30], 8000, 0);
    let both = draw_seeds(&[&right, &wrong]);
    let half = both.iter().filter(|s| close(s[0] / s[1], 0.5)).count() as f64 / 8000.0;
    assert!((half - 0.5).abs() < 0.02, "{half}");
    assert_eq!(draw_seeds(&[&right]), right);
}

#[test]
fn percentiles_are_those_of_the_sorted_values() {
    let values = (0..=1000).rev().map(|v| Some(f64::from(v)));
    assert_eq!(percentile(values, ALPHA), Some(Interval { low: 25.0, high: 975.0 }));
    assert_eq!(percentile([None, None, Some(1.0)], ALPHA), None);
    assert_eq!(percentile([], ALPHA), None);
}

#[test]
fn rule_index_by_hand() {
    assert_eq!(rule_index(0.75, 0.5), Some(0.5));
    assert_eq!(rule_index(0.2, 0.5), Some(-0.6));
    assert_eq!(rule_index(1.0, 0.0), Some(1.0));
    assert_eq!(rule_index(0.99, 0.96), None);
}

#[test]
fn clusters_count_as_many_of_equal_size() {
    let of = |sizes: &[f64]| Clusters::of(sizes.iter().copied());
    assert_eq!(of(&[]), Clusters { held: 0, effective: 0.0 });
    assert_eq!(of(&[1.0; 30]), Clusters { held: 30, effective: 30.0 });
    assert_eq!(of(&[5.0; 4]), Clusters { held: 4, effective: 4.0 });
    // 101 rows in two clusters, one of which holds 100: hardly more than one.
    let found = of(&[100.0, 1.0, 0.0]);
    assert_eq!(found.held, 2);
    assert!(close(found.effective, 101.0 * 101.0 / 10_001.0), "{found:?}");
}

#[test]
fn few_clusters_make_a_wide_interval_of_any_share() {
    // 0 of 101 rows in one cluster of 100 and one of 1: up to 0.79 may be right elsewhere, not 0.000 nor 0.037.
    let found = wilson(0.0, 101.0 * 101.0 / 10_001.0, ALPHA).expect("there are rows");
    assert!(close(found.low, 0.0) && (found.high - 0.7902).abs() < 1e-3, "{found:?}");
}

#[test]
fn a_difference_of_shares_agrees_with_published_values() {
    // Newcombe 1998, table II, method 10: 56/70 - 48/80, 9/10 - 3/10, 10/10 - 0/20.
    for (a, n, b, m, low, high) in [
        (56.0, 70.0, 48.0, 80.0, 0.0524, 0.3339),
        (9.0, 10.0, 3.0, 10.0, 0.1705, 0.8090),
        (10.0, 10.0, 0.0, 20.0, 0.6791, 1.0),
    ] {
        let of = |x: f64, n: f64| (x / n, wilson(x / n, n, ALPHA).expect("there are rows"));
        let found = difference(of(a, n), of(b, m));
        assert!((found.low - low).abs() < 5e-5 && (found.high - high).abs() < 5e-5, "{a}/{n}: {found:?}");
    }
}

#[test]
fn a_paired_difference_is_that_of_a_paired_t_test() {
    // Twelve clusters of one row. scipy.stats.ttest_rel(x, [0] * 12).confidence_interval() of the same differences:
    // mean 0.25, standard error 0.17944, t(11) at 0.975 = 2.20099.
    let differences = [1.0, 0.0, 0.0, 1.0, -1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0];
    let clusters: Vec<[f64; 3]> =
        differences.iter().map(|d: &f64| [d.max(0.0), (-d).max(0.0), 1.0]).collect();
    let found = paired(&clusters, 1).expect("twelve clusters are enough");
    assert!(close(found.value, 0.25));
    assert!((found.interval.high - (0.25 + 2.200_985 * 0.179_435)).abs() < 1e-5, "{found:?}");
    // Many comparisons at once ask for more, and too few clusters say nothing.
    let of_many = paired(&clusters, 28).expect("twelve clusters are enough");
    assert!(of_many.interval.low < found.interval.low && of_many.interval.high > found.interval.high);
    assert_eq!(paired(&clusters[..9], 1), None);
    let lopsided: Vec<[f64; 3]> = (0..12).map(|c| [0.0, 0.0, if c == 0 { 500.0 } else { 1.0 }]).collect();
    assert_eq!(paired(&lopsided, 1), None);
    // One all right, the other all wrong, cluster by cluster: that is no certainty about others.
    let opposite = paired(&[[3.0, 0.0, 3.0]; 12], 28).expect("twelve clusters are enough");
    assert_eq!(opposite.value, 1.0);
    assert!(opposite.interval.low > 0.0 && opposite.interval.low < 0.6, "{opposite:?}");
}

#[test]
fn alike_seeds_leave_room_for_others() {
    assert!((may_differ(8) - 0.3124).abs() < 1e-4);
    assert!((may_differ(1) - 0.95).abs() < 1e-12);
}

proptest! {
    /// For one seed more right answers never lower a bound, no share has an interval of zero width, and it holds the share.
    #[test]
    fn more_right_answers_never_lower_a_bound(sizes in prop::collection::vec(1_u32..60, 1..40), alpha in 0.0005..0.5) {
        let total: u32 = sizes.iter().sum();
        let effective = Clusters::of(sizes.iter().map(|&size| f64::from(size))).effective;
        let mut before = Interval { low: 0.0, high: 0.0 };
        for right in 0..=total {
            let share = f64::from(right) / f64::from(total);
            let found = wilson(share, effective, alpha).expect("there are rows");
            prop_assert!(found.low >= before.low && found.high >= before.high, "{right} of {total}: {before:?} {found:?}");
            prop_assert!(found.low <= share && share <= found.high && found.high - found.low > 1e-6);
            before = found;
        }
    }
}
