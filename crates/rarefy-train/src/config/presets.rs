//! The configurations that are built into the program; their files stand in `configs/`.

const PRESETS: [(&str, &str); 4] = [
    ("s3dcnn", include_str!("../../../../configs/s3dcnn.toml")),
    ("s3dcnn-triplet", include_str!("../../../../configs/s3dcnn-triplet.toml")),
    ("s3dcnn-modern", include_str!("../../../../configs/s3dcnn-modern.toml")),
    ("quickstart", include_str!("../../../../configs/quickstart.toml")),
];

/// Names of the presets.
#[must_use]
pub fn preset_names() -> Vec<&'static str> {
    PRESETS.iter().map(|(name, _)| *name).collect()
}

/// The TOML text of a preset.
pub(super) fn preset(name: &str) -> Option<&'static str> {
    PRESETS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
