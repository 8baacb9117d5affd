//! Explains checkpoints: attribution, ablation, patching, circuits, overlap, geometry.
