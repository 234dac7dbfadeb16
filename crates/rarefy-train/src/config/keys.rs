//! Which keys a configuration may have, found by writing out examples of it, and the nearest of them to a wrong one.

use rarefy_nn::{OptimiserConfig, Schedule};
use serde::Serialize;
use toml::Table;

use crate::TaskConfig;

/// The sections whose keys depend on their `name`.
pub(super) const NAMED_SECTIONS: [&str; 3] = ["model", "optimiser", "schedule"];

/// The examples of a section that all tasks share, one for each `name` that it may have.
pub(crate) fn general_variants(section: &str) -> Vec<Table> {
    match section {
        "optimiser" => {
            let (momentum, beta1, beta2, epsilon, weight_decay) = (0.9, 0.9, 0.999, 1e-8, 0.0);
            vec![
                table(&OptimiserConfig::Sgd { momentum, nesterov: false, weight_decay }),
                table(&OptimiserConfig::NagLight { momentum }),
                table(&OptimiserConfig::Adam { beta1, beta2, epsilon, weight_decay }),
                table(&OptimiserConfig::Adamw { beta1, beta2, epsilon, weight_decay }),
            ]
        }
        "schedule" => {
            let lr = 1e-3;
            vec![
                table(&Schedule::Constant { lr }),
                table(&Schedule::Exponential { lr, rate: 0.0 }),
                table(&Schedule::Step { lr, factor: 0.1, every: 1 }),
                table(&Schedule::Cosine { lr, warmup_steps: 0, floor: 0.0 }),
                table(&Schedule::Polynomial { lr, power: 1.0 }),
                table(&Schedule::OneCycle { lr, rise: 0.4, start_divisor: 10.0 }),
            ]
        }
        _ => Vec::new(),
    }
}

/// The dotted keys that a configuration with the named sections of `merged` may have.
pub(super) fn known_keys<C: TaskConfig>(merged: &Table) -> Vec<String> {
    let mut example = table(&C::default());
    for section in NAMED_SECTIONS {
        if let Some(variant) =
            C::variants(section).into_iter().find(|variant| name_of(variant) == name_in(merged, section))
        {
            example.insert(section.into(), variant.into());
        }
    }
    dotted_keys(&example)
}

/// The `name` of a section of a configuration, if it has one.
pub(super) fn name_in<'a>(config: &'a Table, section: &str) -> Option<&'a str> {
    config.get(section)?.as_table().and_then(name_of)
}

/// The `name` in a section.
pub(super) fn name_of(section: &Table) -> Option<&str> {
    section.get("name")?.as_str()
}

/// All keys of a table, with their sections before them; sections stand for themselves, too.
pub(super) fn dotted_keys(table: &Table) -> Vec<String> {
    let mut keys = Vec::new();
    for (key, value) in table {
        keys.push(key.clone());
        if let Some(section) = value.as_table() {
            keys.extend(dotted_keys(section).into_iter().map(|inner| format!("{key}.{inner}")));
        }
    }
    keys
}

/// The words that are most like `wrong`, the best first; a key in another section counts by its last part.
pub(super) fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let likeness = |key: &str| {
        let by_last = 0.95 * strsim::normalized_damerau_levenshtein(&last(wrong), &last(key));
        strsim::normalized_damerau_levenshtein(wrong, key).max(by_last)
    };
    let best = known.map(|key| (likeness(key), key)).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= 0.6).then_some(best.1)
}

/// A part of a configuration as a table.
pub(crate) fn table(value: &impl Serialize) -> Table {
    Table::try_from(value).expect("a configuration is a table")
}
