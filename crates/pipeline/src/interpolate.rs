//! `${matrix.k}` and `${stages.data.build.seed}`: values of the definition used in another place.
//!
//! Every value under a stage's verb may use an axis (`${matrix.<axis>}`, or a part of its value,
//! `${matrix.<axis>.<key>}`) or any other value of the definition by its full path from the top. Text that is nothing but one reference becomes the value itself, with its type; inside
//! longer text it is written out. `$${` stands for a plain `${`. Names of input stages, the matrix, and the name and
//! description of the pipeline are taken as they stand.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::Definition;
use crate::error::did_you_mean;
use crate::matrix::Point;

/// A mistake: path of the value that holds it, message, help.
pub(crate) type Mistake = (String, String, Option<String>);

/// Fills in the references of one definition at one matrix point.
pub(crate) struct Interpolation<'a> {
    definition: &'a Definition,
    /// None: only the axes that are used are wanted.
    point: Option<&'a Point>,
    used: BTreeSet<String>,
    /// The references that are being followed.
    open: Vec<String>,
    /// Values and bytes that may still be written: references can double at every level.
    left: usize,
    /// Levels that the value being written is deep.
    depth: usize,
}

/// Far more than any definition fills in.
const BUDGET: usize = 4 << 20;
/// More levels than any definition needs.
const DEPTH: usize = 64;
/// More references, one leading to the next, than any definition needs.
const CHAIN: usize = 20;

/// Returns the axes that `value`, which stands at `path`, uses directly or through other values.
pub(crate) fn axes(definition: &Definition, value: &Value, path: &str) -> Result<BTreeSet<String>, Mistake> {
    let mut all = Interpolation::new(definition, None);
    all.fill(value, path)?;
    Ok(all.used)
}

/// Returns `value` with everything filled in, and how large that is in values and bytes.
pub(crate) fn fill(
    definition: &Definition,
    point: &Point,
    value: &Value,
    path: &str,
) -> Result<(Value, usize), Mistake> {
    let mut all = Interpolation::new(definition, Some(point));
    let filled = all.fill(value, path)?;
    Ok((filled, BUDGET - all.left))
}

impl<'a> Interpolation<'a> {
    fn new(definition: &'a Definition, point: Option<&'a Point>) -> Self {
        Self { definition, point, used: BTreeSet::new(), open: Vec::new(), left: BUDGET, depth: 0 }
    }

    fn fill(&mut self, value: &Value, path: &str) -> Result<Value, Mistake> {
        let size = 1 + value.as_str().map_or(0, str::len);
        self.spend(size, path)?;
        if self.depth > DEPTH {
            return Err((path.to_owned(), format!("nested more than {DEPTH} levels deep"), None));
        }
        self.depth += 1;
        let filled = match value {
            Value::String(text) => self.text(text, path),
            Value::Array(items) => {
                let items = items.iter().enumerate();
                items.map(|(index, item)| self.fill(item, &format!("{path}[{index}]"))).collect()
            }
            Value::Object(map) => {
                let fill = |(key, value): (&String, &Value)| {
                    self.spend(key.len(), path)?;
                    Ok((key.clone(), self.fill(value, &format!("{path}.{key}"))?))
                };
                map.iter().map(fill).collect::<Result<Map<_, _>, _>>().map(Value::Object)
            }
            other => Ok(other.clone()),
        };
        self.depth -= 1;
        filled
    }

    fn spend(&mut self, size: usize, path: &str) -> Result<(), Mistake> {
        let Some(left) = self.left.checked_sub(size) else {
            return Err((path.to_owned(), "the references here grow without bounds".to_owned(), None));
        };
        self.left = left;
        Ok(())
    }

    fn text(&mut self, text: &str, path: &str) -> Result<Value, Mistake> {
        let mut written = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("${") {
            if let Some(before) = rest[..at].strip_suffix('$') {
                written += before;
                written += "${";
                rest = &rest[at + 2..];
                continue;
            }
            let inner = &rest[at + 2..];
            let Some(end) = inner.find('}') else {
                let help = Some("write `$${` for a plain `${`".to_owned());
                return Err((path.to_owned(), "`${` without its `}`".to_owned(), help));
            };
            let value = self.reference(inner[..end].trim(), path)?;
            if at == 0 && rest.len() == text.len() && inner[end + 1..].is_empty() {
                return Ok(value);
            }
            written += &rest[..at];
            written += &match value {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                Value::Bool(value) => value.to_string(),
                _ => {
                    let message =
                        format!("`${{{}}}` is no single value and cannot stand inside text", &inner[..end]);
                    return Err((path.to_owned(), message, Some("let it stand alone".to_owned())));
                }
            };
            rest = &inner[end + 1..];
        }
        Ok(Value::String(written + rest))
    }

