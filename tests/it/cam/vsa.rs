//! VSA against the definitions of its operations, bit by bit, and the laws of the algebra.

use arrow::array::AsArray;
use ladybug_engine::fingerprint::{BITS, Fingerprint};

use super::{Machine, cells, only};

/// The fingerprint that a line answers.
#[track_caller]
fn bits(machine: &Machine, line: &str) -> Fingerprint {
    let rows = machine.line(line);
    let column = rows.column_by_name("fingerprint").expect("a fingerprint");
    Fingerprint::from_bytes(column.as_fixed_size_binary().value(0)).expect("a fingerprint")
}

fn operand(seed: u64) -> (Fingerprint, String) {
    let bits = Fingerprint::random(seed);
    let text = format!("FP {}", bits.to_hex());
    (bits, text)
}

/// A fingerprint whose bits are as a function says.
fn by_bits(of: impl Fn(usize) -> bool) -> Fingerprint {
    let mut words = [0u64; BITS / 64];
    for bit in (0..BITS).filter(|bit| of(*bit)) {
        words[bit / 64] |= 1 << (bit % 64);
    }
    Fingerprint::from_words(words)
}

#[test]
fn operations_are_what_their_definitions_say_bit_by_bit() {
    let machine = Machine::new();
    let ((a, fa), (b, fb), (c, fc)) = (operand(1), operand(2), operand(3));
    let xor = by_bits(|bit| a.bit(bit) ^ b.bit(bit) ^ c.bit(bit));
    assert_eq!(bits(&machine, &format!("VSA.BIND {fa} {fb} {fc}")), xor);
    assert_eq!(
        bits(
            &machine,
            &format!("VSA.UNBIND FP {} {fb} {fc}", xor.to_hex())
        ),
        a
    );
    let count = |bit| [&a, &b, &c].iter().filter(|of| of.bit(bit)).count();
    let majority = by_bits(|bit| count(bit) >= 2);
    assert_eq!(
        bits(&machine, &format!("VSA.BUNDLE {fa} {fb} {fc}")),
        majority
    );
    let weighted = by_bits(|bit| {
        let weigh = |of: &Fingerprint, weight: i64| if of.bit(bit) { weight } else { -weight };
        weigh(&a, 3) + weigh(&b, -1) + weigh(&c, 1) > 0
    });
    assert_eq!(
        bits(&machine, &format!("VSA.WEIGHTED {fa} 3 {fb} -1 {fc} 1")),
        weighted
    );
    for n in [1_i64, 63, 64, 4097, -1, 10_240, i64::MIN] {
        let shift = n.rem_euclid(BITS as i64) as usize;
        let up = by_bits(|bit| a.bit((bit + BITS - shift) % BITS));
        assert_eq!(bits(&machine, &format!("VSA.PERMUTE {fa} {n}")), up, "{n}");
        let back = bits(&machine, &format!("VSA.UNPERMUTE FP {} {n}", up.to_hex()));
        assert_eq!(back, a, "{n}");
    }
    assert_eq!(
        bits(&machine, &format!("VSA.NOT {fa}")),
        by_bits(|bit| !a.bit(bit))
    );
    for n in 0..5 {
        let least = by_bits(|bit| count(bit) >= n);
        assert_eq!(
            bits(&machine, &format!("VSA.THRESHOLD {n} {fa} {fb} {fc}")),
            least,
            "{n}"
        );
    }
    assert_eq!(
        bits(&machine, &format!("VSA.AND {fa} {fb} {fc}")),
        by_bits(|bit| count(bit) == 3)
    );
    assert_eq!(
        bits(&machine, &format!("VSA.OR {fa} {fb} {fc}")),
        by_bits(|bit| count(bit) > 0)
    );
    let set = (0..BITS).filter(|bit| a.bit(*bit)).count();
    assert_eq!(
        only(&machine.line(&format!("VSA.POPCOUNT {fa}"))),
        set.to_string()
    );
    let differ = (0..BITS).filter(|bit| a.bit(*bit) != b.bit(*bit)).count();
    assert_eq!(
        only(&machine.line(&format!("VSA.DISTANCE {fa} {fb}"))),
        differ.to_string()
    );
}

#[test]
fn binding_inverts_itself_distributes_over_permutation_and_keeps_distances() {
    let machine = Machine::new();
    for seed in 0..8 {
        let ((a, fa), (b, fb), (_, fc)) = (operand(seed), operand(seed + 100), operand(seed + 200));
        let bound = bits(&machine, &format!("VSA.BIND {fa} {fb}"));
        assert_eq!(
            bits(&machine, &format!("VSA.BIND FP {} {fb}", bound.to_hex())),
            a
        );
        let (pa, pb) = (a.permute(7).to_hex(), b.permute(7).to_hex());
        let whole = bits(&machine, &format!("VSA.PERMUTE FP {} 7", bound.to_hex()));
        assert_eq!(bits(&machine, &format!("VSA.BIND FP {pa} FP {pb}")), whole);
        let distance = |x: &str, y: &str| only(&machine.line(&format!("VSA.DISTANCE {x} {y}")));
        let with_c = |x: &str| {
            format!(
                "FP {}",
                bits(&machine, &format!("VSA.BIND {x} {fc}")).to_hex()
            )
        };
        assert_eq!(distance(&with_c(&fa), &with_c(&fb)), distance(&fa, &fb));
    }
}

