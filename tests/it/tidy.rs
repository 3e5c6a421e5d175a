//! The rules of the house that a compiler does not know: the dependency diagram, one address, file sizes.

use std::fs;
use std::path::{Path, PathBuf};

/// The largest source file, in lines. Generated code is not counted.
const LONGEST: usize = 800;

/// Which crates of the workspace each of them may use. `bins` are the binaries.
const DIAGRAM: &[(&str, &[&str])] = &[
    ("bins", &["opm-action"]),
    (
        "opm-action",
        &[
            "opm-api",
            "opm-appregistry",
            "opm-bundle",
            "opm-catalog",
            "opm-configmap",
            "opm-document",
            "opm-image",
            "opm-model",
            "opm-sqlite",
        ],
    ),
    ("opm-api", &["opm-document", "opm-model"]),
    ("opm-appregistry", &["opm-document"]),
    ("opm-catalog", &["opm-document", "opm-model"]),
    ("opm-configmap", &["opm-bundle", "opm-document", "opm-model"]),
    ("opm-sqlite", &["opm-bundle", "opm-document", "opm-model"]),
    ("opm-image", &[]),
    ("opm-bundle", &["opm-document", "opm-model"]),
    ("opm-model", &["opm-document"]),
    ("opm-document", &[]),
];

/// Files below `bins/opm` that are no commands: they hold what several share, or what has no deed behind it.
const NO_COMMANDS: &[&str] = &["main", "mod", "completion", "output", "target"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() && name != "target" && name != "generated" && name != "fuzz" {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

fn all_sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for dir in ["bins", "crates", "fuzz", "tests"] {
        sources(&root().join(dir), &mut found);
    }
    assert!(found.len() > 50, "the sources are somewhere else: {} files found", found.len());
    found
}

/// The crates of the workspace that a manifest depends on outside of tests: in `[dependencies]`, for one target only, for the
/// build, as a table of their own.
fn workspace_dependencies(manifest: &str) -> Vec<String> {
    let mut is_dependencies = false;
    let mut used = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let words: Vec<&str> = section.trim_end_matches(']').split('.').collect();
            let kind = words.iter().position(|word| ["dependencies", "build-dependencies"].contains(word));
            is_dependencies = words[0] != "workspace" && kind.is_some_and(|at| at + 1 == words.len());
            if words[0] != "workspace"
                && let Some(name) = kind.and_then(|at| words.get(at + 1)).filter(|name| name.starts_with("opm-"))
            {
                used.push((*name).to_owned());
            }
        } else if is_dependencies && line.starts_with("opm-") {
            used.push(line.split(['.', '=', ' ']).next().unwrap_or_default().to_owned());
        }
    }
    used
}

