//! The scheme Bearer of the header Authorization (RFC 6750).

use axum::http::{HeaderMap, HeaderValue, header};

/// Whether the request is sent with a bearer token, readable or not, and so never with a cookie.
pub(crate) fn has_bearer(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    values.any(|value| token(value).is_some())
}

/// The token, when the header was sent exactly once.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    std::str::from_utf8(token(value)?).ok().map(str::trim)
}

fn token(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = value.as_bytes().split_at_checked(6)?;
    let ends = token.first().is_none_or(|b| *b == b' ');
    (scheme.eq_ignore_ascii_case(b"bearer") && ends).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_scheme_bearer_counts() {
        for (values, has, expected) in [
            (&["Bearer abc"][..], true, Some("abc")),
            (&["bEARER  abc "], true, Some("abc")),
            (&["Bearer"], true, Some("")),
            (&["Bearer a", "Bearer b"], true, None),
            (&["Basic a", "Bearer b"], true, None),
            (&["Bearerabc"], false, None),
            (&["Basic YTpi"], false, None),
            (&["Negotiate x"], false, None),
            (&[""], false, None),
            (&[], false, None),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, HeaderValue::from_static(value));
            }
            assert_eq!(has_bearer(&headers), has, "{values:?}");
            assert_eq!(bearer(&headers), expected, "{values:?}");
        }
    }
}
