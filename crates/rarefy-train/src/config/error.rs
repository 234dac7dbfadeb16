//! The error of a configuration: the file or override, the key and the way out.

use std::path::PathBuf;

/// What can be wrong with a configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason given.
        source: std::io::Error,
    },
    /// Neither a file nor a preset.
    #[error("`{name}` is neither a configuration file nor a preset ({}){}", known.join(", "), hint(*suggestion))]
    UnknownConfig {
        /// What was asked for.
        name: String,
        /// All presets.
        known: Vec<&'static str>,
        /// The most similar preset.
        suggestion: Option<&'static str>,
    },
    /// The text is no TOML.
    #[error("{place} is not valid TOML: {message}")]
    Syntax {
        /// File or override.
        place: String,
        /// Line and reason.
        message: String,
    },
    /// An override without `=`.
    #[error("`{text}` is no override; write key=value, for example train.epochs=10")]
    NoOverride {
        /// The argument.
        text: String,
    },
    /// A key that no section has.
    #[error("{place}: unknown key \"{key}\"{}", hint(suggestion.as_deref()))]
    UnknownKey {
        /// File or override.
        place: String,
        /// The key.
        key: String,
        /// The most similar key.
        suggestion: Option<String>,
    },
    /// A `name` that a section does not know.
    #[error("{place}: {section}.name = \"{name}\" is unknown (known are {}){}", known.join(", "), hint(suggestion.as_deref()))]
    UnknownName {
        /// File or override.
        place: String,
        /// The section.
        section: &'static str,
        /// Its name.
        name: String,
        /// The most similar name.
        suggestion: Option<String>,
        /// All names.
        known: Vec<String>,
    },
    /// A value of another type than the key takes.
    #[error("{place}: {message}")]
    Type {
        /// File or override.
        place: String,
        /// Key and reason.
        message: String,
    },
    /// A value out of range, or values that do not go together.
    #[error("{what}")]
    Setting {
        /// What is wrong and what to do.
        what: String,
    },
}

impl ConfigError {
    pub(crate) fn setting(what: impl Into<String>) -> Self {
        Self::Setting { what: what.into() }
    }

    /// An error for the first of these counts that is 0.
    pub(crate) fn positive<const N: usize>(counts: [(&str, u64); N]) -> Result<(), Self> {
        let zero = counts.into_iter().find(|(_, count)| *count == 0);
        zero.map_or(Ok(()), |(key, _)| Err(Self::setting(format!("{key} = 0: expected 1 or more"))))
    }
}

fn hint(suggestion: Option<&str>) -> String {
    suggestion.map(|suggestion| format!("; did you mean \"{suggestion}\"?")).unwrap_or_default()
}
