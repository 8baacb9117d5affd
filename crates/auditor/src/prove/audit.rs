//! All checks of all pairs of splits, in one pass over each split.

use std::collections::BTreeMap;

use artifact::tables::{Certificate, Exposure, Leakage};
use rayon::prelude::*;
use tracing::info;

use crate::error::{Leak, Result};
use crate::prove::codes::View;
use crate::prove::counterfactuals::Corrupted;
use crate::prove::decoding::{self, Place, Spaces};
use crate::prove::exposure::{Counts, Ledger};
use crate::prove::held_out::{Evidence, HeldOut, Scope, Violation};
use crate::prove::index::FoundUnits;
use crate::prove::kinds::{self, Largest};
use crate::prove::matches::{Match, Trace};
use crate::prove::spelling::Spelling;
use crate::read::columns::{COMPARED, Wanted};
use crate::read::level::Level;
use crate::read::lists::Lists;
use crate::read::rows::Rows;
use crate::read::split::Split;
use crate::read::vocabulary::Vocabulary;

/// What to check, and how the files are to be read.
pub(crate) struct Audit<'a> {
    pub(crate) level: &'a Level,
    pub(crate) vocabulary: &'a Vocabulary,
    pub(crate) wanted: &'a Wanted,
    pub(crate) scope: Scope,
    pub(crate) origin: Origin,
    /// From the strictest (test) to the one that is trained on; every one is compared with all that follow it.
    pub(crate) splits: &'a [Split],
    /// The rows of all splits but the last.
    pub(crate) held: &'a [Rows],
    /// At level `window`, how many last terms of each held-out row may not stand elsewhere.
    pub(crate) windows: &'a [Vec<usize>],
    pub(crate) corrupted: Option<&'a Corrupted<'a>>,
}

/// Who wrote the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// We did, so they have to keep all that we promise.
    Ours,
    /// Anybody: only what stands in two splits is a leak.
    Foreign,
}

/// The held-out side, indexed.
pub(crate) struct Watch<'a> {
    pub(crate) held: Vec<HeldOut<'a>>,
    ledgers: Vec<Ledger<'a>>,
}

/// What was found in the splits that streamed past; it does not grow with their rows.
pub(crate) struct Observed {
    /// By held-out split and by split.
    pub(crate) evidence: Vec<Vec<Evidence>>,
    /// By held-out split: what the longest matches go by, over all splits that streamed past it.
    pub(crate) traces: Vec<Vec<Option<Trace>>>,
    pub(crate) spaces: Spaces,
    counts: Vec<Vec<Counts>>,
    /// By split: where the pairs of counterfactuals stand.
    pub(crate) corrupted: Vec<FoundUnits>,
}

/// What an audit found.
#[derive(Default)]
pub(crate) struct Proof {
    pub(crate) certificates: Vec<Certificate>,
    pub(crate) leaks: Vec<Leak>,
    pub(crate) leakage: Vec<Leakage>,
    pub(crate) exposure: Vec<Exposure>,
    /// How the rows write values.
    pub(crate) spelling: Spelling,
}

/// What one thread gathers by itself.
struct Local {
    coded: Lists<u32>,
    largest: Vec<Largest>,
    spaces: Spaces,
    counts: Vec<Counts>,
}

impl<'a> Audit<'a> {
    /// Audits all splits.
    pub(crate) fn prove(&self) -> Result<Proof> {
        let watch = self.watch();
        info!("done: held-out rows indexed");
        let mut observed = self.nothing(&watch);
        for number in (0..self.splits.len()).rev() {
            self.stream(&watch, number, &mut observed)?;
            info!("done: {} read past the held-out rows", self.splits[number].name);
        }
        self.conclude(watch, observed)
    }

