//! Rules of the house that no compiler checks: arrows between crates, SQL only in the store,
//! templates without inline code, generated documents up to date.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Who may use whom. Nothing points up.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("normalize", &["domain"]),
    ("scoring", &["domain"]),
    ("store", &["domain"]),
    ("collectors", &["domain", "normalize"]),
    (
        "worker",
        &["domain", "normalize", "scoring", "collectors", "store"],
    ),
    (
        "web",
        &["domain", "normalize", "scoring", "collectors", "store"],
    ),
    ("aws", &["domain", "normalize", "collectors"]),
    (
        "server",
        &[
            "aws",
            "domain",
            "normalize",
            "scoring",
            "collectors",
            "store",
            "worker",
            "web",
        ],
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// All files below a folder with one of the endings.
fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, endings));
        } else if endings
            .iter()
            .any(|e| path.extension().is_some_and(|x| x == *e))
        {
            found.push(path);
        }
    }
    assert!(!found.is_empty(), "{}: nothing to check", folder.display());
    found
}

#[test]
fn arrows_point_down() {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let names: BTreeSet<&str> = packages
        .iter()
        .map(|p| p["name"].as_str().unwrap())
        .collect();
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let allowed = ARROWS.iter().find(|(from, _)| *from == name);
        for dependency in package["dependencies"].as_array().unwrap() {
            let to = dependency["name"].as_str().unwrap();
            if !names.contains(to) || dependency["kind"] == "dev" || name == "testkit" {
                continue;
            }
            let (_, allowed) =
                allowed.unwrap_or_else(|| panic!("{name}: give the new crate a place in ARROWS"));
            assert!(allowed.contains(&to), "{name} must not use {to}");
        }
    }
    assert_eq!(names.len(), ARROWS.len() + 1, "{names:?}");
}

/// Words that begin a statement.
const STATEMENTS: &[&str] = &[
    "SELECT ",
    "INSERT INTO ",
    "DELETE FROM ",
    "UPDATE ",
    "CREATE TABLE ",
];

#[test]
fn sql_lives_in_the_store_and_is_never_formatted() {
    for krate in [
        "domain",
        "normalize",
        "scoring",
        "collectors",
        "aws",
        "worker",
        "web",
        "server",
    ] {
        for file in files(&root().join("crates").join(krate).join("src"), &["rs"]) {
            let text = std::fs::read_to_string(&file).unwrap();
            for (number, line) in text.lines().enumerate() {
                let sql = STATEMENTS.iter().any(|s| line.contains(&format!("\"{s}")));
                let library = line.contains("sqlx::");
                assert!(
                    !sql && !library,
                    "{}:{}: {line}",
                    file.display(),
                    number + 1
                );
            }
        }
    }
    for file in files(&root().join("crates/store/src"), &["rs"]) {
        let text = std::fs::read_to_string(&file).unwrap();
        for formatted in text.split("format!(").skip(1) {
            let argument = formatted.trim_start().trim_start_matches('"');
            let sql = STATEMENTS.iter().any(|s| argument.starts_with(s));
            assert!(!sql, "{}: format!({:.60}", file.display(), argument);
        }
        let safe = text.matches("AssertSqlSafe").count();
        let database = file.components().any(|c| c.as_os_str() == "db");
        assert!(
            safe == 0 || database,
            "{}: statements are built by db::Statement",
            file.display()
        );
    }
}

#[test]
fn templates_hold_no_code_and_escape_everything() {
    let handler = |tag: &str| {
        tag.split_whitespace()
            .any(|word| word.starts_with("on") && word.contains('='))
    };
    for file in files(&root().join("templates"), &["html"]) {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.display();
        for forbidden in [
            "style=",
            "<style",
            "javascript:",
            "|safe",
            "| safe",
            "escape none",
        ] {
            assert!(!text.contains(forbidden), "{name}: {forbidden}");
        }
        for tag in text.split('<').skip(1) {
            let tag = tag.split('>').next().unwrap_or_default();
            assert!(!handler(tag), "{name}: <{tag}>");
            let inline = tag.starts_with("script") && !tag.contains("src=");
            assert!(!inline, "{name}: <{tag}>");
        }
    }
}

#[test]
fn the_committed_document_is_what_the_binary_prints() {
    let output = Command::new(env!("CARGO_BIN_EXE_insider-risk"))
        .arg("openapi")
        .output()
        .unwrap();
    assert!(output.status.success());
    let committed = std::fs::read_to_string(root().join("docs/openapi.json")).unwrap();
    assert!(
        committed == String::from_utf8(output.stdout).unwrap(),
        "run: cargo run -- openapi > docs/openapi.json"
    );
}

#[test]
fn migrations_exist_for_both_engines_under_the_same_names() {
    let names = |engine: &str| -> BTreeSet<String> {
        files(&root().join("migrations").join(engine), &["sql"])
            .iter()
            .map(|f| f.file_name().unwrap().to_string_lossy().into_owned())
            .collect()
    };
    assert_eq!(names("sqlite"), names("postgres"));
}

/// Every table carries the tenant, except those that describe the installation itself.
#[test]
fn every_table_carries_the_tenant() {
    for file in files(&root().join("migrations"), &["sql"]) {
        let text = std::fs::read_to_string(&file).unwrap();
        for table in text.split("CREATE TABLE ").skip(1) {
            let (name, rest) = table.split_once('(').unwrap();
            let body = rest.split(");").next().unwrap();
            let installation = ["tenants", "users", "setup", "jobs", "partitions"];
            assert!(
                body.contains("tenant_id") || installation.contains(&name.trim()),
                "{}: {name}",
                file.display()
            );
        }
    }
}

/// SEC-40: requests to addresses somebody wrote down have one client. The others reach what the
/// machine's administrator named: the collector its server, the SDK its AWS endpoints.
#[test]
fn outgoing_requests_have_one_client() {
    let makers: BTreeSet<String> = ["collectors", "aws", "worker", "web", "server", "store"]
        .iter()
        .flat_map(|krate| files(&root().join("crates").join(krate).join("src"), &["rs"]))
        .filter(|file| {
            let text = std::fs::read_to_string(file).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap();
            ["Client::builder()", "Client::new()", "reqwest::get"]
                .iter()
                .any(|maker| text.contains(maker))
        })
        .map(|file| {
            let inside = file.strip_prefix(root().join("crates")).unwrap();
            inside.display().to_string()
        })
        .collect();
    let expected = [
        "collectors/src/forward/post.rs",
        "collectors/src/outbound.rs",
    ];
    assert_eq!(makers, expected.map(str::to_owned).into());
}

/// SEC-37: nothing is unpacked, so no archive can write where it should not.
#[test]
fn no_archive_is_unpacked() {
    for krate in [
        "collectors",
        "aws",
        "worker",
        "web",
        "server",
        "store",
        "normalize",
    ] {
        for file in files(&root().join("crates").join(krate).join("src"), &["rs"]) {
            let text = std::fs::read_to_string(&file).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap();
            for reader in ["ZipArchive", "zip::read", "tar::", "tokio_tar"] {
                assert!(!text.contains(reader), "{}: {reader}", file.display());
            }
        }
    }
}
