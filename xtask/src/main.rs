//! `cargo xtask tidy`: the project's own rules, checked by a program.
//!
//! The rules are those of ARCHITECTURE.md and CONTRIBUTING.md that neither rustc nor clippy knows: which room may look into
//! which, where `unsafe` may live, how long a file or a function may grow. Each finding names file and line and says what to do.

mod tidy;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() != Some("tidy") {
        eprintln!("usage: cargo xtask tidy    check imports, unsafe, lengths, leftovers, front pages and links");
        return ExitCode::from(2);
    }
    match run_tidy() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// True if the workspace that holds this program keeps every rule.
fn run_tidy() -> anyhow::Result<bool> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask stands in no workspace")?;
    let findings = tidy::check_workspace(root)?;
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("tidy: every rule is kept");
    } else {
        println!("tidy: {} finding(s)", findings.len());
    }
    Ok(findings.is_empty())
}
