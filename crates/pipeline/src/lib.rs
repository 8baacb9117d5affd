//! Turns a YAML definition into a plan and runs what is not already done.
//!
//! * [`Definition`]: the file, read strictly, with `${...}`, `matrix:` and `--set`.
//! * [`Plan`]: its stages and matrix points, checked and in order. What stages there are comes from [`Verbs`].
//! * [`run`]: runs every job whose key has no finished entry yet, each in a child process, and lets people see what is finished.
//! * [`status`], [`why`], [`runs`], [`garbage`]: what is done, why not, what was tried, and what can go.
//!
//! Nothing here knows what any stage does, and nothing prints, reads the environment, or exits.

mod attempt;
mod change;
mod child;
mod definition;
mod desk;
mod done;
mod ending;
mod error;
mod event;
mod execute;
mod external;
mod gc;
mod interpolate;
mod job;
mod join;
mod key;
mod layout;
mod location;
mod lock;
mod make;
mod matrix;
mod options;
mod part;
mod plan;
mod problems;
mod process;
mod queue;
mod read;
mod record;
mod runner;
mod select;
mod set;
mod show;
mod state;
mod survey;
mod variant;
mod verbs;
mod view;
mod why;
mod wire;

pub use change::Change;
pub use child::{Spec, SpecFolder, SpecInput, Stream};
pub use definition::Definition;
pub use done::Done;
pub use error::{Diagnostic, Error, Place, Result};
pub use event::Event;
pub use execute::{Step, Summary, dry_run, run};
pub use external::{External, RUN};
pub use gc::{Garbage, delete, garbage};
pub use job::{Input, Job};
pub use layout::Layout;
pub use options::Options;
pub use plan::Plan;
pub use process::{Death, adopt_orphans, die_with_parent, supervise};
pub use record::{Outcome, RunRecord, is_running, runs};
pub use select::Selection;
pub use state::{State, status};
pub use verbs::{Beside, Cover, Problem, Resolved, Role, Root, Together, Verbs, typed};
pub use why::{Why, why};
