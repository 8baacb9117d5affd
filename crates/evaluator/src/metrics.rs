//! The closed list of metrics in `scores.parquet`, and the sums over rows that each is a quotient of.
//!
//! Every metric of rows is one column sum over another (`rule_index` is made of two such quotients), so that one
//! bootstrap draw of the sums gives all of them at once, paired row by row.

use crate::statistics::rule_index;

/// One entry of the closed list: what a `metric` in `scores.parquet` means.
#[derive(Debug, Clone, Copy)]
pub struct MetricEntry {
    /// The name in the column `metric`.
    pub name: &'static str,
    /// What it is, over what, in which unit, and where its interval comes from.
    pub about: &'static str,
}

/// Every metric that `scores.parquet` may hold, by name.
pub const METRICS: &[MetricEntry] = &[
    MetricEntry {
        name: "accuracy",
        about: "Share of rows whose greedily generated answer span is exactly right.",
    },
    MetricEntry {
        name: "beyond_memory",
        about: "Accuracy on the rows that no memory baseline solves, with Wilson interval; n is their number. Over \
                seeds: the hull of the Wilson interval of the mean at n rows (never n times seeds) and the bootstrap.",
    },
    MetricEntry {
        name: "generalisation_gap",
        about: "Accuracy on the sampled train rows minus accuracy on this split; n is the smaller number of rows.",
    },
    MetricEntry {
        name: "grokking_delay",
        about: "t_gen - t_mem, in steps; null unless both were reached. Over seeds: the median of the delays, as t_mem.",
    },
    MetricEntry {
        name: "grokking_ratio",
        about: "t_gen / t_mem; null unless both were reached. Over seeds: as grokking_delay.",
    },
    MetricEntry {
        name: "log_probability",
        about: "Mean over rows of the answer span's summed log-probability, in nats, the right tokens given.",
    },
    MetricEntry {
        name: "logit_difference",
        about: "Mean over rows of the right token's logit minus that of the last shown term (copying), at the first \
                position where both differ, the right tokens before it given; n leaves out rows where none differs.",
    },
    MetricEntry {
        name: "rank",
        about: "Mean over rows of the worst rank of a right token over the answer span; 1 is the likeliest token.",
    },
    MetricEntry {
        name: "rule_index",
        about: "(accuracy - u_best) / (1 - u_best); null where u_best is above 0.95. In its interval u_best is drawn \
                with the accuracy, the baseline kept.",
    },
    MetricEntry {
        name: "s_best",
        about: "Accuracy of the best shallow baseline on these rows (model trained, seed -1).",
    },
    MetricEntry {
        name: "t_gen",
        about: "First logged step with validation accuracy at or above the threshold (0.99 by default); null if never. \
                Over seeds: as t_mem.",
    },
    MetricEntry {
        name: "t_mem",
        about: "First logged step with train accuracy at or above the threshold (0.99 by default); null if never. Over \
                seeds: the median, a seed that never reached it counted as later than any; n is the number of seeds \
                that did.",
    },
    MetricEntry {
        name: "teacher_forced_accuracy",
        about: "Share of rows with every token of the answer span the likeliest, the right tokens before it given.",
    },
    MetricEntry {
        name: "token_accuracy",
        about: "Share of answer tokens that are the likeliest, the right tokens before them given; n is still rows.",
    },
    MetricEntry {
        name: "top5_accuracy",
        about: "Share of rows with every token of the answer span among the five likeliest, the right tokens given.",
    },
    MetricEntry {
        name: "u_best",
        about: "Accuracy of the best single memory baseline on these rows (model trained, seed -1).",
    },
    MetricEntry {
        name: "u_union",
        about: "Share of these rows that at least one memory baseline solves (model trained, seed -1).",
    },
];

/// Column sums over rows; see the indices in [`column`].
pub(crate) type Sums = [f64; column::WIDTH];

/// Where each sum stands in [`Sums`].
pub(crate) mod column {
    pub(crate) const ROWS: usize = 0;
    pub(crate) const CORRECT: usize = 1;
    pub(crate) const TEACHER_FORCED: usize = 2;
    pub(crate) const TOKENS: usize = 3;
    pub(crate) const RIGHT_TOKENS: usize = 4;
    pub(crate) const TOP5: usize = 5;
    pub(crate) const LOG_PROBABILITY: usize = 6;
    pub(crate) const RANK: usize = 7;
    pub(crate) const CONTRASTS: usize = 8;
    pub(crate) const LOGIT_DIFFERENCE: usize = 9;
    /// Rows that the best memory baseline answered, and right ones among them.
    pub(crate) const BEST_ROWS: usize = 10;
    pub(crate) const BEST_CORRECT: usize = 11;
    pub(crate) const SHALLOW_ROWS: usize = 12;
    pub(crate) const SHALLOW_CORRECT: usize = 13;
    /// Rows that any memory baseline answered, those that one solves, those that none solves, the model's among these.
    pub(crate) const UNION_ROWS: usize = 14;
    pub(crate) const UNION_CORRECT: usize = 15;
    pub(crate) const BEYOND_ROWS: usize = 16;
    pub(crate) const BEYOND_CORRECT: usize = 17;
    pub(crate) const WIDTH: usize = 18;
}

