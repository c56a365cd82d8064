//! The pack as the page shows it: its files with sizes and sums.

use collectors::pack;
use domain::integration::Integration;

use crate::app::App;
use crate::page::capitalised;

/// The panel.
#[derive(Debug, Default)]
pub(super) struct PackPanel {
    pub files: Vec<PackFile>,
    /// All files together, in words.
    pub total: String,
    /// Why there is none.
    pub problem: Option<String>,
}

/// One file of the pack.
#[derive(Debug)]
pub(super) struct PackFile {
    pub name: &'static str,
    pub bytes: usize,
    pub sha256: String,
}

impl PackPanel {
    pub(super) fn of(app: &App, integration: &Integration) -> Self {
        let origin = app.settings().base_url.origin();
        let request = pack::Request {
            integration,
            origin,
        };
        match pack::contents(&request) {
            Ok(files) => {
                let bytes: usize = files.iter().map(|f| f.bytes.len()).sum();
                let file = |f: &pack::File| PackFile {
                    name: f.name,
                    bytes: f.bytes.len(),
                    sha256: f.sha256(),
                };
                Self {
                    files: files.iter().map(file).collect(),
                    total: format!("{} KB", bytes.div_ceil(1000)),
                    problem: None,
                }
            }
            Err(none) => Self {
                problem: Some(capitalised(&none.to_string())),
                ..Self::default()
            },
        }
    }
}
