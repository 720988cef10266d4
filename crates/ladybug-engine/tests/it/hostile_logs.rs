//! Records that no Ladybug wrote: they decode to something or are refused, and what they decode to is applied
//! or does not fit. Nothing panics.

use ladybug_engine::commit::codec::Decoder;
use ladybug_engine::fingerprint::Fingerprint;
use ladybug_engine::space::address::Address;
use ladybug_engine::space::apply::Space;
use ladybug_engine::space::chunk::NEVER;
use ladybug_engine::space::fields::FieldValue;
use ladybug_engine::space::graph::Edge;
use ladybug_engine::space::image::{SpaceImage, check_invariants};
use ladybug_engine::space::marks::{Qualia, Truth};
use ladybug_engine::space::mutation::{Bits, Content, Mutation, NodeImage};
use ladybug_engine::space::words::Word;

use crate::random::{Random, run_seeds, temporal};

#[path = "../../fuzz/src/batch.rs"]
mod batch;
use batch::encode;

/// Few places, so that changes meet, and some where nothing may be.
fn address(random: &mut Random) -> Address {
    const PLACES: [u16; 10] = [
        0, 0x0790, 0x0FFF, 0x1000, 0x1001, 0x7FFF, 0x8000, 0x8001, 0x9000, 0xFFFF,
    ];
    Address(random.pick(&PLACES).expect("a place"))
}

fn value(random: &mut Random, depth: u64) -> FieldValue {
    match random.below(6) {
        0 => FieldValue::Float(f64::from_bits(random.next())),
        1 => FieldValue::Boolean(random.one_in(2)),
        2 if depth < 70 => {
            let items = (0..random.below(3)).map(|_| value(random, depth + 1));
            FieldValue::List(items.collect())
        }
        3 => FieldValue::Bytes(random.next().to_le_bytes().into()),
        4 => FieldValue::Temporal(temporal(random).into()),
        _ => FieldValue::Integer(random.next() as i64),
    }
}

fn content(random: &mut Random) -> Content {
    let bits = || Box::new(Fingerprint::random(3));
    let mut fields = ladybug_engine::space::fields::Fields::default();
    for _ in 0..random.below(3) {
        let name = [b'a' + random.below(3) as u8];
        fields.insert(name[..].into(), value(random, 0));
    }
    Content {
        value: random.one_in(2).then(|| b"text"[..].into()),
        // An empty map, too.
        fields: random.one_in(2).then(|| fields.into()),
        fingerprint: match random.below(4) {
            0 => Bits::Given(bits()),
            1 => Bits::Vector(bits()),
            _ => Bits::Encoded,
        },
    }
}

fn name(random: &mut Random) -> Option<Vec<u8>> {
    match random.below(8) {
        0 => None,
        1 => Some(vec![0xFF; 1020 + random.below(8) as usize]),
        n => Some(vec![n as u8; n as usize % 3]),
    }
}

fn edge(random: &mut Random) -> Box<Edge> {
    Box::new(Edge {
        id: random.below(6),
        source: address(random),
        verb: random.pick(&[0, 9, 10, 144, 255]).expect("a verb"),
        target: address(random),
        weight: f32::from_bits(random.next() as u32),
        frequency: 2.0,
        confidence: f32::NAN,
        version: 0,
        evidence: random.one_in(2).then(|| [7, 0][..].into()),
        properties: content(random).fields,
        address: random.one_in(2).then(|| address(random)),
    })
}

fn mutation(random: &mut Random) -> Mutation {
    let at = address(random);
    let time = random.pick(&[0, -1, i64::MIN, NEVER, 5]).expect("a time");
    match random.below(21) {
        0..4 => {
            let name = name(random).map(Into::into);
            let mut node = Box::new(NodeImage::new(random.below(6), name, time));
            node.content = content(random);
            node.expires = random.pick(&[NEVER, time]).expect("a time");
            Mutation::Insert { address: at, node }
        }
        4 => Mutation::Remove { address: at },
        5 => Mutation::SetContent {
            address: at,
            content: content(random),
        },
        6 => Mutation::SetField {
            address: at,
            name: [b'a' + random.below(3) as u8][..].into(),
            value: random.one_in(2).then(|| value(random, 0)),
            place: random.one_in(2).then(|| random.next() as u32),
        },
        7 => Mutation::SetExpiry {
            address: at,
            expires: time,
        },
        8 => Mutation::Relocate {
            from: at,
            to: address(random),
        },
        9 => Mutation::Rename {
            address: at,
            name: name(random).map(Into::into),
        },
        10 => Mutation::SetKinds {
            address: at,
            kinds: random.one_in(2).then(|| ["b".into(), "a".into()].into()),
        },
        11 => Mutation::SetTruth {
            address: at,
            truth: Truth::DEFAULT,
            evidence: random.one_in(2).then(|| [][..].into()),
        },
        12 => Mutation::SetQualia {
            address: at,
            qualia: Qualia::default(),
        },
        13 => Mutation::SetRung {
            address: at,
            rung: random.below(10) as u8,
        },
        14 => Mutation::SetPromotion {
            address: at,
            accesses: random.next() as u32,
        },
        15 => Mutation::SetParent {
            address: at,
            parent: (!random.one_in(4)).then(|| address(random)),
        },
        16 | 17 => Mutation::Link { edge: edge(random) },
        18 => match random.one_in(2) {
            true => Mutation::UpdateEdge { edge: edge(random) },
            false => Mutation::Unlink {
                source: at,
                id: random.below(6),
            },
        },
        19 => Mutation::DefineWord {
            address: random
                .pick(&[0x0700, 0x0800, 0x0880, 0x0FFF, 0x1000].map(Address))
                .expect("an address"),
            word: (!random.one_in(3)).then(|| {
                Box::new(Word {
                    name: ["", "V", "no word"][random.below(3) as usize].into(),
                    text: "text".into(),
                })
            }),
        },
        _ => Mutation::DefineVerb {
            slot: random.pick(&[0, 10, 143, 144, 255]).expect("a slot"),
            name: random
                .pick(&[None, Some(""), Some("V"), Some("CAUSES")])
                .expect("one")
                .map(Into::into),
        },
    }
}

