use super::asked::Asked;
use super::memorizer::{Answered, Class, Memorizer, Method};
use super::sequences::Predictions;
use crate::error::Result;

/// Says the last term of the context once more.
pub(crate) const COPY_LAST: Memorizer = Memorizer {
    name: "copy_last",
    class: Class::Memory,
    method: Method::Alone(answer),
    #[cfg(test)]
    definition: |_, context| context.last().map(|last| (*last, false)),
};

fn answer(asked: &Asked<'_>) -> Result<Answered> {
    let answers = asked.views.each_ref().map(|view| {
        let mut predictions = Predictions::nothing(&view.questions);
        for row in 0..view.questions.len() {
            let last = view.questions.last(row);
            while view.is_open(&predictions, row) {
                // Where the answer goes on behind the term: END, or the last symbol over again where there is none.
                let next = last.get(predictions.row(row).len()).copied().or(view.sequences.end());
                let Some(next) = next.or(last.last().copied()) else { break };
                view.push(&mut predictions, row, next, false);
            }
        }
        (predictions, None)
    });
    Ok(answers)
}
