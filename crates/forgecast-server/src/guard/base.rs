//! The path below which a proxy serves this server. Proxies that strip it and proxies that keep it both work: routes know
//! paths without it, and pages refer to their files by relative paths.

use axum::http::uri::{PathAndQuery, Uri};

/// Empty, or `/x/y` without a trailing slash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Base(String);

/// The address of a request without the base path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Inside {
    /// A path below the base path: the address without it, for the routes.
    Here(Uri),
    /// The base path without its trailing slash, where relative addresses would be wrong: the address to go to instead.
    Redirect(String),
}

impl Base {
    /// From the setting, with or without slashes around it.
    pub(crate) fn new(path: &str) -> Self {
        let parts = path.split('/').filter(|part| !part.is_empty());
        Self(parts.flat_map(|part| ["/", part]).collect())
    }

    /// The address that the routes know, for the address of a request.
    pub(crate) fn strip(&self, asked: &Uri) -> Inside {
        if self.0.is_empty() {
            return Inside::Here(asked.clone());
        }
        let Some(rest) = asked.path().strip_prefix(&self.0) else {
            return Inside::Here(asked.clone());
        };
        let query = asked.query().map(|query| format!("?{query}")).unwrap_or_default();
        if rest.is_empty() {
            return Inside::Redirect(format!("{}/{query}", self.0));
        }
        // `/x/yz` is not below `/x/y`.
        let inside: Option<PathAndQuery> = rest
            .starts_with('/')
            .then(|| format!("{rest}{query}").parse().ok())
            .flatten();
        let mut parts = asked.clone().into_parts();
        parts.path_and_query = inside.or(parts.path_and_query);
        Inside::Here(Uri::from_parts(parts).unwrap_or_else(|_| asked.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_is_taken_off_where_it_is_and_missed_nowhere() {
        for spelling in ["/x/y", "/x/y/", "x/y", "//x//y//"] {
            let base = Base::new(spelling);
            let inside = |asked: &str| match base.strip(&asked.parse().unwrap()) {
                Inside::Here(uri) => uri.to_string(),
                Inside::Redirect(place) => format!("→ {place}"),
            };
            for (asked, expected) in [
                ("/x/y/", "/"),
                ("/x/y/session/a~1?at=2", "/session/a~1?at=2"),
                ("/x/y//a", "//a"),
                ("/x/y", "→ /x/y/"),
                ("/x/y?a=b", "→ /x/y/?a=b"),
                ("/x/y/x/y/", "/x/y/"),
                ("/", "/"),
                ("/api/v1/sessions?a", "/api/v1/sessions?a"),
                ("/x/yz", "/x/yz"),
                ("/x", "/x"),
                ("http://localhost/x/y/a?b", "http://localhost/a?b"),
            ] {
                assert_eq!(inside(asked), expected, "{spelling} {asked}");
            }
        }
        for nothing in ["", "/", "//"] {
            assert_eq!(Base::new(nothing), Base::default());
        }
        let asked: Uri = "/x/y".parse().unwrap();
        assert_eq!(Base::default().strip(&asked), Inside::Here(asked));
    }
}
