//! Walks the workspace and gathers what every rule has to say, sorted by file and line.

mod arrows;
mod links;
mod source;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// File, relative to the workspace.
    pub(crate) path: PathBuf,
    /// Line, from 1.
    pub(crate) line: usize,
    /// What is wrong and what to do.
    pub(crate) message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.line, self.message)
    }
}

/// Everything that is against the rules in the workspace at `root`.
pub(crate) fn check_workspace(root: &Path) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut packages = folders_in(&root.join("crates"))?;
    packages.push(root.join("xtask"));
    for package in packages.iter().filter(|folder| folder.join("Cargo.toml").is_file()) {
        let name = package.file_name().unwrap_or_default().to_string_lossy().into_owned();
        findings.extend(arrows::check_manifest(&name, &read(&package.join("Cargo.toml"))?)?);
        for file in files_below(package, "rs")? {
            let text = read(&file)?;
            let place = source::Place::of(&name, file.strip_prefix(package)?);
            let found = source::check_file(&place, &text)?;
            findings.extend(found.into_iter().map(|finding| place_in(finding, &file)));
        }
        // Manifest findings carry no folder yet.
        for finding in &mut findings {
            if finding.path == Path::new("Cargo.toml") {
                finding.path = package.join("Cargo.toml");
            }
        }
    }
    for file in pages(root)? {
        findings.extend(links::check_page(root, &file, &read(&file)?));
    }
    for finding in &mut findings {
        if let Ok(short) = finding.path.strip_prefix(root) {
            finding.path = short.to_path_buf();
        }
    }
    findings.sort();
    Ok(findings)
}

fn place_in(mut finding: Finding, file: &Path) -> Finding {
    finding.path = file.to_path_buf();
    finding
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn folders_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut folders: Vec<PathBuf> = entries.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
    folders.retain(|path| path.is_dir());
    folders.sort();
    Ok(folders)
}

/// All files below `folder` whose name ends in `.extension`, build outputs left out.
fn files_below(folder: &Path, extension: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(next) = waiting.pop() {
        let entries = std::fs::read_dir(&next).with_context(|| format!("cannot list {}", next.display()))?;
        for entry in entries {
            let path = entry?.path();
            let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if path.is_dir() && !hidden && !path.ends_with("target") {
                waiting.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The pages that a reader sees: those at the root and those in `docs/`.
fn pages(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut pages: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(root)? {
        let path = entry?.path();
        if path.is_file() && path.extension().is_some_and(|found| found == "md") {
            pages.push(path);
        }
    }
    if root.join("docs").is_dir() {
        pages.extend(files_below(&root.join("docs"), "md")?);
    }
    pages.sort();
    Ok(pages)
}
