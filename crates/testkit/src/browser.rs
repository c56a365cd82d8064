//! Journeys in a real browser: scripts of `tests/browser` run by Node.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Whether journeys go through a browser; `IRM_BROWSER=no` leaves it out, said by the journey.
pub fn wanted() -> bool {
    std::env::var("IRM_BROWSER").map_or(true, |b| b != "no")
}

/// Runs one stage of a script and returns what it found.
pub fn browse(script: &str, stage: &str, about: &Value) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/browser");
    let output = Command::new("node")
        .args([script, stage, &about.to_string()])
        .current_dir(&folder)
        .output()
        .expect("node runs the browser: scripts/test installs it");
    assert!(
        output.status.success(),
        "{stage}: {}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A folder for screenshots of a journey, when `IRM_SHOTS` names one for them all.
pub fn shots(journey: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("IRM_SHOTS")?).join(journey);
    std::fs::create_dir_all(&folder).unwrap();
    Some(folder)
}
