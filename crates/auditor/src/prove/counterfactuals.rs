//! What a corrupted row promises beside its clean one, checked row by row.

use std::collections::BTreeMap;
use std::path::Path;

use artifact::tables::{Certificate, Counterfactual};

use crate::error::{Leak, Result};
use crate::prove::codes::{Map, View};
use crate::prove::index::{FoundUnits, Index};
use crate::prove::units::Rule;
use crate::read::lists::Lists;
use crate::read::rows::{Rows, UnitKind, answer_terms};
use crate::read::split::Split;
use crate::read::vocabulary::Vocabulary;

/// What is wrong with a row by itself, and its clean row: split, row.
type Verdict = (Option<&'static str>, Option<(usize, usize)>);

/// The table of counterfactuals beside the held-out rows that it corrupts.
pub(crate) struct Corrupted<'a> {
    table: Vec<Counterfactual>,
    verdicts: Vec<Verdict>,
    /// The corrupted rows, described as their clean ones: for the decoding gate.
    pub(crate) rows: Rows,
    /// (last shown term, right answer) of every corrupted row, looked for in every split.
    pairs: Index<'a>,
    /// By row of `pairs`: the row of the table.
    pair_rows: Vec<usize>,
}

impl<'a> Corrupted<'a> {
    /// Reads the table and checks each row against its clean row among the held-out ones.
    pub(crate) fn read(path: &Path, held: &[Rows], vocabulary: &'a Vocabulary) -> Result<Self> {
        Ok(Self::of(artifact::read_table(path)?, held, vocabulary))
    }

    pub(crate) fn of(table: Vec<Counterfactual>, held: &[Rows], vocabulary: &'a Vocabulary) -> Self {
        let mut places: Map<i64, (usize, usize)> = Map::default();
        for (split, rows) in held.iter().enumerate() {
            places.extend(rows.ids.iter().enumerate().map(|(row, id)| (*id, (split, row))));
        }
        let mut rows = Rows { has_terms: true, has_tokens: true, ..Rows::default() };
        let mut pairs = rows.clone();
        let (mut verdicts, mut pair_rows) = (Vec::new(), Vec::new());
        for (number, corrupted) in table.iter().enumerate() {
            let place = places.get(&corrupted.example_id).copied();
            let Some((split, clean)) = place else {
                verdicts.push((Some("its clean row is in no held-out split"), None));
                continue;
            };
            let clean = Clean::of(&held[split], clean, vocabulary);
            verdicts.push((clean.violation(corrupted, vocabulary), place));
            let tokens: Vec<u32> = corrupted.tokens.iter().map(|token| u32::from(*token)).collect();
            clean.describe(&mut rows, &corrupted.terms, &tokens);
            // Where an answer goes on from more than the last term, its row shows no pair that could give it away.
            let goes_on = matches!(clean.rows.unit[clean.row], UnitKind::Pair | UnitKind::None);
            let shown = clean.answer.checked_sub(1).filter(|_| goes_on);
            let shown = shown.and_then(|last| corrupted.terms.get(last));
            if let (Some(shown), Some(right)) = (shown, clean.terms.get(clean.answer)) {
                clean.describe(&mut pairs, &[*shown, *right], &[]);
                pair_rows.push(number);
            }
        }
        pairs.unit.fill(UnitKind::Pair);
        let mut index = Index::of(View::Canonical, &pairs, vocabulary);
        index.ask(&pairs, "counterfactuals", vec!["canonical"], true, Rule::Units);
        Self { table, verdicts, rows, pairs: index, pair_rows }
    }

    /// Nothing found yet, for one split to stream past.
    pub(crate) fn nothing(&self) -> FoundUnits {
        self.pairs.nothing()
    }

    /// Looks for the pairs in rows of a split.
    pub(crate) fn observe(&self, rows: &Rows, found: &FoundUnits, coded: &mut Lists<u32>) {
        self.pairs.observe(rows, 0, found, None, coded);
    }

