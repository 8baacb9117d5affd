//! The command line: connects stages to the pipeline and talks to the person.
fn main() {}
