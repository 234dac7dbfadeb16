//! Every rule: one text that breaks it and one that keeps it. Not tested here: the walk over the real tree, which CI does.

use std::path::Path;

use super::{arrows, check_workspace, links, source};

const FRONT: &str = "//! What.\n//! Why.\n//! ```\n//! let x = 1;\n//! ```\n";

fn messages(room: &str, path: &str, text: &str) -> Vec<String> {
    let place = source::Place::of(room, Path::new(path));
    let findings = source::check_file(&place, text).expect("the text is Rust");
    findings.into_iter().map(|finding| finding.message).collect()
}

fn manifest(room: &str, body: &str) -> Vec<String> {
    let text = format!("[package]\nname = \"{room}\"\n[lints]\nworkspace = true\n{body}");
    arrows::check_manifest(room, &text).expect("TOML").into_iter().map(|finding| finding.message).collect()
}

#[test]
fn dependencies_along_the_arrows_pass() {
    assert!(manifest("rarefy-models", "[dependencies]\nrarefy-geometry = \"1\"\nserde = \"1\"").is_empty());
    assert!(manifest("rarefy-geometry", "[dev-dependencies]\nrarefy-testkit = \"1\"").is_empty());
    assert!(manifest("rarefy-retrieval", "[dependencies]\nrarefy-metrics = \"1\"").is_empty());
}

#[test]
fn dependencies_against_the_arrows_are_found() {
    assert_eq!(manifest("rarefy-geometry", "[dependencies]\nrarefy-kernels = \"1\"").len(), 1);
    assert_eq!(manifest("rarefy-metrics", "[dependencies]\nrarefy-geometry = \"1\"").len(), 1);
    assert_eq!(manifest("rarefy-train", "[dev-dependencies]\nrarefy-cli = \"1\"").len(), 1);
    assert_eq!(manifest("rarefy-train", "[dependencies]\nrarefy-testkit = \"1\"").len(), 1);
}

#[test]
fn paths_against_the_arrows_are_found_in_code_but_not_in_prose() {
    let code = format!("{FRONT}use rarefy_train::Trainer;\n");
    assert_eq!(messages("rarefy-nn", "src/lib.rs", &code).len(), 1);
    let prose = format!("{FRONT}// rarefy_train uses this.\nconst NAME: &str = \"rarefy_train\";\n");
    assert!(messages("rarefy-nn", "src/lib.rs", &prose).is_empty());
}

#[test]
fn a_crate_without_the_workspace_lints_is_found() {
    let findings = arrows::check_manifest("rarefy-nn", "[package]\nname = \"rarefy-nn\"\n").expect("TOML");
    assert_eq!(findings.len(), 1);
    assert!(findings[0].message.contains("lints"));
}

#[test]
fn a_room_that_nobody_knows_is_found() {
    assert_eq!(manifest("rarefy-cellar", "").len(), 1);
}

#[test]
fn unsafe_is_found_outside_the_kernel_room_only() {
    let code = format!("{FRONT}fn f(p: *const u8) -> u8 {{ unsafe {{ *p }} }}\n");
    assert_eq!(messages("rarefy-nn", "src/lib.rs", &code).len(), 1);
    assert!(messages("rarefy-kernels", "src/lib.rs", &code).is_empty());
}

#[test]
fn macros_that_stand_for_missing_code_are_found() {
    let code = format!("{FRONT}fn f() {{ {}!(); {}!(1); }}\n", concat!("to", "do"), concat!("db", "g"));
    assert_eq!(messages("rarefy-nn", "src/lib.rs", &code).len(), 2);
    let name = format!("{FRONT}fn {}() -> bool {{ true != false }}\n", concat!("to", "do"));
    assert!(messages("rarefy-nn", "src/lib.rs", &name).is_empty());
}

#[test]
fn marks_in_comments_are_found_as_whole_words() {
    let mark = concat!("TO", "DO");
    assert_eq!(messages("rarefy-nn", "tests/a.rs", &format!("// {mark}: later\n")).len(), 1);
    assert!(messages("rarefy-nn", "tests/a.rs", &format!("// {mark}S_LIST\n")).is_empty());
}

#[test]
fn long_functions_and_files_are_found_in_sources_but_not_in_tests() {
    let body = "    let _ = 1;\n".repeat(source::FUNCTION_LINES);
    let code = format!("{FRONT}fn f(x: [u8; 2])\nwhere\n    u8: Copy,\n{{\n{body}}}\n");
    assert_eq!(messages("rarefy-nn", "src/lib.rs", &code).len(), 1);
    assert!(messages("rarefy-nn", "tests/a.rs", &code).is_empty());
    let file = format!("{FRONT}{}", "const A: u8 = 1;\n".repeat(source::FILE_LINES));
    assert_eq!(messages("rarefy-nn", "src/lib.rs", &file).len(), 1);
}

#[test]
fn a_function_without_a_body_has_no_length() {
    let code = format!("{FRONT}trait T {{\n    fn f(&self);\n{}}}\n", "    const A: u8;\n".repeat(100));
    assert!(messages("rarefy-nn", "src/lib.rs", &code).is_empty());
}

#[test]
fn front_pages_need_prose_and_an_example() {
    assert_eq!(messages("rarefy-nn", "src/layer.rs", "const A: u8 = 1;\n").len(), 1);
    assert_eq!(messages("rarefy-nn", "src/lib.rs", "//! A crate.\n").len(), 2);
    assert_eq!(messages("rarefy-cli", "src/main.rs", "//! A program.\n//! It runs.\n//! It ends.\n").len(), 0);
}

#[test]
fn links_that_lead_nowhere_are_found() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("here.md"), "x").expect("a file");
    let page =
        "[a](here.md) [b](https://x.y) [c](#top)\n![d](gone.png)\n```\n[e](code.md)\n```\n<img src=\"lost.png\">\n";
    let findings = links::check_page(folder.path(), &folder.path().join("page.md"), page);
    let lines: Vec<usize> = findings.iter().map(|finding| finding.line).collect();
    assert_eq!(lines, [2, 6]);
}

#[test]
fn a_whole_workspace_is_walked_and_places_are_named() {
    let root = tempfile::tempdir().expect("a folder");
    let room = root.path().join("crates/rarefy-nn");
    std::fs::create_dir_all(room.join("src")).expect("folders");
    std::fs::write(room.join("Cargo.toml"), "[package]\nname = \"rarefy-nn\"\n").expect("a manifest");
    std::fs::write(room.join("src/lib.rs"), "use rarefy_cli as _;\n").expect("a source");
    let findings = check_workspace(root.path()).expect("a walk");
    let places: Vec<String> = findings.iter().map(|finding| finding.path.display().to_string()).collect();
    assert!(places.contains(&"crates/rarefy-nn/Cargo.toml".to_string()));
    assert!(places.contains(&"crates/rarefy-nn/src/lib.rs".to_string()));
    assert_eq!(findings.len(), 4);
}