    /// Says what is wrong: a gate over all rows, a report for each kind, and the first violation. `found` holds what was
    /// found in each split.
    pub(crate) fn certify(
        &self,
        splits: &[Split],
        found: &[FoundUnits],
        level: &str,
    ) -> Result<(Vec<Certificate>, Option<Leak>)> {
        let mut standing: BTreeMap<usize, (usize, u64, u32)> = BTreeMap::new();
        for (pair, row) in self.pair_rows.iter().enumerate() {
            for unit in self.pairs.checks[0].units.of_row.row(pair) {
                let places = found.iter().enumerate().filter_map(|(split, found)| {
                    found[0].get(*unit).map(|witness| (split, witness.row, witness.offset))
                });
                if let Some(place) = places.max() {
                    standing.insert(*row, place);
                }
            }
        }
        let mut kinds: BTreeMap<&str, (i64, i64, i64)> = BTreeMap::new();
        let mut first = None;
        for (number, row) in self.table.iter().enumerate() {
            let broken = self.verdicts[number].0.is_some() || standing.contains_key(&number);
            first = first.or(broken.then_some(number));
            let (rows, violations, worst) = kinds.entry(&row.kind).or_insert((0, 0, -1));
            *rows += 1;
            *violations += i64::from(broken);
            *worst = if broken && *worst < 0 { row.example_id } else { *worst };
        }
        let certificate =
            |right: &str, gate: bool, (compared, violations, worst): (i64, i64, i64)| Certificate {
                check: "counterfactuals".to_owned(),
                left: "counterfactuals".to_owned(),
                right: right.to_owned(),
                view: "terms".to_owned(),
                gate,
                compared,
                violations,
                worst,
                passed: !gate || violations == 0,
            };
        let rows = self.table.len() as i64;
        let violations = kinds.values().map(|(_, violations, _)| violations).sum();
        let worst = first.map_or(-1, |row| self.table[row].example_id);
        let mut certificates = vec![certificate("all", true, (rows, violations, worst))];
        certificates.extend(kinds.iter().map(|(kind, counts)| certificate(kind, false, *counts)));
        let Some(number) = first else { return Ok((certificates, None)) };
        let (reason, clean) = self.verdicts[number];
        let row = &self.table[number];
        let (right, id, offset, piece, right_place) = match (reason, standing.get(&number)) {
            (None, Some((split, index, offset))) => {
                let id = splits[*split].ids(&[*index])?.get(index).copied().unwrap_or(-1);
                let piece = "its last shown term before the right answer";
                let place = splits[*split].place(*index)?;
                (splits[*split].name.as_str(), id, i64::from(*offset), piece, place)
            }
            (reason, _) => {
                let right = clean.map_or("held-out", |(split, _)| splits[split].name.as_str());
                (right, row.example_id, 0, reason.unwrap_or_default(), None)
            }
        };
        let leak = Leak {
            level: level.to_owned(),
            check: "counterfactuals".to_owned(),
            view: "terms".to_owned(),
            left: "counterfactuals".to_owned(),
            right: right.to_owned(),
            rows: violations,
            left_example_id: row.example_id,
            right_example_id: id,
            offset,
            piece: format!("{}: {piece}", row.kind),
            left_place: None,
            right_place,
        };
        Ok((certificates, Some(leak)))
    }
}

/// A held-out row: what a corrupted one is compared with.
struct Clean<'a> {
    rows: &'a Rows,
    row: usize,
    terms: &'a [i64],
    tokens: &'a [u32],
    /// Index of the first term, and of the first token, of the answer.
    answer: usize,
    start: usize,
}

impl<'a> Clean<'a> {
    fn of(rows: &'a Rows, row: usize, vocabulary: &Vocabulary) -> Self {
        Self {
            rows,
            row,
            terms: rows.terms.row(row),
            tokens: rows.tokens.row(row),
            answer: answer_terms(rows, row, vocabulary).start,
            start: usize::try_from(rows.answer_start[row]).unwrap_or(0),
        }
    }

