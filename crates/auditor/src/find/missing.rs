//! What plainly belongs to a dataset and was not read.

use std::collections::{BTreeMap, BTreeSet};

use crate::find::gather::{Entry, Kind};
use crate::find::names::{Announced, Format, announced, format, is_split, stem};

/// How many names a message holds.
const NAMED: usize = 5;

/// What was not read, by what is to be done.
#[derive(Debug, Default)]
pub(crate) struct Unread {
    nameless: BTreeSet<String>,
    strange: BTreeSet<String>,
    shards: Vec<String>,
}

impl Unread {
    /// A Parquet file whose name says no split, beside files whose names do.
    pub(crate) fn name(&mut self, entry: &Entry) {
        self.nameless.insert(entry.inside.join("/"));
    }

    /// Says what was not read; nothing where all was.
    pub(crate) fn message(&self) -> Option<String> {
        let named = |names: &BTreeSet<String>| {
            let mut text: Vec<_> = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
            if names.len() > NAMED {
                text.push(format!("{} more", names.len() - NAMED));
            }
            text.join(", ")
        };
        let mut parts = self.shards.iter().take(NAMED).cloned().collect::<Vec<_>>();
        if let Some(first) = self.nameless.first() {
            let tables = ["counterfactuals.parquet", "definition.parquet", "vocabulary.parquet"];
            let ours = self.nameless.iter().any(|name| tables.iter().any(|table| name.ends_with(table)));
            // A copy of a dataset of ours, without its manifest.
            let ours = if ours { ", or say that the folder is one of ours (--ours)" } else { "" };
            parts.push(format!(
                "of no split by their names: {}; say which (--split test={first}), or leave them out (--skip {first}){ours}",
                named(&self.nameless)
            ));
        }
        if let Some(first) = self.strange.first() {
            parts.push(format!(
                "named as splits and no Parquet: {}; write them as Parquet, or leave them out (--skip {first})",
                named(&self.strange)
            ));
        }
        (!parts.is_empty()).then(|| format!("not all of it can be read: {}", parts.join("; ")))
    }

    /// The same, behind another message.
    pub(crate) fn also(&self) -> String {
        self.message().map_or(String::new(), |message| format!("; {message}"))
    }
}

/// Finds what is plainly a split and no Parquet, and folders named as splits in which nothing is.
pub(crate) fn unread_rows(
    entries: &[Entry],
    skipped: &[Entry],
    read: impl Fn(&Entry) -> bool,
    unread: &mut Unread,
) {
    for entry in entries {
        let Some((name, above)) = entry.inside.split_last() else { continue };
        let below = |other: &Entry| {
            other.inside.len() > entry.inside.len() && other.inside.starts_with(&entry.inside)
        };
        let plainly = match entry.kind {
            Kind::Parquet => false,
            Kind::Folder => {
                is_split(name)
                    && !entries.iter().chain(skipped).any(|other| below(other) && other.kind == Kind::Parquet)
            }
            Kind::Other => {
                // Beside rows there may be counts and notes in these.
                let rows = ![".json", ".txt"].iter().any(|end| name.ends_with(end));
                let inside = rows && above.iter().any(|folder| is_split(folder));
                format(name) == Format::Rows && (is_split(stem(name)) || inside)
            }
        };
        if plainly && !read(entry) {
            unread.strange.insert(entry.inside.join("/"));
        }
    }
}

/// The files of one division, which share a folder and what stands before their numbers.
type Division<'a> = Vec<(&'a str, Announced<'a>)>;

/// Finds files that the names of others announce: `-00001-of-00002` where `-00000-of-00002` stands.
pub(crate) fn shards_missing<'a>(files: impl Iterator<Item = &'a Entry>, unread: &mut Unread) {
    let mut sets: BTreeMap<(&[String], &str), Division<'_>> = BTreeMap::new();
    for entry in files {
        let Some((name, above)) = entry.inside.split_last() else { continue };
        if let Some(shard) = announced(stem(name)) {
            sets.entry((above, shard.name)).or_default().push((name, shard));
        }
    }
    for ((above, _), shards) in sets {
        let Some((name, first)) = shards.first().copied() else { continue };
        let at = |name: &str| [above, &[name.to_owned()]].concat().join("/");
        if let Some((other, _)) = shards.iter().find(|(_, shard)| shard.of != first.of) {
            let message = "are of two divisions into files; leave one out (--skip)";
            unread.shards.push(format!("`{}` and `{}` {message}", at(name), at(other)));
            continue;
        }
        let numbers: BTreeSet<u64> = shards.iter().map(|(_, shard)| shard.number).collect();
        if numbers.len() < shards.len() {
            let twice = shards.iter().zip(&shards[1..]).find(|((_, a), (_, b))| a.number == b.number);
            let (a, b) = twice.map_or((name, name), |((a, _), (b, _))| (a, b));
            unread.shards.push(format!(
                "`{}` and `{}` are the same part; leave one out (--skip)",
                at(a),
                at(b)
            ));
            continue;
        }
        // Mostly counted from 0; by some from 1.
        let start = u64::from(numbers.contains(&first.of));
        let end = first.of.saturating_add(start);
        if let Some((name, _)) = shards.iter().find(|(_, shard)| !(start..end).contains(&shard.number)) {
            unread.shards.push(format!("`{}` is none of the {} files that it announces", at(name), first.of));
            continue;
        }
        let Some(missing) = (start..end).find(|number| !numbers.contains(number)) else { continue };
        let (digits, of) = first.digits;
        let missing = format!("{missing:0digits$}-of-{:0of$}", first.of);
        unread.shards.push(format!(
            "`{}` announces {} files; {} missing, the first {missing}",
            at(name),
            first.of,
            first.of - numbers.len() as u64
        ));
    }
}
