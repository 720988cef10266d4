//! What a new node or edge starts with.

use std::sync::Arc;

use crate::space::address::Address;
use crate::space::chunk::Kinds;
use crate::space::fields::Fields;
use crate::space::marks::{Qualia, Truth};
use crate::space::mutation::Content;

/// What a new node starts with.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// Its name.
    pub name: Option<Arc<[u8]>>,
    /// What it says.
    pub content: Content,
    /// Its kinds, sorted.
    pub kinds: Option<Kinds>,
    /// Its truth.
    pub truth: Truth,
    /// Its qualia.
    pub qualia: Qualia,
    /// Its rung.
    pub rung: u8,
    /// When it expires; then it lives in the fluid zone.
    pub expires: Option<i64>,
    /// After how many accesses it becomes permanent, 0 for never.
    pub promotion: u32,
    /// Its parent.
    pub parent: Option<Address>,
}

/// What a new edge carries.
#[derive(Clone, Debug)]
pub struct EdgeDraft {
    /// How much it counts.
    pub weight: f32,
    /// Its truth.
    pub truth: Truth,
    /// Whether it gets an address of its own in the fluid zone.
    pub reified: bool,
    /// Its properties.
    pub properties: Option<Arc<Fields>>,
}

impl Default for EdgeDraft {
    fn default() -> Self {
        Self {
            weight: 1.0,
            truth: Truth::DEFAULT,
            reified: false,
            properties: None,
        }
    }
}

/// Kinds as they are stored: sorted, each once; none is no list.
pub fn sorted_kinds(mut kinds: Vec<Arc<str>>) -> Option<Kinds> {
    kinds.sort_unstable();
    kinds.dedup();
    (!kinds.is_empty()).then(|| kinds.into())
}
