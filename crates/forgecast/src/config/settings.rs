//! Every setting, as the fields of these structs. `forgecast.toml`, the `FORGECAST_*` variables, `config show`,
//! `config default` and docs/configuration.md are derived from the fields: a new setting is one new field.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use super::agents::AgentFolders;
use super::notify::NotifyTargets;
use super::setting::{Field, Setting, SettingValue, Visitor};
use super::value::{HardBudget, LogFormat, LogLevel};

/// Names a setting, as in `key!(sources.mask)`; a name that no section has does not compile.
macro_rules! key {
    ($($name:ident).+) => {{
        let _ = |settings: &$crate::config::Settings| { let _ = &settings$(.$name)+; };
        $crate::config::Key::checked(concat!($(".", stringify!($name)),+))
    }};
}
pub(crate) use key;

/// Declares one table of the file. A field is a setting or a table, its doc comment is the setting's documentation, and
/// the default of one without `=` is computed from the environment.
macro_rules! section {
    ($(#[doc = $purpose:literal])+ $Section:ident {
        $($(#[doc = $about:literal])+ $(#[range($range:expr)])? $name:ident: $Type:ty $(= $default:expr)?,)+
    }) => {
        $(#[doc = $purpose])+
        #[derive(Clone, Debug)]
        pub(crate) struct $Section {
            $($(#[doc = $about])+ pub(crate) $name: $Type,)+
        }

        impl Default for $Section {
            fn default() -> Self {
                Self { $($name: section!(@first $($default,)? Default::default()),)+ }
            }
        }

        impl Field for $Section {
            fn visit(&mut self, section: Setting, visitor: Visitor<'_>) {
                $(self.$name.visit(
                    Setting {
                        key: [section.key.as_str(), stringify!($name)].join(".").trim_start_matches('.').to_owned(),
                        about: Cow::Borrowed(concat!($("#", $about, "\n"),+)),
                        is_default_computed: section!(@first $(false, $default,)? true),
                        range: section!(@first $(Some($range),)? None),
                    },
                    visitor,
                );)+
            }
        }
    };
    (@first $first:expr $(, $other:expr)*) => { $first };
}

impl Settings {
    /// Visits every setting.
    pub(super) fn each(&mut self, mut visitor: impl FnMut(&Setting, &mut dyn SettingValue)) {
        let root = Setting {
            key: String::new(),
            about: Cow::Borrowed(""),
            is_default_computed: false,
            range: None,
        };
        self.visit(root, &mut visitor);
    }
}

section! {
    /// All settings. Those without a table of their own come first, as TOML requires.
    Settings {
        /// Folders in which to look for builds.
        /// Default: the current folder and ~/homelab, which need not exist yet.
        roots: Vec<PathBuf>,
        /// Folders that contain one checkpoint folder per session.
        /// Default: checkpoints/ralph below each root, which need not exist yet.
        checkpoints: Vec<PathBuf>,
        /// Folders that contain logs of builds.
        /// Default: logs below each root, which need not exist yet.
        logs: Vec<PathBuf>,
        /// The database.
        /// Default: $XDG_DATA_HOME/forgecast/forgecast.db, else ~/.local/share/forgecast/forgecast.db.
        db: PathBuf,
        /// Address to listen on. On any address but a loopback one (0.0.0.0 and :: are all addresses of
        /// this machine) clients must present a token; the first start creates one.
        host: IpAddr = Ipv4Addr::LOCALHOST.into(),
        /// Port to listen on; 0 picks a free one. If the usual one is taken and none is set anywhere, the
        /// next free one is used.
        #[range(0..=65_535)]
        port: u16 = 8080,
        /// Poll files instead of waiting for notifications (for network file systems).
        poll: bool = false,
        /// Open the dashboard in the browser at start.
        open: bool = false,
        /// Logs of Forgecast itself.
        log: Log = Log::default(),
        /// How files are read.
        sources: Sources = Sources::default(),
        /// Transcripts of coding agents.
        transcripts: Transcripts = Transcripts::default(),
        /// Tokens and prices.
        usage: Usage = Usage::default(),
        /// Limits on spending that are announced when they are reached, and stop agents when they are hard.
        budgets: Budgets = Budgets::default(),
        /// Whom the server calls when a session needs a person.
        notify: Notify = Notify::default(),
        /// When a session counts as over, and how many are kept.
        sessions: Sessions = Sessions::default(),
        /// How many viewers are served at the same time.
        viewers: Viewers = Viewers::default(),
        /// The database.
        store: Store = Store::default(),
        /// The HTTP server.
        server: Server = Server::default(),
    }
}

section! {
    /// Logs of Forgecast itself.
    Log {
        /// Format of the log on standard error: text or json.
        format: LogFormat = LogFormat::Text,
        /// The least severe level that is logged: error, warn, info, debug or trace. If none is set, commands
        /// that do not serve log errors only.
        level: LogLevel = LogLevel::Warn,
    }
}

section! {
    /// How files are read.
    Sources {
        /// Milliseconds. Changes of a file that follow each other faster than this are read once, after
        /// the last one; the first change of a quiet file is read immediately.
        #[range(0..=60_000)]
        debounce_ms: u64 = 100,
        /// Milliseconds. Markdown and text are read once they have not changed for this long, because
        /// half a document looks like a complete one.
        #[range(0..=60_000)]
        settle_ms: u64 = 200,
        /// Milliseconds between comparisons of the files of active projects with what was read, which
        /// finds changes whose notification never arrived.
        #[range(100..=3_600_000)]
        reconcile_ms: u64 = 5_000,
        /// Milliseconds between searches of the roots for projects in deeper folders.
        #[range(1_000..=86_400_000)]
        discover_ms: u64 = 60_000,
        /// Watch at most this many folders by notifications and poll the others; 0 means as many as the
        /// system allows.
        #[range(0..=10_000_000)]
        watch_limit: usize = 0,
        /// Regular expressions. Text of agents that they match (their first group, if there is one) is
        /// stored and shown as `[masked]`, in addition to the built-in rules for secrets.
        mask: Vec<String> = Vec::new(),
        /// Names of built-in rules for secrets to switch off.
        mask_off: Vec<String> = Vec::new(),
    }
}

section! {
    /// Transcripts of coding agents.
    Transcripts {
        /// Watch the transcripts of coding agents: tokens, cost, tools, what they wait for. If false,
        /// nothing in the folders below is opened.
        enabled: bool = true,
        /// The folders of each agent, one setting per agent.
        agents: AgentFolders,
    }
}

section! {
    /// Tokens and prices.
    Usage {
        /// A file with your own prices, which override the built-in ones: one table per model, such as
        /// ["my-model"], with input and output, and cache_write_5m, cache_write_1h and cache_read
        /// where they differ, in US dollars per million tokens; fast_multiplier is a factor and
        /// context_window a number of tokens. `forgecast prices import` adds to it. Default:
        /// prices.toml in ~/.config/forgecast, if it exists.
        prices: Option<PathBuf>,
        /// Size of the context window in tokens, used when neither the agent's record nor the price
        /// table states the context window.
        #[range(1..=100_000_000)]
        context_limit_tokens: u64 = 200_000,
    }
}

section! {
    /// Limits on spending that are announced when they are reached, and stop agents when they are hard.
    Budgets {
        /// US dollars that one session may cost; half, three quarters and all of it are announced.
        /// Default: no budget.
        session_usd: Option<f64>,
        /// US dollars that all sessions may cost in one day of this machine's calendar.
        /// Default: no budget.
        day_usd: Option<f64>,
        /// US dollars that all sessions may cost in one month of this machine's calendar.
        /// Default: no budget.
        month_usd: Option<f64>,
        /// US dollars that one project may cost in one month of this machine's calendar: what agents spend
        /// in folders of its name. Only as a hard budget.
        /// Default: no budget.
        project_usd: Option<f64>,
        /// Which of these budgets are hard: session, project, day, month. Once one is spent, agents that
        /// ask before they use a tool or take a prompt (hooks) are refused, until the budget's period
        /// ends or `forgecast budget raise` allows more. Only what transcripts on this machine say
        /// counts, and a session is an agent's own.
        hard: Vec<HardBudget> = Vec::new(),
    }
}

section! {
    /// Whom the server calls when a session needs a person.
    Notify {
        /// Where links in messages lead, such as `https://builds.example`. Default: this server's own
        /// address.
        url: String = String::new(),
        /// IP addresses and networks, such as 192.168.1.0/24, that messages may be sent to although they
        /// are not public. Only to these messages are sent without encryption.
        allowed_addresses: Vec<String> = Vec::new(),
        /// Who is called, a table for each target. Only this file can name them; docs/notifications.md
        /// describes every field.
        ///
        ///     [[notify.targets]]
        ///     name = "phone"
        ///     kind = "ntfy"
        ///     url_file = "ntfy-topic"
        ///
        /// Default: nobody.
        targets: NotifyTargets,
    }
}

section! {
    /// When a session counts as over, and how many are kept.
    Sessions {
        /// Seconds without work after which a running build is stalled.
        #[range(1..=31_536_000)]
        stalled_after_s: u64 = 900,
        /// Seconds without work after which a build is abandoned.
        #[range(1..=31_536_000)]
        abandoned_after_s: u64 = 21_600,
        /// Seconds without further work after which a build with a completed Deploy phase is complete.
        #[range(1..=31_536_000)]
        settled_after_s: u64 = 120,
        /// Keep at most this many sessions in memory; the oldest finished ones leave it first and stay
        /// in the database. Unfinished sessions that are pushed take at most three quarters of the
        /// places, those of one token at most half. On a machine with little memory fewer are kept.
        #[range(1..=10_000_000)]
        max: usize = 20_000,
    }
}

section! {
    /// How many viewers are served at the same time.
    Viewers {
        /// The largest number of concurrent subscriptions to one session (dashboards and event streams
        /// that show it). Subscriptions to its log are counted separately, with the same limit.
        #[range(1..=1_000_000)]
        per_session: usize = 20,
        /// The largest number of concurrent subscriptions in total. A dashboard that shows the overview,
        /// a session and its log has three.
        #[range(1..=1_000_000)]
        total: usize = 2_000,
    }
}

section! {
    /// The database.
    Store {
        /// Days after which finished sessions are removed.
        #[range(1..=36_500)]
        retention_days: u32 = 90,
        /// The largest size of the database in MiB; the oldest finished sessions are removed first, then
        /// the older part of the logs and facts of unfinished ones.
        #[range(16..=1_048_576)]
        max_mib: u64 = 2_048,
        /// Log lines to keep per session, the newest ones.
        #[range(100..=100_000_000)]
        log_lines_per_session: u64 = 200_000,
    }
}

section! {
    /// The HTTP server.
    Server {
        /// Names, in addition to localhost and loopback addresses, by which a browser may reach this
        /// server.
        allowed_hosts: Vec<String> = Vec::new(),
        /// Require a token from programs and browsers on this machine, too. Commands of the same user
        /// need none.
        require_token: bool = false,
        /// The path below which a reverse proxy serves this server, such as /builds; the proxy may keep
        /// or remove it.
        base_path: String = String::new(),
        /// Addresses of reverse proxies whose forwarded headers are trusted (X-Forwarded-For, -Proto,
        /// -Host). With one, no request counts as coming from this machine any more.
        trusted_proxies: Vec<IpAddr> = Vec::new(),
        /// Origins, besides its own, whose pages may send requests to this server, as browsers write
        /// them (`https://builds.example`); for a proxy that hides the requested host.
        allowed_origins: Vec<String> = Vec::new(),
        /// Encrypt with this certificate, a PEM file with its chain. Default: none.
        tls_certificate: Option<PathBuf>,
        /// The certificate's private key, a PEM file. Default: none.
        tls_key: Option<PathBuf>,
        /// Encrypt with a certificate that the first start creates beside the database; every start
        /// prints its fingerprint.
        tls_self_signed: bool = false,
    }
}

impl Budgets {
    /// The amount of a budget, with the name of its setting.
    fn amount(&self, budget: HardBudget) -> (Option<f64>, &'static str) {
        match budget {
            HardBudget::Session => (self.session_usd, "session_usd"),
            HardBudget::Project => (self.project_usd, "project_usd"),
            HardBudget::Day => (self.day_usd, "day_usd"),
            HardBudget::Month => (self.month_usd, "month_usd"),
        }
    }

    /// The setting of a hard budget without an amount, if there is one.
    pub(super) fn hard_without_amount(&self) -> Option<&'static str> {
        let mut amounts = self.hard.iter().map(|budget| self.amount(*budget));
        amounts.find_map(|(amount, setting)| amount.is_none().then_some(setting))
    }

    /// The amount of a budget if it is hard.
    pub(crate) fn hard_usd(&self, budget: HardBudget) -> Option<f64> {
        self.amount(budget).0.filter(|_| self.hard.contains(&budget))
    }
}
