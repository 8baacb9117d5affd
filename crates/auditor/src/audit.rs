//! All checks of all pairs of splits, in one pass over each split.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use artifact::tables::{Certificate, Exposure, Leakage};
use tracing::info;

use crate::Result;
use crate::codes::View;
use crate::decoding::{Decoding, Place};
use crate::duplicates::duplicates;
use crate::error::Leak;
use crate::exposure::Ledger;
use crate::level::Level;
use crate::matches::{Match, Matcher};
use crate::proof::{HeldOut, Scope};
use crate::rows::{Rows, Wanted};
use crate::split::Split;
use crate::units::Found;
use crate::vocabulary::Vocabulary;

/// What to check, and how the files are to be read.
pub(crate) struct Audit<'a> {
    pub(crate) level: &'a Level,
    pub(crate) vocabulary: &'a Vocabulary,
    pub(crate) wanted: &'a Wanted,
    pub(crate) scope: Scope,
    pub(crate) origin: Origin,
}

/// Who wrote the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// We did, so they have to keep all that we promise.
    Ours,
    /// Anybody: only what stands in two splits is a leak.
    Foreign,
}

/// What an audit found.
#[derive(Default)]
pub(crate) struct Proof {
    pub(crate) certificates: Vec<Certificate>,
    pub(crate) leaks: Vec<Leak>,
    pub(crate) leakage: Vec<Leakage>,
    pub(crate) exposure: Vec<Exposure>,
}

/// All that watches one held-out split's neighbours stream past.
struct Watch<'a> {
    held: HeldOut<'a>,
    ledger: Option<Ledger<'a>>,
}

