//! The splits of a dataset, and why a row is in none.

/// Where a row is used; the greater is the stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Split {
    /// Fitted.
    Train,
    /// Looked at while fitting.
    Validation,
    /// Looked at in the end.
    Test,
}

impl Split {
    /// Every split, train first.
    pub(crate) const ALL: [Split; 3] = [Split::Train, Split::Validation, Split::Test];

    /// Returns the name in the tables and of the files.
    pub(crate) fn name(self) -> &'static str {
        ["train", "validation", "test"][self as usize]
    }
}

/// Why a row is in no split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reason {
    /// An earlier task, or an earlier parameter, makes the same row.
    Duplicate,
    /// Its units are in different splits.
    MixedUnits,
    /// A window of it is a unit that is held out more strictly.
    ForeignWindow,
    /// Its task is `train_only`, and its kind is held out.
    HeldOutKind,
    /// Its answer stands in its context.
    Copy,
    /// Another rule of the dataset answers its context otherwise.
    Conflict,
    /// A token of its answer is hardly ever a target of training.
    Unanswerable,
}

impl Reason {
    /// Every reason with its words in the price table.
    pub(crate) const ALL: [(Reason, &'static str); 7] = [
        (Reason::Duplicate, "made by an earlier task or parameter too"),
        (Reason::MixedUnits, "units in different splits"),
        (Reason::ForeignWindow, "holding a unit that is held out"),
        (Reason::HeldOutKind, "train_only, of a kind that is held out"),
        (Reason::Copy, "held out, answer stands in the context"),
        (Reason::Conflict, "held out, context has two answers"),
        (Reason::Unanswerable, "held out, answer hardly ever trained"),
    ];

    /// Returns its words in the price table.
    pub(crate) fn words(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}
