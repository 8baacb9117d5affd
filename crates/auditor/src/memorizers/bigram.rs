use super::counts::join;
use super::{Class, Memorizer, Method, Piece, Prefix};

/// What most often follows the last symbol.
pub(super) const BIGRAM: Memorizer =
    Memorizer { name: "bigram", class: Class::Memory, method: Method::Lookup(pieces) };

fn pieces(prefix: &Prefix<'_>, piece: &mut dyn FnMut(Piece) -> bool) {
    let nothing = Piece::from(prefix.world);
    if piece(nothing)
        && let Some(last) = prefix.symbols.last()
    {
        piece(join(nothing, *last));
    }
}
