//! What a person sees who asks for help, or makes a slip.

use crate::bed::Bed;

/// Every command, with flags that its help must name.
const COMMANDS: &[(&str, &[&str], &[&str])] = &[
    ("initializer", &[], &["--manifests", "--output", "--permissive", "--append"]),
    ("registry-server", &[], &["--database", "--port", "--termination-log", "--skip-migrate"]),
    (
        "configmap-server",
        &[],
        &[
            "--kubeconfig",
            "--context",
            "--database",
            "--configMapName",
            "--configMapNamespace",
            "--port",
            "--termination-log",
            "--permissive",
            "--no-watch",
            "--metrics-addr",
        ],
    ),
    (
        "opm",
        &["registry", "add"],
        &[
            "--database",
            "--bundle-images",
            "--mode",
            "--permissive",
            "--overwrite-latest",
            "--enable-alpha",
            "--container-tool",
            "--ca-file",
            "--use-http",
            "--skip-tls-verify",
            "--authfile",
        ],
    ),
    ("opm", &["registry", "rm"], &["--database", "--packages", "--permissive"]),
    ("opm", &["registry", "prune"], &["--database", "--packages", "--permissive"]),
    ("opm", &["registry", "prune-stranded"], &["--database"]),
    (
        "opm",
        &["registry", "deprecatetruncate"],
        &["--database", "--bundle-images", "--permissive", "--allow-package-removal"],
    ),
    (
        "opm",
        &["registry", "serve"],
        &["--database", "--port", "--termination-log", "--skip-migrate", "--timeout-seconds", "--debug"],
    ),
    (
        "opm",
        &["index", "add"],
        &[
            "--bundles",
            "--mode",
            "--permissive",
            "--from-index",
            "--binary-image",
            "--generate",
            "--out-dockerfile",
            "--tag",
            "--build-tool",
            "--pull-tool",
            "--container-tool",
            "--catalog",
            "--dry-run",
            "--push",
            "--output",
            "--cache-dir",
            "--no-cache",
        ],
    ),
    (
        "opm",
        &["index", "rm"],
        &["--operators", "--from-index", "--permissive", "--generate", "--catalog", "--dry-run", "--push", "--output"],
    ),
    ("opm", &["index", "prune"], &["--packages", "--from-index", "--permissive", "--generate", "--catalog"]),
    ("opm", &["index", "build"], &["--tag", "--push", "--output", "--pack", "--binary-image", "--build-tool"]),
    ("opm", &["index", "prune-stranded"], &["--from-index", "--generate"]),
    ("opm", &["index", "deprecatetruncate"], &["--bundles", "--from-index", "--permissive", "--allow-package-removal"]),
    (
        "opm",
        &["index", "mirror"],
        &[
            "--to-manifests",
            "--manifests-only",
            "--dry-run",
            "--max-components",
            "--tag-style",
            "--naming",
            "--idms-scope",
            "--kinds",
            "--packages",
        ],
    ),
    (
        "opm",
        &["registry", "build"],
        &[
            "--appregistry-org",
            "--appregistry-namespace",
            "--appregistry-endpoint",
            "--auth-token",
            "--auth-token-file",
            "--packages",
            "--manifest-dir",
            "--from",
            "--to",
            "--save",
            "--to-db",
            "--db-only",
            "--best-effort",
        ],
    ),
    ("opm", &["index", "build-catalog"], &["--appregistry-org", "--manifest-dir", "--to"]),
    ("opm", &["registry", "images"], &["--from", "--to", "--manifests"]),
    ("opm", &["index", "export"], &["--index", "--package", "--download-folder", "--container-tool"]),
    (
        "opm",
        &["serve"],
        &[
            "--port",
            "--cache-dir",
            "--cache-only",
            "--cache-enforce-integrity",
            "--termination-log",
            "--metrics-addr",
            "--pprof-addr",
            "--pprof-capture-profiles",
            "--debug",
        ],
    ),
    ("opm", &["bundle", "generate"], &["--directory", "--package", "--channels", "--default", "--output-dir"]),
    ("opm", &["bundle", "build"], &["--tag", "--image-builder", "--overwrite", "--push", "--output"]),
    ("opm", &["bundle", "validate"], &["--optional-validators"]),
    (
        "opm",
        &["alpha", "bundle", "convert"],
        &["--bundle-root", "--install-namespace", "--target-namespaces", "--cert-provider", "--output-dir"],
    ),
    (
        "opm",
        &["alpha", "bundle", "extract"],
        &["--manifestsdir", "--configmapname", "--namespace", "--kubeconfig", "--datalimit", "--gzip", "--debug"],
    ),
    ("opm", &["alpha", "bundle", "unpack"], &["--out", "--skip-validation"]),
    ("opm", &[], &["--debug", "--use-http", "--skip-tls-verify"]),
    ("opm", &["registry"], &[]),
    ("opm", &["index"], &[]),
    ("opm", &["alpha"], &[]),
    ("opm", &["index", "mirror", "verify"], &["--remove-damaged"]),
    ("opm", &["render"], &["--output", "--migrate", "--migrate-level", "--alpha-image-ref-template"]),
    ("opm", &["validate"], &["--output"]),
    ("opm", &["init"], &["--default-channel", "--description", "--icon", "--output"]),
    ("opm", &["migrate"], &["--output", "--migrate-level"]),
    ("opm", &["image"], &["--opm", "--tag", "--push", "--output", "--label"]),
    ("opm", &["generate", "dockerfile"], &["--base-image", "--builder-image", "--extra-labels"]),
    ("opm", &["alpha", "list", "packages"], &[]),
    ("opm", &["alpha", "list", "channels"], &[]),
    ("opm", &["alpha", "list", "bundles"], &[]),
    ("opm", &["alpha", "render-graph"], &["--minimum-edge", "--package-name"]),
    ("opm", &["alpha", "render-template"], &["--output"]),
    ("opm", &["alpha", "convert-template"], &[]),
    ("opm", &["version"], &["--output"]),
    ("opm", &["completion"], &[]),
];

