//! Accuracy, confusion and retrieval metrics on plain arrays.
