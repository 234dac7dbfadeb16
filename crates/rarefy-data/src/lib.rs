//! Readers of shape files, data sets, augmentation, synthetic shapes and the loader.