#[test]
fn every_command_explains_itself_with_an_example() {
    let bed = Bed::new();
    for (binary, words, flags) in COMMANDS {
        let mut args = words.to_vec();
        args.push("--help");
        let help = bed.run(binary, &args).ok().stdout;
        let examples = help.split_once("Example").map(|(_, examples)| examples);
        let examples = examples.unwrap_or_else(|| panic!("{binary} {words:?} shows no example"));
        // What is wrapped cannot be copied.
        assert!(examples.lines().all(|line| line.len() <= 80), "{binary} {words:?} has a long example");
        for flag in *flags {
            assert!(help.contains(flag), "{binary} {words:?} does not name {flag}");
        }
    }
    assert!(bed.files().is_empty());
}

#[test]
fn slips_are_named_and_exit_with_2_but_for_add() {
    let bed = Bed::new();
    for (binary, words, _) in COMMANDS {
        let mut args = words.to_vec();
        args.push("--no-such-flag");
        let status = if words.last() == Some(&"add") { 1 } else { 2 };
        bed.run(binary, &args).fails(status, &["--no-such-flag"]);
    }
    bed.opm(&["registry", "serve", "--prot", "1"]).fails(2, &["--port"]);
    bed.opm(&["regsitry"]).fails(2, &["registry"]);
    bed.opm(&["registry", "add", "--mode", "fast"]).fails(1, &["replaces, semver, semver-skippatch"]);
    bed.opm(&["registry", "add", "-b", "x", "-c", "lxc"]).fails(1, &["none, docker, podman"]);
    bed.opm(&["registry", "rm"]).fails(2, &["--packages"]);
    bed.opm(&["--use-http", "--skip-tls-verify", "registry", "add"])
        .fails(1, &["invalid flag combination: --use-http and --skip-tls-verify cannot both be true"]);
    assert_eq!(bed.opm(&[]).ok().stdout, "");
    assert!(bed.files().is_empty());
}