    fn reference(&mut self, name: &str, path: &str) -> Result<Value, Mistake> {
        let wrong = |message: String, help: Option<String>| Err((path.to_owned(), message, help));
        if let Some((axis, part)) = axis_and_part(name) {
            let Some(choices) = self.definition.matrix.get(axis) else {
                let names = self.definition.matrix.keys();
                return wrong(format!("the matrix has no axis `{axis}`"), did_you_mean(axis, names));
            };
            self.used.insert(axis.to_owned());
            let choice = self.point.and_then(|point| point.get(axis)).unwrap_or(&choices[0]);
            return match part.map_or(Ok(&choice.value), |part| find(&choice.value, part)) {
                Ok(value) => {
                    self.spend(size(value), path)?;
                    Ok(value.clone())
                }
                Err((around, key)) => {
                    let help = around.as_object().and_then(|map| did_you_mean(key, map.keys()));
                    wrong(format!("`{}` of axis `{axis}` has no value `{key}`", choice.name), help)
                }
            };
        }
        if self.open.iter().any(|open| open == name) {
            return wrong(format!("`${{{name}}}` leads back to itself"), None);
        }
        if self.open.len() == CHAIN {
            let help = Some("refer to where the value itself stands".to_owned());
            return wrong(format!("more than {CHAIN} references lead from one to the next"), help);
        }
        let value = match find(&self.definition.value, name) {
            Ok(value) => value,
            Err((around, key)) => {
                let full = self.definition.stages.contains_key(name.split('.').next().unwrap_or_default());
                let help = match around {
                    _ if full => Some(format!("paths start at the top: `${{stages.{name}}}`")),
                    Value::Object(map) => did_you_mean(key, map.keys()),
                    _ => None,
                };
                return wrong(format!("the definition has no value `{name}`"), help);
            }
        };
        self.open.push(name.to_owned());
        let filled = self.fill(value, path);
        self.open.pop();
        filled
    }
}

/// Returns where what stands at `path` of the filled-in definition was written: the path itself, or, where a reference
/// stands on the way, the place that it leads to.
pub(crate) fn origin(definition: &Definition, point: &Point, path: &str) -> String {
    let ends = path.char_indices().filter(|(_, c)| matches!(c, '.' | '[')).map(|(at, _)| at);
    for end in ends.chain([path.len()]) {
        let Some(name) = find(&definition.value, &path[..end]).ok().and_then(alone) else { continue };
        let target = match axis_and_part(name) {
            Some((axis, part)) => point.get(axis).map(|choice| match part {
                Some(part) => format!("{}.{part}", choice.path),
                None => choice.path.clone(),
            }),
            None => Some(name.to_owned()),
        };
        let Some(target) = target else { break };
        // This ends: circles were refused when the definition was filled in.
        return origin(definition, point, &format!("{target}{}", &path[end..]));
    }
    path.to_owned()
}

/// Returns the axis that a reference uses, and the path inside its value, where it does not want all of it.
fn axis_and_part(name: &str) -> Option<(&str, Option<&str>)> {
    let path = name.strip_prefix("matrix.")?;
    Some(path.split_once('.').map_or((path, None), |(axis, part)| (axis, Some(part))))
}

/// Returns how large `value` is in values and bytes.
fn size(value: &Value) -> usize {
    1 + match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(map) => map.iter().map(|(key, value)| key.len() + size(value)).sum(),
        _ => 0,
    }
}

/// Returns the name of the reference that `value` is, if it is nothing but one.
fn alone(value: &Value) -> Option<&str> {
    let name = value.as_str()?.strip_prefix("${")?.strip_suffix('}')?;
    (!name.contains('}')).then(|| name.trim())
}

/// Follows `path` (`stages.data.build.pins[0]`) from the top; where it ends, what is there and the key that is not.
fn find<'a, 'b>(top: &'a Value, path: &'b str) -> Result<&'a Value, (&'a Value, &'b str)> {
    let keys = path.split(['.', '[']).map(|key| key.strip_suffix(']').unwrap_or(key));
    keys.into_iter().try_fold(top, |value, key| {
        let next = match value {
            Value::Object(map) => map.get(key),
            Value::Array(list) => key.parse::<usize>().ok().and_then(|index| list.get(index)),
            _ => None,
        };
        next.ok_or((value, key))
    })
}