/// The similarity that a bundle says a member has is the mean that there is, to four standard deviations.
#[test]
fn a_bundle_is_as_similar_to_its_members_as_the_binomial_predicts() {
    let machine = Machine::new();
    for members in [1_u64, 2, 3, 4, 9, 20, 101, 400, 401] {
        let operands: Vec<_> = (0..members)
            .map(|seed| operand(seed + 1000 * members))
            .collect();
        let line: Vec<_> = operands.iter().map(|(_, text)| text.as_str()).collect();
        let line = format!("VSA.BUNDLE {}", line.join(" "));
        let row = &cells(&machine.line(&line))[0];
        let bundle = bits(&machine, &line);
        let mean: f64 = operands
            .iter()
            .map(|(member, _)| member.similarity(&bundle))
            .sum::<f64>()
            / members as f64;
        let predicted: f64 = row[2].parse().expect("a number");
        // The members' agreements with one bundle are correlated: what is averaged is at least one vector's bits.
        let error = 4.0 / (BITS as f64).sqrt();
        assert!(
            (mean - predicted).abs() < error,
            "{members}: {mean} and {predicted}"
        );
        assert_eq!(row[1], members.to_string());
        assert_eq!(row[3], (members > 400).to_string());
    }
    assert_eq!(machine.line("VSA.BUNDLE").num_rows(), 0);
    let zero = Fingerprint::ZERO.to_hex();
    assert_eq!(
        machine
            .line(&format!("VSA.WEIGHTED FP {zero} 0"))
            .num_rows(),
        0
    );
}

#[test]
fn unrelated_even_bundles_are_unrelated() {
    let machine = Machine::new();
    let bundle = |seed: u64| {
        let ((_, a), (_, b)) = (operand(seed), operand(seed + 1));
        (
            bits(&machine, &format!("VSA.BUNDLE {a} {b}")),
            bits(&machine, &format!("VSA.BUNDLE {b} {a}")),
        )
    };
    let ((x, x_again), (y, _)) = (bundle(10), bundle(20));
    assert_eq!(x, x_again, "the order of operands does not matter");
    assert!(x.z(&y).abs() < 5.0, "{}", x.z(&y));
}

#[test]
fn encoders_and_projections_are_those_of_the_memory() {
    let machine = Machine::new();
    machine.change("INSERT INTO nodes (name, value) VALUES ('a', 'web server')");
    machine.change(
        "INSERT INTO nodes (name, properties) VALUES ('r', '{\"of\":\"web\",\"as\":\"server\"}')",
    );
    let stored = |name: &str| bits(&machine, &format!("LANCE.GET {name}"));
    assert_eq!(
        bits(&machine, "VSA.ENCODE text \"web server\""),
        stored("a")
    );
    let record = "VSA.ENCODE record \"{'of':'web','as':'server'}\"".replace('\'', "\u{1}");
    let words: Vec<Vec<u8>> = vec![
        b"record".to_vec(),
        br#"{"of":"web","as":"server"}"#.to_vec(),
    ];
    let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    let method = ladybug::cam::Method::of_name("VSA.ENCODE").expect("a method");
    let rows = machine.call(&method, &words).expect("a record");
    let made = rows.column(0).as_fixed_size_binary().value(0).to_vec();
    assert_eq!(made, stored("r").to_bytes().to_vec(), "{record}");
    assert_eq!(
        bits(&machine, "VSA.ENCODE vector 1,-2,0.5"),
        bits(&machine, "VSA.PROJECT 1,-2,0.5")
    );
    // Charikar: the distance of two projections is the angle between the vectors, as a share of a half turn.
    let (a, b) = (
        bits(&machine, "VSA.PROJECT 1,0,0,0,0,0,0,0"),
        bits(&machine, "VSA.PROJECT 1,1,0,0,0,0,0,0"),
    );
    let share = f64::from(a.distance(&b)) / BITS as f64;
    assert!((share - 0.25).abs() < 0.02, "{share}");
    assert_eq!(bits(&machine, "VSA.RANDOM 5"), Fingerprint::random(5));
    assert!(
        bits(&machine, "VSA.RANDOM 5")
            .z(&bits(&machine, "VSA.RANDOM 6"))
            .abs()
            < 5.0
    );
}
