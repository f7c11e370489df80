//! Signing in with a browser, what its cookie is good for, and when it is good for nothing.

use forgecast_server::Role;
use serde_json::json;

use super::{HOUR, closed, closed_with, id};
use forgecast_testkit::{Answer, Server};

async fn sign_in(server: &Server, token: &str) -> Answer {
    let body = json!({ "token": token }).to_string();
    server.post("/api/v1/login", &body).await
}

/// The name and the value.
fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split_once(';').unwrap().0.to_owned()
}

async fn me(server: &Server, cookie: &str) -> serde_json::Value {
    let answer = server.request("GET", "/api/v1/me", &[("cookie", cookie)], b"").await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"));
    answer.json()
}

#[tokio::test]
async fn a_token_is_exchanged_for_a_cookie_that_is_not_the_token() {
    let server = closed().await;
    let (_, token) = server.keys.add_token(Role::View, "phone").unwrap();
    let answer = sign_in(&server, &token).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    let port = server.address.port();
    let (pair, attributes) = answer.header("set-cookie").split_once("; ").unwrap();
    assert_eq!(attributes, "HttpOnly; SameSite=Strict; Path=/; Max-Age=2592000");
    let (name, value) = pair.split_once('=').unwrap();
    assert_eq!(name, format!("forgecast_{port}"));
    assert!(!value.contains(&token[5..]));
    assert_eq!(me(&server, pair).await, json!({"role": "view"}));
    let jar = format!("theme=dark; {pair}; other=1");
    let answer = server
        .request("GET", "/api/v1/sessions", &[("cookie", &jar)], b"")
        .await;
    assert_eq!(answer.status, 200);
    let another = format!("forgecast_{}={value}", port ^ 1);
    assert_eq!(
        me(&server, &another).await,
        json!({"role": null}),
        "of another server of this machine"
    );
    let several = format!("forgecast_{port}=old.1.x; {pair}");
    assert_eq!(
        me(&server, &several).await,
        json!({"role": "view"}),
        "browsers send all that fit"
    );
    let host = [("host", "localhost"), ("content-type", "application/json")];
    let body = json!({ "token": token }).to_string();
    let answer = server.request("POST", "/api/v1/login", &host, body.as_bytes()).await;
    assert!(answer.header("set-cookie").starts_with("forgecast="), "{answer:?}");
}

#[tokio::test]
async fn everybody_learns_who_they_are() {
    let server = closed().await;
    assert_eq!(server.get("/api/v1/me").await.json(), json!({"role": null}));
    for role in [Role::View, Role::Ingest, Role::Approve, Role::Admin] {
        let (_, token) = server.keys.add_token(role, role.as_ref()).unwrap();
        assert_eq!(
            server.get_as(&token, "/api/v1/me").await.json(),
            json!({"role": role.as_ref()})
        );
        assert_eq!(
            me(&server, &cookie(&sign_in(&server, &token).await)).await,
            json!({"role": role.as_ref()})
        );
    }
    let (_, link) = server.keys.share(id("weather~1"), HOUR).unwrap();
    let until = |millis: i64| {
        let ends = forgecast_testkit::now().plus_millis(3_600_000 + millis).to_string();
        json!({"role": "guest", "session": "weather~1", "expires_at": ends})
    };
    assert_eq!(server.get_as(&link, "/api/v1/me").await.json(), until(0));
    let answer = sign_in(&server, &link).await;
    assert!(
        answer.header("set-cookie").ends_with("Max-Age=3600"),
        "as long as the link"
    );
    // A cookie ends with a whole second.
    assert_eq!(me(&server, &cookie(&answer)).await, until(-250));
    assert_eq!(
        Server::start().await.get("/api/v1/me").await.json(),
        json!({"role": "local"})
    );
}

#[tokio::test]
async fn a_cookie_ends_with_its_token_and_when_the_browser_forgets_it() {
    let server = closed().await;
    let (_, token) = server.keys.add_token(Role::Admin, "phone").unwrap();
    let (_, other) = server.keys.add_token(Role::Admin, "laptop").unwrap();
    let (phone, laptop) = (sign_in(&server, &token).await, sign_in(&server, &other).await);
    let (phone, laptop) = (cookie(&phone), cookie(&laptop));
    server.keys.revoke_token("phone").unwrap();
    assert_eq!(me(&server, &phone).await, json!({"role": null}));
    assert_eq!(me(&server, &laptop).await, json!({"role": "admin"}));
    let answer = server.post("/api/v1/logout", "{}").await;
    let forgotten = answer.header("set-cookie");
    assert!(
        forgotten.contains("=;") && forgotten.ends_with("Max-Age=0"),
        "{forgotten}"
    );
    server.pass(HOUR * 24 * 31);
    assert_eq!(
        me(&server, &laptop).await,
        json!({"role": null}),
        "it expires by itself"
    );
    assert_eq!(sign_in(&server, &other).await.status, 204, "the token does not");
}

