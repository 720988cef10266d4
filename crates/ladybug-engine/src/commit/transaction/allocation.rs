//! Addresses for what a transaction makes: a free one, or one that what has expired, or is coldest, gives up.

use super::{Result, Transaction};
use crate::commit::event::{NodeEvent, NodeEventKind};
use crate::error::EngineError;
use crate::space::address::{Address, Zone};

/// Most expired nodes that one commit removes.
pub const EXPIRED_PER_COMMIT_MAX: usize = 256;

/// What a full fluid zone does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Eviction {
    /// Refuses.
    #[default]
    None,
    /// Evicts the least activated node of the fluid zone.
    Coldest,
}

impl Transaction<'_> {
    /// A free address of a zone. A full fluid zone first loses what has expired, then, if that is
    /// the policy, its coldest node; but none of `kept`, which the address is wanted for.
    pub(super) fn allocate(
        &mut self,
        zone: Zone,
        near: Option<Address>,
        kept: &[Address],
    ) -> Result<Address> {
        if let Some(address) = self.choose(zone, near) {
            return Ok(address);
        }
        if zone == Zone::Fluid {
            self.remove_expired(EXPIRED_PER_COMMIT_MAX)?;
            if self.terms.eviction == Eviction::Coldest && self.choose(zone, near).is_none() {
                self.evict_coldest(kept)?;
            }
            if let Some(address) = self.choose(zone, near) {
                return Ok(address);
            }
        }
        let part = &self.parts[self.current];
        Err(EngineError::ZoneFull {
            zone,
            space: part
                .name
                .as_ref()
                .map_or_else(|| part.id.to_string(), |name| name.to_string()),
            count: part.guard.space.state().population(zone),
        })
    }

    fn choose(&self, zone: Zone, near: Option<Address>) -> Option<Address> {
        self.parts[self.current]
            .guard
            .space
            .free()
            .choose(zone, near)
    }

    /// Removes up to `limit` nodes of the current space whose time is up; how many it removed.
    pub fn remove_expired(&mut self, limit: usize) -> Result<usize> {
        let expired = self.parts[self.current]
            .guard
            .space
            .expired(self.terms.now, limit);
        for &address in &expired {
            self.remove_gone(address, NodeEventKind::Expired)?;
        }
        Ok(expired.len())
    }

    fn evict_coldest(&mut self, kept: &[Address]) -> Result<()> {
        let version = self.parts[self.current].version;
        let view = self.view();
        let coldest = view
            .nodes()
            .filter(|node| node.address().zone() == Zone::Fluid && node.version() != version)
            .filter(|node| !kept.contains(&node.address()))
            .map(|node| (view.access(node).activation(view.now), node.address()))
            .min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        match coldest {
            Some((_, address)) => self.remove_gone(address, NodeEventKind::Evicted),
            None => Ok(()),
        }
    }

    /// Removes a node that nobody deleted, and remembers its name.
    fn remove_gone(&mut self, address: Address, kind: NodeEventKind) -> Result<()> {
        let part = &self.parts[self.current];
        let node = part.guard.space.state().node(address);
        if let Some(name) = node.and_then(|node| node.name().cloned()) {
            self.events.push(NodeEvent {
                space: part.id,
                name,
                kind,
            });
        }
        self.remove(address)
    }

    /// Lets a name be free for a new node if what stands under it has expired; else answers where that is.
    pub(super) fn clear_expired_name(&mut self, name: &[u8]) -> Result<Option<Address>> {
        match self.parts[self.current].guard.space.state().find(name) {
            Some(address) if self.view().node(address).is_none() => {
                self.remove_gone(address, NodeEventKind::Expired)?;
                Ok(None)
            }
            there => Ok(there),
        }
    }
}
