//! Labelled samples: the full set under CORPORA_DIR, else the small copy beside the tests.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// One sample and what is expected of it.
pub struct Sample {
    pub id: String,
    pub line: String,
    pub expected: Value,
}

/// The samples of one kind; the folder of the copy is named after it.
pub fn of_kind(kind: &str) -> Vec<Sample> {
    let copy = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let (root, index) = match std::env::var_os("CORPORA_DIR").map(PathBuf::from) {
        Some(root) => (root.clone(), root.join("INDEX.jsonl")),
        None => (copy.clone(), copy.join(kind).join("INDEX.jsonl")),
    };
    let index = std::fs::read_to_string(&index)
        .unwrap_or_else(|error| panic!("{}: {error}", index.display()));
    let entries = index
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let samples: Vec<_> = entries
        .filter(|entry| entry["kind"] == kind)
        .map(|entry| sample(&root, &entry))
        .collect();
    println!(
        "{} labelled samples of {kind} from {}",
        samples.len(),
        root.display()
    );
    samples
}

fn sample(root: &Path, entry: &Value) -> Sample {
    let file = root.join(entry["file"].as_str().unwrap());
    let bytes = std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let text = String::from_utf8_lossy(&bytes);
    let number = usize::try_from(entry["line"].as_u64().unwrap()).unwrap();
    Sample {
        id: entry["id"].as_str().unwrap().to_owned(),
        line: text.split('\n').nth(number - 1).unwrap().to_owned(),
        expected: entry["expected"].clone(),
    }
}
