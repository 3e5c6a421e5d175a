//! What the pages say of the program. That their commands work, `tools/try --docs` shows.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// The text of all sources but tests, without the line breaks that string literals escape.
fn code(dir: &Path, text: &mut String) {
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() && entry.file_name() != "tests" {
            code(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let mut lines = fs::read_to_string(path).unwrap();
            while let Some(at) = lines.find("\\\n") {
                let rest = lines[at + 2..].trim_start().to_owned();
                lines.truncate(at);
                lines.push_str(&rest);
            }
            text.push_str(&lines);
        }
    }
}

/// The messages of the first column: what is between backquotes there.
fn messages(page: &str) -> Vec<&str> {
    let cells = page.lines().filter_map(|line| line.strip_prefix("| "));
    cells.filter_map(|row| row.split(" | ").next()?.split('`').nth(1)).collect()
}

#[test]
fn messages_that_are_explained_exist() {
    let mut text = String::new();
    for dir in ["bins", "crates"] {
        code(&root().join(dir), &mut text);
    }
    let page = page("docs/troubleshooting.md");
    let messages = messages(&page);
    assert!(messages.len() > 50, "{messages:?}");
    let parts = messages.iter().flat_map(|message| message.split('…')).map(|part| part.trim_matches([' ', ';', ',']));
    let unknown: Vec<_> = parts.filter(|part| !text.contains(part)).collect();
    assert!(unknown.is_empty(), "docs/troubleshooting.md explains what nothing says: {unknown:#?}");
}

#[test]
fn the_readme_leads_to_every_page() {
    let readme = page("README.md");
    let pages = fs::read_dir(root().join("docs")).unwrap().map(|entry| PathBuf::from(entry.unwrap().file_name()));
    let names = pages.filter(|name| name.extension().is_some_and(|extension| extension == "md"));
    let lost: Vec<_> = names.filter(|name| !readme.contains(&format!("docs/{}", name.display()))).collect();
    assert!(lost.is_empty(), "README.md does not name {lost:?}");
}

/// What a new user starts with, and each command is a target of the Makefile.
#[test]
fn the_readme_gives_the_two_commands() {
    let (readme, makefile) = (page("README.md"), page("Makefile"));
    for target in ["demo", "test"] {
        assert!(readme.contains(&format!("\n    make {target}\n")), "README.md does not give `make {target}`");
        assert!(makefile.contains(&format!("\n{target}:")), "there is no `make {target}`");
    }
}