impl Audit<'_> {
    /// Audits splits given from the strictest (test) to the one that is trained on; `held` holds the rows of all but the last.
    ///
    /// Every split is compared with all that follow it.
    pub(crate) fn prove(&self, splits: &[Split], held: &[Rows]) -> Result<Proof> {
        let everything = self.scope == Scope::Everything;
        let last = splits.len() - 1;
        let watches: Vec<Watch<'_>> = splits
            .iter()
            .zip(held)
            .map(|(split, rows)| Watch {
                held: HeldOut::of(&split.name, rows, self.vocabulary, self.level, self.scope),
                ledger: everything.then(|| Ledger::of(&split.name, rows, self.vocabulary)),
            })
            .collect();
        let matchers: Vec<Matchers<'_>> =
            watches.iter().filter(|_| everything).map(|watch| Matchers::of(&watch.held)).collect();
        // found[held][other]: what of the held-out split was found in the other.
        let found: Vec<Vec<Vec<Found>>> =
            watches.iter().map(|watch| splits.iter().map(|_| watch.held.nothing()).collect()).collect();
        let decoding = (everything && self.decodes()).then(|| Decoding::new(self.vocabulary, splits.len()));
        let mut base = 0;
        for (number, split) in splits.iter().enumerate().rev() {
            if number == 0 && decoding.is_none() {
                break;
            }
            let done = AtomicU64::new(0);
            split.scan(self.wanted, |rows| {
                for (watch, found) in watches.iter().zip(&found).take(number) {
                    watch.held.observe(rows, &found[number]);
                    if let Some(ledger) = watch.ledger.as_ref().filter(|_| number == last) {
                        ledger.observe(rows);
                    }
                }
                matchers.iter().take(number).for_each(|matcher| matcher.observe(rows, base));
                if let Some(decoding) = &decoding {
                    decoding.observe(rows, number);
                }
                let done = done.fetch_add(rows.len() as u64, Ordering::Relaxed) + rows.len() as u64;
                info!(target: "progress", task = "audit", done, total = split.rows, unit = "rows", "{}", split.name);
                Ok(())
            })?;
            base += split.rows;
        }

        let mut proof = Proof::default();
        for (watch, found) in watches.iter().zip(&found) {
            let at = splits.iter().position(|split| split.name == watch.held.name).unwrap_or(0);
            for number in (at + 1..splits.len()).rev() {
                let (certificates, leaks) =
                    watch.held.certify(&splits[number], &found[number], self.level)?;
                proof.certificates.extend(certificates);
                proof.leaks.extend(leaks);
            }
        }
        if !everything {
            return Ok(proof);
        }
        self.duplicates(splits, &mut proof)?;
        if let Some(decoding) = decoding {
            self.decoded(decoding, splits, held, &mut proof)?;
        }
        for (number, (watch, matchers)) in watches.iter().zip(matchers).enumerate().rev() {
            let others: Vec<&Split> = splits[number + 1..].iter().rev().collect();
            let found: Vec<&[Found]> =
                (number + 1..splits.len()).map(|other| found[number][other].as_slice()).collect();
            let leaked = watch.held.leaked_units(&found);
            proof.leakage.extend(leakage(&watch.held, matchers, &leaked, &others, self.vocabulary)?);
        }
        proof
            .exposure
            .extend(watches.into_iter().rev().filter_map(|watch| watch.ledger).flat_map(Ledger::finish));
        Ok(proof)
    }

    /// Whether terms and tokens stand beside each other, with a vocabulary that says where terms end.
    fn decodes(&self) -> bool {
        self.wanted.terms.is_some() && self.wanted.tokens.is_some() && self.vocabulary.is_known()
    }

    /// Rows that repeat inside a split: a gate for held-out rows at every level but random, a report otherwise.
    fn duplicates(&self, splits: &[Split], proof: &mut Proof) -> Result<()> {
        for split in splits {
            let found = duplicates(split, self.wanted)?;
            let gate = self.origin == Origin::Ours && *self.level != Level::Random && split.name != "train";
            let ids = found.first.map(|(row, earlier)| split.ids(&[row, earlier])).transpose()?;
            let id = |row: u64| ids.as_ref().and_then(|ids| ids.get(&row)).copied().unwrap_or(-1);
            let worst = found.first.map_or(-1, |(row, _)| id(row));
            let passed = !gate || found.rows == 0;
            proof.certificates.push(Certificate {
                check: "rows".to_owned(),
                left: split.name.clone(),
                right: split.name.clone(),
                view: "terms".to_owned(),
                gate,
                compared: split.rows as i64,
                violations: found.rows as i64,
                worst,
                passed,
            });
            if let Some((_, earlier)) = found.first.filter(|_| !passed) {
                proof.leaks.push(Leak {
                    level: self.level.name().to_owned(),
                    check: "rows".to_owned(),
                    view: "terms".to_owned(),
                    left: split.name.clone(),
                    right: split.name.clone(),
                    rows: found.rows as i64,
                    left_example_id: worst,
                    right_example_id: id(earlier),
                    offset: 0,
                    piece: "the whole row".to_owned(),
                });
            }
        }
        Ok(())
    }

    /// The decoding gate: per split against the vocabulary, over all splits one-to-one.
    fn decoded(
        &self,
        decoding: Decoding<'_>,
        splits: &[Split],
        held: &[Rows],
        proof: &mut Proof,
    ) -> Result<()> {
        let verdict = decoding.finish();
        let id = |(split, row): Place| -> Result<i64> {
            match held.get(split) {
                Some(rows) => Ok(rows.ids[row as usize]),
                None => Ok(splits[split].ids(&[row])?.get(&row).copied().unwrap_or(-1)),
            }
        };
        let mut add = |left: &str, right: &str, view: &str, compared: u64, rows: u64, worst: i64| {
            proof.certificates.push(Certificate {
                check: "decoding".to_owned(),
                left: left.to_owned(),
                right: right.to_owned(),
                view: view.to_owned(),
                gate: true,
                compared: compared as i64,
                violations: rows as i64,
                worst,
                passed: rows == 0,
            });
        };
        let leak = |left: &str, right: &str, view: &str, rows: u64, ids: (i64, i64), piece: String| Leak {
            level: self.level.name().to_owned(),
            check: "decoding".to_owned(),
            view: view.to_owned(),
            left: left.to_owned(),
            right: right.to_owned(),
            rows: rows as i64,
            left_example_id: ids.0,
            right_example_id: ids.1,
            offset: 0,
            piece,
        };
        for (wrong, split) in verdict.wrong.iter().zip(splits) {
            let worst = wrong.first.map(id).transpose()?.unwrap_or(-1);
            add(&split.name, "vocabulary", "tokens", split.rows, wrong.rows, worst);
            if wrong.rows > 0 {
                let piece = "tokens that are not worth the terms beside them".to_owned();
                proof.leaks.push(leak(
                    &split.name,
                    "vocabulary",
                    "tokens",
                    wrong.rows,
                    (worst, worst),
                    piece,
                ));
            }
        }
        let rows = verdict.conflicts.iter().map(|conflict| conflict.rows).sum();
        let first = verdict.conflicts.first();
        let worst = first.map(|conflict| id(conflict.at)).transpose()?.unwrap_or(-1);
        add("all", "all", "tokens", verdict.readings, rows, worst);
        if let Some(conflict) = first {
            let tokens = self.vocabulary.text(conflict.group.iter().copied());
            let piece = format!("{tokens}` beside `{}", conflict.value);
            let (left, right) = (&splits[conflict.at.0].name, &splits[conflict.against.0].name);
            proof.leaks.push(leak(left, right, "tokens", rows, (worst, id(conflict.against)?), piece));
        }
        Ok(())
    }
}

