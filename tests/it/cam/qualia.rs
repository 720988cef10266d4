//! QUALIA by worked values: distances, blends, emotions, and the response of a difference of Gaussians.

use super::{Machine, cells, only};

fn machine() -> Machine {
    let machine = Machine::new();
    machine.change("INSERT INTO nodes (name) VALUES ('calm'), ('storm'), ('other')");
    machine.line("QUALIA.SET calm 0,0.5,0,1,0.5,0,0,0");
    machine.line("QUALIA.SET storm 1,-0.5,1,0,0.5,0,0,0.5");
    machine
}

#[track_caller]
fn number(text: &str, expected: f64) {
    let found: f64 = text.parse().expect("a number");
    assert!(
        (found - expected).abs() < 1e-6,
        "{found}, expected {expected}"
    );
}

#[test]
fn distances_blends_and_shifts_are_what_they_are_by_hand() {
    let machine = machine();
    number(
        &only(&machine.line("QUALIA.DISTANCE calm storm")),
        (1.0_f64 + 1.0 + 1.0 + 1.0 + 0.25).sqrt(),
    );
    let blended = &cells(&machine.line("QUALIA.BLEND calm storm 0.25"))[0];
    for (at, expected) in [0.25, 0.25, 0.25, 0.75, 0.5, 0.0, 0.0, 0.125]
        .into_iter()
        .enumerate()
    {
        number(&blended[3 + at], expected);
    }
    number(
        &cells(&machine.line("QUALIA.SHIFT calm valence -2"))[0][4],
        -1.0,
    );
    number(
        &cells(&machine.line("QUALIA.SHIFT calm novelty 0.5"))[0][10],
        0.625,
    );
    assert_eq!(only(&machine.line("QUALIA.DECAY 0.5")), "2");
    number(&cells(&machine.line("QUALIA.FEEL storm"))[0][4], -0.25);
    let contrast = cells(&machine.line("QUALIA.CONTRAST calm storm"));
    assert_eq!(contrast.len(), 8);
    let mood = &cells(&machine.line("QUALIA.MOOD"))[0];
    assert_eq!(mood[0], "3");
    number(&mood[2], (-0.5 - 0.25) / 3.0);
}

#[test]
fn what_is_embodied_is_the_nearest_emotion() {
    let machine = machine();
    for emotion in [
        "admiration",
        "anger",
        "fear",
        "hope",
        "joy",
        "love",
        "pride",
        "relief",
        "shame",
    ] {
        machine.line(&format!("QUALIA.EMBODY other {emotion}"));
        let row = &cells(&machine.line("QUALIA.EMOTION other"))[0];
        // Remorse and shame lie at one place; the first by name answers.
        let expected = if emotion == "shame" {
            "remorse"
        } else {
            emotion
        };
        assert_eq!(row[0], expected);
        assert!(row[1].parse::<f64>().expect("a number") < 1e-6);
    }
}

/// Qualia are singles, and 0.7 as one is less than 0.7.
#[test]
fn bounds_mean_what_was_written() {
    let machine = machine();
    let row = &cells(&machine.line("QUALIA.SET calm 0.7,0.7,0,0,0,0,0,0"))[0];
    assert_eq!((&*row[3], &*row[4]), ("0.7", "0.7"));
    for line in [
        "QUALIA.VALENCE 0.7 0.7",
        "QUALIA.AROUSAL 0.7 1",
        "QUALIA.BETWEEN valence 0 0.7",
    ] {
        let rows = cells(&machine.line(line));
        assert!(rows.iter().any(|row| row[2] == "calm"), "{line}");
    }
}

#[test]
fn resonance_excites_what_is_near_and_inhibits_the_ring() {
    let machine = machine();
    let rows = cells(&machine.line("QUALIA.RESONATE KEY calm 0,0.5,0,1,0.5,0,0,0 3"));
    assert_eq!(rows[0][2], "calm");
    number(&rows[0][5], 0.5);
    // Another mood at the same place in meaning: its fingerprint excites, its qualia do not.
    assert!(
        rows[1..]
            .iter()
            .all(|row| row[5].parse::<f64>().expect("a number") < 0.1)
    );
}

#[test]
fn what_is_out_of_range_is_refused() {
    let machine = machine();
    for (line, message) in [
        ("QUALIA.SET calm 2,0,0,0,0,0,0,0", "qualia: "),
        ("QUALIA.SET calm 1,2", "qualia: qualia are eight numbers"),
        (
            "QUALIA.BLEND calm storm 1.5",
            "w: expected a number from 0 to 1, got '1.5'",
        ),
        (
            "QUALIA.BETWEEN warmth 0 1",
            "dimension: expected one of arousal, valence",
        ),
        (
            "QUALIA.EMBODY calm ennui",
            "emotion: expected one of admiration",
        ),
        ("QUALIA.FEEL nobody", "x: no such node 'nobody'"),
    ] {
        let refused = machine.refusal(line);
        assert!(refused.contains(message), "{line}: {refused}");
    }
}
