//! Training tasks, the run folder, checkpoints and exact resume.
