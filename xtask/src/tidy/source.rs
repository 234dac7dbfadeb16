//! Rules on one Rust file, read as a stream of tokens, so that strings and comments never look like code.

use std::path::Path;

use anyhow::anyhow;
use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

use super::Finding;
use super::arrows;

/// Longest function, in lines from its first brace to its last.
pub(crate) const FUNCTION_LINES: usize = 80;
/// Longest file.
pub(crate) const FILE_LINES: usize = 700;
/// The only room in which `unsafe` may stand.
const UNSAFE_ROOM: &str = "rarefy-kernels";

/// Where a file stands: which rules hold for it.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Package name.
    room: String,
    /// In `src`, neither a test nor a bench.
    is_source: bool,
    /// The front page of its crate.
    is_front: bool,
    /// The front page of a library, where an example must run.
    is_library_front: bool,
}

impl Place {
    /// `relative` is the file's path inside the package.
    pub(crate) fn of(room: &str, relative: &Path) -> Self {
        let is_library_front = relative == Path::new("src/lib.rs");
        Self {
            room: room.to_string(),
            is_source: relative.starts_with("src") && relative.file_stem().is_none_or(|name| name != "tests"),
            is_front: is_library_front || relative == Path::new("src/main.rs"),
            is_library_front,
        }
    }
}

/// Everything that is against the rules in a file that stands at `place`.
pub(crate) fn check_file(place: &Place, text: &str) -> anyhow::Result<Vec<Finding>> {
    let tokens: TokenStream = text.parse().map_err(|error| anyhow!("{}: not Rust: {error}", place.room))?;
    let mut findings = Vec::new();
    check_text(place, text, &mut findings);
    check_tokens(place, tokens, &mut findings);
    Ok(findings)
}

fn report(findings: &mut Vec<Finding>, line: usize, message: impl Into<String>) {
    findings.push(Finding { path: std::path::PathBuf::new(), line, message: message.into() });
}

fn check_text(place: &Place, text: &str, findings: &mut Vec<Finding>) {
    for (index, line) in text.lines().enumerate() {
        // Put together here so that this file keeps its own rule.
        for mark in [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")] {
            let found = line.match_indices(mark).any(|(at, _)| stands_alone(line, at, at + mark.len()));
            if found {
                report(findings, index + 1, format!("{mark}: do it, or open an issue and take the mark out"));
            }
        }
    }
    if !place.is_source {
        return;
    }
    let lines = text.lines().count();
    if lines > FILE_LINES {
        report(findings, lines, format!("{lines} lines; at most {FILE_LINES}: is it one subject?"));
    }
    let front: Vec<&str> = text.lines().take_while(|line| line.starts_with("//!")).collect();
    if front.is_empty() {
        report(findings, 1, "open the module with //!: what it does and the invariant that it keeps");
    } else if place.is_front && front.len() < 3 {
        report(findings, 1, "the crate's front page says too little: what it is for, what it keeps, how to use it");
    }
    if place.is_library_front && !front.iter().any(|line| line.contains("```")) {
        report(findings, 1, "the crate's front page has no example that runs; add one between ```");
    }
}

/// True if the word at `start..end` of `line` is no part of a longer word.
fn stands_alone(line: &str, start: usize, end: usize) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    !line[..start].ends_with(is_word) && !line[end..].starts_with(is_word)
}

fn check_tokens(place: &Place, tokens: TokenStream, findings: &mut Vec<Finding>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => check_tokens(place, group.stream(), findings),
            TokenTree::Ident(ident) => check_word(place, &tokens[at..], &ident.to_string(), findings),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// Checks the word with which `tokens` begins.
fn check_word(place: &Place, tokens: &[TokenTree], word: &str, findings: &mut Vec<Finding>) {
    let line = tokens[0].span().start().line;
    let next = tokens.get(1);
    let is_macro =
        matches!(next, Some(TokenTree::Punct(mark)) if mark.as_char() == '!' && mark.spacing() == Spacing::Alone);
    match word {
        "unsafe" if place.room != UNSAFE_ROOM => {
            report(findings, line, format!("unsafe may stand in {UNSAFE_ROOM} only; put a safe function there"));
        }
        "todo" | "unimplemented" | "dbg" if is_macro => {
            report(findings, line, format!("{word}! is left over; write the code or return an error"));
        }
        "fn" if place.is_source => {
            if let Some((name, lines)) = function_lines(tokens).filter(|(_, lines)| *lines > FUNCTION_LINES) {
                report(findings, line, format!("fn {name} has {lines} lines; at most {FUNCTION_LINES}: split it"));
            }
        }
        _ => check_room(place, word, line, findings),
    }
}

/// Checks a path into another room: `rarefy_sparse::…`.
fn check_room(place: &Place, word: &str, line: usize, findings: &mut Vec<Finding>) {
    if !word.starts_with("rarefy_") {
        return;
    }
    let target = word.replace('_', "-");
    // Unit tests stand in the sources, so the test kit is judged by the manifest alone.
    if arrows::is_room(&target) && !arrows::tests_may_use(&place.room, &target) {
        report(findings, line, format!("{} may not look into {target}; see the arrows in ARCHITECTURE.md", place.room));
    }
}

/// Name and length of the function whose `fn` begins `tokens`; none if it has no body.
fn function_lines(tokens: &[TokenTree]) -> Option<(String, usize)> {
    let TokenTree::Ident(name) = tokens.get(1)? else { return None };
    for token in &tokens[2..] {
        match token {
            TokenTree::Punct(mark) if mark.as_char() == ';' => return None,
            TokenTree::Group(body) if body.delimiter() == Delimiter::Brace => {
                let lines = body.span_close().end().line + 1 - body.span_open().start().line;
                return Some((name.to_string(), lines));
            }
            _ => {}
        }
    }
    None
}
