//! The table that the router exports, every line of it, against every kind of caller.

use forgecast_server::{Access, Role, Route};
use forgecast_testkit::routes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::{HOUR, closed_with, id};
use forgecast_testkit::{Answer, LIMIT, Server, bearer};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    /// Without anything, and being here is not enough.
    Nobody,
    /// With something that is no token, or no longer one.
    Invalid,
    /// Without anything, where being here is enough.
    Local,
    Holder(Role),
    /// With a link to the session that the path names, if it names one.
    Guest,
    /// With a link to another.
    GuestElsewhere,
}

/// What one shows.
enum Shown {
    Nothing,
    Token(String),
    Cookie(String),
}

/// The answer that each cell of the table must have: nothing when it is let in.
fn expected(route: &Route, who: Who) -> Option<u16> {
    use Access::{Admin, Approve, Ingest, Numbers, Open, Part, Shared, View};
    let names_a_session = route.path.contains("{id}");
    match (who, route.access) {
        (_, Open) => None,
        (Who::Holder(Role::Admin), Admin | Ingest | View | Part | Numbers | Shared) => None,
        (Who::Holder(Role::Approve), Approve | View | Part | Numbers | Shared) => None,
        (Who::Nobody | Who::Invalid, _) => Some(401),
        (Who::Local, Shared | Numbers | Part | View | Ingest) => None,
        (Who::Holder(Role::View), Shared | Numbers | Part | View) => None,
        (Who::Holder(Role::Ingest), Ingest) => None,
        (Who::Guest, Shared | Numbers) => None,
        (Who::GuestElsewhere, Shared | Numbers) if !names_a_session => None,
        (
            Who::Local | Who::Holder(_) | Who::Guest | Who::GuestElsewhere,
            Admin | Approve | Ingest | View | Part | Numbers | Shared,
        ) => Some(403),
    }
}

/// Asks and reads no more than the head of the answer: some never end.
async fn ask(server: &Server, route: &Route, shown: &Shown) -> Answer {
    let path = route
        .path
        // Nothing is there to be removed; whether one may is asked before.
        .replace(
            "{id}",
            if route.method == "DELETE" {
                "gone~1"
            } else {
                "weather~1"
            },
        )
        .replace("{session}", "weather~1")
        .replace("{revision}", "1")
        .replace("{*name}", "scout-report.md")
        .replace("{agent}", "scout-1");
    assert!(!path.contains('{'), "{path}");
    let own = format!("http://{}", server.address);
    let mut headers = vec![("content-type", "application/json"), ("origin", &*own)];
    let shown = match shown {
        Shown::Nothing => None,
        Shown::Token(token) => Some(("authorization", bearer(token))),
        Shown::Cookie(cookie) => Some(("cookie", cookie.clone())),
    };
    headers.extend(shown.iter().map(|(name, value)| (*name, &**value)));
    let body = if route.method == "POST" { "{}" } else { "" };
    let mut stream = server.connect().await;
    let head = server.head(route.method, &path, &headers, body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|four| four == b"\r\n\r\n") {
        let read = timeout(LIMIT, stream.read_buf(&mut bytes)).await.unwrap().unwrap();
        assert!(read > 0, "{} {path}: no answer", route.method);
    }
    let mut answer = Answer::parse(&bytes[..bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4]);
    // What is refused is short, and ends.
    if answer.status >= 400 {
        let _ = timeout(LIMIT, stream.read_to_end(&mut bytes)).await.unwrap();
        answer = Answer::parse(&bytes);
    }
    answer
}

async fn cell(server: &Server, route: &Route, who: Who, shown: &Shown) {
    let answer = ask(server, route, shown).await;
    let place = format!("{} {} {who:?}", route.method, route.path);
    match expected(route, who) {
        Some(status) => {
            assert_eq!(answer.status, status, "{place}: {}", answer.text());
            let word = if status == 401 { "unauthorised" } else { "forbidden" };
            assert_eq!(answer.json()["type"], format!("urn:forgecast:error:{word}"), "{place}");
            assert_eq!(answer.header("content-type"), "application/problem+json", "{place}");
            assert_eq!(answer.header("cache-control"), "no-store", "{place}");
            let how = answer.header("www-authenticate");
            assert_eq!(how.starts_with("Bearer"), status == 401, "{place}: {how:?}");
            assert!(!answer.text().contains("weather"), "{place}: {}", answer.text());
        }
        None => assert!(
            ![401, 403, 405, 429].contains(&answer.status) && answer.status < 500,
            "{place}: {} {}",
            answer.status,
            answer.text()
        ),
    }
}

