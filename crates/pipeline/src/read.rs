//! From the bytes of a definition file to a JSON value and the places of everything in it.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::location::{Locations, Position, TextProblem};
use crate::{Diagnostic, Error, Place, Result};

/// The largest definition file, in bytes.
const LIMIT: usize = 1 << 20;

/// Reads the definition in `bytes`, which came from `file`.
pub(crate) fn read(file: &Path, bytes: &[u8]) -> Result<(Value, Locations)> {
    parse(bytes).map_err(|TextProblem { at: (line, column), message, help }| {
        let place = Place::File { file: file.to_owned(), line, column };
        Error::Definition(vec![Diagnostic { place, message, allowed: Vec::new(), help }])
    })
}

/// Reads the bytes of `file`, refusing what is no file, and what is too large before it is in memory.
pub(crate) fn bytes(file: &Path) -> Result<Vec<u8>> {
    // Messages name the whole path: the same name may stand in many folders.
    let file = &std::path::absolute(file).map_err(Error::io("find", file))?;
    let mut bytes = Vec::new();
    // Opening a pipe would otherwise wait until somebody writes into it.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(file, flags, Mode::empty())
        .map_err(|error| Error::io("open", file)(error.into()))?;
    let opened = File::from(opened);
    let kind = opened.metadata().map_err(Error::io("look at", file))?.file_type();
    if !kind.is_file() {
        let what = match kind {
            kind if kind.is_dir() => "a folder",
            kind if kind.is_fifo() => "a pipe",
            kind if kind.is_char_device() || kind.is_block_device() => "a device",
            _ => "something else",
        };
        let message = format!("a definition is a regular file, this is {what}");
        return Err(Error::io("read", file)(std::io::Error::other(message)));
    }
    opened.take(LIMIT as u64 + 1).read_to_end(&mut bytes).map_err(Error::io("read", file))?;
    Ok(bytes)
}

/// Reads one value as YAML writes it, e.g. the right side of a `--set`.
pub(crate) fn scalar(text: &str) -> std::result::Result<Value, (String, Option<String>)> {
    match text.trim() {
        "" => Ok(Value::String(String::new())),
        text => {
            parse(text.as_bytes()).map(|(value, _)| value).map_err(|problem| (problem.message, problem.help))
        }
    }
}

fn parse(bytes: &[u8]) -> std::result::Result<(Value, Locations), TextProblem> {
    let text = text(bytes)?;
    let locations = Locations::read(text).map_err(|problem| cause(text, problem))?;
    let strict: Strict = serde_yaml::from_str(text).map_err(|error| {
        let at = error.location().map_or((1, 1), |place| (place.line(), place.column()));
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        cause(text, TextProblem { at, message: format!("this is not YAML: {message}"), help: None })
    })?;
    Ok((strict.0, locations))
}

fn text(bytes: &[u8]) -> std::result::Result<&str, TextProblem> {
    let problem = |at, message: &str, help: &str| {
        Err(TextProblem { at, message: message.to_owned(), help: Some(help.to_owned()) })
    };
    if bytes.len() > LIMIT {
        return problem((1, 1), "the definition is larger than 1 MiB", "is it the right file?");
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return problem((1, 1), "the definition is UTF-16, not UTF-8", "save it as UTF-8");
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            let at = position(&before, before.len());
            return problem(at, "the definition is not UTF-8 from here on", "save it as UTF-8");
        }
    };
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{85}');
    match text.char_indices().find(|(_, c)| control(*c)) {
        Some((offset, '\0')) => problem(
            position(text, offset),
            "the definition contains a NUL character",
            "it is not a text file, or was damaged",
        ),
        Some((offset, c)) => problem(
            position(text, offset),
            &format!("the definition contains the control character U+{:04X}", c as u32),
            "remove it",
        ),
        None => Ok(text),
    }
}