#[test]
fn changes_that_make_no_sense_do_not_fit_and_those_that_fit_can_be_taken_back() {
    let applied = run_seeds(600, |seed| {
        let mut random = Random(seed);
        let mut space = Space::new(seed);
        let mut inverses = Vec::new();
        for version in 1..80 {
            let before = SpaceImage::of(space.state());
            // Whatever it was, the log says it the same way.
            let bytes = encode(&mutation(&mut random));
            let mut decoder = Decoder::new(&bytes);
            let Ok(mutation) = decoder.mutation() else {
                continue;
            };
            assert_eq!(encode(&mutation), bytes);
            match space.apply(mutation, version) {
                Ok(inverse) => inverses.push(inverse),
                Err(_) => assert_eq!(debug(&SpaceImage::of(space.state())), debug(&before)),
            }
        }
        check_invariants(space.state()).expect("a sound state");
        let applied = inverses.len();
        for inverse in inverses.into_iter().rev() {
            let undone = space.apply(inverse.mutation, inverse.version);
            undone.expect("an inverse fits");
        }
        check_invariants(space.state()).expect("a sound state");
        let image = SpaceImage::of(space.state());
        assert!(image.nodes.is_empty() && image.edges.is_empty());
        applied
    });
    assert!(applied.iter().sum::<usize>() > 10 * applied.len());
}

/// Floats that are no numbers are not equal to themselves; their text is.
fn debug(image: &SpaceImage) -> String {
    format!("{image:?}")
}

#[test]
fn a_chain_is_no_deeper_than_it_may_be_and_no_node_is_its_own_ancestor() {
    let mut space = Space::new(0);
    let at = |n: u16| Address(0x8000 + n);
    for n in 0..300 {
        let node = Box::new(NodeImage::new(u64::from(n) + 1, None, 0));
        let address = at(n);
        space
            .apply(Mutation::Insert { address, node }, 1)
            .expect("a free address");
    }
    let set = |space: &mut Space, child, parent| {
        let (address, parent) = (at(child), Some(at(parent)));
        space
            .apply(Mutation::SetParent { address, parent }, 2)
            .is_ok()
    };
    // Two chains, of 201 and 99 nodes.
    assert!((1..=200).all(|n| set(&mut space, n, n - 1)));
    assert!((202..300).all(|n| set(&mut space, n, n - 1)));
    assert!(!set(&mut space, 5, 5) && !set(&mut space, 0, 200));
    assert!(!set(&mut space, 201, 157), "256 levels below the root");
    assert!(set(&mut space, 201, 156));
    check_invariants(space.state()).expect("a sound state");
}

#[test]
fn any_bytes_decode_to_what_says_the_same_or_are_refused() {
    let decoded = run_seeds(4_000, |seed| {
        let mut random = Random(seed);
        let mut bytes = vec![1];
        bytes.extend(random.next().to_le_bytes());
        let count = random.below(4);
        bytes.extend([1, 0, 1, count as u8]);
        (0..count).for_each(|_| bytes.extend(encode(&mutation(&mut random))));
        for _ in 0..random.below(4) {
            let at = random.below(bytes.len() as u64) as usize;
            match random.below(4) {
                0 => bytes[at] = random.next() as u8,
                1 => bytes.truncate(at),
                2 => bytes.insert(at, 0xFF),
                _ => bytes[at] ^= 1 << random.below(8),
            }
            if bytes.is_empty() {
                return 0;
            }
        }
        batch::run(&bytes)
    });
    assert!(decoded.iter().sum::<usize>() > decoded.len() / 10);
}
