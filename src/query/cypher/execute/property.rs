//! Properties of many nodes: values of a chunk's nodes side by side, as the index of the property keeps them.

use std::sync::Arc;

use ladybug_engine::space::address::{Address, CHUNKS};

use super::super::error::Result;
use super::super::index::PropertyIndex;
use super::super::value::Value;
use super::Executor;

/// What a statement knows of a property of nodes.
pub(super) struct Known {
    /// Where the plan has the key.
    key: *const u8,
    /// Of how many nodes it was asked for.
    asked: usize,
    index: Option<Arc<PropertyIndex>>,
    /// The values of nodes, by their chunks.
    chunks: Vec<Option<Arc<[Value]>>>,
}

/// Of so many nodes a property is looked at in each of them.
const ASKED_MAX: usize = 256;

impl Executor<'_, '_> {
    /// The property of a node that is there, if the statement asks for that of many, and there is an index.
    pub(super) fn known_property(&self, address: Address, key: &Arc<str>) -> Result<Option<Value>> {
        if !self.is_settled() {
            return Ok(None);
        }
        let mut properties = self.properties.borrow_mut();
        let there = key.as_ptr();
        let known = match properties.iter().position(|known| known.key == there) {
            Some(at) => &mut properties[at],
            None => {
                properties.push(Known {
                    key: there,
                    asked: 0,
                    index: None,
                    chunks: Vec::new(),
                });
                properties.last_mut().expect("it was just added")
            }
        };
        if known.asked < ASKED_MAX {
            known.asked += 1;
            if known.asked == ASKED_MAX {
                known.index = self.memory.index(key);
                known.chunks = vec![None; CHUNKS];
            }
            return Ok(None);
        }
        let prefix = address.prefix();
        let (Some(index), Some(chunk)) = (&known.index, self.view().state.chunk(prefix)) else {
            return Ok(None);
        };
        let values = match &mut known.chunks[usize::from(prefix)] {
            Some(values) => values,
            none => none.insert(index.values(prefix, chunk, |steps| self.spend(steps))?),
        };
        Ok(Some(values[usize::from(address.slot())].clone()))
    }
}
