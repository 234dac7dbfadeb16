//! Sparse tensors and their differentiable operators on Burn.
