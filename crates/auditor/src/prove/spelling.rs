//! Values as people write them, by what the decoding gate has read: digits as a decimal number, whatever their order and
//! padding; words with hyphens and commas; a value with a token of its own by that token.

use std::ops::Range;

use crate::prove::codes::Map;
use crate::prove::decoding::{Space, Spaces};
use crate::read::vocabulary::{Digits, Vocabulary, Worth};

/// How each (notation, domain) writes values.
#[derive(Default)]
pub(crate) struct Spelling {
    scripts: Map<(u64, u64), Script>,
    /// Tokens that alone have their value.
    only: Map<i64, u32>,
}

/// How one (notation, domain) writes values.
struct Script {
    /// Whether the ones come first.
    least_first: bool,
    /// The number of digits that shorter values are filled up to with zeros.
    width: Option<usize>,
    is_digits: bool,
    is_words: bool,
    /// By value, the group of tokens that most often writes it, where the vocabulary does not settle that.
    groups: Map<i64, Box<[u32]>>,
}

impl Spelling {
    pub(crate) fn of(spaces: Spaces, vocabulary: &Vocabulary) -> Self {
        let scripts = spaces.into_iter().map(|(key, space)| (key, Script::of(space, vocabulary)));
        Self { scripts: scripts.collect(), only: vocabulary.only().collect() }
    }

    /// Returns values as a row of this (notation, domain) has them in its text.
    pub(crate) fn terms(&self, script: (u64, u64), values: &[i64], vocabulary: &Vocabulary) -> String {
        let script = self.scripts.get(&script);
        let text = |value: &i64| {
            let script = script.filter(|script| !script.is_digits)?;
            let group = script.groups.get(value).map(|group| &**group);
            let only = || self.only.get(value).filter(|_| !script.is_words).map(std::slice::from_ref);
            Some(vocabulary.spelled(group.or_else(only)?))
        };
        let texts = values.iter().map(|value| text(value).unwrap_or_else(|| value.to_string()));
        texts.collect::<Vec<_>>().join(between(script))
    }

    /// Returns what was said where `answer` is right as a row of this (notation, domain) has it in its text; the tokens as
    /// they are where they spell no values, or not as many, `...` behind them where they go on without an end.
    pub(crate) fn tokens(
        &self,
        script: (u64, u64),
        said: &[u32],
        answer: &[u32],
        vocabulary: &Vocabulary,
    ) -> String {
        let script = self.scripts.get(&script);
        let values = || {
            let (said, answer) = (ended(said, answer, vocabulary)?, ended(answer, answer, vocabulary)?);
            let (groups, asked) = (groups(said, vocabulary)?, groups(answer, vocabulary)?);
            let text = |group: Range<usize>| script?.text(&said[group], vocabulary);
            let texts = groups.iter().cloned().map(text).collect::<Option<Vec<_>>>()?;
            (texts.len() == asked.len()).then(|| texts.join(between(script)))
        };
        values().unwrap_or_else(|| match ended(said, answer, vocabulary) {
            Some(said) => vocabulary.text(said.iter().copied()),
            None if said.is_empty() => String::new(),
            None => format!("{} ...", vocabulary.text(said.iter().copied())),
        })
    }
}

/// What stands between two values: number words have commas of their own.
fn between(script: Option<&Script>) -> &'static str {
    if script.is_some_and(|script| script.is_words) { "; " } else { " " }
}

/// Returns what was said up to END, or up to SEP behind the last term, where the answer has an END; nothing where it goes on.
fn ended<'a>(said: &'a [u32], answer: &[u32], vocabulary: &Vocabulary) -> Option<&'a [u32]> {
    if answer.last().copied() != vocabulary.end() || answer.is_empty() {
        return Some(said);
    }
    let (last, before) = said.split_last()?;
    [vocabulary.end(), vocabulary.separator()].contains(&Some(*last)).then_some(before)
}

/// Returns the groups of tokens, which one SEP each divides, or nothing at all; nothing where they stand otherwise.
fn groups(said: &[u32], vocabulary: &Vocabulary) -> Option<Vec<Range<usize>>> {
    let groups: Vec<_> = vocabulary.groups(said).collect();
    let separators = said.iter().filter(|token| Some(**token) == vocabulary.separator()).count();
    let borders = said.iter().filter(|token| vocabulary.is_border(**token)).count();
    let inside = groups.first()?.start == 0 && groups.last()?.end == said.len();
    (inside && borders == separators && (borders == 0 || borders + 1 == groups.len())).then_some(groups)
}

impl Script {
    fn of(space: Space, vocabulary: &Vocabulary) -> Self {
        // The order that fits more rows is the notation's; where both fit all of them, that of people.
        let least_first = space.orders[0].wrong() < space.orders[1].wrong();
        let order = &space.orders[usize::from(!least_first)];
        let is_words = space.readings.keys().any(|group| vocabulary.is_words(group));
        let mut groups = Map::<i64, (u64, Box<[u32]>)>::default();
        for (group, meanings) in space.readings {
            for meaning in meanings {
                let fresh = (meaning.terms, group.clone());
                let known = groups.entry(meaning.value).or_insert_with(|| fresh.clone());
                // Of equals the least: the order of a map is nobody's.
                if (fresh.0, &known.1) > (known.0, &fresh.1) {
                    *known = fresh;
                }
            }
        }
        Self {
            least_first,
            width: order.width(),
            is_digits: !order.forms.is_empty(),
            is_words,
            groups: groups.into_iter().map(|(value, (_, group))| (value, group)).collect(),
        }
    }

    /// Returns the value that a group spells as text; nothing where it spells none.
    fn text(&self, group: &[u32], vocabulary: &Vocabulary) -> Option<String> {
        match vocabulary.worth(group) {
            Worth::Digits(digits) => self.number(digits).map(|number| number.to_string()),
            Worth::Value(_) | Worth::Unknown => Some(vocabulary.spelled(group)),
        }
    }

    fn number(&self, digits: Digits) -> Option<i64> {
        let (value, padded) = if self.least_first { digits.least_first } else { digits.most_first };
        let fits = self.width.map_or(!padded, |width| width == digits.count);
        value.filter(|_| fits)
    }
}

#[cfg(test)]
mod tests;
