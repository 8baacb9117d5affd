use super::counts::join;
use super::{Class, Memorizer, Method, Piece, Prefix};

/// The most frequent symbol at this position of the answer.
pub(super) const POSITION_MOST_FREQUENT: Memorizer =
    Memorizer { name: "position_most_frequent", class: Class::Memory, method: Method::Lookup(pieces) };

fn pieces(prefix: &Prefix<'_>, piece: &mut dyn FnMut(Piece) -> bool) {
    piece(join(Piece::from(prefix.world), prefix.offset()));
}
