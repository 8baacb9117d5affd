//! The pieces of prefixes that held-out rows ask about, each with a number: exact, and only those.
//!
//! A piece is a path from a root: a root stands for a world and the targets that count in it, a suffix is a path of its
//! symbols from the last one on, and the symbol at distance d is a step from the lane of d. The lane of distance 0 is the
//! root itself, so that the last symbol is one piece, whoever asks for it.

use super::{Memorizer, Method, Targets};
use crate::codes::Map;
use crate::numbers::{Numbers, pack};

/// A root: the pieces that need no symbol.
#[derive(Debug, Clone)]
pub(crate) struct Root {
    /// By distance; the first is the root itself. Prefixes that are longer than all that ask share the last.
    pub(crate) lanes: Vec<u32>,
    /// Longest suffix that anybody asks for.
    pub(crate) longest: usize,
    /// Whether anybody asks for symbols at distances.
    pub(crate) distances: bool,
}

/// The roots of one world: for all targets, for answers, and for each place of an answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    pub(crate) all: Option<Root>,
    pub(crate) answers: Option<Root>,
    pub(crate) places: Vec<Option<Root>>,
}

/// Numbers for all pieces that are asked for.
#[derive(Default)]
pub(crate) struct Pieces {
    worlds: Map<u64, World>,
    steps: Numbers,
    count: u32,
}

impl World {
    /// Returns the root for targets, `said` symbols into the answer.
    pub(crate) fn root(&self, targets: Targets, said: usize) -> Option<&Root> {
        match targets {
            Targets::All => self.all.as_ref(),
            Targets::Answers => self.answers.as_ref(),
            Targets::Places => self.places.get(said)?.as_ref(),
        }
    }

    fn slot(&mut self, targets: Targets, said: usize) -> &mut Option<Root> {
        match targets {
            Targets::All => &mut self.all,
            Targets::Answers => &mut self.answers,
            Targets::Places => {
                self.places.resize(self.places.len().max(said + 1), None);
                &mut self.places[said]
            }
        }
    }
}

impl Pieces {
    /// Number of pieces.
    pub(crate) fn len(&self) -> usize {
        self.count as usize
    }

    pub(crate) fn world(&self, world: u64) -> Option<&World> {
        self.worlds.get(&world)
    }

    /// Returns the piece one step further, if anybody asks for it.
    #[inline]
    pub(crate) fn step(&self, piece: u32, symbol: u32) -> Option<u32> {
        self.steps.get(pack(piece, symbol))
    }

    /// Asks for the pieces that a memoriser goes by after a prefix, `said` symbols into the answer.
    pub(crate) fn ask(&mut self, memorizer: &Memorizer, world: u64, prefix: &[u32], said: usize) {
        let (targets, longest, distances) = match memorizer.method {
            Method::Suffix { longest, targets } => (targets, longest, false),
            Method::Distances { targets } => (targets, 0, true),
            Method::Copy | Method::Nearest => return,
        };
        let Self { worlds, steps, count } = self;
        let mut fresh = || {
            *count += 1;
            *count - 1
        };
        let slot = worlds.entry(world).or_default().slot(targets, said);
        let root = slot.get_or_insert_with(|| Root { lanes: vec![fresh()], longest: 0, distances: false });
        root.longest = root.longest.max(longest);
        root.distances |= distances;
        if distances {
            while root.lanes.len() < prefix.len().max(1) {
                root.lanes.push(fresh());
            }
            for (symbol, lane) in prefix.iter().rev().zip(&root.lanes) {
                steps.number(pack(*lane, *symbol), count);
            }
        }
        let mut piece = root.lanes[0];
        for symbol in prefix.iter().rev().take(longest) {
            piece = steps.number(pack(piece, *symbol), count);
        }
    }
}
