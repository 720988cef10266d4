//! Looking back: what the engine says of the past is what the model was then.

use ladybug_engine::engine::{Engine, HISTORY_BYTES, NodeRef, When};
use ladybug_engine::space::image::check_invariants;
use ladybug_engine::space::mutation::NodeImage;

use super::History;
use crate::simulator::compare::assert_same;

impl History {
    /// What was is what the model was then, as far back as history goes.
    pub(super) fn look_back(&mut self, engine: &Engine) {
        let id = self.spaces()[0];
        let began = self.begun.get(&id).copied().unwrap_or(0);
        let thens: Vec<_> = self
            .past
            .range(began..)
            .map(|(_, memory)| memory.space(id))
            .collect();
        let then = self.random.pick(&thens).expect("at least the beginning");
        let version = When::Version(then.version);
        let past = engine.state_at(id, version);
        let oldest = engine.history_stats(id).oldest.version;
        let name = format!("n{}", self.random.below(20)).into_bytes();
        let node = engine.node_at(id, NodeRef::Name(&name), version);
        let random_id = self.random.below(self.memory.id_max.max(1)) + 1;
        let by_id = engine.node_at(id, NodeRef::Id(random_id), version);
        if engine.log().check().is_err() {
            return;
        }
        let bounded = self.options.history_bytes < HISTORY_BYTES;
        let (Ok(past), Ok(node), Ok(by_id)) = (past, node, by_id) else {
            assert!(bounded && then.version < oldest, "only what is forgotten");
            return;
        };
        assert!(then.version >= oldest);
        assert_same(&past.value, &then);
        check_invariants(&past.value).expect("a sound past");
        assert_eq!(
            (past.version, past.committed),
            (then.version, then.committed)
        );
        let found = node
            .value
            .as_ref()
            .map(|node| (node.image.id, node.version));
        let expected = then.find(&name).map(|id| (id, then.nodes[&id].version));
        assert_eq!((found, node.committed), (expected, then.committed));
        let image = |id| Some(NodeImage::of(past.value.node(past.value.find_id(id)?)?));
        assert_eq!(by_id.value.map(|node| node.image), image(random_id));
        if let Some(node) = node.value {
            let named = then
                .nodes
                .values()
                .find(|there| there.name.as_ref() == Some(&name));
            assert_eq!(
                Some(node.fingerprint()),
                named.map(|node| node.fingerprint())
            );
            assert_eq!(image(node.image.id), Some(node.image));
        }
        self.tally.looks_back += 1;
    }
}