fn position(text: &str, offset: usize) -> Position {
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// Replaces what a parser stumbles over by its cause, where that is known.
fn cause(text: &str, problem: TextProblem) -> TextProblem {
    unquoted(text, &problem).unwrap_or_else(|| tabs(text, problem))
}

/// Finds the `${...}` without quotes inside `{ }` or `[ ]` that a parser stopped at: there YAML takes its `{` for the
/// beginning of a mapping.
fn unquoted(text: &str, problem: &TextProblem) -> Option<TextProblem> {
    let (line, column) = problem.at;
    let content = text.split('\n').nth(line - 1)?;
    let brace = content.char_indices().nth(column - 1)?.0;
    let start = content[..brace].strip_suffix('$').filter(|_| content[brace..].starts_with('{'))?.len();
    let at = (line, content[..start].chars().count() + 1);
    let inside = content[brace + 1..].find(|c: char| !(c.is_alphanumeric() || "_.-[]".contains(c)));
    let end = inside.map(|end| brace + 1 + end).filter(|end| content[*end..].starts_with('}'));
    let Some(end) = end else {
        let message = "`${` inside `{ }` or `[ ]` needs quotes".to_owned();
        return Some(TextProblem { at, message, help: Some("put all of the text into quotes".to_owned()) });
    };
    // The whole text that it stands in has to be quoted.
    let begins =
        [", ", ": ", "[", "{"].iter().filter_map(|mark| Some(content[..start].rfind(mark)? + mark.len()));
    let (begin, after) = (begins.max().unwrap_or(0), &content[end + 1..]);
    let rest = after.find([',', ']', '}', '#']).unwrap_or(after.len());
    let whole = content[begin..end + 1 + rest].trim();
    let help = match after[..rest].contains(": ") {
        true => "keys are taken as they stand: write the name itself".to_owned(),
        false => format!("write \"{whole}\""),
    };
    let message = format!("`{}` inside `{{ }}` or `[ ]` needs quotes", &content[start..=end]);
    Some(TextProblem { at, message, help: Some(help) })
}

/// Replaces what a parser says of a line indented with a tab by the plain truth.
fn tabs(text: &str, problem: TextProblem) -> TextProblem {
    let (line, _) = problem.at;
    let tab = text.lines().enumerate().skip(line.saturating_sub(2)).take(2).find_map(|(number, content)| {
        let indent = &content[..content.len() - content.trim_start().len()];
        indent.find('\t').map(|column| (number + 1, column + 1))
    });
    match tab {
        Some(at) => TextProblem {
            at,
            message: "this line is indented with a tab".to_owned(),
            help: Some("YAML is indented with spaces".to_owned()),
        },
        None => problem,
    }
}

/// A JSON value read without losing anything: no key given twice, no key that is not text, no number that is none.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Strict;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping, list, text, number, true, false or null")
    }

    fn visit_unit<E>(self) -> std::result::Result<Strict, E> {
        Ok(Strict(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> std::result::Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> std::result::Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> std::result::Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> std::result::Result<Strict, E> {
        let number = Number::from_f64(value);
        number.map(|number| Strict(number.into())).ok_or_else(|| E::custom("a number has to be finite"))
    }

    fn visit_str<E>(self, value: &str) -> std::result::Result<Strict, E> {
        Ok(Strict(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> std::result::Result<Strict, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Strict(list.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> std::result::Result<Strict, A::Error> {
        let mut map = Map::new();
        while let Some(Strict(key)) = entries.next_key()? {
            let Value::String(key) = key else {
                return Err(A::Error::custom(format!("the key {key} is not text")));
            };
            if map.contains_key(&key) {
                return Err(A::Error::custom(format!("duplicate key `{key}`")));
            }
            let Strict(value) = entries.next_value()?;
            map.insert(key, value);
        }
        Ok(Strict(map.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_keep_their_types_and_their_order() {
        let (value, _) =
            parse(b"\xef\xbb\xbfb: [1, -2, 0.10, '3', on, null, true]\na: { x: 1e3 }\n").expect("ok");
        assert_eq!(value, json!({ "b": [1, -2, 0.1, "3", "on", null, true], "a": { "x": 1000.0 } }));
        assert_eq!(value.as_object().expect("a map").keys().collect::<Vec<_>>(), ["b", "a"]);
    }

    #[test]
    fn the_two_parsers_agree_on_flow_and_block_text() {
        let text = b"a:\n  - {b: 'x: y', c: \"#\"}\n  - |\n    two\n    lines\nd: # nothing\n";
        let (value, locations) = parse(text).expect("ok");
        assert_eq!(value, json!({ "a": [{ "b": "x: y", "c": "#" }, "two\nlines\n"], "d": null }));
        assert_eq!(locations.find("a[0].c", false), (2, 20));
    }
}