    /// Indexes the held-out rows.
    pub(crate) fn watch(&self) -> Watch<'a> {
        let held = self.splits.par_iter().zip(self.held).zip(self.windows).map(|((split, rows), window)| {
            HeldOut::of(&split.name, rows, self.vocabulary, self.level, self.scope, window)
        });
        let ledgers = match (self.scope, self.origin) {
            (Scope::Everything, Origin::Ours) => self.splits.iter().zip(self.held).collect(),
            _ => Vec::new(),
        };
        let ledger = |(split, rows): (&'a Split, &'a Rows)| Ledger::of(&split.name, rows, self.vocabulary);
        Watch { held: held.collect(), ledgers: ledgers.into_par_iter().map(ledger).collect() }
    }

    /// Nothing has streamed past yet.
    pub(crate) fn nothing(&self, watch: &Watch<'_>) -> Observed {
        let splits = || self.splits.iter();
        Observed {
            evidence: watch.held.iter().map(|held| splits().map(|_| held.nothing()).collect()).collect(),
            traces: watch.held.iter().map(HeldOut::traces).collect(),
            spaces: Spaces::new(),
            counts: watch.ledgers.iter().map(|_| Vec::new()).collect(),
            corrupted: self.corrupted.iter().flat_map(|rows| splits().map(|_| rows.nothing())).collect(),
        }
    }

    /// Streams a split past those that it may share nothing with.
    pub(crate) fn stream(&self, watch: &Watch<'_>, number: usize, observed: &mut Observed) -> Result<()> {
        if number == 0 && self.corrupted.is_none() && !self.decodes() {
            return Ok(());
        }
        let base = self.splits[number + 1..].iter().map(|split| split.rows).sum();
        let train = number + 1 == self.splits.len();
        let strict = &watch.held[..number.min(watch.held.len())];
        let ledgers = if train { &watch.ledgers[..] } else { &[] };
        let new = || Local {
            coded: Lists::default(),
            largest: observed.evidence.iter().map(|found| found[number].largest.clone()).collect(),
            spaces: Spaces::new(),
            counts: ledgers.iter().map(Ledger::nothing).collect(),
        };
        let wanted = self.wanted.describing(COMPARED);
        let threads = self.splits[number].scan(&wanted, new, |local, rows| {
            for (at, held) in strict.iter().enumerate() {
                let evidence = &observed.evidence[at][number];
                held.observe(rows, base, evidence, &observed.traces[at], &mut local.largest[at]);
            }
            for (ledger, counts) in ledgers.iter().zip(&mut local.counts) {
                ledger.observe(rows, counts);
            }
            if let Some(corrupted) = self.corrupted {
                corrupted.observe(rows, &observed.corrupted[number], &mut local.coded);
            }
            if self.decodes() {
                decoding::observe(&mut local.spaces, self.vocabulary, rows, number);
            }
            Ok(())
        })?;
        for local in threads {
            for (at, largest) in local.largest.into_iter().enumerate() {
                let all = &mut observed.evidence[at][number].largest;
                largest
                    .into_iter()
                    .for_each(|(group, (size, place))| kinds::remember(all, group, size, place));
            }
            for (all, counts) in observed.counts.iter_mut().zip(local.counts) {
                all.push(counts);
            }
            decoding::merge(&mut observed.spaces, local.spaces);
        }
        Ok(())
    }

    /// Says what it all means.
    pub(crate) fn conclude(&self, watch: Watch<'_>, mut observed: Observed) -> Result<Proof> {
        let mut proof = Proof::default();
        for (at, held) in watch.held.iter().enumerate() {
            for number in (at + 1..self.splits.len()).rev() {
                let evidence = &observed.evidence[at][number];
                let other = &self.splits[number];
                let (certificates, violations) = held.certify(&other.name, evidence, self.level);
                proof.certificates.extend(certificates);
                for Violation { leak, left, right } in violations {
                    let right_example_id = self.ids(other, &[right])?.get(&right).copied().unwrap_or(-1);
                    let (left_place, right_place) = (self.splits[at].place(left)?, other.place(right)?);
                    proof.leaks.push(Leak { right_example_id, left_place, right_place, ..leak });
                }
            }
        }
        if self.scope == Scope::Windows {
            return Ok(proof);
        }
        for (split, held) in self.splits.iter().zip(&watch.held) {
            self.duplicates(split, held, &mut proof)?;
        }
        if let Some(corrupted) = self.corrupted {
            let (certificates, leak) =
                corrupted.certify(self.splits, &observed.corrupted, self.level.name())?;
            proof.certificates.extend(certificates);
            proof.leaks.extend(leak);
            decoding::observe(&mut observed.spaces, self.vocabulary, &corrupted.rows, self.splits.len());
        }
        if self.decodes() {
            self.decoded(&observed.spaces, &mut proof)?;
            proof.spelling = Spelling::of(std::mem::take(&mut observed.spaces), self.vocabulary);
        }
        let traces = std::mem::take(&mut observed.traces);
        for (at, (held, traces)) in watch.held.iter().zip(traces).enumerate().rev() {
            let evidence: Vec<&Evidence> = observed.evidence[at][at + 1..].iter().collect();
            proof.leakage.extend(self.leakage(held, traces, &held.leaked_units(&evidence), at)?);
        }
        let counted = watch.ledgers.into_iter().zip(observed.counts).rev();
        proof.exposure.extend(counted.flat_map(|(ledger, counts)| ledger.finish(counts)));
        Ok(proof)
    }

    /// Whether terms and tokens stand beside each other, with a vocabulary that says where terms end.
    fn decodes(&self) -> bool {
        self.scope == Scope::Everything
            && self.wanted.terms.is_some()
            && self.wanted.tokens.is_some()
            && self.vocabulary.is_known()
    }

    /// Rows that repeat inside a held-out split: a gate in our own files at every level but random. Train may repeat itself.
    fn duplicates(&self, split: &Split, held: &HeldOut<'_>, proof: &mut Proof) -> Result<()> {
        let checks = held.indices.iter().flat_map(|index| &index.checks);
        let Some(check) = checks.into_iter().find(|check| check.name == "rows") else { return Ok(()) };
        let gate = self.origin == Origin::Ours && *self.level != Level::Random;
        let mut first_of = vec![usize::MAX; check.units.len()];
        let (mut repeated, mut first) = (0_i64, None);
        for (row, unit) in check.units.of_row.rows().enumerate() {
            let known = &mut first_of[unit[0] as usize];
            if *known == usize::MAX {
                *known = row;
            } else {
                repeated += 1;
                first = first.or(Some((row, *known)));
            }
        }
        let view = check.labels[0];
        let passed = !gate || repeated == 0;
        proof.certificates.push(Certificate {
            check: "rows".to_owned(),
            left: held.name.to_owned(),
            right: held.name.to_owned(),
            view: view.to_owned(),
            gate,
            compared: held.rows.len() as i64,
            violations: repeated,
            worst: first.map_or(-1, |(row, _)| held.rows.ids[row]),
            passed,
        });
        if let Some((row, earlier)) = first.filter(|_| !passed) {
            proof.leaks.push(Leak {
                level: self.level.name().to_owned(),
                check: "rows".to_owned(),
                view: view.to_owned(),
                left: held.name.to_owned(),
                right: held.name.to_owned(),
                rows: repeated,
                left_example_id: held.rows.ids[row],
                right_example_id: held.rows.ids[earlier],
                offset: 0,
                piece: "the whole row".to_owned(),
                left_place: split.place(row as u64)?,
                right_place: split.place(earlier as u64)?,
            });
        }
        Ok(())
    }

    /// Returns the `example_id` of rows of a split; their indices where the column means nothing.
    fn ids(&self, split: &Split, rows: &[u64]) -> Result<BTreeMap<u64, i64>> {
        match self.wanted.describes("example_id") {
            true => split.ids(rows),
            false => Ok(rows.iter().map(|row| (*row, *row as i64)).collect()),
        }
    }

    /// The decoding gate: per split against the vocabulary, over all splits one-to-one.
    fn decoded(&self, spaces: &Spaces, proof: &mut Proof) -> Result<()> {
        let verdict = decoding::judge(spaces, self.vocabulary);
        let name = |split: usize| self.splits.get(split).map_or("counterfactuals", |split| &split.name);
        let id = |(split, row): Place| -> Result<i64> {
            let known = self.held.get(split);
            let known =
                known.or(self.corrupted.filter(|_| split == self.splits.len()).map(|rows| &rows.rows));
            match known {
                Some(rows) => Ok(rows.ids[row as usize]),
                None => Ok(self.ids(&self.splits[split], &[row])?.get(&row).copied().unwrap_or(-1)),
            }
        };
        let mut add = |left: &str, right: &str, compared: u64, rows: u64, worst: i64| {
            proof.certificates.push(Certificate {
                check: "decoding".to_owned(),
                left: left.to_owned(),
                right: right.to_owned(),
                view: "tokens".to_owned(),
                gate: true,
                compared: compared as i64,
                violations: rows as i64,
                worst,
                passed: rows == 0,
            });
        };
        let place = |(split, row): Place| self.splits.get(split).map_or(Ok(None), |split| split.place(row));
        let leak = |left: &str, right: &str, rows: u64, ids: (i64, i64), piece: String| Leak {
            level: self.level.name().to_owned(),
            check: "decoding".to_owned(),
            view: "tokens".to_owned(),
            left: left.to_owned(),
            right: right.to_owned(),
            rows: rows as i64,
            left_example_id: ids.0,
            right_example_id: ids.1,
            offset: 0,
            piece,
            left_place: None,
            right_place: None,
        };
        let corrupted = self.corrupted.map(|corrupted| corrupted.rows.len() as u64);
        let rows = self.splits.iter().map(|split| split.rows).chain(corrupted);
        for (split, rows) in rows.clone().enumerate() {
            let wrong = verdict.wrong.get(&split).copied().unwrap_or_default();
            let worst = wrong.first.map(id).transpose()?.unwrap_or(-1);
            add(name(split), "vocabulary", rows, wrong.rows, worst);
            if wrong.rows > 0 {
                let piece = "tokens that are not worth the terms beside them".to_owned();
                let left_place = wrong.first.map(place).transpose()?.flatten();
                let leak = leak(name(split), "vocabulary", wrong.rows, (worst, worst), piece);
                proof.leaks.push(Leak { left_place, ..leak });
            }
        }
        let terms = verdict.conflicts.iter().fold(0, |sum: u64, conflict| sum.saturating_add(conflict.terms));
        let first = verdict.conflicts.first();
        let worst = first.map(|conflict| id(conflict.at)).transpose()?.unwrap_or(-1);
        add("all", "all", rows.sum(), terms, worst);
        if let Some(conflict) = first {
            let ids = (worst, id(conflict.against)?);
            let (left, right) = (name(conflict.at.0), name(conflict.against.0));
            let (left_place, right_place) = (place(conflict.at)?, place(conflict.against)?);
            let leak = leak(left, right, terms, ids, conflict.piece.clone());
            proof.leaks.push(Leak { left_place, right_place, ..leak });
        }
        Ok(())
    }

    /// Builds the rows of `leakage.parquet` of held-out split number `at`.
    fn leakage(
        &self,
        held: &HeldOut<'_>,
        traces: Vec<Option<Trace>>,
        leaked: &[i32],
        at: usize,
    ) -> Result<Vec<Leakage>> {
        let mut terms = vec![Match::default(); held.rows.len()];
        let mut tokens = terms.clone();
        let matched = held.indices.par_iter().zip(traces).filter_map(|(index, trace)| {
            let found = index.matcher.as_ref()?.finish(&index.coded, trace?);
            Some((index.codes.view(), found))
        });
        for (view, found) in matched.collect::<Vec<_>>() {
            *(if view == View::Tokens { &mut tokens } else { &mut terms }) = found;
        }
        let witnesses = || terms.iter().filter_map(|found| found.witness).map(|witness| witness.row);
        let mut ids = BTreeMap::new();
        let mut base = 0;
        for split in self.splits[at + 1..].iter().rev() {
            let inside = witnesses().filter(|row| (base..base + split.rows).contains(row));
            let here: Vec<u64> = inside.map(|row| row - base).collect();
            ids.extend(self.ids(split, &here)?.into_iter().map(|(row, id)| (row + base, id)));
            base += split.rows;
        }
        let token_length = |row: usize, groups: u32| -> i32 {
            let lengths = self.vocabulary.groups(held.rows.tokens.row(row)).map(|group| group.len());
            let lengths: Vec<usize> = lengths.collect();
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
}