/// A metric that is computed from the sums over rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowMetric {
    pub(crate) name: &'static str,
    pub(crate) value: fn(&Sums) -> Option<f64>,
    /// The column whose sum is `n`.
    pub(crate) rows: usize,
}

/// What is known of a model on any split.
pub(crate) const OF_MODEL: &[RowMetric] = &[
    RowMetric { name: "accuracy", value: accuracy, rows: column::ROWS },
    RowMetric {
        name: "log_probability",
        value: |s| ratio(s, column::LOG_PROBABILITY, column::ROWS),
        rows: column::ROWS,
    },
    RowMetric {
        name: "logit_difference",
        value: |s| ratio(s, column::LOGIT_DIFFERENCE, column::CONTRASTS),
        rows: column::CONTRASTS,
    },
    RowMetric { name: "rank", value: |s| ratio(s, column::RANK, column::ROWS), rows: column::ROWS },
    RowMetric {
        name: "teacher_forced_accuracy",
        value: |s| ratio(s, column::TEACHER_FORCED, column::ROWS),
        rows: column::ROWS,
    },
    RowMetric {
        name: "token_accuracy",
        value: |s| ratio(s, column::RIGHT_TOKENS, column::TOKENS),
        rows: column::ROWS,
    },
    RowMetric { name: "top5_accuracy", value: |s| ratio(s, column::TOP5, column::ROWS), rows: column::ROWS },
];

/// What is known of a model beside the memorisers, on held-out splits.
pub(crate) const BESIDE_MEMORY: &[RowMetric] = &[
    RowMetric { name: BEYOND_MEMORY, value: beyond_memory, rows: column::BEYOND_ROWS },
    RowMetric {
        name: "rule_index",
        value: |s| rule_index(accuracy(s)?, ratio(s, column::BEST_CORRECT, column::BEST_ROWS)?),
        rows: column::ROWS,
    },
];

/// What is known of the memorisers alone.
pub(crate) const OF_MEMORY: &[RowMetric] = &[
    RowMetric {
        name: "s_best",
        value: |s| ratio(s, column::SHALLOW_CORRECT, column::SHALLOW_ROWS),
        rows: column::SHALLOW_ROWS,
    },
    RowMetric {
        name: "u_best",
        value: |s| ratio(s, column::BEST_CORRECT, column::BEST_ROWS),
        rows: column::BEST_ROWS,
    },
    RowMetric {
        name: "u_union",
        value: |s| ratio(s, column::UNION_CORRECT, column::UNION_ROWS),
        rows: column::UNION_ROWS,
    },
];

/// The one row metric whose interval is Wilson's.
pub(crate) const BEYOND_MEMORY: &str = "beyond_memory";

/// Returns the share of rows with the right greedy answer.
pub(crate) fn accuracy(sums: &Sums) -> Option<f64> {
    ratio(sums, column::CORRECT, column::ROWS)
}

fn beyond_memory(sums: &Sums) -> Option<f64> {
    ratio(sums, column::BEYOND_CORRECT, column::BEYOND_ROWS)
}

fn ratio(sums: &Sums, above: usize, below: usize) -> Option<f64> {
    (sums[below] > 0.0).then(|| sums[above] / sums[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_closed_and_in_order() {
        let names: Vec<_> = METRICS.iter().map(|metric| metric.name).collect();
        assert!(names.is_sorted(), "{names:?}");
        for metric in OF_MODEL.iter().chain(BESIDE_MEMORY).chain(OF_MEMORY) {
            assert!(names.contains(&metric.name), "{}", metric.name);
        }
    }

    #[test]
    fn nothing_is_divided_by_no_rows() {
        for metric in OF_MODEL.iter().chain(BESIDE_MEMORY).chain(OF_MEMORY) {
            assert_eq!((metric.value)(&[0.0; column::WIDTH]), None, "{}", metric.name);
        }
    }
}
