//! The commands in README, in `docs/` and in the program's own examples exist, with the options that the pages name.
//! Not tested here: what they do.

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use support::Place;

/// Every command line of the program in the code blocks of a page, and in a help text's examples.
fn commands_in(text: &str, only_in_code: bool) -> Vec<String> {
    let mut in_code = !only_in_code;
    let mut found = Vec::new();
    for line in text.lines() {
        if only_in_code && line.trim_start().starts_with("```") {
            in_code = !in_code;
            continue;
        }
        let line = line.trim();
        let line = line.strip_prefix("$ ").unwrap_or(line);
        let line = line.strip_prefix("RAREFY_ISA=portable ").unwrap_or(line);
        let command = line.strip_prefix("cargo run --release -- ").or_else(|| line.strip_prefix("rarefy "));
        if let (true, Some(command)) = (in_code, command) {
            // Two blanks or a hash begin a remark.
            let end = command.find("  ").or(command.find(" #")).unwrap_or(command.len());
            found.push(command[..end].to_owned());
        }
    }
    found
}

/// Checks that the command exists and that its help names every option.
fn check(place: &Place, known: &mut BTreeMap<String, String>, command: &str) {
    let words: Vec<&str> = command.split_whitespace().collect();
    let depth = if words.first() == Some(&"data") { 2 } else { 1 };
    let name = words.iter().take(depth).copied().collect::<Vec<_>>().join(" ");
    let help = known.entry(name.clone()).or_insert_with(|| place.done(&format!("{name} --help")).out);
    for word in words.iter().filter(|word| word.starts_with('-')) {
        let option = word.split('=').next().unwrap_or(word);
        let named = help.split(|c: char| !(c.is_alphanumeric() || c == '-')).any(|known| known == option);
        assert!(named, "`rarefy {command}`: the help of `{name}` knows no {option}");
    }
}

#[test]
fn commands_in_the_pages_exist_with_their_options() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let place = Place::new();
    let mut known = BTreeMap::new();
    let mut pages: Vec<_> = std::fs::read_dir(root.join("docs")).unwrap().flatten().map(|entry| entry.path()).collect();
    pages.extend(["README.md", "CONTRIBUTING.md"].map(|name| root.join(name)));
    let mut count = 0;
    for page in pages.iter().filter(|path| path.extension().is_some_and(|extension| extension == "md")) {
        for command in commands_in(&std::fs::read_to_string(page).unwrap(), true) {
            check(&place, &mut known, &command);
            count += 1;
        }
    }
    assert!(count >= 10, "only {count} commands were found in the pages");
}

#[test]
fn every_command_has_examples_in_its_help_and_they_are_true() {
    let place = Place::new();
    let mut known = BTreeMap::new();
    let all = place.done("--help").out;
    let names = [
        "quickstart",
        "train",
        "eval",
        "predict",
        "import",
        "submit",
        "profile",
        "index",
        "query",
        "bench",
        "view",
        "doctor",
    ];
    let data = ["data info", "data check", "data convert", "data synth"];
    for name in names.iter().chain(&data) {
        let first = name.split(' ').next().unwrap_or(name);
        assert!(all.contains(&format!("  {first} ")), "--help does not name {first}");
        let help = place.done(&format!("{name} --help")).out;
        let examples = commands_in(&help, false);
        assert!(!examples.is_empty(), "rarefy {name} --help has no example");
        for example in &examples {
            check(&place, &mut known, example);
        }
    }
    for example in commands_in(&all, false) {
        check(&place, &mut known, &example);
    }
}

#[test]
fn wrong_words_are_answered_with_the_right_ones() {
    let place = Place::new();
    place.fails("trian", 2, &["train"]);
    place.fails("train --thread 2", 2, &["--threads"]);
    place.fails("doctor --threads 0", 2, &["--threads"]);
    let nothing = place.run("");
    assert_eq!(nothing.code, 2);
    assert!(nothing.err.contains("quickstart"), "{nothing:?}");
    assert!(place.done("--version").out.starts_with("rarefy "));
}
