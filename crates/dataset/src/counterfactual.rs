//! Corrupted rows: as long as the clean row, with another answer.

use artifact::tables::Counterfactual;
use sequence::{UnitKind, Written};

use crate::{
    Corruption,
    world::{Sequences, World},
};

/// Draws before a row is given up: in most definitions the first few are accepted.
const TRIES: u32 = 500;

/// Makes corrupted rows; each is a pure function of the seed, the clean row's number, its kind and its copy.
pub(crate) struct Corruptor<'a> {
    world: &'a World,
    key: [u8; 32],
}

impl<'a> Corruptor<'a> {
    pub(crate) fn new(world: &'a World, seed: u64) -> Self {
        Corruptor { world, key: artifact::stream_key("dataset/counterfactual", &[seed]) }
    }

    /// Returns the corrupted row, or nothing if none was found.
    ///
    /// Every term has as many tokens as the clean one, the row goes on with its own last term (as by copying), and
    /// (its last term, the right answer) is no unit of any task.
    pub(crate) fn corrupt(
        &self,
        task: &Sequences,
        index: u64,
        kind: Corruption,
        copy: u32,
    ) -> Option<Counterfactual> {
        let clean = task.drawn(index).terms;
        let context = task.space.family.context(clean.len());
        if clean.len() != context + 1 {
            return None;
        }
        let answer = clean[context];
        let written = self.world.write(task, &clean);
        let mut draws = self.draws(task.example_id(index), kind, copy);
        let mut member = |place: usize| {
            let row = task.space.row(draws.below(task.space.capacity()))?;
            let term = *row.terms[..row.terms.len() - 1].get(place)?;
            self.alike(task, clean[place], term).then_some(term)
        };
        for _ in 0..TRIES {
            let last = member(context - 1).filter(|&last| last != answer && self.alike(task, answer, last));
            let Some(last) = last.filter(|&last| !self.is_unit(task, &[last, answer])) else { continue };
            let mut terms: Vec<i64> = match kind {
                Corruption::RepeatLast => vec![last; context],
                Corruption::RandomMembers => {
                    let mut others = (0..context - 1).map(|place| (0..TRIES).find_map(|_| member(place)));
                    let Some(mut terms) = others.by_ref().collect::<Option<Vec<i64>>>() else { continue };
                    terms.push(last);
                    terms
                }
            };
            terms.push(last);
            let corrupted = self.world.write(task, &terms);
            if terms[..context] != clean[..context] && aligned(&corrupted, &written) {
                return edit(task.example_id(index), kind, &written, corrupted);
            }
        }
        None
    }

    /// Says whether two values are written with the same number of tokens.
    fn alike(&self, task: &Sequences, clean: i64, value: i64) -> bool {
        task.task.notation.size(clean) == task.task.notation.size(value)
    }

    fn is_unit(&self, task: &Sequences, pair: &[i64; 2]) -> bool {
        let mut found = false;
        for other in self.world.tasks.iter().filter(|other| other.domain == task.domain) {
            let kind = other.space.family.unit();
            if matches!(kind, UnitKind::Pair | UnitKind::UnorderedPair) {
                other.space.keys(&kind.canonical(pair), &mut |_, _| found = true);
            }
        }
        found
    }

    fn draws(&self, example_id: i64, kind: Corruption, copy: u32) -> Draws {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(kind.name().as_bytes()).update(&example_id.to_le_bytes()).update(&copy.to_le_bytes());
        Draws(hasher.finalize_xof())
    }
}

/// A stream of numbers.
struct Draws(blake3::OutputReader);

impl Draws {
    fn below(&mut self, bound: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        ((u128::from(u64::from_le_bytes(bytes)) * u128::from(bound)) >> 64) as u64
    }
}

fn aligned(corrupted: &Written, clean: &Written) -> bool {
    corrupted.tokens.len() == clean.tokens.len() && corrupted.answer_start == clean.answer_start
}

fn edit(example_id: i64, kind: Corruption, clean: &Written, corrupted: Written) -> Option<Counterfactual> {
    let mut answer = clean.tokens.iter().zip(&corrupted.tokens).enumerate().skip(clean.answer_start);
    let (position, (&right, &wrong)) = answer.find(|(_, (right, wrong))| right != wrong)?;
    Some(Counterfactual {
        example_id,
        kind: kind.name().into(),
        position: position as i32,
        answer_token: right.into(),
        counterfactual_token: wrong.into(),
        tokens: corrupted.tokens,
    })
}
