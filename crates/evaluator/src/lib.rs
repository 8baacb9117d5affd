//! Scores checkpoints, ours or pretrained ones, on examples.
