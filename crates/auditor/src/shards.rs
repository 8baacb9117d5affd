//! Audits of one shard of train each, by any number of machines, and what they prove together.
//!
//! A shard leaves evidence: for each piece of a held-out row the first place where it stands in that shard, and counts. So
//! evidence is as large as the held-out side and the vocabulary, however many rows train has, and merging it is taking
//! the least place and adding counts: the order does not matter, and all shards together say what one audit says.

use std::path::{Path, PathBuf};

use artifact::tables::Evidence as Row;
use artifact::{Provenance, read_table, write_table};

use crate::error::{Error, Result};
use crate::find::options::Options;
use crate::folder_audit::FolderAudit;
use crate::opened::Opened;
use crate::prove::audit::{Audit, Observed, Watch};
use crate::prove::automaton::remember;
use crate::prove::decoding::{Meaning, Wrong};
use crate::prove::kinds;
use crate::prove::units::{Found, Witness};

/// The file that a shard leaves.
const FILE: &str = "evidence.parquet";

/// One of several equal parts of train.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which part, counted from 1.
    pub number: usize,
    /// How many parts there are.
    pub of: usize,
}

/// Audits one shard of train, whole row groups, against the held-out rows; writes `evidence.parquet` into `out` and
/// returns the number of train rows in it.
///
/// # Errors
/// As [`crate::audit_folder`]; [`Error::Config`] where there is no such shard.
pub fn audit_shard(folder: &Path, options: &Options, shard: Shard, out: &Path) -> Result<u64> {
    if shard.number == 0 || shard.number > shard.of {
        return Err(Error::Config {
            at: "shard".to_owned(),
            message: format!("expected a number from 1 to {}, found {}", shard.of, shard.number),
            help: "3/16 is the third of sixteen shards".to_owned(),
        });
    }
    let mut opened = Opened::open(folder, options)?;
    let fingerprint = opened.fingerprint()?;
    let train = opened.splits.len() - 1;
    opened.splits[train].keep_shard(shard.number, shard.of);
    let rows = opened.splits[train].scanned();
    let corrupted = opened.corrupted()?;
    let audit = opened.audit(corrupted.as_ref());
    let watch = audit.watch();
    let mut observed = audit.nothing(&watch);
    audit.stream(&watch, train, &mut observed)?;
    let found = evidence(&audit, &watch, &observed);
    let claim = Claim { shard, held_out: words(&fingerprint), evidence: digest(&found), rows };
    std::fs::create_dir_all(out).map_err(|source| Error::Io {
        action: "create",
        path: out.to_owned(),
        source,
    })?;
    write_table(&out.join(FILE), &Provenance::default(), [claim.row()].into_iter().chain(found))?;
    Ok(rows)
}

/// Puts the evidence of all shards together: the same tables as one audit of the whole folder.
///
/// Only the held-out rows are read again, and of train the footers and the ids of witnesses.
///
/// # Errors
/// [`Error::Folder`] where the parts are not all shards of this folder, each once; else as [`crate::audit_folder`].
pub fn merge_shards(folder: &Path, options: &Options, parts: &[PathBuf]) -> Result<FolderAudit> {
    let opened = Opened::open(folder, options)?;
    complete(parts, &opened)?;
    let corrupted = opened.corrupted()?;
    let audit = opened.audit(corrupted.as_ref());
    let watch = audit.watch();
    let mut observed = audit.nothing(&watch);
    for part in parts {
        let path = part.join(FILE);
        for row in read_table::<Row>(&path)?.into_iter().skip(1) {
            let wrong = || Error::parquet(&path, format!("no evidence of this folder: {row:?}"));
            take(&audit, &watch, &mut observed, &row).ok_or_else(wrong)?;
        }
    }
    for number in (0..audit.splits.len() - 1).rev() {
        audit.stream(&watch, number, &mut observed)?;
    }
    let proof = audit.conclude(watch, observed)?;
    Ok(opened.report(proof))
}

/// What a part says of itself, in its first row.
struct Claim {
    shard: Shard,
    /// The digest of what it was compared with, and how.
    held_out: [i64; 4],
    /// The digest of what it found.
    evidence: [i64; 4],
    /// Rows of train that it saw.
    rows: u64,
}

const SHARD: &str = "shard";

impl Claim {
    fn row(&self) -> Row {
        let shard = [self.shard.number as i64, self.shard.of as i64];
        Row {
            split: String::new(),
            about: SHARD.to_owned(),
            key: [&shard[..], &self.held_out, &self.evidence].concat(),
            row: 0,
            offset: 0,
            count: self.rows as i64,
        }
    }

    fn of(row: &Row) -> Option<Self> {
        let [number, of, numbers @ ..] = row.key.as_slice() else { return None };
        let (held_out, evidence) = numbers.split_at_checked(4)?;
        Some(Self {
            shard: Shard { number: usize::try_from(*number).ok()?, of: usize::try_from(*of).ok()? },
            held_out: held_out.try_into().ok()?,
            evidence: evidence.try_into().ok()?,
            rows: u64::try_from(row.count).ok()?,
        })
        .filter(|_| row.about == SHARD)
    }
}

