//! `scripts/supply-chain.sh` finds what it is there for.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::root;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// What the script says of a copy in which one text was changed.
fn said(file: &str, from: &str, to: &str) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    for part in [".github", "deploy"] {
        copy(&root().join(part), &folder.path().join(part));
    }
    fs::copy(root().join("Cargo.toml"), folder.path().join("Cargo.toml")).unwrap();
    let path = folder.path().join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} has no `{from}`");
    fs::write(&path, text.replacen(from, to, 1)).unwrap();
    let output = Command::new(root().join("scripts/supply-chain.sh"))
        .arg(folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    (output.status.success(), text)
}

#[test]
fn workflows_and_manifests_as_they_are_have_no_fault() {
    let (is_good, said) = said("Cargo.toml", "", "");
    assert!(is_good && said.is_empty(), "{said}");
}

#[test]
fn each_way_to_weaken_a_workflow_or_a_manifest_is_a_fault() {
    let test = ".github/workflows/test.yml";
    let release = ".github/workflows/release.yml";
    let run = "- run: make lint";
    let image = "spillway-sidecar:0.1.0";
    let faults = [
        (
            test,
            "@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
            "@v7",
            "name the action by",
        ),
        (
            test,
            "@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
            "@main",
            "name the action by",
        ),
        (test, " # v7.0.1", "", "name the action by"),
        (
            test,
            "permissions:\n  contents: read",
            "permissions: write-all",
            "own permissions",
        ),
        (
            test,
            "  contents: read",
            "  contents: read\n  packages: write",
            "own permissions",
        ),
        (test, "permissions:\n  contents: read\n", "", "own permissions"),
        (
            test,
            "  lint:\n",
            "  lint:\n    permissions:\n      contents: write  # to push\n",
            "`lint` may write",
        ),
        (
            test,
            "  lint:\n",
            "  lint:\n    permissions: write-all\n",
            "`lint` may write",
        ),
        (release, "# keyless signing", "", "say behind `id-token`"),
        (
            test,
            run,
            "- run: echo '${{ github.event.pull_request.title }}'",
            "what a stranger wrote",
        ),
        (
            test,
            run,
            "- run: git log ${{ github.head_ref }}",
            "what a stranger wrote",
        ),
        (
            test,
            "  pull_request:",
            "  pull_request_target:",
            "pull_request_target",
        ),
        (
            test,
            "        with: {persist-credentials: false}\n",
            "",
            "persist-credentials",
        ),
        (
            "deploy/sidecar.yaml",
            image,
            "spillway-sidecar:latest",
            "by digest",
        ),
        (
            "deploy/sidecar.yaml",
            image,
            "spillway-sidecar:0.0.9",
            "by digest",
        ),
        ("deploy/sidecar.yaml", image, "spillway-sidecar", "by digest"),
        (
            "deploy/uninstall.yaml",
            "ghcr.io/spillway-dev/",
            "ghcr.io/another/",
            "by digest",
        ),
        (
            "deploy/policy.yaml",
            "spillway:v0.1.0",
            "spillway:latest",
            "by digest",
        ),
        ("deploy/Dockerfile", "@sha256:", "#", "by digest"),
    ];
    for (file, from, to, wanted) in faults {
        let (is_good, said) = said(file, from, to);
        assert!(
            !is_good && said.contains(wanted),
            "{file}: `{from}` as `{to}`: {said}"
        );
        assert!(said.contains("1 faults"), "one change, one fault: {said}");
    }
}
