//! The one direction in which rooms may look (ARCHITECTURE.md), read from each crate's manifest.
//!
//! A room may use every room that its arrows lead to, directly or over another room. The test kit may be used by any
//! room's tests, by no room's program.

use anyhow::Context;

use super::Finding;

/// Each room with the rooms that its arrows point to.
const ARROWS: [(&str, &[&str]); 14] = [
    ("rarefy-geometry", &[]),
    ("rarefy-metrics", &[]),
    ("rarefy-kernels", &["rarefy-geometry"]),
    ("rarefy-sparse", &["rarefy-kernels"]),
    ("rarefy-nn", &["rarefy-sparse"]),
    ("rarefy-models", &["rarefy-nn"]),
    ("rarefy-data", &["rarefy-geometry"]),
    ("rarefy-view", &["rarefy-geometry", "rarefy-metrics"]),
    ("rarefy-train", &["rarefy-models", "rarefy-data", "rarefy-metrics"]),
    ("rarefy-search", &["rarefy-train"]),
    ("rarefy-retrieval", &["rarefy-models", "rarefy-data", "rarefy-metrics"]),
    ("rarefy-cli", &["rarefy-train", "rarefy-retrieval", "rarefy-view"]),
    ("rarefy-testkit", &["rarefy-geometry"]),
    ("xtask", &[]),
];

/// The test kit: a development dependency of whom it pleases.
const TEST_KIT: &str = "rarefy-testkit";

/// True if `name` is one of the rooms.
pub(crate) fn is_room(name: &str) -> bool {
    ARROWS.iter().any(|(room, _)| *room == name)
}

/// True if `room` may look into `target`.
pub(crate) fn may_use(room: &str, target: &str) -> bool {
    let arrows = ARROWS.iter().find(|(name, _)| *name == room).map_or(&[][..], |(_, arrows)| arrows);
    room == target || arrows.iter().any(|next| may_use(next, target))
}

/// True if `room`'s tests may look into `target`.
pub(crate) fn tests_may_use(room: &str, target: &str) -> bool {
    target == TEST_KIT || may_use(room, target)
}

/// Checks the dependencies of the manifest of `room` and that it takes the workspace's lints.
pub(crate) fn check_manifest(room: &str, text: &str) -> anyhow::Result<Vec<Finding>> {
    let manifest: toml::Table = text.parse().with_context(|| format!("the manifest of {room} is not TOML"))?;
    let mut findings = Vec::new();
    let mut report = |needle: &str, message: String| {
        let line = text.lines().position(|line| line.trim_start().starts_with(needle)).map_or(1, |at| at + 1);
        findings.push(Finding { path: "Cargo.toml".into(), line, message });
    };
    if !is_room(room) {
        report("name", format!("{room} is no room of ARCHITECTURE.md; add its arrows to xtask/src/tidy/arrows.rs"));
    }
    for (table, allowed) in [
        ("dependencies", may_use as fn(&str, &str) -> bool),
        ("build-dependencies", may_use),
        ("dev-dependencies", tests_may_use),
    ] {
        let Some(dependencies) = manifest.get(table).and_then(toml::Value::as_table) else { continue };
        for name in dependencies.keys() {
            if name.starts_with("rarefy-") && !allowed(room, name) {
                report(name, format!("[{table}] {room} may not look into {name}; see the arrows in ARCHITECTURE.md"));
            }
        }
    }
    let inherits = manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
    if inherits != Some(true) {
        report("[lints]", "the workspace's lints are not taken; add [lints] workspace = true".into());
    }
    Ok(findings)
}