/// Returns a digest as numbers.
fn words(digest: &[u8; 32]) -> [i64; 4] {
    let (chunks, _) = digest.as_chunks();
    std::array::from_fn(|at| i64::from_le_bytes(chunks[at]))
}

/// Returns the digest of what was found.
fn digest(rows: &[Row]) -> [i64; 4] {
    let mut hasher = blake3::Hasher::new();
    for Row { split, about, key, row, offset, count } in rows {
        for text in [split, about] {
            hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
        }
        hasher.update(&(key.len() as u64).to_le_bytes());
        for number in key.iter().chain([row, &i64::from(*offset), count]) {
            hasher.update(&number.to_le_bytes());
        }
    }
    words(hasher.finalize().as_bytes())
}

/// Checks that the parts are the shards of one division of this folder's train, each once.
fn complete(parts: &[PathBuf], opened: &Opened) -> Result<()> {
    let fingerprint = opened.fingerprint()?;
    let wrong = |path: &Path, message: String| Error::Folder { path: path.to_owned(), message };
    let mut seen = Vec::new();
    let mut rows = 0_u64;
    for part in parts {
        let path = part.join(FILE);
        let found = read_table::<Row>(&path)?;
        let claim = found.split_first().and_then(|(first, found)| Some((Claim::of(first)?, found)));
        let Some((claim, found)) = claim else {
            return Err(Error::parquet(&path, "its first row does not say which shard it is"));
        };
        if claim.evidence != digest(found) {
            return Err(Error::parquet(&path, "its rows are not those that were written"));
        }
        if claim.held_out != words(&fingerprint) {
            let message =
                "evidence against other held-out rows, another train split or other options; audit its \
                           shard again"
                    .to_owned();
            return Err(wrong(part, message));
        }
        seen.push((claim.shard.of, claim.shard.number));
        rows = claim.rows.saturating_add(rows);
    }
    seen.sort_unstable();
    let of = seen.first().map_or(0, |(of, _)| *of);
    let every = seen.iter().copied().eq((1..=of).map(|shard| (of, shard)).take(seen.len()));
    if seen.len() != of || !every {
        let found: Vec<_> = seen.iter().map(|(of, shard)| format!("{shard}/{of}")).collect();
        let message = format!("expected every shard once, found {}", found.join(" "));
        return Err(wrong(parts.first().map_or(Path::new(""), PathBuf::as_path), message));
    }
    let train = opened.splits.last().map_or(0, |train| train.rows);
    if rows != train {
        let message = format!("the parts cover {rows} rows of train, which has {train}");
        return Err(wrong(parts.first().map_or(Path::new(""), PathBuf::as_path), message));
    }
    Ok(())
}

fn row(split: &str, about: &str, key: &[u64], place: Witness, count: i64) -> Row {
    Row {
        split: split.to_owned(),
        about: about.to_owned(),
        // Numbers of 64 bits, whatever their sign: they are compared for equality only.
        key: key.iter().map(|number| *number as i64).collect(),
        row: place.row as i64,
        offset: place.offset as i32,
        count,
    }
}

/// Writes down what was observed of the last split.
fn evidence(audit: &Audit<'_>, watch: &Watch<'_>, observed: &Observed) -> Vec<Row> {
    let train = audit.splits.len() - 1;
    let mut rows = Vec::new();
    let places = |found: &Found| {
        let found = (0..found.len() as u32).filter_map(|thing| Some((thing.into(), found.get(thing)?)));
        found.collect::<Vec<(u64, Witness)>>()
    };
    for (at, held) in watch.held.iter().enumerate() {
        let found = &observed.evidence[at][train];
        for (index, checks) in found.units.iter().enumerate() {
            for (check, found) in checks.iter().enumerate() {
                for (unit, place) in places(found) {
                    rows.push(row(held.name, "unit", &[index as u64, check as u64, unit], place, 1));
                }
            }
        }
        for (unit, place) in found.raw.iter().flat_map(places) {
            rows.push(row(held.name, "raw_unit", &[unit], place, 1));
        }
        for ((group, parameter), (size, place)) in &found.largest {
            if place.row != u64::MAX {
                let key: Vec<u64> =
                    [*group].into_iter().chain(parameter.map(|number| number as u64)).collect();
                rows.push(row(held.name, "largest", &key, *place, *size));
            }
        }
        for (index, trace) in observed.traces[at].iter().enumerate() {
            let Some(trace) = trace else { continue };
            for (code, place) in places(&trace.singles) {
                rows.push(row(held.name, "term", &[index as u64, code], place, 1));
            }
            let seen = trace.seen.lock().expect("no thread panics while it holds this lock");
            let mut seen: Vec<_> = seen.iter().map(|(key, place)| (*key, *place)).collect();
            seen.sort_unstable();
            for ((state, length), place) in seen {
                rows.push(row(held.name, "match", &[index as u64, state.into(), length.into()], place, 1));
            }
        }
    }
    for (unit, place) in observed.corrupted.get(train).into_iter().flatten().flat_map(places) {
        rows.push(row("", "corrupted", &[unit], place, 1));
    }
    let at = |first: Option<(usize, u64)>| Witness { row: first.map_or(0, |(_, row)| row), offset: 0 };
    for ((notation, domain), space) in &observed.spaces {
        let mut readings: Vec<_> = space.readings.iter().collect();
        readings.sort_unstable_by_key(|(group, _)| *group);
        for (group, meanings) in readings {
            for meaning in meanings {
                let mut key = vec![*notation, *domain, meaning.value as u64];
                key.extend(group.iter().map(|token| u64::from(*token)));
                rows.push(row("", "reading", &key, at(Some(meaning.first)), meaning.terms as i64));
            }
        }
        let wrong = [&space.wrong, &space.orders[0].wrong, &space.orders[1].wrong];
        for (way, wrong) in wrong.into_iter().enumerate() {
            for wrong in wrong.values() {
                rows.push(row(
                    "",
                    "wrong",
                    &[*notation, *domain, way as u64],
                    at(wrong.first),
                    wrong.rows as i64,
                ));
            }
        }
        for (order, forms) in space.orders.iter().enumerate() {
            for ((digits, padded), form) in &forms.forms {
                let form_key = [order as u64, *digits as u64, u64::from(*padded), form.value as u64];
                let key = [[*notation, *domain].as_slice(), &form_key].concat();
                rows.push(row("", "digits", &key, at(Some(form.first)), form.terms as i64));
            }
        }
    }
    rows
}

