//! The verdict on a point as the page shows it.

use maud::{Markup, html};

use crate::number::count;
use crate::point::Point;
use crate::scores::{BEYOND_MEMORY, OVER_SEEDS};
use crate::verdict::Verdict;

/// Returns the verdict on a point: in words, and a line a task.
pub(crate) fn verdict(point: &Point<'_>, title: &str) -> Markup {
    let verdict = point.verdict("");
    let tasks = point.tasks();
    let beyond = point.score("trained", OVER_SEEDS, "", BEYOND_MEMORY);
    html! {
        section id={ (point.id) "-verdict" } class={ "verdict " (verdict.tone) } {
            h2 { (title) }
            p.headline { (verdict.headline) }
            @if !tasks.is_empty() {
                ul.tasks {
                    @for task in &tasks {
                        @let of_task = point.verdict(task);
                        li {
                            b { (task) } " " span class={ "tag " (of_task.tone) } { (of_task.headline) } " "
                            span.nowrap { (point.row(task).text()) } " "
                            small { (of_task.denominators) }
                        }
                    }
                }
            }
            p.sentence { (verdict.sentence) }
            @if !verdict.denominators.is_empty() { p.note { (verdict.denominators) "." } }
            @if beyond.value.is_some() && verdict.counted.is_none() {
                p { "On the " (count(beyond.n)) " rows that no look-up table solves (" code { (BEYOND_MEMORY) } "): " b { (beyond.text()) } "." }
            }
            @if !verdict.caveats.is_empty() {
                ul.caveats { @for caveat in &verdict.caveats { li { (caveat) } } }
            }
            // A matrix says it once for all.
            @if point.label.is_empty() { (reached(&verdict)) }
        }
    }
}

/// Says how a verdict is reached, and what its words mean.
pub(crate) fn reached(verdict: &Verdict) -> Markup {
    html! { details {
        summary { "How the verdict is reached, and what its words mean" }
        @if let Some(b) = &verdict.borders {
            p {
                "The words are the evaluator's (" code { "verdicts.parquet" } ", and " code { "seed_verdicts.parquet" } " for each seed). "
                b { "Rule" } ": a rule_index of " (b.rule) " or more; " b { "shallow" } " where a shallow table is at most " (b.close) " behind. "
                b { "Partly" } ": from " (b.partly) " on, its interval above 0. Of what is left, " b { "not fitted" } ": less than " (b.fitted)
                " of the training rows right; " b { "memory" } ": the wrong answers are those of a look-up table (lower end of " code { "agreement" }
                " at least " (b.memory) "); " b { "not transferred" } ": rows of another notation, family or dataset; " b { "not inferred" }
                ": none of these. " b { "Seeds disagree" } ": two of them differ by more than " (b.apart)
                ", and their interval, paired over clusters and corrected for all pairs, leaves out 0. " b { "Not measurable" }
                ": a look-up table gets more than " (b.measurable) ", and the model is not below it; or the interval of rule_index leaves open whether it is above memory or the rule."
            }
        }
        p {
            "Intervals of shares are Wilson's with the effective number of clusters (sum n)² / sum n² in place of the number of rows, since rows of one orbit "
            "are not independent: that number is what is called independent clusters here. Over seeds they are the hull of that and of the bootstrap over seeds and clusters. "
            "The page decides nothing and measures nothing: every score, interval and verdict is a row of a table; it counts right answers of look-up tables and kinds of mistakes."
        }
        dl.facts {
            @for (name, meaning) in MEANINGS { div { dt { (name) } dd { (meaning) } } }
        }
    } }
}

/// What the page says of numbers that it names.
const MEANINGS: [(&str, &str); 6] = [
    (
        "accuracy",
        "share of rows whose whole answer is right, generated greedily (the likeliest token each time)",
    ),
    ("U_best", "accuracy of the best single look-up table on the same rows: it can only repeat what it saw"),
    ("U_union", "share of the rows that at least one look-up table solves"),
    ("S_best", "accuracy of the best shallow table: it can combine single pieces, but knows no rule"),
    (
        "rule_index",
        "(accuracy − U_best) / (1 − U_best): 0 for the best look-up table, 1 for the rule itself; null where U_best leaves too little room",
    ),
    ("beyond_memory", "accuracy on the rows that no look-up table solves"),
];
