//! The downloadable pack of an integration: what the other side needs, as a zip.
//!
//! Scripts, modules and texts are constant files of the repository ([`files`]). What an
//! administrator typed is only ever in data files that a serialiser wrote ([`values`]), which the
//! constant files read. No file holds a secret.

mod files;
mod sample;
mod values;

use std::borrow::Cow;
use std::io::{Cursor, Write};

use domain::integration::Integration;
use ring::digest::{SHA256, digest};
use serde_json::json;
use thiserror::Error;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// The version every pack of this build names.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Why there is no pack.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoPack {
    /// A setting holds characters that a data file read by a shell cannot carry.
    #[error("the setting {0} holds characters that no configuration file can carry safely")]
    Value(&'static str),
    /// The archive could not be written.
    #[error("the archive could not be written: {0}")]
    Archive(String),
}

/// What a pack is made for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The integration.
    pub integration: &'a Integration,
    /// Scheme, host and port of this service.
    pub origin: &'a str,
}

/// One file of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Relative path with forward slashes; one of a constant table.
    pub name: &'static str,
    /// What it holds.
    pub bytes: Cow<'static, [u8]>,
}

impl File {
    fn constant(name: &'static str, text: &'static str) -> Self {
        let bytes = Cow::Borrowed(text.as_bytes());
        Self { name, bytes }
    }

    fn made(name: &'static str, text: String) -> Self {
        let bytes = Cow::Owned(text.into_bytes());
        Self { name, bytes }
    }

    /// SHA-256 in lower-case hex.
    pub fn sha256(&self) -> String {
        use std::fmt::Write;
        let sum = digest(&SHA256, &self.bytes);
        sum.as_ref().iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    /// Unix permissions: scripts may be executed.
    fn mode(&self) -> u32 {
        let ending = std::path::Path::new(self.name).extension();
        if ending.is_some_and(|e| e == "sh") {
            0o755
        } else {
            0o644
        }
    }
}

/// The files of a pack by name, the manifest among them.
pub fn contents(request: &Request<'_>) -> Result<Vec<File>, NoPack> {
    let integration = request.integration;
    let mut files: Vec<File> = files::of(integration.provider, integration.mode)
        .map(|(name, text)| File::constant(name, text))
        .collect();
    files.extend(values::of(request)?);
    files.sort_by_key(|file| file.name);
    let manifest = manifest(request, &files);
    files.push(manifest);
    files.sort_by_key(|file| file.name);
    Ok(files)
}

/// Builds the zip: the same bytes for the same integration, version and origin.
pub fn build(request: &Request<'_>) -> Result<Vec<u8>, NoPack> {
    let failed = |e: &dyn std::fmt::Display| NoPack::Archive(e.to_string());
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for file in contents(request)? {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::default())
            .unix_permissions(file.mode());
        archive
            .start_file(file.name, options)
            .map_err(|e| failed(&e))?;
        archive.write_all(&file.bytes).map_err(|e| failed(&e))?;
    }
    let written = archive.finish().map_err(|e| failed(&e))?;
    Ok(written.into_inner())
}

/// `manifest.json`: every other file with size and sum, and what the pack was made from.
fn manifest(request: &Request<'_>, files: &[File]) -> File {
    let integration = request.integration;
    let list: Vec<_> = files
        .iter()
        .map(|f| json!({"path": f.name, "bytes": f.bytes.len(), "sha256": f.sha256()}))
        .collect();
    let text = values::pretty(&json!({
        "product": "Insider Risk Monitor",
        "version": VERSION,
        "integration": integration.slug.as_str(),
        "provider": integration.provider.word(),
        "mode": integration.mode.word(),
        "configurationVersion": integration.version,
        "containsSecrets": false,
        "files": list,
    }));
    File::made("manifest.json", text)
}