#[test]
fn crates_use_only_what_the_diagram_allows() {
    let mut faults = Vec::new();
    let mut check = |name: &str, manifest: &Path| {
        let allowed = DIAGRAM.iter().find(|(n, _)| *n == name).map(|(_, a)| *a);
        let Some(allowed) = allowed else {
            faults.push(format!("{name} is not in the diagram: add it to ARCHITECTURE.md and to this test"));
            return;
        };
        for used in workspace_dependencies(&fs::read_to_string(manifest).unwrap()) {
            if !allowed.contains(&used.as_str()) {
                faults.push(format!("{name} must not use {used}"));
            }
        }
    };
    check("bins", &root().join("Cargo.toml"));
    for entry in fs::read_dir(root().join("crates")).unwrap().flatten() {
        check(&entry.file_name().to_string_lossy(), &entry.path().join("Cargo.toml"));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_diagram_itself_can_be_broken() {
    for (manifest, expected) in [
        ("[dependencies]\nopm-image.workspace = true\nserde = \"1\"", &["opm-image"][..]),
        ("[dev-dependencies]\nopm-api = { path = \"\" }\n[workspace.dependencies]\nopm-api = { path = \"\" }", &[]),
        ("[build-dependencies]\nopm-api = { path = \"\" }", &["opm-api"]),
        ("[target.'cfg(unix)'.dependencies]\nopm-api = { path = \"\" }", &["opm-api"]),
        ("[dependencies.opm-sqlite]\npath = \"\"\n[dev-dependencies.opm-api]\npath = \"\"", &["opm-sqlite"]),
    ] {
        assert_eq!(workspace_dependencies(manifest), expected, "{manifest}");
    }
}

#[test]
fn every_command_has_one_address() {
    let mut commands = Vec::new();
    sources(&root().join("bins/opm"), &mut commands);
    let mut faults = Vec::new();
    for path in commands {
        let relative = path.strip_prefix(root().join("bins/opm")).unwrap().with_extension("");
        let name = relative.file_name().unwrap().to_string_lossy().into_owned();
        if NO_COMMANDS.contains(&name.as_str()) {
            continue;
        }
        let address = relative.to_string_lossy().into_owned();
        let candidates =
            [format!("crates/opm-action/src/{address}.rs"), format!("crates/opm-action/src/{address}/mod.rs")];
        if !candidates.iter().any(|c| root().join(c).exists()) {
            faults.push(format!("bins/opm/{address}.rs has no deed at {}", candidates[0]));
        }
        let test = format!("tests/it/opm/{address}.rs");
        if !root().join(&test).exists() {
            faults.push(format!("bins/opm/{address}.rs has no test at {test}"));
        }
    }
    let mut tests = Vec::new();
    sources(&root().join("tests/it/opm"), &mut tests);
    for path in tests {
        let relative = path.strip_prefix(root().join("tests/it/opm")).unwrap().display().to_string();
        if !relative.ends_with("mod.rs") && !root().join("bins/opm").join(&relative).exists() {
            faults.push(format!("tests/it/opm/{relative} tests no command"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn files_are_of_a_readable_size_and_finished() {
    let unfinished = ["#[ig", "nore]"].concat();
    let mut faults = Vec::new();
    for path in all_sources() {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        let lines = text.lines().count();
        if lines > LONGEST {
            faults.push(format!("{name} has {lines} lines, more than {LONGEST}: split it by verb"));
        }
        for word in [unfinished.as_str(), concat!("todo", "!("), concat!("unimplemented", "!(")] {
            if text.contains(word) {
                faults.push(format!("{name} holds {word}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_crate_has_the_lints_of_the_workspace() {
    for entry in fs::read_dir(root().join("crates")).unwrap().flatten() {
        let manifest = fs::read_to_string(entry.path().join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{} does not", entry.path().display());
    }
    assert!(fs::read_to_string(root().join("Cargo.toml")).unwrap().contains("[lints]\nworkspace = true"));
}

/// Rows of a table in Markdown that name a source file and something in it: `…file.rs` | `NAME` |.
fn named_in_sources(page: &str) -> Vec<(&str, &str)> {
    let cells = page.lines().map(|line| line.trim_end_matches([' ', '|']).rsplit(" | ").collect::<Vec<_>>());
    let pair = cells.filter_map(|cells| Some((cells.get(1)?.trim_matches('`'), cells[0].trim_matches('`'))));
    pair.filter(|(file, _)| file.starts_with("crates/")).collect()
}

#[test]
fn the_bounds_of_the_threat_model_are_where_it_says() {
    let page = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let named = named_in_sources(&page);
    assert!(named.len() > 30, "the table of bounds has another form: {named:?}");
    let mut faults = Vec::new();
    for (file, name) in named {
        let text = fs::read_to_string(root().join(file)).unwrap_or_default();
        if ![format!("const {name}: "), format!("struct {name} {{")].iter().any(|words| text.contains(words)) {
            faults.push(format!("docs/security.md: there is no {name} in {file}"));
        }
    }
    // Elsewhere it names files only.
    for file in page.split('`').filter(|word| Path::new(word).extension() == Some("rs".as_ref()) && !word.contains(' '))
    {
        if !root().join(file).is_file() {
            faults.push(format!("docs/security.md: there is no {file}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
