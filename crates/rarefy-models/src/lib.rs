//! Sparse 3D networks, one file each.
