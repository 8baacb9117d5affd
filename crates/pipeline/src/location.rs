//! Where every value of a definition stands, and the mistakes that only the text shows.
//!
//! The YAML library gives values without places. This pass over the events of a second parser of the same text
//! remembers them, so that every later mistake can point at its line and column.

use indexmap::IndexMap;
use saphyr_parser::{Event, Parser, ScalarStyle, Span};

/// More levels than any definition needs.
const DEPTH: usize = 64;
/// More values than any definition needs, aliases counted as often as they are used.
const VALUES: usize = 100_000;
/// More text than any definition needs, in bytes, aliases counted as often as they are used.
const TEXT: usize = 16 << 20;
/// More than the longest key of any definition, in bytes: every message names the path.
const KEY: usize = 1_000;

/// Line and column, both from 1.
pub(crate) type Position = (usize, usize);

/// The place of a value and of everything below it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Locations {
    key: Position,
    value: Position,
    below: IndexMap<String, Locations>,
}

/// A mistake in the text: position, message, help.
#[derive(Debug)]
pub(crate) struct TextProblem {
    pub(crate) at: Position,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Locations {
    /// Reads the places of all values in `text`.
    pub(crate) fn read(text: &str) -> Result<Self, TextProblem> {
        let mut reader =
            Reader { parser: Parser::new_from_str(text), anchors: IndexMap::new(), values: 0, text: 0 };
        reader.document()
    }

    /// Returns the position to show for `path` (`stages.data.build`, `analyses[1]`): of the key, or of the value
    /// where it stands on the same line. What is not in the text has the position of the nearest thing around it.
    pub(crate) fn find(&self, path: &str, on_key: bool) -> Position {
        let (node, rest) = self.walk(path);
        let found_itself = rest.is_empty();
        if (found_itself && on_key) || node.value.0 != node.key.0 { node.key } else { node.value }
    }

    /// Follows `path` as far as it goes; keys may themselves contain dots, so the longest match wins.
    fn walk<'a>(&'a self, path: &'a str) -> (&'a Self, &'a str) {
        let rest = path.trim_start_matches(['.', '[']);
        let matching = self.below.iter().filter(|(name, _)| {
            rest.strip_prefix(name.as_str())
                .is_some_and(|after| after.is_empty() || after.starts_with(['.', '[', ']']))
        });
        match matching.max_by_key(|(name, _)| name.len()) {
            Some((name, node)) => node.walk(rest[name.len()..].trim_start_matches(']')),
            None => (self, rest),
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    /// Anchor to the number of values below it, and to their text in bytes; none while it is still open.
    anchors: IndexMap<usize, Option<(usize, usize)>>,
    values: usize,
    text: usize,
}

fn start(span: &Span) -> Position {
    (span.start.line().max(1), span.start.col() + 1)
}

fn problem(at: Position, message: impl Into<String>, help: Option<&str>) -> TextProblem {
    TextProblem { at, message: message.into(), help: help.map(str::to_owned) }
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Position), TextProblem> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, start(&span))),
            Some(Err(error)) => {
                let at = (error.marker().line().max(1), error.marker().col() + 1);
                if error.info().contains("recursion limit") {
                    return Err(problem(at, format!("nested more than {DEPTH} levels deep"), None));
                }
                Err(problem(at, format!("this is not YAML: {}", error.info()), None))
            }
            None => Ok((Event::StreamEnd, (1, 1))),
        }
    }

    fn document(&mut self) -> Result<Locations, TextProblem> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(_), _) => {}
                (Event::StreamEnd, at) => {
                    return Err(problem(
                        at,
                        "the definition is empty",
                        Some("start with `name:` and `stages:`"),
                    ));
                }
                (event, at) => {
                    let root = self.node(event, at, at, 0)?;
                    return match (self.next()?, self.next()?) {
                        (_, (Event::DocumentStart(_), at)) => Err(problem(
                            at,
                            "a second document starts here",
                            Some("one definition a file: remove the `---`"),
                        )),
                        _ => Ok(root),
                    };
                }
            }
        }
    }

    fn node(
        &mut self,
        event: Event<'a>,
        at: Position,
        key: Position,
        depth: usize,
    ) -> Result<Locations, TextProblem> {
        if depth > DEPTH {
            return Err(problem(at, format!("nested more than {DEPTH} levels deep"), None));
        }
        let before = (self.values, self.text);
        self.count(1, length(&event), at)?;
        let mut node = Locations { key, value: at, below: IndexMap::new() };
        let anchor = match event {
            Event::Scalar(_, _, anchor, tag) => {
                untagged(tag.is_some(), at)?;
                anchor
            }
            Event::Alias(anchor) => {
                match self.anchors.get(&anchor) {
                    Some(Some((values, text))) => self.count(*values, *text, at)?,
                    _ => return Err(problem(at, "this alias contains itself", None)),
                }
                0
            }
            Event::SequenceStart(anchor, tag) => {
                untagged(tag.is_some(), at)?;
                self.anchors.insert(anchor, None);
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break,
                        (event, at) => {
                            let name = node.below.len().to_string();
                            let child = self.node(event, at, at, depth + 1)?;
                            node.below.insert(name, child);
                        }
                    }
                }
                anchor
            }
            Event::MappingStart(anchor, tag) => {
                untagged(tag.is_some(), at)?;
                self.anchors.insert(anchor, None);
                loop {
                    let name = match self.next()? {
                        (Event::MappingEnd, _) => break,
                        (event, at) => (self.key(event, at)?, at),
                    };
                    let (name, key) = name;
                    let (event, at) = self.next()?;
                    let child = self.node(event, at, key, depth + 1)?;
                    if let Some(first) = node.below.get(&name) {
                        let message = format!("duplicate key `{name}`, first given in line {}", first.key.0);
                        return Err(problem(key, message, Some("remove one of the two")));
                    }
                    node.below.insert(name, child);
                }
                anchor
            }
            _ => return Err(problem(at, "the definition ends in the middle of a value", None)),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, Some((self.values - before.0, self.text - before.1)));
        }
        Ok(node)
    }

    fn key(&mut self, event: Event<'a>, at: Position) -> Result<String, TextProblem> {
        self.count(1, length(&event), at)?;
        match event {
            Event::Scalar(text, ..) if text.len() > KEY => {
                Err(problem(at, format!("a key of {} bytes, more than {KEY}", text.len()), None))
            }
            Event::Scalar(text, ScalarStyle::Plain, ..) if text == "<<" => Err(problem(
                at,
                "merge keys (`<<`) are not supported",
                Some("refer to single values with `${stages.data.build.seed}`"),
            )),
            Event::Scalar(text, style, anchor, tag) => {
                untagged(tag.is_some(), at)?;
                if anchor > 0 {
                    self.anchors.insert(anchor, Some((1, text.len())));
                }
                if style == ScalarStyle::Plain && !is_text(&text) {
                    let quoted = format!("write it in quotes: \"{text}\"");
                    return Err(problem(at, format!("the key `{text}` is not text"), Some(&quoted)));
                }
                Ok(text.into_owned())
            }
            _ => Err(problem(at, "a key has to be text", None)),
        }
    }

    fn count(&mut self, values: usize, text: usize, at: Position) -> Result<(), TextProblem> {
        self.values = self.values.saturating_add(values);
        self.text = self.text.saturating_add(text);
        if self.values > VALUES {
            let message = format!("more than {VALUES} values, aliases counted as often as they are used");
            return Err(problem(at, message, Some("use fewer aliases (`*name`)")));
        }
        if self.text > TEXT {
            let message =
                format!("more than {} MiB of text, aliases counted as often as they are used", TEXT >> 20);
            return Err(problem(at, message, Some("use fewer aliases (`*name`)")));
        }
        Ok(())
    }
}

