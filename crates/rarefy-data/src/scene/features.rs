//! What a voxel of a scene tells the network.

use serde::{Deserialize, Serialize};

/// Input channels of a voxel; the values are those of its first point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SceneFeature {
    /// Always 1.
    Occupancy,
    /// x, y, z after augmentation, in units of the file.
    Position,
    /// Strength of the return, as the file gives it times `intensity_scale`.
    Intensity,
    /// Red, green, blue from 0 to 1.
    Colour,
    /// Red, green, blue from −1 to 1.
    SignedColour,
    /// The unit normal: x, y, z.
    Normal,
}

impl SceneFeature {
    /// Number of channels.
    #[must_use]
    pub fn channels(self) -> usize {
        match self {
            Self::Occupancy | Self::Intensity => 1,
            Self::Position | Self::Colour | Self::SignedColour | Self::Normal => 3,
        }
    }
}
