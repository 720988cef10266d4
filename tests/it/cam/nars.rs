//! NARS: the worked examples of the book to four digits, evidence that is counted once, questions, and what is kept.

use super::{Machine, cells};

/// Frequency and confidence that a line concludes, and what.
#[track_caller]
fn concludes(machine: &Machine, line: &str, statement: &str, frequency: f64, confidence: f64) {
    let row = &cells(&machine.line(line))[0];
    assert_eq!(row[0], statement, "{line}");
    let number = |at: usize| row[at].parse::<f64>().expect("a number");
    assert!(
        (number(1) - frequency).abs() < 5e-5 && (number(2) - confidence).abs() < 5e-5,
        "{line}: {row:?}"
    );
}

#[test]
fn worked_examples_to_four_digits() {
    let machine = Machine::new();
    for (line, statement, frequency, confidence) in [
        (
            "REVISE \"<swan --> white>. %1.0;0.9%\" \"<swan --> white>. %0.1;0.6%\"",
            "<swan --> white>",
            0.8714,
            0.9130,
        ),
        (
            "DEDUCE \"<bird --> animal>. %1.0;0.9%\" \"<robin --> bird>. %1.0;0.9%\"",
            "<robin --> animal>",
            1.0,
            0.81,
        ),
        (
            "DEDUCE \"<bird --> animal>. %0.9;0.9%\" \"<robin --> bird>. %0.8;0.9%\"",
            "<robin --> animal>",
            0.72,
            0.5832,
        ),
        (
            "ABDUCE \"<sport --> competition>. %1.0;0.9%\" \"<chess --> competition>. %0.9;0.9%\"",
            "<chess --> sport>",
            0.9,
            0.4475,
        ),
        (
            "INDUCE \"<swan --> swimmer>. %0.9;0.9%\" \"<swan --> bird>. %1.0;0.9%\"",
            "<bird --> swimmer>",
            0.9,
            0.4475,
        ),
        (
            "EXEMPLIFY \"<robin --> bird>. %1.0;0.9%\" \"<bird --> animal>. %1.0;0.9%\"",
            "<animal --> robin>",
            1.0,
            0.4475,
        ),
        (
            "COMPARE \"<swan --> swimmer>. %0.9;0.9%\" \"<swan --> bird>. %1.0;0.9%\"",
            "<bird <-> swimmer>",
            0.9,
            0.4475,
        ),
        (
            "ANALOGY \"<swan --> swimmer>. %1.0;0.9%\" \"<gull <-> swan>. %0.9;0.9%\"",
            "<gull --> swimmer>",
            0.9,
            0.729,
        ),
        (
            "RESEMBLE \"<swan <-> gull>. %0.9;0.9%\" \"<swan <-> tern>. %1.0;0.9%\"",
            "<gull <-> tern>",
            0.9,
            0.81,
        ),
        (
            "CONVERT \"<bird --> swimmer>. %1.0;0.9%\"",
            "<swimmer --> bird>",
            1.0,
            0.4737,
        ),
        (
            "CONTRAPOSE \"<rain ==> wet>. %0.1;0.9%\"",
            "<(--, wet) ==> (--, rain)>",
            0.0,
            0.4475,
        ),
        (
            "NEGATE \"<robin --> bird>. %0.1;0.9%\"",
            "(--, <robin --> bird>)",
            0.9,
            0.9,
        ),
    ] {
        concludes(
            &machine,
            &format!("NARS.{line}"),
            statement,
            frequency,
            confidence,
        );
    }
    // Composition, with the connectives as the printer writes them.
    let [meet, join] = ["INTERSECT", "UNION"].map(|rule| {
        cells(&machine.line(&format!(
            "NARS.{rule} \"<swan --> swimmer>. %0.9;0.9%\" \"<swan --> bird>. %0.5;0.8%\""
        )))
    });
    assert!(
        meet[0][0].contains('&') && join[0][0].contains('|'),
        "{meet:?} {join:?}"
    );
    let close = |row: &[String], frequency: f64, confidence: f64| {
        assert!(
            (row[1].parse::<f64>().unwrap() - frequency).abs() < 5e-5,
            "{row:?}"
        );
        assert!(
            (row[2].parse::<f64>().unwrap() - confidence).abs() < 5e-5,
            "{row:?}"
        );
    };
    close(&meet[0], 0.45, 0.72);
    close(&join[0], 0.95, 0.72);
}

