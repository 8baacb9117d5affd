use super::counts::join;
use super::{Class, Memorizer, Method, Piece, Prefix};

/// A naive-Bayes vote of the symbols at every fixed distance: it combines single pieces, so it can learn a local rule.
pub(super) const SKIP_GRAM: Memorizer =
    Memorizer { name: "skip_gram", class: Class::Shallow, method: Method::Vote(pieces) };

fn pieces(prefix: &Prefix<'_>, piece: &mut dyn FnMut(Piece) -> bool) {
    features(Piece::from(prefix.world), prefix, piece);
}

/// Names the prior, then for every distance that there is a symbol at it, and which.
pub(super) fn features(prior: Piece, prefix: &Prefix<'_>, piece: &mut dyn FnMut(Piece) -> bool) {
    let mut go_on = piece(prior);
    for (distance, symbol) in prefix.symbols.iter().rev().enumerate() {
        let seen = join(prior, distance as i64 + 1);
        go_on = go_on && piece(seen) && piece(join(seen, *symbol));
        if !go_on {
            return;
        }
    }
}
