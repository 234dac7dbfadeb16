//! Shape descriptors, the index over them, and queries.
