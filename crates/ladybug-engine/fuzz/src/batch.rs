//! Reads arbitrary bytes as the payload of a log record: nothing panics, whatever decodes is encoded again to what
//! says the same, and what it says is applied to a space or does not fit.

use ladybug_engine::commit::batch::Batch;
use ladybug_engine::commit::codec::{Decoder, Encoder};
use ladybug_engine::space::apply::Space;
use ladybug_engine::space::image::check_invariants;
use ladybug_engine::space::mutation::Mutation;

/// Runs one input and answers how many mutations it held. Panics if a promise is broken.
pub fn run(payload: &[u8]) -> usize {
    let Ok(Batch::Commit { parts, .. }) = Batch::decode(payload) else {
        return 0;
    };
    let mutations = parts.into_iter().flat_map(|part| part.mutations);
    let mut space = Space::new(0);
    let mut inverses = Vec::new();
    let mut count = 0;
    for mutation in mutations {
        let bytes = encode(&mutation);
        // Not the mutations themselves: a float that is no number is not equal to itself.
        let again = Decoder::new(&bytes).mutation().expect("what was encoded");
        assert_eq!(encode(&again), bytes);
        inverses.extend(space.apply(mutation, 1));
        count += 1;
    }
    check_invariants(space.state()).expect("a sound state");
    for inverse in inverses.into_iter().rev() {
        let undone = space.apply(inverse.mutation, inverse.version);
        undone.expect("an inverse fits");
    }
    assert_eq!(space.state().nodes_len() + space.state().graph().len(), 0);
    count
}

/// A mutation as the log has it.
pub fn encode(mutation: &Mutation) -> Vec<u8> {
    let mut bytes = Vec::new();
    Encoder(&mut bytes).mutation(mutation);
    bytes
}
