use crate::row::table;
use crate::{Description, Row as _};

/// The tables, in the order in which they are written.
pub(super) const TABLES: &[fn() -> Description] =
    &[Example::describe, Definition::describe, Token::describe, Counterfactual::describe];

table! {
    /// One sequence: the context, the answer, and how both are written in tokens. Same schema in every split.
    pub struct Example in "examples", version 2, files "datasets/<pipeline>/{train,validation,test}-00000-of-0000N.parquet" {
        /// Unique over all splits of the dataset.
        example_id: i64,
        /// Name of the task in the definition.
        task: String,
        /// Family of the rule: `arithmetic`, `geometric`, ...
        family: String,
        /// How values are written: `numeral`, `digits`, ...
        notation: String,
        /// What kind of thing the values are: `integer`, `month`, ...; equal (domain, value) is the same thing.
        domain: String,
        /// What may not be shared between splits at level `transition`: `pair`, `unordered_pair`, `multiset`, `row`, `none`.
        unit: String,
        /// The rule's parameter (step, ratio); null for a rule without any.
        parameter: Option<i64>,
        /// The sequence as a person writes it, terms separated by spaces (number words by `; `): digits are decimal numbers,
        /// whatever their order and padding in `tokens`.
        text: String,
        /// The values; the last is the answer.
        terms: Vec<i64>,
        /// The token ids of the whole row, from BEGIN to END, never padded.
        tokens: Vec<u16>,
        /// Index in `tokens` of the first token of the answer span.
        answer_start: i32,
        /// Number of tokens of the answer span: the answer's, and END where a value may take several tokens.
        answer_length: i32,
        /// Rows of one cluster are not independent: first 8 bytes, little endian, of BLAKE3 of the key of the answer's unit.
        cluster: i64,
    }
}

table! {
    /// What training reads of an [`Example`]: the same files, fewer columns.
    pub struct ExampleTokens in "examples", version 2, files "datasets/<pipeline>/{train,validation,test}-00000-of-0000N.parquet" {
        /// As in [`Example`].
        example_id: i64,
        /// As in [`Example`].
        tokens: Vec<u16>,
        /// As in [`Example`].
        answer_start: i32,
        /// As in [`Example`].
        answer_length: i32,
    }
}

table! {
    /// What readers of the dataset need of how it was defined, defaults filled in. What only decides how many rows there
    /// are, or which, does not stand here: it is in the rows.
    pub struct Definition in "definition", version 1, files "datasets/<pipeline>/definition.parquet" {
        /// `holdout`, `tasks` or `pins`.
        section: String,
        /// Of `holdout`: `level` (what is held out, with its own parameters, `m` among them) or `block`; of `tasks`: the
        /// task, in the order of the definition; of `pins`: the split.
        name: String,
        /// Its value as JSON, as a definition file has it.
        value: String,
    }
}

table! {
    /// What each token id means. Training keeps a copy of the one that it was done with.
    pub struct Token in "vocabulary", version 2, files "{datasets/<pipeline>,results/<pipeline>/train}/vocabulary.parquet" {
        /// The id that stands in `tokens`.
        token_id: i32,
        /// Its text.
        token: String,
        /// `value`, `digit`, `word`, `separator`, `begin`, `end`, `pad` or `operator`.
        kind: String,
        /// The value that the token stands for; null where it has none.
        value: Option<i64>,
    }
}

table! {
    /// A corrupted twin of a held-out example: same length, same answer span, another answer. For ablation and patching.
    pub struct Counterfactual in "counterfactuals", version 3, files "datasets/<pipeline>/counterfactuals.parquet" {
        /// The clean row.
        example_id: i64,
        /// How it was corrupted: `random_members`, `shuffle`, `repeat_last`, `step_swap`, `start_shift` or `one_edit`.
        kind: String,
        /// The values of the corrupted row. What it goes on with stands last: the rule's own answer for `step_swap` and
        /// `start_shift`, and for sums and sorted lists; its last shown term (copying) for the others.
        terms: Vec<i64>,
        /// The rule's parameter in the corrupted row for `step_swap` and `start_shift`; null otherwise.
        parameter: Option<i64>,
        /// Indices, in `terms`, of the context terms that differ from the clean row.
        edited: Vec<i64>,
        /// Token ids of the corrupted row.
        tokens: Vec<u16>,
        /// First position in `tokens` where both answers differ, the right tokens before it given.
        position: i32,
        /// The right answer's token there.
        answer_token: i32,
        /// The corrupted row's token there.
        counterfactual_token: i32,
    }
}
