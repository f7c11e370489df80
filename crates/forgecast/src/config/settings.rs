//! Every setting there is, in one table: the file's keys, the variables, the defaults and the words that explain them
//! all come from here, so that none can be documented and not read, or read and not documented.

/// What a setting can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A whole number in this range.
    Integer { min: i64, max: i64 },
    /// An amount of money, US dollars, not negative.
    Dollars,
    /// `true` or `false`.
    Switch,
    /// Any text.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list of texts; in a variable separated by commas.
    Texts,
    /// A list of IP addresses; in a variable separated by commas.
    Addresses,
    /// A path; `~/` is the home folder, a relative one is relative to the file that names it.
    Path,
    /// A list of paths; in a variable separated by colons.
    Paths,
}

/// One setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Dotted key, `sources.debounce_ms`; all keys of a table stand together.
    pub(crate) key: &'static str,
    pub(crate) kind: Kind,
    /// A TOML value; none where the default is worked out from the surroundings, as `about` says.
    pub(crate) default: Option<&'static str>,
    pub(crate) about: &'static str,
}

impl Setting {
    /// The variable that sets it: `FORGECAST_SOURCES_DEBOUNCE_MS`.
    pub(crate) fn variable(&self) -> String {
        format!("FORGECAST_{}", self.key.replace('.', "_").to_uppercase())
    }
}

const fn integer(key: &'static str, min: i64, max: i64, default: &'static str, about: &'static str) -> Setting {
    Setting {
        key,
        kind: Kind::Integer { min, max },
        default: Some(default),
        about,
    }
}

const fn setting(key: &'static str, kind: Kind, default: &'static str, about: &'static str) -> Setting {
    Setting {
        key,
        kind,
        default: Some(default),
        about,
    }
}

const fn worked_out(key: &'static str, kind: Kind, about: &'static str) -> Setting {
    Setting {
        key,
        kind,
        default: None,
        about,
    }
}

