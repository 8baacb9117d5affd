//! A suffix automaton over many rows: the longest match of every position of another row, exactly.
//!
//! Blumer et al. 1985, generalised to several strings by starting each at the root.

use crate::prove::codes::{Map, UNKNOWN};
use crate::prove::units::Witness;
use crate::read::lists::Lists;

const ROOT: u32 = 0;

/// The states of all substrings of the rows it was built from.
pub(crate) struct Automaton {
    next: Map<u64, u32>,
    link: Vec<u32>,
    length: Vec<u32>,
}

/// The occurrences seen so far, as the least end (row, index of the last term) for each (state, matched length).
pub(crate) type Seen = Map<(u32, u32), Witness>;

impl Automaton {
    pub(crate) fn of(rows: &Lists<u32>) -> Self {
        let mut built = Build {
            automaton: Self { next: Map::default(), link: vec![ROOT], length: vec![0] },
            edges: vec![],
            first: vec![NONE],
        };
        for row in rows.rows() {
            let mut last = ROOT;
            for symbol in row {
                last = built.extend(last, *symbol);
            }
        }
        built.automaton
    }

    fn step(&self, state: u32, symbol: u32) -> Option<u32> {
        self.next.get(&(u64::from(state) << 32 | u64::from(symbol))).copied()
    }

    /// Streams a row past and remembers for every position the longest substring of the held-out rows that ends there.
    pub(crate) fn stream(&self, row: &[u32], index: u64, seen: &mut Seen) {
        let (mut state, mut matched) = (ROOT, 0);
        for (end, symbol) in row.iter().enumerate() {
            if *symbol == UNKNOWN {
                (state, matched) = (ROOT, 0);
                continue;
            }
            loop {
                if let Some(next) = self.step(state, *symbol) {
                    (state, matched) = (next, matched + 1);
                    break;
                }
                if state == ROOT {
                    matched = 0;
                    break;
                }
                state = self.link[state as usize];
                matched = self.length[state as usize];
            }
            if matched > 0 {
                remember(seen, (state, matched), Witness { row: index, offset: end as u32 });
            }
        }
    }

    /// Tells whether there is such a state, and a string of this length in it.
    pub(crate) fn knows(&self, state: u32, length: u32) -> bool {
        let longest = self.length.get(state as usize).copied().unwrap_or(0);
        let shorter = self.link.get(state as usize).map_or(0, |link| self.length[*link as usize]);
        (shorter + 1..=longest).contains(&length)
    }

    /// Remembers one term alone.
    pub(crate) fn stream_one(&self, symbol: u32, at: Witness, seen: &mut Seen) {
        if let Some(state) = self.step(ROOT, symbol) {
            remember(seen, (state, 1), at);
        }
    }

    /// Closes the record: what was seen of a string was seen of all its suffixes.
    pub(crate) fn close(&self, seen: Seen) -> Matches<'_> {
        let mut of_state: Vec<Vec<(u32, Witness)>> = vec![Vec::new(); self.link.len()];
        for ((state, matched), end) in seen {
            of_state[state as usize].push((matched, end));
        }
        let mut order: Vec<u32> = (1..self.link.len() as u32).collect();
        order.sort_unstable_by_key(|state| std::cmp::Reverse(self.length[*state as usize]));
        for state in order {
            let list = &mut of_state[state as usize];
            // Longest first; each entry then holds the least end of all matches at least as long.
            list.sort_unstable_by_key(|(matched, end)| (std::cmp::Reverse(*matched), *end));
            list.dedup_by_key(|(matched, _)| *matched);
            for at in 1..list.len() {
                list[at].1 = list[at].1.min(list[at - 1].1);
            }
            if let Some((_, end)) = list.last().copied() {
                let link = self.link[state as usize];
                if link != ROOT {
                    of_state[link as usize].push((self.length[link as usize], end));
                }
            }
        }
        Matches { automaton: self, of_state }
    }
}

/// Keeps the least end.
pub(crate) fn remember(seen: &mut Seen, key: (u32, u32), end: Witness) {
    seen.entry(key).and_modify(|known| *known = end.min(*known)).or_insert(end);
}

