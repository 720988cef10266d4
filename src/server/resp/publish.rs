//! Publish and subscribe: who listens to which channel or pattern, and the delivery of messages.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use parking_lot::RwLock;

use super::client::{Client, Message};
use super::glob;
use super::reply::{Protocol, Reply};

/// Subscribers by client id, in order of subscription's client.
type Subscribers = BTreeMap<u64, Arc<Client>>;

/// All subscriptions of the server.
#[derive(Debug, Default)]
pub struct Subscriptions {
    channels: RwLock<HashMap<Bytes, Subscribers>>,
    patterns: RwLock<HashMap<Bytes, Subscribers>>,
}

/// The two ways to subscribe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// By the channel's name.
    Channel,
    /// By a glob pattern of names.
    Pattern,
}

impl Subscriptions {
    fn of(&self, kind: Kind) -> &RwLock<HashMap<Bytes, Subscribers>> {
        match kind {
            Kind::Channel => &self.channels,
            Kind::Pattern => &self.patterns,
        }
    }

    /// Subscribes `client`.
    pub fn add(&self, kind: Kind, name: Bytes, client: &Arc<Client>) {
        self.of(kind)
            .write()
            .entry(name)
            .or_default()
            .insert(client.id, Arc::clone(client));
    }

    /// Ends a subscription.
    pub fn remove(&self, kind: Kind, name: &Bytes, client: u64) {
        let mut subscriptions = self.of(kind).write();
        if let Some(subscribers) = subscriptions.get_mut(name) {
            subscribers.remove(&client);
            if subscribers.is_empty() {
                subscriptions.remove(name);
            }
        }
    }

    /// Whether nobody listens to anything: what a notification asks first.
    pub fn is_empty(&self) -> bool {
        self.channels.read().is_empty() && self.patterns.read().is_empty()
    }

    /// Leaves `payload` with everybody who listens to `channel`; answers how many times. It
    /// reaches them when `position` is durable. `bytes_max` bounds what a slow reader may let pile up.
    pub fn publish(
        &self,
        channel: &[u8],
        payload: &[u8],
        position: u64,
        bytes_max: usize,
    ) -> usize {
        let mut receivers = 0;
        if let Some(subscribers) = self.channels.read().get(channel) {
            let parts = [b"message".as_slice(), channel, payload];
            receivers += deliver(subscribers, &parts, position, bytes_max);
        }
        for (pattern, subscribers) in self.patterns.read().iter() {
            if glob::matches(pattern, channel, false) {
                let parts = [b"pmessage".as_slice(), pattern, channel, payload];
                receivers += deliver(subscribers, &parts, position, bytes_max);
            }
        }
        receivers
    }

    /// Channels with subscribers, of those that match `pattern`.
    pub fn active_channels(&self, pattern: Option<&[u8]>) -> Vec<Bytes> {
        let channels = self.channels.read();
        let matches =
            |name: &&Bytes| pattern.is_none_or(|pattern| glob::matches(pattern, name, false));
        channels.keys().filter(matches).cloned().collect()
    }

    /// How many subscribe to `channel` by name.
    pub fn subscribers(&self, channel: &[u8]) -> usize {
        self.channels.read().get(channel).map_or(0, BTreeMap::len)
    }

    /// Different channels somebody subscribes to.
    pub fn channel_count(&self) -> usize {
        self.channels.read().len()
    }

    /// Different patterns somebody subscribes to.
    pub fn pattern_count(&self) -> usize {
        self.patterns.read().len()
    }
}

/// Renders a message once for each protocol somebody speaks, and leaves it with everybody.
fn deliver(subscribers: &Subscribers, parts: &[&[u8]], position: u64, bytes_max: usize) -> usize {
    let push = Reply::Push(parts.iter().map(|part| Reply::copied(part)).collect());
    let mut rendered: [Option<Bytes>; 2] = [None, None];
    for client in subscribers.values() {
        let protocol = client.profile.lock().protocol;
        let bytes = rendered[usize::from(protocol == Protocol::Resp3)].get_or_insert_with(|| {
            let mut out = BytesMut::new();
            push.render(protocol, &mut out);
            out.freeze()
        });
        client.mailbox.push(
            Message {
                bytes: bytes.clone(),
                position,
            },
            bytes_max,
        );
    }
    subscribers.len()
}