/// The cookie that a browser gets for a token.
async fn cookie(server: &Server, token: &str) -> String {
    let body = format!(r#"{{"token": "{token}"}}"#);
    let answer = server.post("/api/v1/login", &body).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    let cookie = answer.header("set-cookie");
    cookie.split_once(';').unwrap().0.to_owned()
}

#[tokio::test]
async fn every_route_serves_whom_it_says_and_nobody_else() {
    // The same wrong tokens come very often.
    let server = closed_with(|options| options.wrong_tokens_per_address = 1_000).await;
    let keys = &server.keys;
    let roles = [Role::View, Role::Ingest, Role::Approve, Role::Admin].map(|role| {
        let (_, token) = keys.add_token(role, role.as_ref()).unwrap();
        (Who::Holder(role), token)
    });
    let (_, own) = keys.share(id("weather~1"), HOUR * 2).unwrap();
    let (_, elsewhere) = keys.share(id("other~1"), HOUR * 2).unwrap();
    let (_, expired) = keys.share(id("weather~1"), HOUR).unwrap();
    let (link, ended) = keys.share(id("weather~1"), HOUR * 2).unwrap();
    let (_, revoked) = keys.add_token(Role::Admin, "revoked").unwrap();
    let mut stale = Vec::new();
    for token in [&expired, &ended, &revoked] {
        stale.push(cookie(&server, token).await);
    }
    server.pass(HOUR);
    keys.revoke_share(&link.id).unwrap();
    keys.revoke_token("revoked").unwrap();

    let mut callers = vec![
        (Who::Nobody, Shown::Nothing),
        (Who::Holder(Role::Admin), Shown::Token(keys.process_key())),
    ];
    for (who, token) in roles
        .into_iter()
        .chain([(Who::Guest, own), (Who::GuestElsewhere, elsewhere)])
    {
        callers.push((who, Shown::Cookie(cookie(&server, &token).await)));
        callers.push((who, Shown::Token(token)));
    }
    for token in [expired, ended, revoked, "fc_a_nonsense".to_owned(), String::new()] {
        callers.push((Who::Invalid, Shown::Token(token)));
    }
    callers.extend(stale.into_iter().map(|cookie| (Who::Invalid, Shown::Cookie(cookie))));

    let routes = routes();
    assert!(routes.len() > 40, "{}", routes.len());
    let cells = || {
        let callers = &callers;
        let of_route = |route| callers.iter().map(move |(who, shown)| (route, *who, shown));
        routes.iter().flat_map(of_route)
    };
    for (route, who, shown) in cells().filter(|(route, who, _)| expected(route, *who).is_some()) {
        cell(&server, route, who, shown).await;
    }
    assert_eq!(server.hub.counters().received, 2, "whoever may not has not");
    for (route, who, shown) in cells().filter(|(route, who, _)| expected(route, *who).is_none()) {
        cell(&server, route, who, shown).await;
    }
    println!(
        "{} routes, {} callers, {} cells",
        routes.len(),
        callers.len(),
        cells().count()
    );
}

#[tokio::test]
async fn whoever_is_on_the_machine_may_watch_and_send_but_not_everything() {
    let server = Server::start().await;
    server.settled(forgecast_testkit::phase("weather", "Scout", "0")).await;
    for route in &routes() {
        cell(&server, route, Who::Local, &Shown::Nothing).await;
    }
    let answer = server.get_as("fc_v_nonsense", "/api/v1/sessions").await;
    assert_eq!(
        answer.status, 401,
        "who shows a wrong token is not simply taken for a neighbor"
    );
    let forgotten = [("cookie", "forgecast=abc.1.x; theme=dark")];
    let answer = server.request("GET", "/api/v1/sessions", &forgotten, b"").await;
    assert_eq!(answer.status, 200, "an old cookie of the browser is no such token");
    let elsewhere = [("authorization", "Basic dXNlcjpwYXNz")];
    let answer = server.request("GET", "/api/v1/sessions", &elsewhere, b"").await;
    assert_eq!(answer.status, 200, "nor is what a proxy asks for");
}

#[tokio::test]
async fn no_route_is_there_twice_and_all_that_change_something_are_closed() {
    let routes = routes();
    let mut seen = std::collections::BTreeSet::new();
    for route in &routes {
        assert!(seen.insert((route.method, route.path)), "{route:?}");
        if route.method != "GET" {
            let signs_in = matches!(route.path, "/api/v1/login" | "/api/v1/logout");
            let closed = matches!(route.access, Access::Ingest | Access::Approve | Access::Admin);
            assert!(closed || signs_in, "{route:?}");
        }
    }
    let open: Vec<_> = routes.iter().filter(|route| route.access == Access::Open).collect();
    let open: Vec<_> = open.iter().map(|route| route.path).collect();
    assert!(open.iter().all(|path| !path.contains('{')), "{open:?}");
}

#[tokio::test]
async fn a_guest_names_the_session_by_its_whole_id_however_it_is_spelled() {
    let server = closed_with(|_| ()).await;
    let (_, own) = server.keys.share(id("weather~1"), HOUR).unwrap();
    for (path, status) in [
        ("/api/v1/sessions/weather~1", 200),
        ("/api/v1/sessions/weather%7E1", 200),
        ("/api/v1/sessions/%77eather~1", 200),
        // It means this run now, and another one a moment later.
        ("/api/v1/sessions/weather", 403),
        ("/api/v1/sessions/weather~2", 403),
        ("/api/v1/sessions/weather~01", 403),
        ("/api/v1/sessions/other~1", 403),
        ("/api/v1/sessions/weather~1%2F..%2Fother~1", 403),
        ("/api/v1/sessions/other~1%00weather~1", 403),
        ("/api/v1/sessions/nobody~1", 403),
        ("/api/v1/sessions/weather~1/export", 200),
        ("/api/v1/sessions", 403),
        ("/readyz", 403),
        ("/metrics", 403),
        ("/api/status/weather~1", 403),
        ("/healthz", 200),
        ("/session/weather~1", 200),
    ] {
        let answer = server.get_as(&own, path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        assert!(!answer.text().contains("a secret of others"), "{path}");
    }
}
