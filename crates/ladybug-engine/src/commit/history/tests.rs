//! History keeps, finds and forgets what it says.

use std::sync::Arc;

use super::*;
use crate::space::address::Address;
use crate::space::mutation::{Content, NodeImage};

const LIMITS: HistoryLimits = HistoryLimits {
    bytes_max: usize::MAX,
    until: i64::MIN,
    acknowledged: Position::MAX,
};

fn mark(version: u64) -> Mark {
    Mark {
        version,
        committed: version as i64 * 10,
        position: version * 2,
    }
}

fn content(bytes: usize) -> Inverse {
    Inverse {
        mutation: Mutation::SetContent {
            address: Address(0x8000),
            content: Content::of_value(vec![b'x'; bytes].into()),
        },
        version: 3,
    }
}

/// `commits` commits after version 10, each of which replaced a kilobyte.
fn filled(commits: u64) -> History {
    let mut history = History::new(mark(10));
    for version in 11..=10 + commits {
        history.push(mark(version), &[content(1024)]);
    }
    history
}

#[test]
fn commits_come_back_newest_first_with_what_was_before_them() {
    let history = filled(200);
    let segments = history.since(100).expect("it reaches so far");
    let all = segments
        .iter()
        .rev()
        .flat_map(|segment| segment.newest_first());
    let later: Vec<_> = all.take_while(|past| past.after.version > 100).collect();
    assert_eq!(later.len(), 110);
    for (past, version) in later.iter().zip((101..=210).rev()) {
        assert_eq!(
            (past.after, past.before),
            (mark(version), mark(version - 1))
        );
        assert_eq!(past.inverses, [content(1024)]);
    }
    assert!(history.since(9).is_none(), "before the beginning");
    assert_eq!(history.oldest(), mark(10));
    assert_eq!(history.mark_of(57), mark(57));
    assert_eq!(history.mark_of(999), mark(210));
}

#[test]
fn times_lead_to_the_version_of_their_moment() {
    let history = filled(200);
    for version in [10, 11, 75, 76, 209, 210] {
        assert_eq!(history.at_time(version * 10), Some(mark(version as u64)));
        assert_eq!(
            history.at_time(version * 10 + 9),
            Some(mark(version as u64))
        );
    }
    assert_eq!(history.at_time(99), None);
}

#[test]
fn the_oldest_is_forgotten_beyond_the_bytes_the_age_and_nothing_unacknowledged() {
    let bytes_max = 300 << 10;
    let mut history = filled(1000);
    history.trim(HistoryLimits {
        bytes_max,
        ..LIMITS
    });
    assert!(history.bytes() <= bytes_max, "{}", history.bytes());
    assert!(history.bytes() > bytes_max - 2 * SEGMENT_BYTES);
    let oldest = history.oldest().version;
    assert!(history.since(oldest).is_some() && history.since(oldest - 1).is_none());

    let mut history = filled(1000);
    history.trim(HistoryLimits {
        until: mark(500).committed,
        ..LIMITS
    });
    assert!((400..=500).contains(&history.oldest().version));

    let mut history = filled(1000);
    let acknowledged = mark(300).position;
    history.trim(HistoryLimits {
        bytes_max: 0,
        acknowledged,
        ..LIMITS
    });
    assert!((200..=300).contains(&history.oldest().version));
    history.trim(HistoryLimits {
        bytes_max: 0,
        ..LIMITS
    });
    assert_eq!(history.oldest(), mark(1010));
    assert_eq!(history.newest(), mark(1010));
}

#[test]
fn what_was_not_acknowledged_is_taken_out_and_what_was_stays() {
    let mut history = filled(200);
    let bytes: Vec<_> = (0..200).map(|commits| filled(commits).bytes()).collect();
    for version in (151..=210).rev() {
        let past = history.pop_after(mark(150).position).expect("one more");
        assert_eq!(
            (past.after, past.before),
            (mark(version), mark(version - 1))
        );
        assert_eq!(history.newest(), mark(version - 1));
    }
    assert_eq!(history.pop_after(mark(150).position), None);
    assert!(history.bytes() <= bytes[141], "what it held is given back");
    history.push(mark(900), &[content(1)]);
    assert_eq!(history.newest(), mark(900));
    assert_eq!(history.mark_of(899), mark(150));
}

#[test]
fn names_and_ids_that_went_are_known_until_they_are_forgotten() {
    let mut history = History::new(mark(0));
    let node = NodeImage::new(7, Some(Arc::from(&b"ada"[..])), 0);
    let (address, node) = (Address(0x8000), Box::new(node));
    let removed = Inverse {
        mutation: Mutation::Insert { address, node },
        version: 1,
    };
    let renamed = |name: &[u8]| Inverse {
        mutation: Mutation::Rename {
            address,
            name: Some(name.into()),
        },
        version: 1,
    };
    history.push(mark(3), &[renamed(b"eve")]);
    history.push(mark(5), &[removed]);
    history.push(mark(6), &[renamed(b"eve")]);
    assert_eq!(history.departed_after(name_key(b"eve"), 2), Some(3));
    assert_eq!(history.departed_after(name_key(b"eve"), 3), Some(6));
    assert_eq!(history.departed_after(name_key(b"eve"), 6), None);
    assert_eq!(history.last_departure(name_key(b"eve")), Some(6));
    assert_eq!(history.departed_after(name_key(b"ada"), 4), Some(5));
    assert_eq!(history.departed_after(id_key(7), 0), Some(5));
    assert_eq!(history.last_departure(id_key(8)), None);
    assert!(history.pop_after(mark(5).position).is_some());
    assert_eq!(history.last_departure(name_key(b"eve")), Some(3));
}

#[test]
fn what_is_restored_is_what_was_stored_and_nonsense_is_refused() {
    let history = filled(200);
    let mut again = History::new(history.oldest());
    for commit in history.segments().flat_map(|segment| segment.encoded()) {
        again
            .restore(commit.after, commit.inverses)
            .expect("what was stored");
    }
    assert_eq!(again.bytes(), history.bytes());
    assert_eq!(again.newest(), history.newest());
    assert!(
        again.restore(mark(210), &[0]).is_err(),
        "a version that is there"
    );
    assert!(
        again.restore(mark(211), &[1, 0, 99]).is_err(),
        "no mutation"
    );
    assert!(
        again.restore(mark(211), &[0, 0]).is_err(),
        "more than announced"
    );
    assert_eq!(again.newest(), history.newest());
}
