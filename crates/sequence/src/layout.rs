//! How a row is laid out as tokens: `BEGIN t1 SEP t2 .. SEP tn END`.

use crate::{Error, Family, Kind, NONE, Notation, Range, Token, Vocabulary};

impl Vocabulary {
    /// Returns the tokens of the sequences: `BEGIN`, `END`, what stands between terms, then what writes the values.
    ///
    /// # Errors
    /// More than [`Vocabulary::MOST`] tokens, or a value that its notation cannot write.
    pub fn new<'a>(
        sequences: impl IntoIterator<Item = (&'a Family, &'a Notation, Range)>,
    ) -> Result<Vocabulary, Error> {
        let special = |token: &str, kind| Token { token: token.into(), kind, value: NONE };
        let mut tokens = vec![special("BEGIN", Kind::Begin), special("END", Kind::End)];
        let (mut operators, mut written) = (Vec::new(), Vec::new());
        for (family, notation, values) in sequences {
            notation.check(values)?;
            if !notation.one_token() {
                operators.push(special("SEP", Kind::Separator));
            }
            operators.extend(family.operators().iter().map(|token| special(token, Kind::Operator)));
            let domain = notation.domain();
            written.extend(notation.tokens(values).into_iter().map(|token| (domain.clone(), token)));
        }
        // One January however many tasks write it; whole values last and by their domains.
        let name = |token: &Token| (token.kind, token.value, token.token.clone());
        operators.sort_by_key(|token| (token.kind != Kind::Separator, name(token)));
        written.sort_by_key(|(domain, token)| (token.kind == Kind::Value, domain.clone(), name(token)));
        tokens.extend(operators);
        tokens.extend(written.into_iter().map(|(_, token)| token));
        tokens.dedup();
        if tokens.len() > Self::MOST as usize {
            let help =
                format!("a vocabulary has at most {}: bound the `values`, or write digits", Self::MOST);
            return Err(Error::parameter(
                "notation",
                format!("the tasks need {} tokens together", tokens.len()),
                help,
            ));
        }
        Ok(Self::from_tokens(tokens))
    }
}

/// A row as tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// All tokens, from `BEGIN` to `END`.
    pub tokens: Vec<u16>,
    /// Where the answer begins.
    pub answer_start: usize,
    /// The number of tokens of the answer span: the answer's, and `END` where a value may take several tokens.
    ///
    /// There `END` is the border that says how far the value goes. Where every value is one token it says only that
    /// the row has no further terms, which no rule decides when rows differ in length.
    pub answer_length: usize,
    /// The row as a person reads it.
    pub text: String,
}

/// Returns the row in its layout, or nothing if a value or an operator has no token.
pub fn write_row(
    family: &Family,
    notation: &Notation,
    vocabulary: &Vocabulary,
    terms: &[i64],
) -> Option<Written> {
    let mut row = Written::default();
    row.write(family, notation, vocabulary, terms).then_some(row)
}

impl Written {
    /// Puts the row in its layout in the place of this one, whose memory it takes over.
    ///
    /// Says `false`, and leaves a part of the row, if a value or an operator has no token.
    pub fn write(
        &mut self,
        family: &Family,
        notation: &Notation,
        vocabulary: &Vocabulary,
        terms: &[i64],
    ) -> bool {
        self.tokens.clear();
        self.text.clear();
        self.lay_out(family, notation, vocabulary, terms).is_some()
    }

    fn lay_out(
        &mut self,
        family: &Family,
        notation: &Notation,
        vocabulary: &Vocabulary,
        terms: &[i64],
    ) -> Option<()> {
        let context = family.context(terms.len());
        self.tokens.push(vocabulary.find(Kind::Begin, NONE)?);
        for (position, &term) in terms.iter().enumerate() {
            if let Some(operator) = family.operator(position, terms.len()) {
                self.tokens.push(vocabulary.named(Kind::Operator, operator)?);
                self.text.extend([" ", operator, " "]);
            } else if position > 0 {
                if !notation.one_token() {
                    self.tokens.push(vocabulary.find(Kind::Separator, NONE)?);
                }
                self.text.push_str(notation.between());
            }
            if position == context {
                self.answer_start = self.tokens.len();
            }
            notation.spell(term, &mut self.text);
            notation.write(term, vocabulary, &mut self.tokens).then_some(())?;
        }
        self.tokens.push(vocabulary.find(Kind::End, NONE)?);
        self.answer_length = self.tokens.len() - self.answer_start - usize::from(notation.one_token());
        Some(())
    }
}

/// Returns the values that answer tokens write, up to `END` if it is there; nothing where they write none.
pub fn read_answer(notation: &Notation, vocabulary: &Vocabulary, tokens: &[u16]) -> Option<Vec<i64>> {
    let kind = |id: &u16| vocabulary.token(*id).map(|token| token.kind);
    let end = tokens.iter().position(|id| kind(id) == Some(Kind::End)).unwrap_or(tokens.len());
    let answer = &tokens[..end];
    if notation.one_token() {
        answer.iter().map(|id| notation.read(&[*id], vocabulary)).collect()
    } else {
        answer
            .split(|id| kind(id) == Some(Kind::Separator))
            .map(|group| notation.read(group, vocabulary))
            .collect()
    }
}
