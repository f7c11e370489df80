//! Secrets among the arguments of commands: one line for each form, with the words without which it cannot be there.

/// Words of which one is there, and a regular expression whose first group that takes part is the secret.
pub(super) type Form = (&'static [&'static str], &'static str);

/// In order; the first group is an argument that may be a word of prose.
pub(super) const COMMANDS: &[Form] = &[
    (
        &[
            "--pass",
            "--token",
            "--secret",
            "--api-key",
            "--access-token",
            "--auth-token",
            "--client-secret",
        ],
        r#"--(?:password|passwd|passphrase|token|secret|api-key|access-token|auth-token|client-secret)[ \t]+["']?([^\s"'-][^\s"']{5,})"#,
    ),
    (
        &["curl"],
        r#"\bcurl\b[^\r\n]{0,250}?[ \t](?:-u|--user|--proxy-user)[ =]?["']?[^\s:"'/]+:([^\s"']{3,})"#,
    ),
    (&["sshpass"], r#"\bsshpass[ \t]+-p[ \t]*["']?([^\s"']{3,})"#),
    // A line of .netrc.
    (&[" password "], r"\blogin[ \t]+\S+[ \t]+password[ \t]+(\S{3,})"),
    (
        &["login"],
        r#"\b(?:docker|podman|nerdctl|buildah|skopeo|helm|oras|az|cf)\b[^\r\n|;&]{0,60}?\blogin\b[^\r\n|;&]{0,120}?[ \t]-p[ =]*["']?([^\s"'-][^\s"']{2,})"#,
    ),
    (
        &["mysql", "mariadb"],
        r#"\b(?:mysql|mariadb)[a-z_-]*\b[^\r\n|;&]{0,120}?[ \t]-p["']?([^\s"']{3,})"#,
    ),
    (
        &["redis-cli"],
        r#"\bredis-cli\b[^\r\n|;&]{0,120}?[ \t](?:-a|--pass)[ =]?["']?([^\s"'-][^\s"']{2,})"#,
    ),
    (
        &["mongo"],
        r#"\bmongo(?:sh|dump|restore|import|export)?\b[^\r\n|;&]{0,120}?[ \t]-p[ =]?["']?([^\s"'-][^\s"']{2,})"#,
    ),
    (
        &["ldap"],
        r#"\bldap(?:search|modify|add|delete|whoami|passwd)\b[^\r\n|;&]{0,120}?[ \t]-w[ ]?["']?([^\s"'-][^\s"']{2,})"#,
    ),
    (
        &["sqlcmd"],
        r#"\bsqlcmd\b[^\r\n|;&]{0,120}?[ \t]-P[ ]?["']?([^\s"'-][^\s"']{2,})"#,
    ),
    (&["pass:"], r#"[ \t]-pass(?:in|out)?[ \t]+["']?pass:([^\s"']{3,})"#),
    (
        &["configure"],
        r#"\baws\b[^\r\n|;&]{0,80}?\bconfigure[ \t]+set[ \t]+\S*(?:secret|token|password)\S*[ \t]+["']?([^\s"'-][^\s"']{2,})"#,
    ),
    (
        &["config"],
        r#"\b(?:npm|pnpm|yarn|pip|poetry|composer|git|bundle|gcloud|heroku|snyk)[ \t]+config(?:[ \t]+(?:set|add|--?[a-z]\S*))*[ \t]+["']?\S*?(?i:password|passwd|token|secret|_auth|api[_-]?key)[A-Za-z0-9_.-]{0,40}["']?[ \t=]+["']?([^\s"'-][^\s"']{2,})"#,
    ),
    // A Dockerfile, a registry of Windows, the C shell.
    (
        &["env ", "arg ", "setx ", "setenv "],
        r#"\b(?:ENV|ARG|setx|setenv)[ \t]+[A-Za-z0-9_]{0,60}?(?:PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|API_?KEY|ACCESS_KEY|SECRET_KEY|PRIVATE_KEY|_PASS|_PWD|CREDENTIALS?)[ \t]+["']?([^\s"'=][^\s"']{2,})"#,
    ),
];
