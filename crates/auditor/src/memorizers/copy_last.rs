use super::{Class, Memorizer, Method, Prefix};

/// Says the last term of the context once more.
pub(super) const COPY_LAST: Memorizer =
    Memorizer { name: "copy_last", class: Class::Memory, method: Method::Direct(next) };

fn next(prefix: &Prefix<'_>) -> Option<i64> {
    let offset = usize::try_from(prefix.offset()).ok()?;
    prefix.last.get(offset).copied().or(prefix.end).or(prefix.last.last().copied())
}
