//! Secrets go, look-alikes stay. The secrets here are made up of zeros and counting digits.

use std::borrow::Cow;

use forgecast_decode::mask::{RuleError, Rules, is_secret_key};

/// Digits and letters that count up: of the right length, and nobody's.
fn fake(length: usize) -> String {
    "0a1b2c3d4e5f6g7h8i9j".chars().cycle().take(length).collect()
}

fn masked(text: &str) -> String {
    Rules::default().mask(text).into_owned()
}

#[test]
fn secrets_of_known_forms_are_masked() {
    let upper = fake(16).to_uppercase();
    for secret in [
        format!("sk-{}", fake(48)),
        format!("sk-ant-api03-{}", fake(90)),
        format!("sk-proj-{}", fake(60)),
        format!("ghp_{}", fake(36)),
        format!("gho_{}", fake(36)),
        format!("github_pat_{}_{}", fake(22), fake(59)),
        format!("glpat-{}", fake(20)),
        format!("AKIA{upper}"),
        format!("ASIA{upper}"),
        format!("xoxb-{}-{}", fake(12), fake(24)),
        format!("xapp-1-{}", fake(30)),
        format!("AIza{}", fake(35)),
        format!("GOCSPX-{}", fake(28)),
        format!("npm_{}", fake(36)),
        format!("pypi-{}", fake(60)),
        format!("hf_{}", fake(34)),
        format!("sk_live_{}", fake(24)),
        format!("rk_test_{}", fake(24)),
        format!("whsec_{}", fake(32)),
        format!("SG.{}.{}", fake(22), fake(43)),
        format!("eyJ{}.eyJ{}.{}", fake(20), fake(40), fake(43)),
    ] {
        for text in [
            secret.clone(),
            format!("using {secret}, ok"),
            format!("\"{secret}\""),
            format!("x={secret}\ny=1"),
        ] {
            let result = masked(&text);
            assert!(
                !result.contains(&secret[secret.len() - 8..]) && result.contains("[masked]"),
                "{text} -> {result}"
            );
        }
        assert_eq!(masked(&format!("a {secret} b")), "a [masked] b");
    }
    let key = format!(
        "-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n{}\n-----END OPENSSH PRIVATE KEY-----",
        fake(64),
        fake(64)
    );
    assert_eq!(masked(&format!("key:\n{key}\nend")), "key:\n[masked]\nend");
    assert_eq!(
        masked(&format!("cut -----BEGIN PRIVATE KEY-----\n{}", fake(64))),
        "cut [masked]"
    );
}

#[test]
fn secrets_beside_their_names_are_masked() {
    for (text, clean) in [
        ("password=hunter2", "password=[masked]"),
        ("PASSWORD=hunter2 user=x", "PASSWORD=[masked] user=x"),
        ("password: hunter2", "password: [masked]"),
        ("\"password\": \"hunter2\"", "\"password\": \"[masked]\""),
        (
            "\\\"password\\\": \\\"hunter2\\\"",
            "\\\"password\\\": \\\"[masked]\\\"",
        ),
        ("DB_PASSWORD='a b c'", "DB_PASSWORD='[masked]'"),
        ("api_key: 'zxcvbnm'", "api_key: '[masked]'"),
        ("token: 0a1b2c3d4e5f", "token: [masked]"),
        ("export SECRET_TOKEN=abcdef", "export SECRET_TOKEN=[masked]"),
        (
            "aws_secret_access_key = 0a1b2c3d4e/5f6g7h8i",
            "aws_secret_access_key = [masked]",
        ),
        (
            "https://x.dev/?access_token=abcd1234&page=2",
            "https://x.dev/?access_token=[masked]&page=2",
        ),
        (
            "Authorization: Bearer abcdef0123456789",
            "Authorization: Bearer [masked]",
        ),
        ("authorization: Basic dXNlcjpwYXNz", "authorization: Basic [masked]"),
        (
            "curl -H 'Authorization: token 0a1b2c3d'",
            "curl -H 'Authorization: token [masked]'",
        ),
        ("bearer 0a1b2c3d4e5f6g7h8i9j", "bearer [masked]"),
        ("Set-Cookie: session=0a1b; Path=/", "Set-Cookie: [masked]"),
        ("postgres://app:hunter2@db:5432/x", "postgres://app:[masked]@db:5432/x"),
        (
            "https://user:p%40ss@example.com/x",
            "https://user:[masked]@example.com/x",
        ),
        (
            "https://0a1b2c3d4e5f6g7h8i9j@example.com",
            "https://[masked]@example.com",
        ),
        ("<apiKey>\n  zxcvbnm\n</apiKey>", "<apiKey>\n  [masked]\n</apiKey>"),
        (
            "- name: DB_PASSWORD\n  value: hunter2",
            "- name: DB_PASSWORD\n  value: [masked]",
        ),
        // Of a block all lines that are as deep as its first one.
        (
            "a:\n  token: |\n\n    one\n\n      two\n    three\n\n  b: x",
            "a:\n  token: |\n\n    [masked]\n\n  b: x",
        ),
        ("token: |\nb: x", "token: |\nb: x"),
        ("  token: |\n b: x", "  token: |\n b: x"),
        ("export SECRET_KEY=abcdef", "export SECRET_KEY=[masked]"),
        ("secret: {token: 0a1b2c3d4e5f}", "secret: {token: [masked]}"),
    ] {
        assert_eq!(masked(text), clean);
    }
}

