//! What the memorisers predict, row by row.

use artifact::tables::{Certificate, Memorizer as Row};

use super::asked::View;
use super::memorizer::Memorizer;
use super::sequences::Predictions;
use crate::error::Result;
use crate::prove::spelling::Spelling;
use crate::read::rows::Rows;
use crate::read::split::Split;

/// What all memorisers predict.
pub(crate) struct Answers<'a> {
    pub(super) memorizers: &'static [&'static Memorizer],
    pub(super) splits: &'a [(&'a Split, &'a Rows)],
    /// Each with the predictions in it, by memoriser.
    pub(super) views: Vec<(View<'a>, Vec<Predictions>)>,
    /// Says where a memoriser looked at a sample of train only.
    pub(crate) reports: Vec<Certificate>,
}

/// One answer, and whether it is right.
pub(crate) struct Given<'a> {
    pub(crate) memorizer: &'static Memorizer,
    /// Its place among all, from the simplest on.
    pub(crate) rank: usize,
    pub(crate) split: &'a str,
    /// Index of the split, and of the row in it.
    pub(crate) place: (usize, usize),
    pub(crate) view: &'static str,
    pub(crate) correct: bool,
}

impl Answers<'_> {
    /// Calls `each` for every held-out row, view and memoriser, split by split; answers are written as `spelling` has it.
    pub(crate) fn each(
        &self,
        spelling: &Spelling,
        mut each: impl FnMut(&Given<'_>, &dyn Fn() -> Row) -> Result<()>,
    ) -> Result<()> {
        let mut first = 0;
        for (number, (split, rows)) in self.splits.iter().enumerate() {
            for (View { sequences, questions }, predictions) in &self.views {
                for row in 0..rows.len() {
                    let question = first + row;
                    for (rank, (memorizer, predictions)) in
                        self.memorizers.iter().zip(predictions).enumerate()
                    {
                        let correct =
                            sequences.is_right(predictions.row(question), questions.answer(question));
                        let view = sequences.symbols.name();
                        let (split_name, place) = (split.name.as_str(), (number, row));
                        let given = Given { memorizer, rank, split: split_name, place, view, correct };
                        each(&given, &|| Row {
                            split: split.name.clone(),
                            example_id: rows.ids[row],
                            memorizer: memorizer.name.to_owned(),
                            class: memorizer.class.name().to_owned(),
                            view: view.to_owned(),
                            prediction: sequences.text(
                                spelling,
                                (rows.notation[row], rows.domain[row]),
                                predictions.row(question),
                                questions.answer(question),
                            ),
                            tied: predictions.is_tied(question),
                            correct,
                        })?;
                    }
                }
            }
            first += rows.len();
        }
        Ok(())
    }
}