#[test]
fn premises_without_evidence_conclude_nothing_and_figures_are_kept() {
    let machine = Machine::new();
    let none =
        machine.line("NARS.DEDUCE \"<bird --> animal>. %0;0.9%\" \"<robin --> bird>. %1;0.9%\"");
    assert_eq!(none.num_rows(), 0);
    for (line, message) in [
        (
            "NARS.DEDUCE \"<robin --> bird>. %1;0.9%\" \"<bird --> animal>. %1;0.9%\"",
            "deduction takes <M --> P> and <S --> M>; got <robin --> bird> and <bird --> animal>; swap them",
        ),
        (
            "NARS.CONTRAPOSE \"<robin --> bird>. %1;0.9%\"",
            "contraposition takes an implication <S ==> P>; got <robin --> bird>",
        ),
        (
            "NARS.CONVERT \"<a --> b>\"",
            "premise: no judgement of <a --> b> is stored in scope all",
        ),
        ("NARS.CONVERT #77", "premise: expected a judgement"),
        (
            "NARS.JUDGE \"<a --> b>\" 2,1",
            "truth: expected a truth f,c",
        ),
        (
            "NARS.JUDGE \"<a --> b>. %0.5;0.5%\" 1,0.9",
            "truth: expected none beside that of the statement, 0.5,0.5; got 1,0.9",
        ),
        (
            "NARS.JUDGE \"<(&,a,c) --> b>\"",
            "statement: expected terms that nodes can have as names",
        ),
        (
            "NARS.JUDGE \"<a <=> b>\"",
            "statement: expected -->, <-> or ==>, which edges can say",
        ),
        (
            "NARS.ASK \"<?a --> ?b>?\"",
            "statement: expected a term at one end at least",
        ),
    ] {
        let refused = machine.refusal(line);
        assert!(refused.contains(message), "{line}: {refused}");
    }
}

#[test]
fn evidence_is_counted_once() {
    let machine = Machine::new();
    let judge = |line: &str| cells(&machine.line(line))[0][0].clone();
    let first = judge("NARS.JUDGE \"<bird --> animal>\" 1.0,0.9");
    let second = judge("NARS.JUDGE \"<robin --> bird>. %1.0;0.9%\"");
    let again = judge("NARS.JUDGE \"<robin --> bird>\" 0.1,0.6");
    let conclusion = &cells(&machine.line(&format!("NARS.DEDUCE #{first} #{second}")))[0];
    assert_eq!(conclusion[4], format!("[{first}, {second}]"));
    // Kept with its evidence, a conclusion cannot support what it came from.
    let kept = judge(&format!(
        "NARS.JUDGE \"<robin --> animal>\" 1.0,0.81 {first},{second}"
    ));
    let refused = machine.refusal(&format!(
        "NARS.DEDUCE \"<animal --> thing>. %1;0.9%\" #{kept} 1"
    ));
    assert!(refused.contains("expected nothing after"), "{refused}");
    let refused = machine.refusal(&format!("NARS.EXEMPLIFY #{second} #{kept}"));
    assert!(refused.contains("takes <P --> M>"), "{refused}");
    let refused = machine.refusal(&format!("NARS.INDUCE #{kept} #{second}"));
    assert!(
        refused.contains(&format!("both premises stand on evidence #{second}")),
        "{refused}"
    );
    let refused = machine.refusal(&format!("NARS.REVISE #{second} #{second}"));
    assert!(
        refused.contains("would be counted twice; use CHOOSE"),
        "{refused}"
    );
    // Two pieces of evidence of one statement pool; choice takes the more confident.
    let pooled = &cells(&machine.line(&format!("NARS.REVISE #{second} #{again}")))[0];
    assert_eq!(pooled[4], format!("[{second}, {again}]"));
    concludes(
        &machine,
        &format!("NARS.REVISE #{second} #{again}"),
        "<robin --> bird>",
        0.8714,
        0.9130,
    );
    concludes(
        &machine,
        &format!("NARS.CHOOSE #{again} #{second}"),
        "<robin --> bird>",
        1.0,
        0.9,
    );
}

#[test]
fn questions_are_answered_by_choice_and_by_chaining() {
    let machine = Machine::new();
    for line in [
        "\"<robin --> bird>\" 1.0,0.9",
        "\"<robin --> bird>\" 0.5,0.3",
        "\"<bird --> animal>\" 1.0,0.9",
        "\"<animal --> mortal>\" 1.0,0.9",
    ] {
        machine.line(&format!("NARS.JUDGE {line}"));
    }
    concludes(
        &machine,
        "NARS.ASK \"<robin --> bird>?\"",
        "<robin --> bird>",
        1.0,
        0.9,
    );
    concludes(
        &machine,
        "NARS.ASK \"<robin --> animal>\"",
        "<robin --> animal>",
        1.0,
        0.81,
    );
    concludes(
        &machine,
        "NARS.ASK \"<robin --> mortal>\"",
        "<robin --> mortal>",
        1.0,
        0.729,
    );
    concludes(
        &machine,
        "NARS.ASK \"<robin --> ?what>?\" 0",
        "<robin --> bird>",
        1.0,
        0.9,
    );
    assert_eq!(
        machine.line("NARS.ASK \"<robin --> mortal>\" 0").num_rows(),
        0
    );
    let derivation = &cells(&machine.line("NARS.ASK \"<robin --> animal>\""))[0][5];
    assert!(
        derivation.starts_with("deduction(<bird --> animal> #"),
        "{derivation}"
    );
    assert_eq!(
        machine
            .line("NARS.ASK \"<robin --> bird>\" 0 SCOPE fluid")
            .num_rows(),
        0
    );
}
