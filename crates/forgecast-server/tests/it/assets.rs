//! The dashboard's files over HTTP: encodings, tags, what may be kept, and which addresses are the dashboard's.

use forgecast_testkit::Server;

#[tokio::test]
async fn the_page_is_served_at_every_address_of_the_dashboard_and_asked_for_each_time() {
    let server = Server::start().await;
    for path in [
        "/",
        "/session/weather-app~1",
        "/session/my.app~2",
        "/history",
        "/docs",
        "/compare/weather-app~1/my.app~2",
    ] {
        let page = server.get(path).await;
        assert_eq!((page.status, page.header("cache-control")), (200, "no-cache"), "{path}");
        assert!(page.header("content-type").starts_with("text/html"), "{path}");
        assert!(page.text().to_lowercase().starts_with("<!doctype html"), "{path}");
    }
    for path in [
        "/favicon.gone",
        "/assets/none.js",
        "/api/nothing",
        "/api",
        "/.env",
        "/history/",
        "/compare/a",
        "/foo/bar",
        "/session/a/b",
    ] {
        let lost = server.get(path).await;
        let kind = lost.header("content-type");
        assert_eq!((lost.status, kind), (404, "application/problem+json"), "{path}");
    }
    // Whoever opens it in a browser finds the way home.
    let browser = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    let lost = server.request("GET", "/foo/bar", &browser, b"").await;
    assert_eq!(lost.status, 404);
    assert!(lost.header("content-type").starts_with("text/html"));
    assert!(
        lost.text().contains("<a href=\"/\">Go to sessions</a>"),
        "{}",
        lost.text()
    );
    let json = [("content-type", "application/json")];
    assert_eq!(server.request("POST", "/", &json, b"{}").await.status, 405);
}

#[tokio::test]
async fn a_file_comes_in_the_encoding_that_the_browser_takes_and_only_once() {
    let server = Server::start().await;
    let plain = server.get("/").await;
    assert_eq!(plain.header("vary"), "accept-encoding");
    let mut tags = vec![plain.header("etag").to_owned()];
    for encoding in ["gzip", "br"] {
        let offer = [("accept-encoding", encoding)];
        let answer = server.request("GET", "/", &offer, b"").await;
        // A file that does not shrink has no copy.
        if answer.header("content-encoding") == encoding {
            assert_ne!(answer.body, plain.body);
            tags.push(answer.header("etag").to_owned());
        }
        let again = [("accept-encoding", encoding), ("if-none-match", answer.header("etag"))];
        assert_eq!(server.request("GET", "/", &again, b"").await.status, 304);
    }
    let count = tags.len();
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), count, "each representation has its own tag");
}

#[tokio::test]
async fn what_the_page_names_is_there_and_may_be_kept() {
    let server = Server::start().await;
    let page = server.get("/").await.text();
    let files: Vec<&str> = page
        .split(['"', '\''])
        .filter_map(|part| part.strip_prefix("./"))
        .filter(|path| path.starts_with("assets/"))
        .collect();
    assert!(!files.is_empty(), "{page}");
    for path in files {
        let file = server.get(&format!("/{path}")).await;
        assert_eq!(file.status, 200, "{path}");
        assert_eq!(file.header("cache-control"), "public, max-age=31536000, immutable");
    }
}
