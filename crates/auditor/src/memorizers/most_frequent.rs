use super::{Class, Memorizer, Method, Piece, Prefix};

/// The most frequent symbol of all answers.
pub(super) const MOST_FREQUENT: Memorizer =
    Memorizer { name: "most_frequent", class: Class::Memory, method: Method::Lookup(pieces) };

fn pieces(prefix: &Prefix<'_>, piece: &mut dyn FnMut(Piece) -> bool) {
    if prefix.offset() >= 0 {
        piece(Piece::from(prefix.world));
    }
}
