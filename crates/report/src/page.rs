//! Puts the page together, and keeps it below its size.

use artifact::{Provenance, printable};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use crate::figure::Figures;
use crate::folder::{self, Folder, Source};
use crate::matrix::Matrix;
use crate::point::Point;
use crate::sections::{self, SECTIONS};
use crate::{Config, Error, Inputs, MAX_BYTES, answer, beside, card, origin, published};

const STYLE: &str = include_str!("style.css");

/// Points of a matrix that have sections of their own, where there is room.
const DETAILED: usize = 64;
/// Bytes of configs, where there is room.
const CONFIGS: usize = 60_000;
/// A page that is too large after so many halvings of its limits has nothing left to leave out.
const HALVINGS: u32 = 20;

/// Returns the page.
pub(crate) fn build(config: &Config, inputs: &Inputs, provenance: &Provenance) -> Result<String, Error> {
    let folders = folder::open(inputs)?;
    let sources = folder::points(&folders);
    for source in &sources {
        if let [.., one, other] = source.evaluations()[..] {
            let message = format!(
                "`{}` and `{}` are evaluations of one point, and a page says what came out of one",
                one.stage, other.stage
            );
            let help = "report each on a page of its own".to_owned();
            return Err(Error::Config { at: "inputs".to_owned(), message, help });
        }
    }
    let script = script();
    let (mut bytes, mut halvings) = (0, 0);
    while halvings <= HALVINGS {
        let page = render(&Page {
            config,
            inputs,
            provenance,
            folders: &folders,
            sources: &sources,
            halvings,
            script: &script,
        })?;
        if page.len() < MAX_BYTES {
            return Ok(page);
        }
        bytes = page.len();
        // A halving makes it half as large at best.
        halvings += (bytes / MAX_BYTES).ilog2().max(1);
        tracing::info!("a page of {bytes} bytes is too large; it shows less of the large tables");
    }
    Err(Error::TooLarge { bytes, points: sources.len() })
}

/// What a page is made of.
struct Page<'a> {
    config: &'a Config,
    inputs: &'a Inputs,
    provenance: &'a Provenance,
    folders: &'a [Folder],
    sources: &'a [Source<'a>],
    /// How often it was too large.
    halvings: u32,
    script: &'a str,
}

fn render(page: &Page<'_>) -> Result<String, Error> {
    let Page { config, sources, halvings, .. } = *page;
    let title = config.title.as_deref().or(config.pipeline.as_deref()).unwrap_or("Report");
    let figures = Figures::named(config.pipeline.as_deref().unwrap_or("report"));
    let read =
        |(index, source)| Point::read(source, index, published::beside(&config.published, source), &figures);
    let points: Vec<Point<'_>> = sources.iter().enumerate().map(read).collect::<Result<_, _>>()?;
    // First less of each point, then fewer points.
    let detailed = points.len().min((DETAILED >> halvings.saturating_sub(2)).max(1));
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(page.script)
    );
    let html = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content=(policy);
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    p.kicker { "Rule or memory?" @if let Some(pipeline) = &config.pipeline { " " span { (pipeline) } } }
                    h1 { (title) }
                    @if let Some(description) = &config.description { p.lead { (code(description)) } }
                    @if let Some(question) = &config.question { p.question { (code(question)) } }
                }
                main {
                    (points_of(page, &points, detailed)?)
                    (origin::rerun(config, page.folders))
                    (origin::folders(page.inputs, page.folders, CONFIGS >> halvings))
                }
                footer {
                    "Written by seqlab"
                    @if !page.provenance.key.is_empty() { ", report key " code.digest { (page.provenance.key) } }
                    ". The page is self-contained and holds no clock: the same tables give the same bytes."
                }
                noscript { p.note { "The page's own script is switched off: its figures stand as they are, without values under the pointer and without a choice of seed and head." } }
                script { (PreEscaped(page.script)) }
            }
        }
    };
    // Lines stay lines; whatever else a page would obey or hide is written out.
    Ok(html.into_string().split('\n').map(printable).collect::<Vec<_>>().join("\n"))
}

/// Returns what the page says of its points: the verdict, the figure that answers the question, and the evidence.
fn points_of(page: &Page<'_>, points: &[Point<'_>], detailed: usize) -> Result<Markup, Error> {
    let published = beside::table(&page.config.published, points);
    let Some(matrix) = Matrix::new(page.sources, points, detailed) else {
        let point = &points[0];
        let answer = html! { (card::verdict(point, "Verdict")) @if let Some(figure) = answer::figure(point)? { (figure) } };
        return Ok(html! { (answer) (published) article.point id=(point.id) { (sections(page, point)?) } });
    };
    let figure = matrix.figure(points)?;
    Ok(html! {
        (matrix.verdict())
        section #matrix {
            h2 { "Across the matrix" }
            (figure) (matrix.table())
            @if detailed < points.len() {
                p.note { "To stay below 1 MB the page shows the sections of the first " (detailed) " of " (points.len()) " points only." }
            }
        }
        (published)
        p.chooser hidden {
            label for="point" { "Sections below are about the point" } " "
            select #point { @for point in &points[..detailed] { option value=(point.id) { (point.label) } } }
        }
        @for point in &points[..detailed] {
            article.point id=(point.id) {
                h2.point-name { (point.label) }
                (card::verdict(point, "Verdict"))
                @if let Some(figure) = answer::figure(point)? { (figure) }
                (sections(page, point)?)
            }
        }
    })
}

fn sections(page: &Page<'_>, point: &Point<'_>) -> Result<Markup, Error> {
    let built = sections::build(point, page.sources.len(), page.halvings)?;
    Ok(html! {
        nav aria-label=(format!("Sections {}", point.label).trim()) {
            @for (section, _) in &built { a href={ "#" (point.id) "-" (section.id) } { (section.title) } " " }
            a href="#rerun" { "Run it again" } " " a href="#origin" { "Where it comes from" }
        }
        (sections::missing(point))
        @for (section, content) in &built {
            section id={ (point.id) "-" (section.id) } { h2 { (section.title) } (content) }
        }
    })
}

/// Returns the page's script: what all figures can, and what those of each section can besides.
fn script() -> String {
    let of_sections = SECTIONS.iter().map(|section| section.script);
    let parts = std::iter::once(include_str!("script/base.js")).chain(of_sections);
    format!(
        "\"use strict\";\n(() => {{\n{}{}}})();\n",
        parts.collect::<String>(),
        include_str!("script/start.js")
    )
}

/// Returns what a Content-Security-Policy calls a script or a style.
fn hash(text: &str) -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(text)))
}

/// Sets what stands between backticks as code.
fn code(text: &str) -> Markup {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return html! { (text) }; // one of them has no other
    }
    html! { @for (number, part) in parts.iter().enumerate() { @if number % 2 == 1 { code { (part) } } @else { (part) } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_backticks_is_code_and_nothing_is_markup() {
        let shown = |text: &str| code(text).into_string();
        assert_eq!(shown("is `2 < 4` or `x`?"), "is <code>2 &lt; 4</code> or <code>x</code>?");
        assert_eq!(shown("<b> & one `"), "&lt;b&gt; &amp; one `");
    }

    #[test]
    fn style_and_script_are_hashed_as_they_stand() {
        // Of FIPS 180-4's first example.
        assert_eq!(hash("abc"), "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
        for text in [STYLE, &script()] {
            assert!(
                text.split('\n').all(|line| printable(line) == line),
                "the page would write a character out"
            );
        }
    }
}
