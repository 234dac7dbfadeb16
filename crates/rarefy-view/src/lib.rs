//! Plots, voxel pictures and self-contained reports.