/// What was seen, ready to be asked.
pub(crate) struct Matches<'a> {
    automaton: &'a Automaton,
    of_state: Vec<Vec<(u32, Witness)>>,
}

impl Matches<'_> {
    /// Returns the longest seen suffix of every prefix of a held-out row: its length, and where it begins.
    pub(crate) fn walk(&self, row: &[u32]) -> impl Iterator<Item = (u32, Option<Witness>)> {
        row.iter().enumerate().scan(ROOT, |state, (end, symbol)| {
            let next = self.automaton.step(*state, *symbol);
            *state = next.expect("every held-out row is a path from the root");
            Some(self.longest(*state, end as u32 + 1))
        })
    }

    fn longest(&self, mut state: u32, mut limit: u32) -> (u32, Option<Witness>) {
        while state != ROOT {
            let list = &self.of_state[state as usize];
            if let Some((most, _)) = list.first() {
                let length = limit.min(*most);
                let reach = list.partition_point(|(matched, _)| *matched >= length);
                let end = list[reach - 1].1;
                return (length, Some(Witness { row: end.row, offset: end.offset + 1 - length }));
            }
            state = self.automaton.link[state as usize];
            limit = self.automaton.length[state as usize];
        }
        (0, None)
    }
}

struct Build {
    automaton: Automaton,
    /// The edges of each state, for cloning: a symbol and the next edge of the same state.
    edges: Vec<(u32, u32)>,
    first: Vec<u32>,
}

/// No edge.
const NONE: u32 = u32::MAX;

impl Build {
    fn set(&mut self, state: u32, symbol: u32, target: u32) {
        if self.automaton.next.insert(u64::from(state) << 32 | u64::from(symbol), target).is_none() {
            self.edges.push((symbol, self.first[state as usize]));
            self.first[state as usize] = self.edges.len() as u32 - 1;
        }
    }

    fn state(&mut self, length: u32, link: u32) -> u32 {
        self.automaton.length.push(length);
        self.automaton.link.push(link);
        self.first.push(NONE);
        self.automaton.link.len() as u32 - 1
    }

    /// Appends a symbol to the string that `last` stands for; returns the state of the longer string.
    fn extend(&mut self, last: u32, symbol: u32) -> u32 {
        let length = self.automaton.length[last as usize] + 1;
        if let Some(known) = self.automaton.step(last, symbol) {
            return if self.automaton.length[known as usize] == length {
                known
            } else {
                self.split(last, symbol, known)
            };
        }
        let fresh = self.state(length, ROOT);
        let mut from = Some(last);
        while let Some(state) = from {
            match self.automaton.step(state, symbol) {
                None => self.set(state, symbol, fresh),
                Some(known) => {
                    let exact =
                        self.automaton.length[known as usize] == self.automaton.length[state as usize] + 1;
                    self.automaton.link[fresh as usize] =
                        if exact { known } else { self.split(state, symbol, known) };
                    return fresh;
                }
            }
            from = (state != ROOT).then(|| self.automaton.link[state as usize]);
        }
        fresh
    }

    /// Splits the strings of `known` that are no longer than one step from `state` off into a state of their own.
    fn split(&mut self, state: u32, symbol: u32, known: u32) -> u32 {
        let clone =
            self.state(self.automaton.length[state as usize] + 1, self.automaton.link[known as usize]);
        let mut edge = self.first[known as usize];
        while let Some((symbol, next)) = self.edges.get(edge as usize).copied() {
            let target = self.automaton.step(known, symbol);
            self.set(clone, symbol, target.expect("an edge in the list is an edge of the state"));
            edge = next;
        }
        self.automaton.link[known as usize] = clone;
        let mut from = Some(state);
        while let Some(at) = from.filter(|at| self.automaton.step(*at, symbol) == Some(known)) {
            self.set(at, symbol, clone);
            from = (at != ROOT).then(|| self.automaton.link[at as usize]);
        }
        clone
    }
}