fn length(event: &Event<'_>) -> usize {
    if let Event::Scalar(text, ..) = event { text.len() } else { 0 }
}

fn untagged(tagged: bool, at: Position) -> Result<(), TextProblem> {
    if tagged {
        return Err(problem(at, "tags (`!name`) are not supported", Some("remove the tag")));
    }
    Ok(())
}

/// Whether YAML reads the plain scalar `text` as a string.
fn is_text(text: &str) -> bool {
    !matches!(
        text,
        "" | "~" | "null" | "Null" | "NULL" | "true" | "True" | "TRUE" | "false" | "False" | "FALSE"
    ) && text.parse::<f64>().map_or(true, |_| text.starts_with(|c: char| c.is_alphabetic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "name: x2\nstages:\n  data:\n    build: { seed: 3, a.b: [1, { c: 2 }] }\n";

    #[test]
    fn every_value_has_its_place_and_what_is_missing_that_of_its_parent() {
        let locations = Locations::read(TEXT).expect("it is YAML");
        assert_eq!(locations.find("name", false), (1, 7));
        assert_eq!(locations.find("name", true), (1, 1));
        assert_eq!(locations.find("stages.data", false), (3, 3), "a block stands at its key");
        assert_eq!(locations.find("stages.data.build.seed", true), (4, 14));
        assert_eq!(locations.find("stages.data.build.a.b[1].c", false), (4, 37), "a key may contain dots");
        assert_eq!(locations.find("stages.data.build.a.b.0", false), (4, 29));
        assert_eq!(locations.find("stages.data.build.nothing", true), (4, 12));
    }

    #[test]
    fn an_alias_counts_as_often_as_it_is_used() {
        let mut text = String::from("a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n");
        for level in 1..12 {
            let uses = vec![format!("*a{}", level - 1); 10].join(", ");
            text += &format!("a{level}: &a{level} [{uses}]\n");
        }
        let problem = Locations::read(&text).expect_err("10^12 values");
        assert_eq!(problem.at.0, 5);
    }
}