    /// Appends terms and tokens with this row's description.
    fn describe(&self, out: &mut Rows, terms: &[i64], tokens: &[u32]) {
        let Self { rows, row, .. } = *self;
        out.ids.push(rows.ids[row]);
        out.terms.push(terms);
        out.tokens.push(tokens);
        out.task.push(rows.task[row]);
        out.family.push(rows.family[row]);
        out.notation.push(rows.notation[row]);
        out.domain.push(rows.domain[row]);
        out.unit.push(rows.unit[row]);
        out.parameter.push(rows.parameter[row]);
        out.answer_start.push(rows.answer_start[row]);
        out.answer_length.push(rows.answer_length[row]);
    }

    /// Returns what is wrong with a corrupted twin, if anything is.
    fn violation(&self, corrupted: &Counterfactual, vocabulary: &Vocabulary) -> Option<&'static str> {
        let wrong = |wrong: bool, what: &'static str| wrong.then_some(what);
        let tokens: Vec<u32> = corrupted.tokens.iter().map(|token| u32::from(*token)).collect();
        if corrupted.terms.len() != self.terms.len() || tokens.len() != self.tokens.len() {
            return Some("another number of terms or tokens than its clean row");
        }
        let groups = |tokens: &[u32]| vocabulary.groups(tokens).collect::<Vec<_>>();
        let (clean_groups, groups) = (groups(self.tokens), groups(&tokens));
        let borders = |groups: &[std::ops::Range<usize>]| {
            groups.get(self.answer).map(|first| (first.start, groups.last().map(|last| last.end)))
        };
        let (context, answer) = corrupted.terms.split_at(self.answer);
        let (clean_context, clean_answer) = self.terms.split_at(self.answer);
        let differ = context.iter().zip(clean_context).enumerate().filter(|(_, (a, b))| a != b);
        let differ: Vec<i64> = differ.map(|(at, _)| at as i64).collect();
        let mut edited = corrupted.edited.clone();
        edited.sort_unstable();
        let position = (self.start..tokens.len()).find(|at| tokens[*at] != self.tokens[*at]);
        let at = usize::try_from(corrupted.position).unwrap_or(usize::MAX);
        let is = |tokens: &[u32], said: i32| {
            tokens.get(at).is_some_and(|token| i64::from(*token) == i64::from(said))
        };
        wrong(
            groups.len() != clean_groups.len() || borders(&groups) != borders(&clean_groups),
            "another answer span than its clean row",
        )
        .or(wrong(answer == clean_answer, "the same answer as its clean row"))
        .or(wrong(edited != differ, "`edited` is not where the contexts differ"))
        .or(wrong(Some(at) != position, "`position` is not where the answers first differ"))
        .or(wrong(!is(self.tokens, corrupted.answer_token), "`answer_token` is not the right token"))
        .or(wrong(
            !is(&tokens, corrupted.counterfactual_token),
            "`counterfactual_token` is not its own token",
        ))
        .or(kept(&corrupted.kind, context, clean_context, &differ))
    }
}

/// Returns what a kind of corruption promises of the context and does not keep.
fn kept(kind: &str, context: &[i64], clean: &[i64], differ: &[i64]) -> Option<&'static str> {
    let sorted = |terms: &[i64]| {
        let mut terms = terms.to_vec();
        terms.sort_unstable();
        terms
    };
    let (kept, promise) = match kind {
        "repeat_last" => (context.windows(2).all(|pair| pair[0] == pair[1]), "does not repeat one term"),
        "shuffle" => (sorted(context) == sorted(clean), "is no permutation of the context"),
        "one_edit" => (differ.len() == 1, "differs in other than one term"),
        "step_swap" => (context.first() == clean.first(), "does not keep the first term"),
        "start_shift" => (context.first() != clean.first(), "keeps the first term"),
        _ => return None,
    };
    (!kept).then_some(promise)
}
