//! Corrupted rows: as long as the clean row, with another answer.

use artifact::tables::Counterfactual;
use sequence::{NONE, Row, UnitKind};

use crate::{config::Corruption, task::Sequences, world::World};

/// Draws before a row is given up: in most definitions the first few are accepted.
const TRIES: u32 = 500;

/// Makes corrupted rows; each is a pure function of the seed, the clean row's number, its kind and its copy.
pub(crate) struct Corruptor<'a> {
    world: &'a World,
    key: [u8; 32],
}

/// A row that is to be corrupted.
struct Clean<'a> {
    task: &'a Sequences,
    row: Row,
    /// The number of its terms that are context.
    context: usize,
    /// Whether the answer is one term that follows the last one shown, so that copying that one is an answer too.
    is_chain: bool,
}

impl<'a> Corruptor<'a> {
    pub(crate) fn new(world: &'a World, seed: u64) -> Self {
        Corruptor { world, key: stream::key("dataset/counterfactual", &[seed]) }
    }

    /// Returns the corrupted row, or nothing if none was found.
    ///
    /// Every term has as many tokens as the clean one, both answers differ, and no rule of the dataset goes from the
    /// last term, or from the last one shown, to the right answer.
    ///
    /// After `step_swap` and `start_shift` the row goes on by its rule; otherwise with its last term, as by copying. In
    /// rows whose answer does not follow the last term (sums, sorted lists) the rule answers there too.
    pub(crate) fn corrupt(
        &self,
        task: &Sequences,
        index: u64,
        kind: Corruption,
        copy: u32,
    ) -> Option<Counterfactual> {
        let row = task.drawn(index);
        let family = &task.space.family;
        let context = family.context(row.terms.len());
        let is_chain = row.terms.len() == context + 1 && family.operators().is_empty();
        let clean = Clean { task, row, context, is_chain };
        let example_id = task.example_id(index);
        let mut draws = self.draws(example_id, kind, copy);
        let swaps = if kind == Corruption::StepSwap { self.swaps(&clean) } else { Vec::new() };
        let tries = match kind {
            Corruption::StepSwap if swaps.is_empty() => 0,
            // A sum or a sorted list does not hang on the order of its terms, and repeats none.
            Corruption::Shuffle | Corruption::RepeatLast if !is_chain => 0,
            _ => TRIES,
        };
        (0..tries).find_map(|_| {
            let corrupted = match kind {
                Corruption::RandomMembers => clean.random_members(&mut draws),
                Corruption::Shuffle => clean.shuffle(&mut draws),
                Corruption::RepeatLast => clean.repeat_last(&mut draws),
                Corruption::OneEdit => clean.one_edit(&mut draws),
                Corruption::StartShift => clean.start_shift(&mut draws),
                Corruption::StepSwap => {
                    let (other, parameter) = swaps[draws.below(swaps.len() as u64) as usize];
                    clean.step_swap(&other.space, parameter)
                }
            };
            self.accept(&clean, corrupted?, example_id, kind)
        })
    }

    /// Returns the corrupted row if it keeps what every corrupted row has to keep.
    fn accept(&self, clean: &Clean, row: Row, example_id: i64, kind: Corruption) -> Option<Counterfactual> {
        let (task, context) = (clean.task, clean.context);
        let (shown, right) = clean.row.terms.split_at(context);
        let (Row { parameter, terms }, alike) = (row, |(&one, &other)| clean.alike(one, other));
        let edited: Vec<i64> =
            (0..context as i64).filter(|&i| terms[i as usize] != shown[i as usize]).collect();
        if edited.is_empty() || terms[context..] == *right || !clean.row.terms.iter().zip(&terms).all(alike) {
            return None;
        }
        if let [right] = *right
            && [terms[context - 1], terms[context]].iter().any(|&last| self.goes_on(task, last, right))
        {
            return None;
        }
        let [right, wrong] = [&clean.row.terms, &terms].map(|terms| self.world.write(task, terms));
        if wrong.tokens.len() != right.tokens.len() || wrong.answer_start != right.answer_start {
            return None;
        }
        let mut answer = right.tokens.iter().zip(&wrong.tokens).enumerate().skip(right.answer_start);
        let (position, (&right, &other)) = answer.find(|(_, (right, other))| right != other)?;
        Some(Counterfactual {
            example_id,
            kind: kind.name().into(),
            terms,
            parameter: sequence::given(parameter),
            edited,
            position: position as i32,
            answer_token: right.into(),
            counterfactual_token: other.into(),
            tokens: wrong.tokens,
        })
    }

