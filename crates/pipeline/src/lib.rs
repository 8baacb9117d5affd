//! Turns a YAML definition into a plan and runs what is not already done.
