//! The container files: parsed and held against what they promise. Building them needs a container
//! engine, which tests do not assume.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::path::Path;

use serde_json::Value;

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Instructions of a Dockerfile: word and argument, continued lines joined.
fn instructions() -> Vec<(String, String)> {
    let text = read("Dockerfile").replace("\\\n", " ");
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (word, rest) = line.split_once(' ').unwrap_or_else(|| panic!("{line}"));
            (word.to_owned(), rest.trim().to_owned())
        })
        .collect()
}

#[test]
fn the_image_is_built_in_stages_and_runs_without_rights() {
    println!("no image is built here: the Dockerfile is parsed");
    let all = instructions();
    let known = [
        "FROM",
        "WORKDIR",
        "RUN",
        "COPY",
        "USER",
        "VOLUME",
        "ENV",
        "EXPOSE",
        "HEALTHCHECK",
        "ENTRYPOINT",
        "CMD",
    ];
    for (word, rest) in &all {
        assert!(known.contains(&word.as_str()), "{word} {rest}");
    }
    let stages = all.iter().filter(|(word, _)| word == "FROM").count();
    assert_eq!(stages, 2);
    let last = all.iter().rposition(|(word, _)| word == "FROM").unwrap();
    let (_, user) = all[last..].iter().find(|(word, _)| word == "USER").unwrap();
    let id: u32 = user.split(':').next().unwrap().parse().unwrap();
    assert!(id > 0);
    let toolchain = read("Cargo.toml");
    let version = toolchain.split("rust-version = \"").nth(1).unwrap();
    let version = version.split('"').next().unwrap();
    assert!(
        all[0].1.starts_with(&format!("rust:{version}")),
        "{:?}",
        all[0]
    );
    for (_, argument) in all
        .iter()
        .filter(|(word, _)| word == "CMD" || word == "ENTRYPOINT")
    {
        let words: Vec<String> = serde_json::from_str(argument).unwrap();
        assert!(!words.is_empty());
    }
}

#[test]
fn the_composition_runs_web_worker_and_database() {
    println!("no container is started here: compose.yml is parsed");
    let file: Value = serde_saphyr::from_str(&read("compose.yml")).unwrap();
    let services = &file["services"];
    for (name, role) in [("web", "web"), ("worker", "worker")] {
        let service = &services[name];
        assert_eq!(service["command"][0], role);
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(service["cap_drop"][0], "ALL", "{name}");
        assert!(service["healthcheck"]["test"].is_array(), "{name}");
        assert_eq!(
            service["depends_on"]["database"]["condition"],
            "service_healthy"
        );
        let environment = service["environment"].as_object().unwrap();
        for secret in ["DATABASE_URL", "INTEGRATION_ENCRYPTION_KEY"] {
            let value = environment[secret].as_str().unwrap();
            assert!(value.contains(":?"), "{name}: {secret} has no default");
        }
    }
    assert!(services["database"]["healthcheck"]["test"].is_array());
    let ports = services["web"]["ports"][0].as_str().unwrap();
    assert!(ports.starts_with("127.0.0.1:"), "{ports}");
    assert!(services["worker"]["ports"].is_null());
}
