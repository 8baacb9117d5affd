//! The words for what was decided.

use artifact::number::{count, share, with_interval};

use super::word::{Evidence, FITTED, RULE, Word};

impl Evidence {
    /// Returns two or three words.
    pub(super) fn headline(&self, word: Word) -> String {
        let words = match word {
            Word::Rule => "Rule",
            Word::ShallowRule => "A rule, but a shallow one",
            Word::Partly => "Partly",
            Word::Memory => "Memory",
            Word::NotInferred => "Rule not inferred",
            Word::NotFitted => "Not fitted",
            Word::NotTransferred => "Not transferred",
            Word::SeedsDisagree => "Seeds disagree",
            Word::NotMeasurable => "Not measurable",
            Word::ControlPassed => "Control passed",
            Word::ControlFailed => "Control failed",
            Word::LeakyControl => "Leaky control",
        };
        match word {
            Word::Rule | Word::ShallowRule | Word::Partly if self.other_data => {
                format!("{words}, on other data")
            }
            _ => words.to_owned(),
        }
    }

    /// Returns the sentence with its figures.
    pub(super) fn sentence(&self, word: Word) -> String {
        let who = self.who();
        let answers = self.answers();
        let memory = format!("{} (U_best)", gets("the best look-up table", &self.u_best));
        let index = match self.over.rule_index.value {
            Some(_) => format!("; rule_index {}", self.over.rule_index.text()),
            None => String::new(),
        };
        let versus = format!("{answers}, where {memory}{index}");
        let shallow = match &self.s_best {
            Some(_) => format!("; {} (S_best)", gets("a shallow table", &self.s_best)),
            None => String::new(),
        };
        match word {
            Word::Rule if self.s_best.is_some() => {
                format!("{who} {versus}{shallow}, so combining single pieces does not explain it.")
            }
            Word::Rule => format!("{who} {versus}."),
            Word::ShallowRule => format!(
                "{who} {versus}{shallow}, as much as the model, so the rule it has learned is a local one in this notation."
            ),
            Word::Partly => format!(
                "More than memory, less than the rule (a rule_index of {}): {} {versus}{shallow}.",
                share(RULE),
                lower(&who),
            ),
            Word::Memory => format!(
                "The model fails as a look-up table does: {} {versus}. {}.",
                lower(&who),
                self.agreement()
            ),
            Word::NotInferred => format!(
                "The rule was not inferred{}: {} {versus}{shallow}. {}.",
                self.fitted(),
                lower(&who),
                self.agreement()
            ),
            Word::NotTransferred => format!(
                "Nothing beyond what a look-up table gives carries over{}: {} {versus}{shallow}. {}.",
                self.fitted(),
                lower(&who),
                self.agreement()
            ),
            Word::NotFitted => format!(
                "Not even the training rows were learned ({} of them right, below {}), so this is a failure to train, not \
                 memory: {} {versus}.",
                self.over.train.map_or_else(String::new, share),
                share(FITTED),
                lower(&who),
            ),
            Word::SeedsDisagree => self.disagreement(&memory, &shallow),
            Word::NotMeasurable if 2 * self.unanswerable > self.rows => format!(
                "{who} {answers}, but {} of them have an answer that was hardly ever trained as one: whether the rule was \
                 learned cannot be told from these.",
                count(self.unanswerable as i64),
            ),
            Word::NotMeasurable if self.over.rule_index.value.is_some() => format!(
                "{who} {versus}{shallow}: with so wide an interval it is neither above memory nor shown to lack the rule."
            ),
            Word::NotMeasurable => format!(
                "{who} {answers}, but {memory} on the same rows: no room is left to tell rule from memory, and rule_index is \
                 not measurable."
            ),
            Word::LeakyControl => format!(
                "This is the leaky control: only whole rows are held out at level random, so the score may be pure memory; \
                 {} {answers}, and {memory}.",
                lower(&who),
            ),
            Word::ControlPassed => format!(
                "As it must be for answers drawn at random, nothing generalises: {} {versus}, which is at most 0 within its \
                 interval.",
                lower(&who),
            ),
            Word::ControlFailed => format!(
                "The answers are drawn at random, yet {} {versus}, which lies above 0: something leaks or the score is wrong.",
                lower(&who),
            ),
        }
    }

    /// Seeds are counted, not averaged, where they differ.
    fn disagreement(&self, memory: &str, shallow: &str) -> String {
        let (all, rule) = (self.seeds.len(), self.rule_seeds());
        let least = self.range().map_or_else(String::new, |(low, high)| {
            format!("they answer {} to {} of {} right", share(low), share(high), self.rows())
        });
        let apart = self.difference.map_or_else(String::new, |found| {
            let interval =
                with_interval(Some(found.value), Some(found.interval.low), Some(found.interval.high));
            format!("; two of them lie {interval} apart, corrected for all pairs")
        });
        format!(
            "{rule} of {all} seeds have the rule (rule_index from {} on), the others not: {least}, where {memory}{shallow}{apart}.",
            share(RULE),
        )
    }

    fn who(&self) -> String {
        match self.seeds.len() {
            1 => "The one seed".to_owned(),
            2 => "Both seeds".to_owned(),
            seeds => format!("All {seeds} seeds"),
        }
    }

    fn rows(&self) -> String {
        let other = if self.other_data { " of other data" } else { "" };
        format!("{} {} rows{other}", count(self.rows as i64), self.split)
    }

    fn answers(&self) -> String {
        let verb = if self.seeds.len() == 1 { "answers" } else { "answer" };
        let range = self.range().filter(|(low, high)| low != high);
        let spread =
            range.map_or(String::new(), |(low, high)| format!(" (seeds {} to {})", share(low), share(high)));
        format!("{verb} {} of {} right{spread}", self.over.accuracy.text(), self.rows())
    }

    fn fitted(&self) -> &'static str {
        if self.over.train.is_some() { ", though the training rows were learned" } else { "" }
    }

    /// Says how far the model's wrong answers are those of a table.
    fn agreement(&self) -> String {
        match self.over.agreement.value {
            Some(_) => {
                let (asked, of) = self.asked;
                let others = match asked < of {
                    true => format!(", of {asked} of {of} that have enough wrong answers to be asked,"),
                    false => String::new(),
                };
                format!(
                    "Of the answers that the table which agrees most{others} ({}) gets wrong, the model gives {} alike",
                    self.agrees,
                    self.over.agreement.text()
                )
            }
            None => "Whether it fails as a look-up table does cannot be told: too few of their wrong answers are independent"
                .to_owned(),
        }
    }
}

fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// Returns `look-up table (bigram, tokens) gets 0.012`, for such a table.
fn gets(kind: &str, found: &Option<(f64, String)>) -> String {
    match found {
        Some((value, name)) => format!("{kind} ({name}) gets {}", share(*value)),
        None => format!("{kind} is not known"),
    }
}