#[tokio::test]
async fn what_is_no_token_signs_nobody_in() {
    let server = closed().await;
    for (body, status) in [
        (r#"{"token": "fc_v_nonsense"}"#, 401),
        (r#"{"token": ""}"#, 401),
        (r#"{"token": 7}"#, 400),
        (r#"{"token": "a", "session": "b"}"#, 400),
        ("{}", 400),
        ("nonsense fc_v_canary", 400),
        ("", 400),
    ] {
        let answer = server.post("/api/v1/login", body).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
        assert_eq!(answer.header("set-cookie"), "", "{body}");
        assert!(!answer.text().contains("canary"), "{}", answer.text());
    }
    let long = format!(r#"{{"token": "{}"}}"#, "x".repeat(5_000));
    assert_eq!(server.post("/api/v1/login", &long).await.status, 413);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(
        server.request("POST", "/api/v1/login", &form, b"token=x").await.status,
        415
    );
    assert_eq!(server.get("/api/v1/login").await.status, 405);
}

#[tokio::test]
async fn a_token_in_an_address_opens_nothing() {
    let server = closed().await;
    let (_, token) = server.keys.add_token(Role::Admin, "phone").unwrap();
    for path in [
        format!("/api/v1/sessions?token={token}"),
        format!("/api/v1/sessions?access_token={token}"),
        format!("/api/v1/sessions?authorization=Bearer%20{token}"),
        format!("/api/v1/live?token={token}"),
    ] {
        assert_eq!(server.get(&path).await.status, 401, "{path}");
    }
    let login = format!("/api/v1/login?token={token}");
    assert_eq!(server.post(&login, "{}").await.status, 400);
    let pair = format!("phone:{token}");
    let basic = format!("Basic {}", data_encoding::BASE64.encode(pair.as_bytes()));
    let shown = [("authorization", &*basic)];
    assert_eq!(server.request("GET", "/api/v1/sessions", &shown, b"").await.status, 401);
}

#[tokio::test]
async fn a_browser_that_changes_something_says_where_its_page_is_from() {
    let server = closed().await;
    let (_, token) = server.keys.add_token(Role::Admin, "phone").unwrap();
    let pair = cookie(&sign_in(&server, &token).await);
    let here = format!("http://{}", server.address);
    let elsewhere = format!("http://127.0.0.1:{}", server.address.port() ^ 1);
    let body = br#"{"id": "x", "session": "weather", "type": "custom", "kind": "note"}"#;
    let ask = async |method: &str, path: &str, origin: Option<&str>, shown: (&str, &str)| {
        let mut headers = vec![("content-type", "application/json"), shown];
        headers.extend(origin.map(|origin| ("origin", origin)));
        server.request(method, path, &headers, body).await.status
    };
    let bearer = forgecast_testkit::bearer(&token);
    let (browser, program) = (("cookie", &*pair), ("authorization", &*bearer));
    for (method, path, done) in [
        ("POST", "/api/v1/events", 200),
        ("DELETE", "/api/v1/sessions/gone~1", 404),
    ] {
        assert_eq!(ask(method, path, Some(&here), browser).await, done, "{method}");
        assert_eq!(ask(method, path, None, program).await, done, "{method}");
        for origin in [None, Some(&*elsewhere), Some("null"), Some("http://evil.example")] {
            assert_eq!(ask(method, path, origin, browser).await, 403, "{method} {origin:?}");
        }
    }
    assert_eq!(
        ask("POST", "/api/v1/logout", None, browser).await,
        403,
        "nor signs it out"
    );
    let shown = [("cookie", &*pair)];
    assert_eq!(
        server.request("GET", "/api/v1/sessions", &shown, b"").await.status,
        200,
        "reading is not changing"
    );
}

#[tokio::test]
async fn the_cookie_belongs_to_the_path_below_which_the_server_is_shown() {
    for base in ["/tools/builds", "/tools/builds/", "tools/builds"] {
        let server = closed_with(|options| options.base_path = base.to_owned()).await;
        let (_, token) = server.keys.add_token(Role::View, "phone").unwrap();
        let answer = sign_in(&server, &token).await;
        let cookie = answer.header("set-cookie");
        assert!(cookie.contains("; Path=/tools/builds/; "), "{cookie}");
    }
}
