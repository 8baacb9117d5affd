//! Fills the template, and keeps the page below its size.

use artifact::{Provenance, printable};
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, HtmlEscape, UndefinedBehavior, Value, escape_formatter};
use serde::Serialize;

use crate::ceiling::METRICS;
use crate::folder::{self, Source};
use crate::point::{self, Limits, Point};
use crate::{Config, Error, Inputs, MAX_BYTES, grid, matrix, origin, published, sha256};

/// The page's script, in the order in which the parts need each other.
const SCRIPT: &str = concat!(
    "\"use strict\";\n(() => {\n",
    include_str!("script/base.js"),
    include_str!("script/grokking.js"),
    include_str!("script/curves.js"),
    include_str!("script/attention.js"),
    include_str!("script/ablation.js"),
    include_str!("script/bars.js"),
    include_str!("script/lines.js"),
    include_str!("script/page.js"),
    "})();\n"
);

/// More points than that are not set beside each other to see when they learned.
const COMPARED: usize = 4;

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
    let mut limits = Limits::of(sources.len());
    loop {
        let origin = origin::build(config, inputs, &folders, &provenance.key, limits.config_bytes)?;
        let page = render(config, &sources, origin, &limits)?;
        if page.len() < MAX_BYTES {
            return Ok(page);
        }
        let Some(tighter) = limits.tighter() else {
            return Err(Error::TooLarge { bytes: page.len(), points: sources.len() });
        };
        tracing::info!("a page of {} bytes is too large; it shows less of the large tables", page.len());
        limits = tighter;
    }
}

impl Limits {
    /// What a page of `points` points begins with.
    fn of(points: usize) -> Self {
        Self {
            curve_points: (600 / points).clamp(40, 150),
            attention_bytes: 400_000 / points,
            ablation_values: 8_000 / points,
            mistakes: 4,
            config_bytes: 60_000,
            points: 64,
        }
    }

    /// The next tighter limits; `None` where there is nothing left to leave out.
    fn tighter(self) -> Option<Self> {
        let next = Self {
            curve_points: (self.curve_points / 2).max(10),
            attention_bytes: self.attention_bytes / 2,
            ablation_values: self.ablation_values / 2,
            mistakes: (self.mistakes / 2).max(1),
            config_bytes: self.config_bytes / 2,
            points: (self.points / 2).max(1),
        };
        (next != self).then_some(next)
    }
}

/// Everything that the template names.
#[derive(Serialize)]
struct Page<'a> {
    title: String,
    description: Option<&'a str>,
    question: Option<&'a str>,
    /// What the points show, in a sentence.
    finding: Option<String>,
    style: String,
    script: &'static str,
    /// What the page allows to run and to be applied: nothing but these two.
    style_hash: String,
    script_hash: String,
    /// What the script draws, as JSON that is harmless in a page.
    data: String,
    /// The shape of the matrix, where there are several points.
    matrix: Option<matrix::Shape>,
    grid: Option<grid::Grid>,
    /// Whether the points are few enough to see beside each other when they learned.
    compared: bool,
    /// Whether others published something, and what of it has no point here.
    published: bool,
    elsewhere: Vec<(String, published::Line)>,
    /// Whether a point has rows pinned into test.
    pinned: bool,
    points: &'a [Point],
    /// How many of the points have sections of their own.
    detailed: usize,
    origin: origin::Section,
    metrics: [(&'static str, &'static str); 3],
}

fn render(
    config: &Config,
    sources: &[Source],
    origin: origin::Section,
    limits: &Limits,
) -> Result<String, Error> {
    let point =
        |(index, source)| point::build(source, index, limits, &published::beside(&config.published, source));
    let points = sources.iter().enumerate().map(point);
    let points: Vec<Point> = points.collect::<Result<_, _>>()?;
    let matrix = matrix::build(sources, &points);
    let detailed = points.len().min(limits.points);
    let figures: Vec<_> = points.iter().take(detailed).map(|point| (&point.id, &point.figures)).collect();
    let data = embedded(&serde_json::json!({
        "matrix": matrix,
        "points": figures,
    }));
    let title = config.title.clone().or_else(|| config.pipeline.clone());
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_filter("code", code);
    environment.add_template("page", include_str!("page.html"))?;
    environment.set_formatter(|out, state, value| match value.as_str() {
        Some(text) if !value.is_safe() => escape_formatter(out, state, &Value::from(shown(text))),
        _ => escape_formatter(out, state, value),
    });
    let grid = matrix.as_ref().and_then(grid::build);
    let style = style(grid.is_some());
    let page = Page {
        title: title.unwrap_or_else(|| "Report".to_owned()),
        description: config.description.as_deref(),
        question: config.question.as_deref(),
        finding: matrix.as_ref().and_then(matrix::Figure::finding),
        style_hash: sha256::source(&style),
        script_hash: sha256::source(SCRIPT),
        style,
        script: SCRIPT,
        data,
        matrix: matrix.as_ref().map(|figure| figure.shape),
        grid,
        compared: points.len() <= COMPARED && points.iter().all(|point| point.grokking.is_some()),
        published: !config.published.is_empty(),
        elsewhere: published::elsewhere(&config.published, sources),
        pinned: points.iter().any(|point| point.pins.is_some()),
        points: &points,
        detailed,
        origin,
        metrics: METRICS,
    };
    Ok(environment.get_template("page")?.render(Value::from(Serde(&page)))?)
}

/// Writes JSON that is harmless inside a `<script>`: no `<`, `>` or `&`, and no line separators of JavaScript.
fn embedded(value: &serde_json::Value) -> String {
    let mut text = harmless(value).to_string();
    for (from, to) in [
        ("<", "\\u003c"),
        (">", "\\u003e"),
        ("&", "\\u0026"),
        ("\u{2028}", "\\u2028"),
        ("\u{2029}", "\\u2029"),
    ] {
        text = text.replace(from, to);
    }
    text
}

/// Returns JSON whose texts and names hold nothing that would be obeyed where they are shown.
fn harmless(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(text) => Value::from(shown(text)),
        Value::Array(values) => values.iter().map(harmless).collect(),
        Value::Object(map) => map.iter().map(|(name, value)| (shown(name), harmless(value))).collect(),
        other => other.clone(),
    }
}

/// Writes out what a page would obey or hide; lines stay lines.
fn shown(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

/// Returns the page's style; where there is a grid, with a class for every share in percent: the page allows no style in
/// an element.
fn style(grid: bool) -> String {
    let shares =
        (0..=100).filter(|_| grid).map(|share| format!(".grid-table .share-{share}{{--share:{share}%}}"));
    include_str!("style.css").to_owned() + &shares.collect::<String>()
}

/// Sets what stands between backticks as code.
fn code(text: &str) -> Value {
    let text = &shown(text);
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return Value::from(text.as_str()); // one of them has no other
    }
    let html = parts.iter().enumerate().map(|(number, part)| match number % 2 {
        0 => HtmlEscape(part).to_string(),
        _ => format!("<code>{}</code>", HtmlEscape(part)),
    });
    Value::from_safe_string(html.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_backticks_is_code_and_nothing_is_markup() {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.add_filter("code", code);
        let shown = |text: &str| {
            environment.render_str("{{ text|code }}", minijinja::context! { text }).expect("a text")
        };
        assert_eq!(shown("is `2 < 4` or `x`?"), "is <code>2 &lt; 4</code> or <code>x</code>?");
        assert_eq!(shown("<b> & one `"), "&lt;b&gt; &amp; one `");
    }
}
