use super::COUNT;
use crate::row::table;
use crate::{Description, Row as _};

/// The tables, in the order in which they are written.
pub(super) const TABLES: &[fn() -> Description] = &[
    Certificate::describe,
    Audited::describe,
    TrainedRange::describe,
    Evidence::describe,
    Leakage::describe,
    Exposure::describe,
    Memorizer::describe,
    Ceiling::describe,
];

table! {
    /// One check of one pair of splits in one view. The dataset is certified when every gate passed.
    pub struct Certificate in "certificate", version 1, files "results/<pipeline>/audit/certificate.parquet" {
        /// What was checked: `rows`, `decoding`, `units`, ...
        check: String,
        /// The held-out side.
        left: String,
        /// The side it must not stand in.
        right: String,
        /// How values were compared: `terms`, `canonical`, `tokens`.
        view: String,
        /// Whether a violation fails the audit; otherwise the row is a report.
        gate: bool,
        /// Number of things compared (rows, units).
        compared: i64,
        /// Number of held-out rows that violate it.
        violations: i64,
        /// The `example_id` of the held-out row with the most violations; -1 for none.
        worst: i64,
        /// Whether there was no violation, or the row is no gate.
        passed: bool,
    }
    checked {
        compared: COUNT,
        violations: COUNT,
    }
}

table! {
    /// Which data the audit is of: every table that it read.
    pub struct Audited in "audited", version 1, files "results/<pipeline>/audit/audited.parquet" {
        /// Role and file: `data/train-00000-of-00001.parquet`, ...
        file: String,
        /// Hex BLAKE3 of its schema and column chunks.
        digest: String,
    }
}

table! {
    /// The values that train rows hold: what lies outside was never trained.
    pub struct TrainedRange in "ranges", version 1, files "results/<pipeline>/audit/ranges.parquet" {
        /// What kind of thing the values are, as in `examples`.
        domain: String,
        /// The smallest of them in any train row.
        least: i64,
        /// The largest.
        most: i64,
    }
}

table! {
    /// What one shard of train holds of the held-out rows, as `seqlab audit DIR --shard 3/16 --out <part>` leaves it and
    /// `--merge` puts it together with the others. The first row says which shard of what it is.
    pub struct Evidence in "evidence", version 3, files "<part>/evidence.parquet" {
        /// The held-out split; empty where it is about all rows.
        split: String,
        /// `shard` in the first row; else what was found: `unit`, `raw_unit`, `largest`, `term`, `match`, `corrupted`, `reading`, `wrong`, `digits`.
        about: String,
        /// Numbers that name the thing found, in the order in which the audit numbers the held-out rows. Of the shard: which,
        /// of how many, the BLAKE3 digest of held-out rows, files and options as four numbers, and that of all other rows of
        /// this table.
        key: Vec<i64>,
        /// Index in train of the first row that holds it.
        row: i64,
        /// Index in that row of the first term.
        offset: i32,
        /// How often, or how large. Of the shard: its rows of train.
        count: i64,
    }
}

table! {
    /// How close each held-out row comes to the rows before it: one row a held-out row.
    pub struct Leakage in "leakage", version 1, files "results/<pipeline>/audit/leakage.parquet" {
        /// Split of the held-out row.
        split: String,
        /// The held-out row.
        example_id: i64,
        /// Number of its units that stand in train.
        leaked_units: i32,
        /// Length of the longest suffix of context and answer that stands in train, in terms.
        longest_match_terms: i32,
        /// The same in tokens of whole term groups.
        longest_match_tokens: i32,
        /// Length of the longest window, anywhere in the row, that stands in train, in terms.
        longest_window_terms: i32,
        /// A train row that holds the longest match; -1 for none.
        witness_example_id: i64,
        /// Index in the witness's terms where the match begins; -1 for none.
        witness_offset: i32,
    }
    checked {
        leaked_units: 0..=i32::MAX,
        longest_match_terms: 0..=i32::MAX,
        longest_match_tokens: 0..=i32::MAX,
        longest_window_terms: 0..=i32::MAX,
    }
}

table! {
    /// The exposure ledger: how often each piece of a held-out row was trained, in rows of train.
    pub struct Exposure in "exposure", version 1, files "results/<pipeline>/audit/exposure.parquet" {
        /// Split of the held-out row.
        split: String,
        /// The held-out row.
        example_id: i64,
        /// Train rows in which the answer stands after the first term.
        answer_as_target: i64,
        /// Train rows that hold the row's rarest term.
        rarest_term: i64,
        /// Train rows in which the answer stands at the same position.
        answer_at_position: i64,
        /// Train rows of the same task.
        same_task_rows: i64,
        /// Train rows that count by one, wholly within the row's range of values.
        successor_rows_in_range: i64,
    }
    checked {
        answer_as_target: COUNT,
        rarest_term: COUNT,
        answer_at_position: COUNT,
        same_task_rows: COUNT,
        successor_rows_in_range: COUNT,
    }
}

table! {
    /// What a model that cannot learn a rule answers: one row a held-out row, memoriser and view, of
    /// each view the simplest memoriser first.
    pub struct Memorizer in "memorizers", version 2, files "results/<pipeline>/audit/memorizers.parquet" {
        /// Split of the held-out row.
        split: String,
        /// The held-out row.
        example_id: i64,
        /// Name of the memoriser.
        memorizer: String,
        /// `memory`: can only repeat what it saw. `shallow`: can combine single pieces.
        class: String,
        /// `terms` or `tokens`: what it counts and answers in.
        view: String,
        /// Its answer, written as in `text` of `examples`; the tokens where they spell no values.
        prediction: String,
        /// Whether another answer stood as high; of answers as high the first is given, which says nothing.
        tied: bool,
        /// Whether that is the right answer.
        correct: bool,
    }
}

table! {
    /// The memorisers' ceilings that a score has to be read beside.
    pub struct Ceiling in "ceilings", version 1, files "results/<pipeline>/audit/ceilings.parquet" {
        /// Split of the held-out rows.
        split: String,
        /// Task of the held-out rows; empty for all tasks.
        task: String,
        /// `u_best`: best single memory baseline. `u_union`: at least one of them. `s_best`: best shallow one.
        metric: String,
        /// The baseline that reached it, the simplest of equals; empty for `u_union`.
        memorizer: String,
        /// The view in which it reached it; empty for `u_union`.
        view: String,
        /// Share of the rows, 0 to 1.
        value: f64,
        /// Number of rows.
        n: i64,
    }
    checked {
        value: 0.0..=1.0,
        n: COUNT,
    }
}