/// The table. Order is the order of `config show` and `config default`; keys without a table come first, as TOML wants.
pub(crate) const SETTINGS: &[Setting] = &[
    worked_out(
        "roots",
        Kind::Paths,
        "Folders to look for builds in. Default: the current folder, and ~/homelab when it exists.",
    ),
    worked_out(
        "checkpoints",
        Kind::Paths,
        "Folders that hold one checkpoint folder per session. Default: checkpoints/ralph below each root, where it exists.",
    ),
    worked_out(
        "logs",
        Kind::Paths,
        "Folders with logs of builds. Default: logs below each root, where it exists.",
    ),
    worked_out(
        "db",
        Kind::Path,
        "The database. Default: $XDG_DATA_HOME/forgecast/forgecast.db, else ~/.local/share/forgecast/forgecast.db.",
    ),
    setting(
        "host",
        Kind::Text,
        "\"127.0.0.1\"",
        "Address to listen on. Any but a loopback one (0.0.0.0 and :: are all of this machine) lets in who has a token; at the first start one is made.",
    ),
    integer("port", 0, 65_535, "8080", "Port to listen on; 0 picks a free one."),
    setting(
        "poll",
        Kind::Switch,
        "false",
        "Poll files instead of waiting for notifications (network file systems).",
    ),
    setting(
        "open",
        Kind::Switch,
        "false",
        "Open the dashboard in the browser at start.",
    ),
    setting(
        "log.format",
        Kind::Word(&["text", "json"]),
        "\"text\"",
        "How logs are written to standard error: text or json.",
    ),
    setting(
        "log.level",
        Kind::Word(&["error", "warn", "info", "debug", "trace"]),
        "\"warn\"",
        "Log from this level on: error, warn, info, debug or trace.",
    ),
    integer(
        "sources.debounce_ms",
        0,
        60_000,
        "100",
        "Changes of one file that follow each other faster than this are read once, at their end; the first is read at once.",
    ),
    integer(
        "sources.settle_ms",
        0,
        60_000,
        "200",
        "Markdown and text are read when they have not changed for so long: half a document looks like a whole one.",
    ),
    integer(
        "sources.reconcile_ms",
        100,
        3_600_000,
        "5000",
        "How often the files of active projects are compared with what was read, for notifications that never came.",
    ),
    integer(
        "sources.discover_ms",
        1_000,
        86_400_000,
        "60000",
        "How often the roots are searched for projects that lie deep.",
    ),
    integer(
        "sources.watch_limit",
        0,
        10_000_000,
        "0",
        "Watch at most so many folders by notifications and poll the others; 0 leaves it to the system.",
    ),
    setting(
        "sources.mask",
        Kind::Texts,
        "[]",
        "Regular expressions; what they match in the text of agents (of the first group, when there is one) is stored and shown as [masked], besides the built-in rules for secrets.",
    ),
    setting(
        "sources.mask_off",
        Kind::Texts,
        "[]",
        "Names of built-in rules for secrets that are switched off.",
    ),
    setting(
        "transcripts.enabled",
        Kind::Switch,
        "true",
        "Watch the transcripts of coding agents: tokens, cost, tools, what they wait for. Without, nothing of the folders below is opened.",
    ),
    worked_out(
        "transcripts.claude",
        Kind::Paths,
        "Folders of Claude Code, with `projects` inside. Default: those of CLAUDE_CONFIG_DIR (a list separated by commas), else ~/.claude and $XDG_CONFIG_HOME/claude (~/.config/claude).",
    ),
    worked_out(
        "transcripts.codex",
        Kind::Paths,
        "Folders of Codex, with `sessions` inside. Default: CODEX_HOME, else ~/.codex.",
    ),
    worked_out(
        "transcripts.foundry",
        Kind::Paths,
        "Folders of Foundry, with `observatory` inside. Default: ~/.foundry.",
    ),
    worked_out(
        "usage.prices",
        Kind::Path,
        "A file with prices of your own, which come before the built-in ones: one table per model, [\"my-model\"] with input and output, and cache_write_5m, cache_write_1h, cache_read, fast_multiplier where they differ, in US dollars per million tokens. Default: none.",
    ),
    integer(
        "usage.context_limit_tokens",
        1,
        100_000_000,
        "200000",
        "Tokens that fit into the context window; a session that goes beyond it is taken to have one of a million.",
    ),
    worked_out(
        "budgets.session_usd",
        Kind::Dollars,
        "What one session may cost; half, three quarters and all of it are said. Default: no budget.",
    ),
    worked_out(
        "budgets.day_usd",
        Kind::Dollars,
        "What all sessions may cost in one day of this machine's calendar. Default: no budget.",
    ),
    worked_out(
        "budgets.month_usd",
        Kind::Dollars,
        "What all sessions may cost in one month of this machine's calendar. Default: no budget.",
    ),
    integer(
        "sessions.stalled_after_s",
        1,
        31_536_000,
        "900",
        "A running build without work for so long is stalled.",
    ),
    integer(
        "sessions.abandoned_after_s",
        1,
        31_536_000,
        "21600",
        "A build without work for so long is abandoned.",
    ),
    integer(
        "sessions.settled_after_s",
        1,
        31_536_000,
        "120",
        "A build whose Deploy phase is completed is complete when nothing followed for so long.",
    ),
    integer(
        "sessions.max",
        1,
        10_000_000,
        "20000",
        "Keep at most so many sessions; the oldest finished ones go first. On a machine with little memory fewer are kept.",
    ),
    integer(
        "viewers.per_session",
        1,
        1_000_000,
        "20",
        "How many subscriptions to one session there may be at a time (dashboards and event streams that show it); those to its log are counted apart, up to the same number.",
    ),
    integer(
        "viewers.total",
        1,
        1_000_000,
        "2000",
        "How many subscriptions there may be in all; a dashboard that shows the overview, a session and its log has three.",
    ),
    integer(
        "store.retention_days",
        1,
        36_500,
        "90",
        "Finished sessions older than this are removed.",
    ),
    integer(
        "store.max_mib",
        16,
        1_048_576,
        "2048",
        "The largest size of the database in MiB; the oldest finished sessions go first.",
    ),
    integer(
        "store.log_lines_per_session",
        100,
        100_000_000,
        "200000",
        "Keep so many log lines of a session, the newest.",
    ),
    setting(
        "server.allowed_hosts",
        Kind::Texts,
        "[]",
        "Names, besides localhost and loopback addresses, by which a browser may reach this server.",
    ),
    setting(
        "server.require_token",
        Kind::Switch,
        "false",
        "Ask programs and browsers of this machine for a token, too. Commands of the same user need none.",
    ),
    setting(
        "server.base_path",
        Kind::Text,
        "\"\"",
        "The path below which a reverse proxy shows this server, such as /builds; it may leave it on or take it off.",
    ),
    setting(
        "server.trusted_proxies",
        Kind::Addresses,
        "[]",
        "Addresses of reverse proxies that are believed what they say about who asks (X-Forwarded-For, -Proto, -Host). With one, nobody counts as this machine any more.",
    ),
    setting(
        "server.allowed_origins",
        Kind::Texts,
        "[]",
        "Origins besides its own whose pages may ask this server, as browsers write them (https://builds.example); for a proxy that hides what it was asked for.",
    ),
    worked_out(
        "server.tls_certificate",
        Kind::Path,
        "Encrypt with this certificate, a PEM file with its chain. Default: none.",
    ),
    worked_out(
        "server.tls_key",
        Kind::Path,
        "The certificate's private key, a PEM file. Default: none.",
    ),
    setting(
        "server.tls_self_signed",
        Kind::Switch,
        "false",
        "Encrypt with a certificate that is made at the first start and kept beside the database; its fingerprint is shown at each start.",
    ),
];