#[test]
fn look_alikes_stay() {
    for text in [
        "commit 3f786850e387550fdab836ed7e6dc881de23001b",
        "550e8400-e29b-41d4-a716-446655440000",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "token usage: 123",
        "tokens: 45,000",
        "token_count=1234",
        "max_tokens=4096",
        "Token: 42%",
        "tokenizer: cl100k_base",
        "password: str",
        "password: Optional[str] = None",
        "password=None, token=True",
        "token = settings.TOKEN",
        "password = os.environ['DB_PASSWORD']",
        "const token = process.env.API_TOKEN;",
        "password=$DB_PASSWORD token=${TOKEN} secret={{ secret }}",
        "Password: required. Token: expired",
        "PWD=/home/dev/app",
        "the secret: keep it simple",
        "/usr/share/secrets/token-store/index.js",
        "ssh://git@github.com/x/y.git",
        "https://example.com:8080/a@b",
        "mailto:someone@example.com",
        "task-management-system-for-everyone-and-all",
        "risk-assessment-of-the-whole-thing-is-done",
        "sk-learn-is-a-library-for-learning-machines",
        "AKIA is the prefix of a key id",
        "eyJ is how a JWT begins",
        "-----BEGIN CERTIFICATE-----",
        "npm_config_registry=https://registry.example.com",
        "bearer of good news and 10000000 things",
        "tests/test_token.py::test_token PASSED",
        "Basic authentication is used",
        "password reset: sent to 12 users",
        "[masked]",
        "password=[masked]",
        "fn token(&self) -> Token { self.token }",
    ] {
        assert_eq!(Rules::default().mask(text), Cow::Borrowed(text));
    }
}

#[test]
fn rules_are_added_and_switched_off() {
    let ghp = format!("ghp_{}", fake(36));
    let rules = Rules::new(
        &[("ticket".to_owned(), r"TICKET-(\d{4})".to_owned())],
        &["github".to_owned()],
    )
    .unwrap();
    assert_eq!(
        rules.mask(&format!("TICKET-1234 {ghp}")),
        format!("TICKET-[masked] {ghp}")
    );
    let invalid = Rules::new(&[("bad".to_owned(), "(".to_owned())], &[]).unwrap_err();
    assert!(invalid.to_string().starts_with("mask rule \"bad\" cannot be used: "));
    assert!(Rules::new(&[("empty".to_owned(), "a*".to_owned())], &[]).is_err());
    assert!(Rules::new(&[("edge".to_owned(), r"\b".to_owned())], &[]).is_err());
    let unknown = Rules::new(&[], &["gitlub".to_owned()]).unwrap_err();
    assert!(matches!(&unknown, RuleError::Unknown { known, .. } if known.contains("github")));
}

#[test]
fn a_key_of_an_object_tells_a_secret() {
    for key in [
        "password",
        "DB_PASSWORD",
        "apiKey",
        "client_secret",
        "access-token",
        "Authorization",
    ] {
        assert!(is_secret_key(key), "{key}");
    }
    for key in [
        "tokens_used",
        "token_limit",
        "secretary",
        "key",
        "passwords_checked",
        "author",
    ] {
        assert!(!is_secret_key(key), "{key}");
    }
}
