//! Putting a configuration together: preset, then file, then `key=value` overrides, the later over the earlier.
//!
//! A section whose `name` changes from one layer to the next starts anew: the settings of one optimiser mean nothing
//! to another.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use super::RunConfig;
use super::keys::{NAMED_SECTIONS, dotted_keys, known_keys, name_in, name_of, nearest, variants};
use super::presets::{preset, preset_names};

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
    #[error("`{name}` is neither a configuration file nor a preset ({}){}", preset_names().join(", "), hint(*suggestion))]
    UnknownConfig {
        /// What was asked for.
        name: String,
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
    pub(super) fn setting(what: impl Into<String>) -> Self {
        Self::Setting { what: what.into() }
    }
}

fn hint(suggestion: Option<&str>) -> String {
    suggestion.map(|suggestion| format!("; did you mean \"{suggestion}\"?")).unwrap_or_default()
}

/// Some settings and where they come from.
struct Layer {
    place: String,
    table: Table,
}

impl RunConfig {
    /// The configuration of `config` (a preset's name or a TOML file, which may begin with `preset = "…"`) with
    /// `key=value` overrides, checked.
    ///
    /// ```
    /// use rarefy_train::RunConfig;
    /// let config = RunConfig::load("s3dcnn", &["data.root=shapes", "train.epochs=3"])?;
    /// assert_eq!(config.train.epochs, 3);
    /// let error = RunConfig::load("s3dcnn", &["train.epoch=3"]).unwrap_err();
    /// assert_eq!(error.to_string(), "train.epoch=3: unknown key \"train.epoch\"; did you mean \"train.epochs\"?");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Names the file or override, the key and the way out.
    pub fn load<S: AsRef<str>>(config: &str, overrides: &[S]) -> Result<Self, ConfigError> {
        let mut layers = base_layers(config)?;
        layers.extend(override_layers(overrides)?);
        let config = resolve(&layers)?;
        config.check()?;
        Ok(config)
    }

    /// The configuration that a run has saved.
    ///
    /// # Errors
    ///
    /// When the file is missing or was damaged.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        resolve(&[file_layer(path)?])
    }

    /// The configuration as TOML, every key written out.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("a configuration can be written as TOML")
    }
}

fn base_layers(config: &str) -> Result<Vec<Layer>, ConfigError> {
    let path = Path::new(config);
    let is_file = path.extension().is_some_and(|extension| extension == "toml") || path.is_file();
    if !is_file {
        return Ok(vec![preset_layer(config)?]);
    }
    let mut file = file_layer(path)?;
    let mut layers = Vec::new();
    if let Some(name) = file.table.remove("preset") {
        let Value::String(name) = name else {
            return Err(ConfigError::Type {
                place: file.place,
                message: "preset: expected the name of a preset".into(),
            });
        };
        layers.push(preset_layer(&name)?);
    }
    layers.push(file);
    Ok(layers)
}

fn preset_layer(name: &str) -> Result<Layer, ConfigError> {
    let Some(text) = preset(name) else {
        let suggestion = nearest(name, preset_names().into_iter());
        return Err(ConfigError::UnknownConfig { name: name.into(), suggestion });
    };
    parse(format!("preset {name}"), text)
}

fn file_layer(path: &Path) -> Result<Layer, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Io { path: path.into(), source })?;
    parse(path.display().to_string(), &text)
}

fn parse(place: String, text: &str) -> Result<Layer, ConfigError> {
    match text.parse::<Table>() {
        Ok(table) => Ok(Layer { place, table }),
        Err(error) => Err(ConfigError::Syntax { place, message: error.to_string() }),
    }
}

/// One layer for each override; those that name a section's kind come first, as they start the section anew.
fn override_layers<S: AsRef<str>>(overrides: &[S]) -> Result<Vec<Layer>, ConfigError> {
    let mut parsed = Vec::with_capacity(overrides.len());
    for text in overrides {
        let text = text.as_ref();
        let Some((key, value)) = text.split_once('=') else {
            return Err(ConfigError::NoOverride { text: text.into() });
        };
        parsed.push((key.trim(), literal(value.trim()), text));
    }
    parsed.sort_by_key(|(key, ..)| key.rsplit('.').next() != Some("name"));
    Ok(parsed.into_iter().map(|(key, value, text)| Layer { place: text.into(), table: nested(key, value) }).collect())
}

/// A TOML value, or the text itself where it is none.
fn literal(text: &str) -> Value {
    let parsed = format!("value = {text}").parse::<Table>().ok().filter(|table| table.len() == 1);
    parsed.and_then(|mut table| table.remove("value")).unwrap_or_else(|| Value::String(text.into()))
}

/// `a.b.c` and a value as tables within tables.
fn nested(key: &str, value: Value) -> Table {
    let (head, value) = match key.split_once('.') {
        Some((head, rest)) => (head, Value::Table(nested(rest, value))),
        None => (key, value),
    };
    Table::from_iter([(head.to_owned(), value)])
}

fn resolve(layers: &[Layer]) -> Result<RunConfig, ConfigError> {
    let mut merged = Table::new();
    for layer in layers {
        for section in NAMED_SECTIONS {
            check_name(layer, section)?;
        }
        merge(&mut merged, &layer.table, true);
    }
    let known = known_keys(&merged);
    for layer in layers.iter().filter(|layer| !layer.place.starts_with("preset ")) {
        if let Some(key) = dotted_keys(&layer.table).into_iter().find(|key| !known.contains(key)) {
            let suggestion = nearest(&key, known.iter().map(String::as_str)).map(str::to_owned);
            return Err(ConfigError::UnknownKey { place: layer.place.clone(), key, suggestion });
        }
    }
    RunConfig::deserialize(Value::Table(merged)).map_err(|error| type_error(layers, &error))
}

fn check_name(layer: &Layer, section: &'static str) -> Result<(), ConfigError> {
    let Some(name) = name_in(&layer.table, section) else { return Ok(()) };
    let known: Vec<String> = variants(section).iter().filter_map(name_of).map(str::to_owned).collect();
    if known.iter().any(|known| known == name) {
        return Ok(());
    }
    let suggestion = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
    Err(ConfigError::UnknownName { place: layer.place.clone(), section, name: name.into(), suggestion, known })
}

/// Lays `over` over `base`; at the top, a named section with another name replaces the old one.
fn merge(base: &mut Table, over: &Table, top: bool) {
    for (key, value) in over {
        let anew = top && name_in(over, key).is_some_and(|name| name_in(base, key) != Some(name));
        match (base.get_mut(key), value) {
            (Some(Value::Table(old)), Value::Table(new)) if !anew => merge(old, new, false),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Blames the first layer with which the configuration no longer reads.
fn type_error(layers: &[Layer], error: &toml::de::Error) -> ConfigError {
    let mut merged = Table::new();
    for layer in layers {
        merge(&mut merged, &layer.table, true);
        if let Err(error) = RunConfig::deserialize(Value::Table(merged.clone())) {
            return ConfigError::Type { place: layer.place.clone(), message: one_line(&error) };
        }
    }
    ConfigError::Type { place: "the configuration".into(), message: one_line(error) }
}

fn one_line(error: &toml::de::Error) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}
