//! Layers, losses, optimisers and schedules for sparse networks.
