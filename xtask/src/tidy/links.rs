//! Pages may only point to files that exist, and may only promise what stands.

use std::path::Path;

use super::Finding;

/// Checks every relative link and picture of the page `file`.
pub(crate) fn check_page(root: &Path, file: &Path, text: &str) -> Vec<Finding> {
    let folder = file.parent().unwrap_or(root);
    let mut findings = Vec::new();
    let mut in_code = false;
    for (index, line) in text.lines().enumerate() {
        in_code ^= line.trim_start().starts_with("```");
        if in_code {
            continue;
        }
        for target in targets(line) {
            let target = target.split('#').next().unwrap_or_default();
            let outside = target.is_empty() || target.contains("://") || target.starts_with("mailto:");
            if !outside && !folder.join(target).exists() {
                let message = format!("the link to {target} leads nowhere; name a file that exists");
                findings.push(Finding { path: file.to_path_buf(), line: index + 1, message });
            }
        }
    }
    findings
}

/// What stands in the round brackets of `[…](…)` and in `src="…"`.
fn targets(line: &str) -> Vec<&str> {
    let after = |mark: &'static str, end: char| {
        line.match_indices(mark)
            .filter_map(move |(at, _)| line[at + mark.len()..].split_once(end).map(|(inner, _)| inner))
    };
    after("](", ')').chain(after("src=\"", '"')).collect()
}
