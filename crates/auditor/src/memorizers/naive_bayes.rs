//! The naive-Bayes vote: argmax over y of log p(y) + sum over distances d of log p(symbol at d | y).

use super::estimator::VOTED;
use super::features::Domain;
use super::known::{Best, Known};
use super::table::Follow;
use crate::prove::codes::Map;

/// Smoothed so little that a symbol never seen with a feature is all but excluded: what is asked is whether the features
/// determine the answer.
const SMOOTHING: f64 = 1e-6;

/// A logarithm in units of 2^-40: sums of integers do not depend on their order.
fn logarithm(of: f64) -> i64 {
    (of.ln() * (1_u64 << 40) as f64).round() as i64
}

/// What a feature adds to the score of a symbol before which it was seen so often; 0 where that is never.
fn log_ratio(count: u32) -> i64 {
    logarithm((f64::from(count) + SMOOTHING) / SMOOTHING)
}

/// The votes on all targets, and on those at the place of the answer that is asked for: both at once, since they mostly go
/// by the same prefix.
pub(crate) struct NaiveBayes {
    /// By count: what it adds.
    log_ratios: Vec<i64>,
    /// By domain, then by length of the prefix: before any feature is taken into account.
    baselines: Vec<Vec<Baseline>>,
    /// By domain, length of the prefix and feature of its first symbol, for those that many questions share and much follows
    /// (BEGIN, above all): what that feature adds is added up once.
    shared: Map<(usize, usize, u32), Baseline>,
}

/// By [`VOTED`]: scores of a symbol.
type Scores = [i64; VOTED.len()];
/// By [`VOTED`]: the best symbols.
pub(crate) type Winners = [Option<Best>; VOTED.len()];

/// Scores of all symbols to start from.
struct Baseline {
    /// By place of the symbol.
    scores: Vec<Scores>,
    /// A symbol for which no feature counts cannot beat these.
    best: Winners,
}

/// What one thread adds up for one question after the other.
#[derive(Default)]
pub(crate) struct Scratch {
    /// By distance: the feature, where anything is known of it.
    features: Vec<Option<u32>>,
    /// By place of the symbol: what the features that count for it add.
    added: Vec<Scores>,
    touched: Vec<u32>,
}

/// Symbols that shared baselines hold at most, 16 bytes each.
const SHARED: usize = 1 << 22;

impl NaiveBayes {
    /// Prepares for questions: `prefixes` calls for the prefix of each.
    pub(crate) fn of(known: &Known<'_>, prefixes: impl Fn(&mut dyn FnMut(&Domain, &[u32]))) -> Self {
        let baselines = known.domains().map(|domain| Baseline::all(known, domain)).collect();
        let log_ratios = (0..4096).map(log_ratio).collect();
        let mut votes = Self { log_ratios, baselines, shared: Map::default() };
        let mut asked: Map<(usize, usize, u32), usize> = Map::default();
        prefixes(&mut |domain, prefix| {
            if let Some(feature) = prefix.first().and_then(|first| domain.feature(*first, prefix.len() - 1)) {
                *asked.entry((domain.number, prefix.len(), feature)).or_default() += 1;
            }
        });
        // What is saved, in symbols to add up; a baseline costs as many as there are.
        let symbols = known.whole.places.symbols.len();
        let saved =
            |(key, questions): ((usize, usize, u32), usize)| (known.follows.of(key.2).len() * questions, key);
        let mut asked: Vec<_> =
            asked.into_iter().map(saved).filter(|(saved, _)| *saved > 4 * symbols).collect();
        asked.sort_unstable_by(|a, b| b.cmp(a));
        for (_, key) in asked.into_iter().take(SHARED / symbols.max(1)) {
            let baseline = votes.baselines[key.0][key.1].and(&votes, known, key.2);
            votes.shared.insert(key, baseline);
        }
        votes
    }

    #[inline]
    fn log_ratio(&self, follow: &Follow) -> Scores {
        follow
            .counts
            .map(|count| self.log_ratios.get(count as usize).copied().unwrap_or_else(|| log_ratio(count)))
    }