    /// Says whether some rule of the dataset goes from one term to the other.
    fn goes_on(&self, task: &Sequences, from: i64, to: i64) -> bool {
        let mut found = false;
        for other in self.world.tasks.iter().filter(|other| other.domain == task.domain) {
            match other.space.family.unit() {
                UnitKind::Pair => other.space.keys(&[from, to], &mut |_, _| found = true),
                UnitKind::None => other.space.through(&[from, to], &mut |_| found = true),
                UnitKind::UnorderedPair | UnitKind::Multiset | UnitKind::Row => {}
            }
        }
        found
    }

    /// Returns the tasks of the clean row's family and notation with each of their other parameters.
    fn swaps(&self, clean: &Clean) -> Vec<(&Sequences, i64)> {
        let (task, name) = (clean.task, clean.task.space.family.name());
        let same = |other: &&Sequences| other.script == task.script && other.space.family.name() == name;
        let swaps = self.world.tasks.iter().filter(same).flat_map(|other| {
            other.space.family.parameters().into_iter().map(move |parameter| (other, parameter))
        });
        swaps.filter(|(_, parameter)| *parameter != clean.row.parameter).collect()
    }

    fn draws(&self, example_id: i64, kind: Corruption, copy: u32) -> Draws {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(kind.name().as_bytes()).update(&example_id.to_le_bytes()).update(&copy.to_le_bytes());
        Draws(hasher.finalize_xof())
    }
}

impl Clean<'_> {
    fn random_members(&self, draws: &mut Draws) -> Option<Row> {
        // The last one decides most often whether the row is accepted at all.
        let last = self.member(self.context - 1, draws)?;
        let others = (0..self.context - 1).map(|place| (0..TRIES).find_map(|_| self.member(place, draws)));
        let mut terms = others.collect::<Option<Vec<i64>>>()?;
        terms.push(last);
        self.answered(terms)
    }

    fn shuffle(&self, draws: &mut Draws) -> Option<Row> {
        let mut terms = self.row.terms[..self.context].to_vec();
        for place in (1..terms.len()).rev() {
            terms.swap(place, draws.below(place as u64 + 1) as usize);
        }
        self.answered(terms)
    }

    fn repeat_last(&self, draws: &mut Draws) -> Option<Row> {
        let last = self.member(self.context - 1, draws)?;
        self.answered(vec![last; self.context])
    }

    fn one_edit(&self, draws: &mut Draws) -> Option<Row> {
        let mut terms = self.row.terms[..self.context].to_vec();
        let place = draws.below(self.context as u64) as usize;
        terms[place] = self.member(place, draws)?;
        self.answered(terms)
    }

    fn start_shift(&self, draws: &mut Draws) -> Option<Row> {
        let numbers = self.task.space.numbers(self.row.parameter, self.row.terms.len());
        let row = self.task.space.row(numbers.start + draws.below(numbers.end - numbers.start))?;
        (row.terms[0] != self.row.terms[0]).then_some(row)
    }

    fn step_swap(&self, space: &sequence::Space, parameter: i64) -> Option<Row> {
        let terms = space.grown(parameter, &self.row.terms)?;
        Some(Row { parameter, terms })
    }

    /// Returns a context term of another row of the task, at the same place and with as many tokens.
    fn member(&self, place: usize, draws: &mut Draws) -> Option<i64> {
        let row = self.task.space.row(draws.below(self.task.space.capacity()))?;
        let context = self.task.space.family.context(row.terms.len());
        let term = *row.terms[..context].get(place)?;
        self.alike(self.row.terms[place], term).then_some(term)
    }

    /// Returns the context with what it goes on with.
    fn answered(&self, mut context: Vec<i64>) -> Option<Row> {
        if self.is_chain {
            context.push(*context.last()?);
        } else {
            let answer = self.task.space.answers(&context, self.row.terms.len()).next()?;
            context.extend(answer);
        }
        Some(Row { parameter: NONE, terms: context })
    }

    /// Says whether two values are written with the same number of tokens.
    fn alike(&self, clean: i64, value: i64) -> bool {
        let notation = &self.task.task.notation;
        notation.size(clean) == notation.size(value)
    }
}

/// Draws of one corrupted row.
struct Draws(blake3::OutputReader);

impl Draws {
    fn below(&mut self, bound: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        stream::below(u64::from_le_bytes(bytes), bound)
    }
}
