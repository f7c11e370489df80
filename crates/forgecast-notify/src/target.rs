//! The targets as the configuration names them. What is secret in them has no way out but into a request.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64;
use forgecast_protocol::Calendar;
use forgecast_protocol::rest::TargetKind;
use hyper::Uri;
use hyper::http::uri::Scheme;

use crate::address::AllowedAddress;
use crate::rules::Rules;

/// How a person is called.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whom to call, and for what. Names are unique.
    pub targets: Vec<Target>,
    /// Addresses that are connected to although they are not public.
    pub allowed_addresses: Vec<AllowedAddress>,
    /// Where links lead: the dashboard's address, without a slash at its end and without a token.
    pub url: String,
    /// The days and hours of this machine.
    pub calendar: Calendar,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            allowed_addresses: Vec::new(),
            url: "http://127.0.0.1:8080".to_owned(),
            calendar: Calendar::default(),
        }
    }
}

/// One target.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name in the configuration.
    pub name: String,
    /// How it is reached.
    pub channel: Channel,
    /// What it is called for.
    pub rules: Rules,
    /// Whether it is told when a need is over.
    pub resolved: bool,
    /// Whether messages contain what is asked.
    pub include_text: bool,
    /// Milliseconds for which needs are collected before a message is sent.
    pub group_ms: u32,
    /// Milliseconds between two messages, at least.
    pub cool_down_ms: u32,
}

impl Target {
    /// A target with the usual rules.
    #[must_use]
    pub fn new(name: &str, channel: Channel) -> Self {
        Self {
            name: name.to_owned(),
            channel,
            rules: Rules::default(),
            resolved: false,
            include_text: true,
            group_ms: 1_000,
            cool_down_ms: 2_000,
        }
    }
}

/// How a target is reached.
#[derive(Clone, Debug)]
pub enum Channel {
    /// A topic of an ntfy server; the topic is the last part of the address.
    Ntfy {
        /// The topic's address.
        url: Endpoint,
        /// Its access token.
        token: Option<Secret>,
    },
    /// An incoming webhook of Slack.
    Slack {
        /// Its address, which is its secret.
        url: Endpoint,
    },
    /// A server that takes Standard Webhooks.
    Webhook {
        /// Its address.
        url: Endpoint,
        /// What messages are signed with.
        key: SigningKey,
    },
    /// A program of this machine, which gets the message as JSON on standard input.
    Command {
        /// The program and its arguments; not empty.
        argv: Vec<String>,
    },
}

impl Channel {
    pub(crate) fn kind(&self) -> TargetKind {
        match self {
            Self::Ntfy { .. } => TargetKind::Ntfy,
            Self::Slack { .. } => TargetKind::Slack,
            Self::Webhook { .. } => TargetKind::Webhook,
            Self::Command { .. } => TargetKind::Command,
        }
    }

    pub(crate) fn endpoint(&self) -> Option<&Endpoint> {
        match self {
            Self::Ntfy { url, .. } | Self::Slack { url } | Self::Webhook { url, .. } => Some(url),
            Self::Command { .. } => None,
        }
    }
}

/// An address with `http` or `https`. Only its host is ever shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    uri: Uri,
    encrypted: bool,
    host: String,
    port: u16,
}

/// Not an address that messages can be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address that begins with https:// or http:// and a host, without a name and a password in it")]
pub struct InvalidEndpoint;

impl FromStr for Endpoint {
    type Err = InvalidEndpoint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uri: Uri = text.trim().parse().map_err(|_| InvalidEndpoint)?;
        let encrypted = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(InvalidEndpoint),
        };
        let authority = uri.authority().ok_or(InvalidEndpoint)?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(InvalidEndpoint);
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        let port = authority.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
        Ok(Self {
            host,
            port,
            encrypted,
            uri,
        })
    }
}

impl Endpoint {
    /// The host, without brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// What the `Host` header says.
    pub(crate) fn authority(&self) -> &str {
        self.uri.authority().map_or("", |authority| authority.as_str())
    }

    /// Path and query.
    pub(crate) fn path(&self) -> &str {
        self.uri.path_and_query().map_or("/", |path| path.as_str())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/…", self.host, self.port)
    }
}

/// A text that is neither shown nor logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The key of a Standard Webhook.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey(Vec<u8>);

/// Not a key for webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signing secret is `whsec_` and 24 to 64 bytes in base64, as `openssl rand -base64 32` prints them")]
pub struct InvalidSigningKey;

impl FromStr for SigningKey {
    type Err = InvalidSigningKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let encoded = text.strip_prefix("whsec_").unwrap_or(text);
        let key = BASE64.decode(encoded.as_bytes()).map_err(|_| InvalidSigningKey)?;
        (24..=64)
            .contains(&key.len())
            .then_some(Self(key))
            .ok_or(InvalidSigningKey)
    }
}

impl SigningKey {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_shows_its_host_and_nothing_else() {
        let endpoint: Endpoint = "https://hooks.slack.com/services/T0/B0/secret?key=secret"
            .parse()
            .unwrap();
        assert_eq!((endpoint.host(), endpoint.port()), ("hooks.slack.com", 443));
        assert_eq!(endpoint.path(), "/services/T0/B0/secret?key=secret");
        assert!(!format!("{endpoint:?}").contains("secret"));
        let literal: Endpoint = "http://[::1]:8080".parse().unwrap();
        assert_eq!((literal.host(), literal.port(), literal.path()), ("::1", 8080, "/"));
        for wrong in [
            "",
            "ftp://a/",
            "/path",
            "https://",
            "https://user:password@host/",
            "https:host",
        ] {
            assert!(wrong.parse::<Endpoint>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_signing_key_has_24_to_64_bytes_and_is_not_shown() {
        let key: SigningKey = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n".parse().unwrap();
        assert_eq!((key.bytes().len(), format!("{key:?}")), (24, "[secret]".to_owned()));
        for wrong in ["", "whsec_", "whsec_c2hvcnQ=", "not base64 at all!"] {
            assert!(wrong.parse::<SigningKey>().is_err(), "{wrong}");
        }
    }
}
