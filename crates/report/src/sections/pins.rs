//! Were the pinned rows inferred, such as `10 12 14 16`?

use maud::{Markup, html};

use crate::Error;
use crate::number::counted;
use crate::pins::Pin;
use crate::point::Point;
use crate::section::{Limit, Section};

pub(crate) const SECTION: Section = Section {
    id: "pins",
    title: "Pinned rows: inferred or not?",
    table: "",
    limit: Limit::NONE,
    build,
    script: "",
};

fn build(point: &Point<'_>, _: usize) -> Result<Option<Markup>, Error> {
    let Some(pins) = &point.pins else { return Ok(None) };
    Ok(Some(html! {
        p.note { "Rows that the definition put among the test rows by name: whoever answers them has not seen them." }
        @for pin in &pins.test { (outcome(pin)) }
        @if !pins.train.is_empty() {
            p { "Pinned into training: " @for (index, row) in pins.train.iter().enumerate() { @if index > 0 { ", " } code { (row) } } "." }
        }
    }))
}

fn outcome(pin: &Pin) -> Markup {
    html! {
        div.pin {
            p.row { code { (pin.context) } " " span aria-hidden="true" { "→" } " " code { b { (pin.answer) } } " " small { (pin.task) } }
            @if !pin.present {
                p.note { "The row is not in the test table." }
            } @else if pin.answers.is_empty() {
                p.note { "No predictions of it among the inputs." }
            } @else {
                p {
                    "Inferred by " b { (pin.right) " of " (pin.answers.len()) } " seeds"
                    @if pin.memory_asked > 0 { "; " (pin.memory_right) " of " (pin.memory_asked) " look-up tables get it" }
                    @if let Some(longest) = pin.longest { "; its longest ending that stands in training has " (counted(longest.into(), "term")) }
                    "."
                }
                ul.answers {
                    @for answer in &pin.answers {
                        li class=(if answer.correct { "right" } else { "wrong" }) {
                            span { "seed " (answer.seed) } " " b { (if answer.prediction.is_empty() { "nothing" } else { &answer.prediction }) } " "
                            (if answer.correct { "✓ right" } else { "✗ wrong" })
                        }
                    }
                }
            }
        }
    }
}
