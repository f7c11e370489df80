//! The dashboard: files that are part of the binary, in the encoding the browser takes. Opens nothing on disk.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use bytes::Bytes;
use forgecast_protocol::SessionRef;
use forgecast_ui::Asset;

use crate::error::{Error, no_such_address};
use crate::headers::parts;
use crate::state::AppState;

/// Every path that is no route: a file of the dashboard, or the dashboard itself for one of its own addresses.
pub(crate) async fn serve(
    State(shared): State<Arc<AppState>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let path = uri.path().trim_start_matches('/');
    let asset = match forgecast_ui::asset(path) {
        Some(asset) => asset,
        None if is_page(path) => forgecast_ui::index(),
        None if method == Method::GET && wants_page(&headers) => return Ok(lost(&shared.options.base_path)),
        None => return Err(no_such_address().await),
    };
    if !matches!(method, Method::GET | Method::HEAD) {
        return Err(Error::Method);
    }
    Ok(answer(asset, &headers))
}

/// Whether the dashboard shows something at this address, as its router knows them. From any other it would look for its
/// files, which it names relatively, where there are none.
pub(crate) fn is_page(path: &str) -> bool {
    match path.split_once('/') {
        None => matches!(path, "" | "history" | "notifications" | "docs"),
        Some(("session", id)) => is_session(id),
        Some(("compare", both)) => both
            .split_once('/')
            .is_some_and(|(a, b)| is_session(a) && is_session(b)),
        Some(_) => false,
    }
}

/// Whether a part of an address names a session.
fn is_session(id: &str) -> bool {
    // Some programs write `%7E` where they mean `~`; nothing else that an id may have is ever encoded.
    id.replace("%7E", "~").replace("%7e", "~").parse::<SessionRef>().is_ok()
}

/// Whether a person reads the answer: browsers name HTML when an address is opened, and programs do not.
fn wants_page(headers: &HeaderMap) -> bool {
    parts(headers, &header::ACCEPT, ',').any(|kind| kind.trim().to_ascii_lowercase().starts_with("text/html"))
}

/// A page that says that there is none at its address, with the way to the one that there is.
fn lost(base_path: &str) -> Response {
    let parts = base_path.split('/').filter(|part| !part.is_empty());
    let base: String = parts.flat_map(|part| ["/", part]).collect();
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Page not found · Forgecast</title>\n<link rel=\"icon\" href=\"{base}/icon.svg\">\n\
         <link rel=\"stylesheet\" href=\"{base}/docs.css\">\n</head>\n<body>\n<main>\n<h1>Page not found</h1>\n\
         <p>There is nothing at this address.</p>\n<p><a href=\"{base}/\">Go to sessions</a></p>\n</main>\n\
         </body>\n</html>\n"
    );
    (StatusCode::NOT_FOUND, Html(page)).into_response()
}

fn answer(asset: &'static Asset, headers: &HeaderMap) -> Response {
    let (bytes, encoding) = match (asset.br, asset.gz) {
        (Some(br), _) if accepts(headers, "br") => (br, Some("br")),
        (_, Some(gz)) if accepts(headers, "gzip") => (gz, Some("gzip")),
        _ => (asset.bytes, None),
    };
    // Each encoding is a representation of its own and has a tag of its own.
    let tag = match encoding {
        Some(encoding) => format!("\"{}-{encoding}\"", asset.etag.trim_matches('"')),
        None => asset.etag.to_owned(),
    };
    let mut response = if if_none_match(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = Body::from(Bytes::from_static(bytes)).into_response();
        let kind = HeaderValue::from_static(asset.mime);
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if let Some(encoding) = encoding {
            let encoding = HeaderValue::from_static(encoding);
            response.headers_mut().insert(header::CONTENT_ENCODING, encoding);
        }
        response
    };
    let keep = if asset.immutable {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// Whether the client takes this encoding; `;q=0` means that it does not.
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    parts(headers, &header::ACCEPT_ENCODING, ',').any(|offer| {
        let (name, weight) = offer.split_once(';').unwrap_or((offer, ""));
        let weight: String = weight.split_whitespace().collect();
        let weight = weight.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case(encoding) && weight.is_none_or(|q| q > 0.0)
    })
}

/// Whether the client has what carries this tag. The comparison is the weak one (RFC 9110, 13.1.2).
pub(crate) fn if_none_match(headers: &HeaderMap, tag: &str) -> bool {
    parts(headers, &header::IF_NONE_MATCH, ',')
        .any(|given| given == "*" || given.strip_prefix("W/").unwrap_or(given) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn an_encoding_is_taken_unless_its_weight_is_zero() {
        for (offer, taken) in [
            ("br", true),
            ("gzip, BR;q=0.5", true),
            ("gzip", false),
            ("br;q=0", false),
            ("br; q=0.0, gzip", false),
            ("brotli", false),
        ] {
            assert_eq!(accepts(&with(header::ACCEPT_ENCODING, offer), "br"), taken, "{offer}");
        }
        assert!(!accepts(&HeaderMap::new(), "br"));
    }

    #[test]
    fn a_tag_matches_alone_in_a_list_and_weak() {
        for given in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "*"] {
            assert!(if_none_match(&with(header::IF_NONE_MATCH, given), "\"a\""), "{given}");
        }
        for given in ["\"b\"", "a", ""] {
            assert!(!if_none_match(&with(header::IF_NONE_MATCH, given), "\"a\""), "{given}");
        }
    }

    #[test]
    fn the_addresses_of_the_dashboard_are_pages_and_nothing_else() {
        for page in [
            "",
            "session/weather-app~1",
            "session/my.app~2",
            "session/weather-app%7E1",
            "session/a",
            "history",
            "notifications",
            "docs",
            "compare/weather-app~1/my.app~2",
            "compare/a%7E1/b",
        ] {
            assert!(is_page(page), "{page}");
        }
        for lost in [
            "api",
            "api/v2/x",
            "assets/gone.js",
            "favicon.ico",
            ".env",
            "history/",
            "docs/",
            "docs/x",
            "compare",
            "compare/",
            "compare/a",
            "compare/a/",
            "compare//a",
            "compare/a/b/",
            "compare/a/b/c",
            "compare/../b",
            "foo/bar",
            "session",
            "session/",
            "session/..",
            "session/a/",
            "session/a/b",
            "session/%2e%2e",
            "sessions/a",
        ] {
            assert!(!is_page(lost), "{lost}");
        }
    }
}
