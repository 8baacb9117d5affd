//! The closed list of metrics in `scores.parquet`, and the sums over rows that each is a quotient of.
//!
//! Every metric of rows is one column sum over another (`rule_index` is made of two such quotients), so that one
//! bootstrap draw of the sums gives all of them at once, paired row by row.

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
        name: "agreement",
        about: "Of the rows that a memory table answers wrongly (a tied answer is none), the share on which the model \
                gives that same wrong answer, for the table that agrees most, the simplest of equals; n is the number \
                of these rows. Tables with fewer than 20 effective clusters of them are left out; null where none is \
                left. Its interval is at 1 - 0.05/K for K tables.",
    },
    MetricEntry {
        name: "beyond_memory",
        about: "Accuracy on the rows that no memory baseline solves; n is their number.",
    },
    MetricEntry {
        name: "generalisation_gap",
        about: "Accuracy on the sampled train rows minus accuracy on this split; n is the smaller number of rows. Its \
                interval is the hull of the bootstrap and of Newcombe's from both shares' own.",
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
        about: "(accuracy - u_best) / (1 - u_best); null where u_best is above 0.95. Its interval is the hull of the \
                bootstrap, in which u_best is drawn with the accuracy, and of the index at the ends of accuracy's.",
    },
    MetricEntry { name: "s_best", about: "Accuracy of the best shallow baseline on these rows." },
    MetricEntry {
        name: "t_gen",
        about: "First logged step with validation accuracy at or above the threshold (0.99 by default); null if never. \
                As t_mem.",
    },
    MetricEntry {
        name: "t_mem",
        about: "First logged step with train accuracy at or above the threshold (0.99 by default); null if never. It \
                lies after the step `low`, which was logged before, and not after `high`: no 95 % interval, but the \
                grid of evaluate_every. Over seeds: the median, a seed that never reached it counted as later than \
                any; n is the number of seeds that did.",
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
    MetricEntry { name: "u_best", about: "Accuracy of the best single memory baseline on these rows." },
    MetricEntry { name: "u_union", about: "Share of these rows that at least one memory baseline solves." },
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
    pub(crate) of: Of,
    /// The column whose sum is `n`.
    pub(crate) rows: usize,
}

/// How a metric is made of the sums, which also says where its interval comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// The first column is part of the second.
    Share(usize, usize),
    /// The first column over the second, of any size.
    Mean(usize, usize),
    /// Accuracy above the best look-up table.
    Index,
}

impl RowMetric {
    pub(crate) fn value(&self, sums: &Sums) -> Option<f64> {
        match self.of {
            Of::Share(above, below) | Of::Mean(above, below) => ratio(sums, above, below),
            Of::Index => rule_index(accuracy(sums)?, memory(sums)?),
        }
    }

    /// Returns the column whose sums over clusters say how many clusters there are.
    pub(crate) fn counted(&self) -> usize {
        match self.of {
            Of::Share(_, below) | Of::Mean(_, below) => below,
            Of::Index => column::ROWS,
        }
    }
}

/// What is known of a model on any split.
pub(crate) const OF_MODEL: &[RowMetric] = &[
    RowMetric { name: "accuracy", of: Of::Share(column::CORRECT, column::ROWS), rows: column::ROWS },
    RowMetric {
        name: "log_probability",
        of: Of::Mean(column::LOG_PROBABILITY, column::ROWS),
        rows: column::ROWS,
    },
    RowMetric {
        name: "logit_difference",
        of: Of::Mean(column::LOGIT_DIFFERENCE, column::CONTRASTS),
        rows: column::CONTRASTS,
    },
    RowMetric { name: "rank", of: Of::Mean(column::RANK, column::ROWS), rows: column::ROWS },
    RowMetric {
        name: "teacher_forced_accuracy",
        of: Of::Share(column::TEACHER_FORCED, column::ROWS),
        rows: column::ROWS,
    },
    RowMetric {
        name: "token_accuracy",
        of: Of::Share(column::RIGHT_TOKENS, column::TOKENS),
        rows: column::ROWS,
    },
    RowMetric { name: "top5_accuracy", of: Of::Share(column::TOP5, column::ROWS), rows: column::ROWS },
];

/// What is known of a model beside the memorisers, on held-out splits.
pub(crate) const BESIDE_MEMORY: &[RowMetric] = &[
    RowMetric {
        name: "beyond_memory",
        of: Of::Share(column::BEYOND_CORRECT, column::BEYOND_ROWS),
        rows: column::BEYOND_ROWS,
    },
    RowMetric { name: "rule_index", of: Of::Index, rows: column::ROWS },
];

/// What is known of the memorisers alone.
pub(crate) const OF_MEMORY: &[RowMetric] = &[
    RowMetric {
        name: "s_best",
        of: Of::Share(column::SHALLOW_CORRECT, column::SHALLOW_ROWS),
        rows: column::SHALLOW_ROWS,
    },
    RowMetric {
        name: "u_best",
        of: Of::Share(column::BEST_CORRECT, column::BEST_ROWS),
        rows: column::BEST_ROWS,
    },
    RowMetric {
        name: "u_union",
        of: Of::Share(column::UNION_CORRECT, column::UNION_ROWS),
        rows: column::UNION_ROWS,
    },
];

/// Returns the share of rows with the right greedy answer.
pub(crate) fn accuracy(sums: &Sums) -> Option<f64> {
    ratio(sums, column::CORRECT, column::ROWS)
}

/// Returns the accuracy of the best look-up table.
pub(crate) fn memory(sums: &Sums) -> Option<f64> {
    ratio(sums, column::BEST_CORRECT, column::BEST_ROWS)
}

/// Above this share of a look-up table no rule can be told from memory.
pub(crate) const MEASURABLE: f64 = 0.95;

/// Returns `(accuracy - memory) / (1 - memory)`; nothing ("not measurable") where memory alone is above [`MEASURABLE`].
pub(crate) fn rule_index(accuracy: f64, memory: f64) -> Option<f64> {
    (memory <= MEASURABLE).then(|| (accuracy - memory) / (1.0 - memory))
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
    fn rule_index_by_hand() {
        assert_eq!(rule_index(0.75, 0.5), Some(0.5));
        assert_eq!(rule_index(0.2, 0.5), Some(-0.6));
        assert_eq!(rule_index(1.0, 0.0), Some(1.0));
        assert_eq!(rule_index(0.99, 0.96), None);
    }

    #[test]
    fn nothing_is_divided_by_no_rows() {
        for metric in OF_MODEL.iter().chain(BESIDE_MEMORY).chain(OF_MEMORY) {
            assert_eq!(metric.value(&[0.0; column::WIDTH]), None, "{}", metric.name);
        }
    }
}
