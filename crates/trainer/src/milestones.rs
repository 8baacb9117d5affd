//! When a seed had learned its train rows, and when others.

use std::fmt;

use artifact::tables::{LEARNED, Training};

/// Steps by which a seed had learned, as far as they were logged.
pub(crate) struct Milestones {
    /// The first with an accuracy of [`LEARNED`] on its batch.
    t_mem: Option<i64>,
    /// The first with an accuracy of [`LEARNED`] on the validation rows.
    t_gen: Option<i64>,
}

impl Milestones {
    pub(crate) fn of(log: &[Training]) -> Self {
        let first = |accuracy: fn(&Training) -> Option<f32>| {
            log.iter()
                .find(|row| accuracy(row).is_some_and(|share| share >= LEARNED as f32))
                .map(|row| row.step)
        };
        Self { t_mem: first(|row| row.train_accuracy), t_gen: first(|row| row.validation_accuracy) }
    }
}

impl fmt::Display for Milestones {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The log knows no step between: it was learned by then, not then.
        let step = |step: Option<i64>| step.map_or_else(|| "none".to_owned(), |step| format!("by {step}"));
        write!(formatter, "T_mem {}, T_gen {}", step(self.t_mem), step(self.t_gen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_of_each_counts() {
        let row = |step, train, validation| Training {
            seed: 0,
            step,
            examples_seen: 0,
            train_loss: None,
            train_accuracy: train,
            validation_loss: None,
            validation_accuracy: validation,
            learning_rate: 0.0,
            gradient_norm: None,
            weight_norm: None,
        };
        let log = [
            row(0, None, Some(0.1)),
            row(10, Some(0.98), None),
            row(20, Some(0.99), Some(0.5)),
            row(30, Some(0.7), Some(0.98)),
            row(40, Some(1.0), Some(1.0)),
        ];
        let said = |log: &[Training]| Milestones::of(log).to_string();
        assert_eq!(said(&log), "T_mem by 20, T_gen by 40");
        assert_eq!(said(&log[..3]), "T_mem by 20, T_gen none");
        assert_eq!(said(&[]), "T_mem none, T_gen none");
    }
}
