//! CPU kernels on plain slices: sparse convolution, pooling, activation.
