//! The tree of a space: parents, lists of children, depths.

use super::{DEPTH_MAX, Misfit, Space, misfit};
use crate::space::address::Address;
use crate::space::chunk::Node;
use crate::space::state::View;

impl Space {
    /// Whether a node, with what is below it, can go below another.
    pub(super) fn fits_below(&self, address: Address, parent: Address) -> Result<(), Misfit> {
        let all = View::of(&self.state, i64::MIN);
        let (node, parent) = (self.node(address)?, self.node(parent)?);
        let mut above = Some(parent);
        while let Some(there) = above {
            if there.id() == node.id() {
                return misfit(address, "a parent that is not below the node");
            }
            above = all.parent(there);
        }
        // What rises or stays where it is fits; only what sinks is worth a walk.
        if parent.depth() >= node.depth() {
            let below = all.subtree(node).into_iter();
            let deepest = below.map(|node| node.depth()).max().unwrap_or(0);
            let height = usize::from(deepest - node.depth());
            if usize::from(parent.depth()) + 1 + height > usize::from(DEPTH_MAX) {
                return misfit(address, "a tree of at most 255 levels");
            }
        }
        Ok(())
    }

    /// Lets whoever pointed to `from` in the tree's lists point to `address`, which carries them.
    pub(super) fn redirect_siblings(&mut self, address: Address, from: Address) {
        let chunk = self.chunk_mut(address);
        let slot = address.slot();
        let next = *chunk.next_sibling.get(slot);
        let previous = *chunk.previous_sibling.get(slot);
        let parent = *chunk.parent.get(slot);
        if next != 0 {
            let next = Address(next);
            *self.chunk_mut(next).previous_sibling.get_mut(next.slot()) = address.0;
        }
        if previous != 0 {
            let previous = Address(previous);
            *self
                .chunk_mut(previous)
                .next_sibling
                .get_mut(previous.slot()) = address.0;
        } else if let Some(parent) = self.state.find_id(parent) {
            let first = self.chunk_mut(parent).first_child.get_mut(parent.slot());
            debug_assert_eq!(*first, from.0);
            *first = address.0;
        }
    }

    pub(super) fn replace_parent(
        &mut self,
        address: Address,
        parent: Option<Address>,
    ) -> Option<Address> {
        let slot = address.slot();
        let old = self.state.node(address).and_then(Node::parent);
        let old = old.and_then(|id| self.state.find_id(id));
        let chunk = self.chunk_mut(address);
        let next = chunk.next_sibling.set(slot, 0);
        let previous = chunk.previous_sibling.set(slot, 0);
        if next != 0 {
            let next = Address(next);
            *self.chunk_mut(next).previous_sibling.get_mut(next.slot()) = previous;
        }
        if previous != 0 {
            let previous = Address(previous);
            *self
                .chunk_mut(previous)
                .next_sibling
                .get_mut(previous.slot()) = next;
        } else if let Some(old) = old {
            *self.chunk_mut(old).first_child.get_mut(old.slot()) = next;
        }

        let (mut parent_id, mut depth) = (0, 0);
        if let Some(parent) = parent {
            let chunk = self.chunk_mut(parent);
            let first = chunk.first_child.set(parent.slot(), address.0);
            parent_id = *chunk.id.get(parent.slot());
            depth = chunk.depth.get(parent.slot()).saturating_add(1);
            *self.chunk_mut(address).next_sibling.get_mut(slot) = first;
            if first != 0 {
                let first = Address(first);
                *self.chunk_mut(first).previous_sibling.get_mut(first.slot()) = address.0;
            }
        }
        *self.chunk_mut(address).parent.get_mut(slot) = parent_id;
        self.set_depth(address, depth);
        old
    }

    /// Sets the depth of a node and of everything below it.
    pub(super) fn set_depth(&mut self, address: Address, depth: u8) {
        let mut stack = vec![(address, depth)];
        while let Some((address, depth)) = stack.pop() {
            let chunk = self.chunk_mut(address);
            if chunk.depth.set(address.slot(), depth) == depth {
                continue;
            }
            let view = View::of(&self.state, i64::MIN);
            let children = view.node(address).map(|node| view.children(node));
            let below = depth.saturating_add(1);
            stack.extend(
                children
                    .into_iter()
                    .flatten()
                    .map(|child| (child.address(), below)),
            );
        }
    }
}
