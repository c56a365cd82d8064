//! Files built into the binary, under names that change with their content.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::error::WebError;

struct Asset {
    stem: &'static str,
    ending: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

const ASSETS: [Asset; 3] = [
    Asset {
        stem: "app",
        ending: "css",
        kind: "text/css; charset=utf-8",
        bytes: include_bytes!("../assets/app.css"),
    },
    Asset {
        stem: "app",
        ending: "js",
        kind: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../assets/app.js"),
    },
    Asset {
        stem: "htmx",
        ending: "js",
        kind: "text/javascript; charset=utf-8",
        bytes: include_bytes!("../assets/htmx.min.js"),
    },
];

impl Asset {
    fn name(&self) -> String {
        let hash = blake3::hash(self.bytes).to_hex();
        let short = hash.get(..12).unwrap_or_default();
        format!("{}.{short}.{}", self.stem, self.ending)
    }
}

/// The addresses templates use.
#[derive(Debug)]
pub(crate) struct Addresses {
    /// The style sheet.
    pub style: String,
    /// Our script.
    pub script: String,
    /// htmx.
    pub htmx: String,
}

/// Computed once: the content does not change while the process runs.
pub(crate) static ADDRESSES: LazyLock<Addresses> = LazyLock::new(|| {
    let [style, script, htmx] = ASSETS.each_ref().map(|a| format!("/assets/{}", a.name()));
    Addresses {
        style,
        script,
        htmx,
    }
});

/// Serves a file by its full name; anything else does not exist.
pub(crate) async fn serve(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|asset| asset.name() == name) {
        None => WebError::not_found().into_response(),
        Some(asset) => (
            [
                (header::CONTENT_TYPE, asset.kind),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ],
            asset.bytes,
        )
            .into_response(),
    }
}
