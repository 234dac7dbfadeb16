//! Naive oracles and gradient checks, for tests only.