/// Adds one row of evidence; nothing where it cannot be of this folder.
fn take(audit: &Audit<'_>, watch: &Watch<'_>, observed: &mut Observed, row: &Row) -> Option<()> {
    let train = audit.splits.len() - 1;
    let rows = 0..i64::try_from(audit.splits[train].rows).ok()?;
    if !rows.contains(&row.row) || row.offset < 0 || (row.count < 0 && row.about != "largest") {
        return None;
    }
    let place = Witness { row: row.row as u64, offset: row.offset as u32 };
    let key: Vec<u64> = row.key.iter().map(|number| *number as u64).collect();
    let put = |found: &Found, thing: u64| {
        let thing = u32::try_from(thing).ok().filter(|thing| (*thing as usize) < found.len())?;
        found.put(thing, place.row, place.offset as usize);
        Some(())
    };
    let held = audit.splits[..train].iter().position(|split| split.name == row.split);
    let first = (train, place.row);
    match (row.about.as_str(), key.as_slice()) {
        ("unit", [index, check, unit]) => {
            let units = observed.evidence[held?][train].units.get(*index as usize)?;
            put(units.get(*check as usize)?, *unit)
        }
        ("raw_unit", [unit]) => put(observed.evidence[held?][train].raw.as_ref()?, *unit),
        ("largest", [group, parameter @ ..]) if parameter.len() < 2 => {
            let largest = &mut observed.evidence[held?][train].largest;
            kinds::remember(
                largest,
                (*group, parameter.first().map(|number| *number as i64)),
                row.count,
                place,
            );
            Some(())
        }
        ("term", [index, code]) => {
            put(&observed.traces[held?].get(*index as usize)?.as_ref()?.singles, *code)
        }
        ("match", [index, state, length]) => {
            let index = usize::try_from(*index).ok()?;
            let trace = observed.traces[held?].get(index)?.as_ref()?;
            let key = (u32::try_from(*state).ok()?, u32::try_from(*length).ok()?);
            let indexed = watch.held[held?].indices.get(index)?;
            let known = indexed.matcher.as_ref()?.knows(&indexed.coded, key);
            (known && key.1 <= place.offset.checked_add(1)?).then_some(())?;
            let mut seen = trace.seen.lock().expect("no thread panics while it holds this lock");
            remember(&mut seen, key, place);
            Some(())
        }
        ("corrupted", [unit]) => put(observed.corrupted.get(train)?.first()?, *unit),
        ("reading", [notation, domain, value, group @ ..]) => {
            let group: Vec<u32> =
                group.iter().map(|token| u32::try_from(*token).ok()).collect::<Option<_>>()?;
            let meaning = Meaning { value: *value as i64, terms: row.count as u64, first };
            observed.spaces.entry((*notation, *domain)).or_default().read(&group, meaning);
            Some(())
        }
        ("wrong", [notation, domain, way @ 0..=2]) => {
            let space = observed.spaces.entry((*notation, *domain)).or_default();
            let wrong = match way {
                0 => &mut space.wrong,
                way => &mut space.orders[*way as usize - 1].wrong,
            };
            wrong.entry(train).or_default().add(Wrong { rows: row.count as u64, first: Some(first) });
            Some(())
        }
        ("digits", [notation, domain, order @ 0..=1, digits, padded, value]) => {
            let space = observed.spaces.entry((*notation, *domain)).or_default();
            let meaning = Meaning { value: *value as i64, terms: row.count as u64, first };
            space.orders[*order as usize].form((*digits as usize, *padded == 1), meaning);
            Some(())
        }
        _ => None,
    }
}
