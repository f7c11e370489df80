//! Command line options about access to the server: where it listens, tokens, share links.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::TypedValueParser;
use clap::{Args, Subcommand};
use forgecast_protocol::SessionRef;
use forgecast_server::Role;

/// Where to listen, and who has access.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ListenArgs {
    /// Address to listen on [default: 127.0.0.1]; on 0.0.0.0, every address of this machine, clients need a token, which is created
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) host: Option<String>,
    /// Port to listen on; 0 picks a free one and prints it
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// Open the dashboard in the browser
    #[arg(long)]
    pub(crate) open: bool,
    /// Require a token from programs and browsers on this machine, too
    #[arg(long, help_heading = "Exposure")]
    pub(crate) require_token: bool,
    /// Encrypt with a certificate that is created beside the database; its fingerprint is printed
    #[arg(long, help_heading = "Exposure", conflicts_with_all = ["tls_cert", "tls_key"])]
    pub(crate) tls_self_signed: bool,
    /// Encrypt with this certificate (a PEM file with the chain)
    #[arg(long, value_name = "FILE", help_heading = "Exposure", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The certificate's private key (a PEM file)
    #[arg(long, value_name = "FILE", help_heading = "Exposure", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// The path below which a reverse proxy serves this server
    #[arg(long, value_name = "PATH", help_heading = "Exposure")]
    pub(crate) base_path: Option<String>,
    /// Trust forwarded headers from this proxy; may be repeated
    #[arg(long, value_name = "ADDRESS", help_heading = "Exposure")]
    pub(crate) trusted_proxy: Vec<IpAddr>,
    /// Allow requests from pages of this origin (scheme, host and port as a browser writes them); may be repeated
    #[arg(long, value_name = "ORIGIN", help_heading = "Exposure")]
    pub(crate) allowed_origin: Vec<String>,
}

/// The commands of `token`. Tokens are stored as hashes beside the database; changes take effect in a running server
/// immediately.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Create a token and print it; it cannot be printed again
    New {
        /// What the token allows
        #[arg(long, value_parser = role(), default_value = "view")]
        role: Role,
        /// A name to recognize it by [default: the role]
        #[arg(long)]
        name: Option<String>,
        /// Only sessions of this project, for a token that views
        #[arg(long, value_name = "PROJECT")]
        project: Option<String>,
        /// Only numbers, times and states, for a token that views: no prompts, titles, paths, logs
        #[arg(long)]
        numbers_only: bool,
    },
    /// List the tokens by name, without their secret text
    List,
    /// Revoke a token immediately, also for browsers that are signed in with it
    Revoke {
        /// Its id or its name
        token: String,
    },
    /// Revoke all tokens of a role and create a new one, which is printed once
    Rotate {
        /// Only tokens of this role [default: every role that has tokens]
        #[arg(long, value_parser = role())]
        role: Option<Role>,
    },
}

/// Options of `token`.
#[derive(Clone, Debug, Args)]
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    pub(crate) command: TokenCommand,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The database beside which the tokens are stored [default: ~/.local/share/forgecast/forgecast.db]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) db: Option<PathBuf>,
}

/// Options of `share`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ShareArgs {
    /// The session: one run (weather-app~1) or a name, which means its newest run
    #[arg(required_unless_present_any = ["list", "revoke"], conflicts_with_all = ["list", "revoke"])]
    pub(crate) id: Option<SessionRef>,
    /// How long the link is valid: 30m, 12h, 2d, 1w
    #[arg(long = "for", value_name = "TIME", value_parser = lifetime, default_value = "1d", conflicts_with_all = ["list", "revoke"])]
    pub(crate) lifetime: Duration,
    /// The server's address for the recipient [default: the running server's own address]
    #[arg(long, value_name = "URL", conflicts_with_all = ["list", "revoke"])]
    pub(crate) url: Option<String>,
    /// List valid links
    #[arg(long, conflicts_with = "revoke")]
    pub(crate) list: bool,
    /// Revoke the link with this id immediately
    #[arg(long, value_name = "ID")]
    pub(crate) revoke: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) sources: super::SourceArgs,
}

fn role() -> impl TypedValueParser<Value = Role> {
    super::one_of([
        ("view", "See everything and change nothing"),
        ("ingest", "Send facts only: producers, hooks, telemetry"),
        ("approve", "See everything, and answer what agents ask to be allowed"),
        ("admin", "Everything but to answer for a person"),
    ])
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

pub(super) fn lifetime(text: &str) -> Result<Duration, String> {
    let units = [('s', 1), ('m', MINUTE), ('h', HOUR), ('d', DAY), ('w', 7 * DAY)];
    let found = units.into_iter().find_map(|(unit, seconds)| {
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        number.checked_mul(seconds)
    });
    match found {
        Some(seconds @ 1..) if seconds <= 3650 * DAY => Ok(Duration::from_secs(seconds)),
        _ => Err("expected a time such as 30m, 12h, 2d or 1w, of at most ten years".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn share(arguments: &[&str]) -> Result<ShareArgs, String> {
        let all = ["forgecast", "share"].iter().chain(arguments);
        match Cli::try_parse_from(all) {
            Ok(Cli {
                command: Some(Command::Share(args)),
                ..
            }) => Ok(args),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn a_time_has_a_number_and_a_unit() {
        for (text, seconds) in [
            ("45s", 45),
            ("30m", 1_800),
            ("12h", 43_200),
            ("2d", 172_800),
            ("1w", 604_800),
        ] {
            assert_eq!(lifetime(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "0m",
            "2",
            "d",
            "-1d",
            "1.5h",
            "2 d",
            "2D",
            "99999999d",
            "18446744073709551615w",
            "１d",
        ] {
            assert!(lifetime(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_link_is_made_listed_or_revoked() {
        assert_eq!(share(&["a~1"]).unwrap().lifetime, Duration::from_secs(DAY));
        assert!(share(&["a~1", "--for", "2d", "--url", "https://x"]).is_ok());
        assert!(share(&["--list"]).unwrap().id.is_none());
        assert!(share(&["--revoke", "1234"]).is_ok());
        for wrong in [
            &[][..],
            &["a~1", "--list"],
            &["--list", "--revoke", "x"],
            &["--list", "--url", "http://x"],
        ] {
            assert!(share(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_certificate_has_a_key_and_is_not_made_besides() {
        let parse = |arguments: &[&str]| Cli::try_parse_from(["forgecast", "serve"].iter().chain(arguments));
        assert!(parse(&["--tls-cert", "a", "--tls-key", "b"]).is_ok());
        for wrong in [
            &["--tls-cert", "a"][..],
            &["--tls-key", "b"],
            &["--tls-self-signed", "--tls-cert", "a", "--tls-key", "b"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
        assert!(parse(&["--trusted-proxy", "nobody"]).is_err());
    }
}
