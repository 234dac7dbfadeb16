//! The error of a setting that is out of its range.

/// A setting that cannot work, with what would.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{key} = {got} is out of range: expected {expected}")]
pub struct SettingError {
    /// Name of the setting within its section.
    pub key: &'static str,
    /// Its value.
    pub got: f64,
    /// What is possible.
    pub expected: &'static str,
}

/// Checks a condition on a setting.
pub(crate) fn check(holds: bool, key: &'static str, got: f64, expected: &'static str) -> Result<(), SettingError> {
    if holds { Ok(()) } else { Err(SettingError { key, got, expected }) }
}

/// Checks that a rate or weight is a finite number and not below zero.
pub(crate) fn check_rate(key: &'static str, got: f64) -> Result<(), SettingError> {
    check(got.is_finite() && got >= 0.0, key, got, "a finite number of 0 or more")
}

/// Checks that a factor lies in 0..1.
pub(crate) fn check_factor(key: &'static str, got: f64) -> Result<(), SettingError> {
    check((0.0..1.0).contains(&got), key, got, "0 or more and less than 1")
}
