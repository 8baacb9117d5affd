use super::{Class, Memorizer, Method};

/// Says the last term of the context once more.
pub(super) const COPY_LAST: Memorizer =
    Memorizer { name: "copy_last", class: Class::Memory, method: Method::Copy };
