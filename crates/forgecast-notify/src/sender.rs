//! Brings one message to one target, within five seconds.

use std::sync::Arc;
use std::time::Duration;

use forgecast_protocol::Timestamp;
use forgecast_protocol::rest::Notification;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::dispatch::Outcome;
use crate::message::{self, Message};
use crate::target::{Channel, Endpoint, Options};
use crate::{command, http};

/// From the look-up of the name to the end of the answer.
const LIMIT: Duration = Duration::from_secs(5);

/// Sends messages; cheap to clone.
#[derive(Clone)]
pub(crate) struct Sender {
    options: Arc<Options>,
    tls: Option<TlsConnector>,
}

impl Sender {
    pub(crate) fn new(options: Arc<Options>) -> Self {
        let mut endpoints = options.targets.iter().filter_map(|target| target.channel.endpoint());
        let is_encrypted = endpoints.any(Endpoint::is_encrypted);
        let tls = if is_encrypted { http::tls() } else { None };
        Self { options, tls }
    }

    /// Sends a message to the target at this place of the configuration.
    pub(crate) async fn send(&self, target: usize, notification: &Notification, now: Timestamp) -> Outcome {
        let Some(target) = self.options.targets.get(target) else {
            return Outcome::Gone("the target is no longer configured".to_owned());
        };
        let message = Message {
            notification,
            include_text: target.include_text,
            url: &self.options.url,
        };
        let sending = async {
            let endpoint = target.channel.endpoint();
            match (
                &target.channel,
                endpoint,
                message::request(message, &target.channel, now),
            ) {
                (_, Some(endpoint), Some(request)) => {
                    let allowed = &self.options.allowed_addresses;
                    let sent = http::post(endpoint, request, allowed, self.tls.as_ref()).await;
                    sent.unwrap_or_else(Outcome::from)
                }
                (Channel::Command { argv }, ..) => command::run(argv, message.json().to_string().as_bytes()).await,
                _ => Outcome::Gone("the target has no address".to_owned()),
            }
        };
        timeout(LIMIT, sending).await.unwrap_or_else(|_| Outcome::Failed {
            error: format!("no answer within {} s", LIMIT.as_secs()),
            uncertain: true,
            pause_ms: None,
        })
    }
}