/// The longest matches of one held-out split, in terms and in tokens.
struct Matchers<'a> {
    terms: Option<Matcher<'a>>,
    tokens: Option<Matcher<'a>>,
}

impl<'a> Matchers<'a> {
    fn of(held: &'a HeldOut<'_>) -> Self {
        let matcher = |views: &[View]| held.view(views).map(|(codes, coded)| Matcher::of(codes, coded));
        Self { terms: matcher(&[View::Canonical, View::Terms]), tokens: matcher(&[View::Tokens]) }
    }

    fn observe(&self, rows: &Rows, base: u64) {
        [&self.terms, &self.tokens].into_iter().flatten().for_each(|matcher| matcher.observe(rows, base));
    }
}

/// Builds the rows of `leakage.parquet`; `others` are the splits that streamed past, in order.
fn leakage(
    held: &HeldOut<'_>,
    matchers: Matchers<'_>,
    leaked: &[i32],
    others: &[&Split],
    vocabulary: &Vocabulary,
) -> Result<Vec<Leakage>> {
    let none = || vec![Match::default(); held.rows.len()];
    let terms = matchers.terms.map_or_else(none, Matcher::finish);
    let tokens = matchers.tokens.map_or_else(none, Matcher::finish);
    let witnesses: Vec<u64> =
        terms.iter().filter_map(|found| found.witness).map(|witness| witness.row).collect();
    let mut ids = BTreeMap::new();
    let mut base = 0;
    for split in others {
        let inside = witnesses.iter().filter(|row| (base..base + split.rows).contains(*row));
        let here: Vec<u64> = inside.map(|row| row - base).collect();
        ids.extend(split.ids(&here)?.into_iter().map(|(row, id)| (row + base, id)));
        base += split.rows;
    }
    let token_length = |row: usize, groups: u32| -> i32 {
        let lengths: Vec<usize> =
            vocabulary.groups(held.rows.tokens.row(row)).map(|group| group.len()).collect();
        lengths[lengths.len() - groups as usize..].iter().sum::<usize>() as i32
    };
    let row = |row: usize| Leakage {
        split: held.name.to_owned(),
        example_id: held.rows.ids[row],
        leaked_units: leaked[row],
        longest_match_terms: terms[row].suffix as i32,
        longest_match_tokens: token_length(row, tokens[row].suffix),
        longest_window_terms: terms[row].window as i32,
        witness_example_id: terms[row]
            .witness
            .and_then(|witness| ids.get(&witness.row).copied())
            .unwrap_or(-1),
        witness_offset: terms[row].witness.map_or(-1, |witness| witness.offset as i32),
    };
    Ok((0..held.rows.len()).map(row).collect())
}
