//! Putting a configuration together: preset, then file, then `key=value` overrides, the later over the earlier.
//!
//! A section whose `name` changes from one layer to the next starts anew: the settings of one optimiser mean nothing
//! to another.

use std::path::Path;

use toml::{Table, Value};

use super::ConfigError;
use super::keys::{NAMED_SECTIONS, dotted_keys, known_keys, name_in, name_of, nearest};
use crate::TaskConfig;

/// Some settings and where they come from.
struct Layer {
    place: String,
    table: Table,
}

/// The configuration of a preset or a file with `key=value` overrides, unchecked.
pub(crate) fn load<C: TaskConfig, S: AsRef<str>>(config: &str, overrides: &[S]) -> Result<C, ConfigError> {
    let mut layers = base_layers::<C>(config)?;
    layers.extend(override_layers(overrides)?);
    resolve(&layers)
}

/// The configuration of one file.
pub(crate) fn read<C: TaskConfig>(path: &Path) -> Result<C, ConfigError> {
    resolve(&[file_layer(path)?])
}

fn base_layers<C: TaskConfig>(config: &str) -> Result<Vec<Layer>, ConfigError> {
    let path = Path::new(config);
    let is_file = path.extension().is_some_and(|extension| extension == "toml") || path.is_file();
    if !is_file {
        return Ok(vec![preset_layer::<C>(config)?]);
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
        layers.push(preset_layer::<C>(&name)?);
    }
    layers.push(file);
    Ok(layers)
}

fn preset_layer<C: TaskConfig>(name: &str) -> Result<Layer, ConfigError> {
    let Some((_, text)) = C::PRESETS.iter().find(|(known, _)| *known == name) else {
        let known = C::preset_names();
        let suggestion = nearest(name, known.iter().copied());
        return Err(ConfigError::UnknownConfig { name: name.into(), known, suggestion });
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

fn resolve<C: TaskConfig>(layers: &[Layer]) -> Result<C, ConfigError> {
    let mut merged = Table::new();
    for layer in layers {
        for section in NAMED_SECTIONS {
            check_name::<C>(layer, section)?;
        }
        merge(&mut merged, &layer.table, true);
    }
    let known = known_keys::<C>(&merged);
    for layer in layers.iter().filter(|layer| !layer.place.starts_with("preset ")) {
        if let Some(key) = dotted_keys(&layer.table).into_iter().find(|key| !known.contains(key)) {
            let suggestion = nearest(&key, known.iter().map(String::as_str)).map(str::to_owned);
            return Err(ConfigError::UnknownKey { place: layer.place.clone(), key, suggestion });
        }
    }
    C::deserialize(Value::Table(merged)).map_err(|error| type_error::<C>(layers, &error))
}

fn check_name<C: TaskConfig>(layer: &Layer, section: &'static str) -> Result<(), ConfigError> {
    let Some(name) = name_in(&layer.table, section) else { return Ok(()) };
    let known: Vec<String> = C::variants(section).iter().filter_map(name_of).map(str::to_owned).collect();
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
fn type_error<C: TaskConfig>(layers: &[Layer], error: &toml::de::Error) -> ConfigError {
    let mut merged = Table::new();
    for layer in layers {
        merge(&mut merged, &layer.table, true);
        if let Err(error) = C::deserialize(Value::Table(merged.clone())) {
            return ConfigError::Type { place: layer.place.clone(), message: one_line(&error) };
        }
    }
    ConfigError::Type { place: "the configuration".into(), message: one_line(error) }
}

fn one_line(error: &toml::de::Error) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}
