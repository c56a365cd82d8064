//! Reading a body: decompressed as a stream, with an absolute and a ratio limit.

use async_compression::tokio::bufread::{GzipDecoder, ZstdDecoder};
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::TryStreamExt;
use tokio::io::{AsyncRead, AsyncReadExt, BufReader};
use tokio_util::io::StreamReader;

use super::answer::too_large;
use crate::error::{WebError, WebResult};

/// Most bytes after decompression.
const MAX_BODY: usize = 10 * 1024 * 1024;
/// From this size on, compressed bytes may not grow more than [`MAX_RATIO`]-fold.
const RATIO_FROM: usize = 1024 * 1024;
/// Largest growth by decompression.
const MAX_RATIO: usize = 100;

/// Whether the sender labelled the body as NDJSON, so that even one object gets the answer of a
/// batch. Under any other type the body itself tells what it is.
pub(super) fn is_ndjson(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok());
    let kind = kind
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    kind.eq_ignore_ascii_case("application/x-ndjson")
}

/// Reads the whole body.
pub(super) async fn read(request: Request) -> WebResult<Vec<u8>> {
    let encoding = request.headers().get(header::CONTENT_ENCODING);
    let encoding = encoding
        .map_or("identity", |v| v.to_str().unwrap_or("?"))
        .trim()
        .to_ascii_lowercase();
    let declared = request.headers().get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > MAX_BODY) {
        return Err(over_limit());
    }
    let counted = Counted::over(request.into_body());
    match encoding.as_str() {
        "identity" | "" => drain(counted, false).await,
        "gzip" | "x-gzip" => {
            let mut decoder = GzipDecoder::new(BufReader::new(counted));
            decoder.multiple_members(true);
            drain_decoded(decoder, |d| d.get_ref().get_ref().read).await
        }
        "zstd" => {
            let mut decoder = ZstdDecoder::new(BufReader::new(counted));
            decoder.multiple_members(true);
            drain_decoded(decoder, |d| d.get_ref().get_ref().read).await
        }
        other => Err(WebError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The body's encoding is not known",
            format!("Content-Encoding {other:?} is not known; send gzip, zstd or nothing."),
        )),
    }
}

/// Reads a body whose bytes as sent matter: a compressed one is refused.
pub(super) async fn read_plain(request: Request) -> WebResult<Vec<u8>> {
    let encoding = request.headers().get(header::CONTENT_ENCODING);
    let plain = encoding.is_none_or(|v| v.as_bytes().eq_ignore_ascii_case(b"identity"));
    if !plain {
        return Err(WebError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The body is compressed",
            "Send it as it is: the signature is checked over the bytes of the body.",
        ));
    }
    read(request).await
}

async fn drain(mut reader: impl AsyncRead + Unpin, compressed: bool) -> WebResult<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut limited = (&mut reader).take(MAX_BODY as u64 + 1);
    limited
        .read_to_end(&mut bytes)
        .await
        .map_err(|e| broken(&e, compressed))?;
    if bytes.len() > MAX_BODY {
        return Err(over_limit());
    }
    Ok(bytes)
}

async fn drain_decoded<R: AsyncRead + Unpin>(
    mut reader: R,
    consumed: impl Fn(&R) -> usize,
) -> WebResult<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut chunk = vec![0_u8; 64 * 1024];
    loop {
        let read = reader
            .read(&mut chunk)
            .await
            .map_err(|e| broken(&e, true))?;
        if read == 0 {
            return Ok(bytes);
        }
        bytes.extend_from_slice(chunk.get(..read).unwrap_or_default());
        if bytes.len() > MAX_BODY {
            return Err(over_limit());
        }
        if bytes.len() > RATIO_FROM && bytes.len() / consumed(&reader).max(1) > MAX_RATIO {
            return Err(too_large(
                "The body grows more than 100-fold when decompressed.".to_owned(),
            ));
        }
    }
}

fn over_limit() -> WebError {
    too_large("The body may have 10 MiB after decompression; send it in parts.".to_owned())
}

fn broken(error: &std::io::Error, compressed: bool) -> WebError {
    let what = if compressed {
        "The compressed body is damaged or cut off"
    } else {
        "The body was cut off"
    };
    WebError::bad_request(format!("{what}: {error}"))
}

/// Counts the bytes that came over the wire.
struct Counted {
    inner: std::pin::Pin<Box<dyn AsyncRead + Send>>,
    read: usize,
}

impl Counted {
    fn over(body: Body) -> Self {
        let stream = body.into_data_stream().map_err(std::io::Error::other);
        Self {
            inner: Box::pin(StreamReader::new(stream)),
            read: 0,
        }
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = self.inner.as_mut().poll_read(context, buffer);
        self.read += buffer.filled().len() - before;
        polled
    }
}