    /// Returns the symbols with the best scores after a prefix.
    pub(crate) fn answer(
        &self,
        known: &Known<'_>,
        domain: &Domain,
        prefix: &[u32],
        scratch: &mut Scratch,
    ) -> Winners {
        let Scratch { features, added, touched } = scratch;
        features.clear();
        features.extend(
            prefix.iter().rev().enumerate().map(|(distance, symbol)| domain.feature(*symbol, distance)),
        );
        let first = features.last().copied().flatten();
        let shared = first.and_then(|feature| self.shared.get(&(domain.number, prefix.len(), feature)));
        if shared.is_some() {
            features.pop();
        }
        let start = shared.unwrap_or(&self.baselines[domain.number][prefix.len()]);
        added.resize(known.whole.places.symbols.len(), Scores::default());
        touched.resize(features.iter().flatten().map(|feature| known.follows.of(*feature).len()).sum(), 0);
        let mut len = 0;
        for feature in features.iter().flatten() {
            for follow in known.follows.of(*feature) {
                let added = &mut added[follow.place as usize];
                // Written whether it is the first time or not: no branch to guess. What counts, counts for all targets.
                touched[len] = follow.place;
                len += usize::from(added[0] == 0);
                let more = self.log_ratio(follow);
                added.iter_mut().zip(more).for_each(|(added, more)| *added += more);
            }
        }
        let mut best = start.best;
        for at in &touched[..len] {
            let added = std::mem::take(&mut added[*at as usize]);
            let start = start.scores[*at as usize];
            for ((best, start), added) in best.iter_mut().zip(start).zip(added) {
                if added > 0 && best.is_none_or(|best| start + added >= best.score) {
                    *best = known.better(*best, start + added, *at);
                }
            }
        }
        best
    }
}

impl Baseline {
    /// Returns the scores before any feature is taken into account, by length of the prefix.
    fn all(known: &Known<'_>, domain: &Domain) -> Vec<Self> {
        let symbols = known.whole.places.symbols.len();
        let empty = || Self { scores: vec![Scores::default(); symbols], best: Winners::default() };
        let mut starts: Vec<Self> = (0..=domain.distances).map(|_| empty()).collect();
        for (kind, targets) in VOTED.into_iter().enumerate() {
            let prior = known.whole.reach(domain, targets, 0);
            // Where train has no such target (a domain that is held out whole), every symbol is as likely as any other.
            let classes = prior.iter().filter(|count| **count > 0).count().max(1) as f64;
            let likeliest = known.likeliest(domain, targets).filter(|best| known.part.holds(best.symbol));
            let likeliest = likeliest.and_then(|best| known.whole.places.of(best.symbol));
            let mut scores: Vec<i64> =
                prior.iter().map(|count| logarithm((*count as f64).max(SMOOTHING))).collect();
            for (length, start) in starts.iter_mut().enumerate() {
                start.scores.iter_mut().zip(&scores).for_each(|(start, score)| start[kind] = *score);
                start.best[kind] = likeliest.and_then(|at| known.better(None, scores[at], at as u32));
                if length < domain.distances {
                    for (score, reach) in scores.iter_mut().zip(known.whole.reach(domain, targets, length)) {
                        *score += logarithm(SMOOTHING / (*reach as f64 + SMOOTHING * classes));
                    }
                }
            }
        }
        starts
    }

    /// Returns the scores with one feature taken into account.
    fn and(&self, votes: &NaiveBayes, known: &Known<'_>, feature: u32) -> Self {
        let (mut scores, mut best) = (self.scores.clone(), self.best);
        for follow in known.follows.of(feature) {
            let scores = &mut scores[follow.place as usize];
            for ((score, more), best) in scores.iter_mut().zip(votes.log_ratio(follow)).zip(&mut best) {
                if more > 0 {
                    *score += more;
                    *best = known.better(*best, *score, follow.place);
                }
            }
        }
        Self { scores, best }
    }
}
