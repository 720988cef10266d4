//! The simulated disk loses what it may lose, and nothing else.

use super::*;

fn path(text: &str) -> &Path {
    Path::new(text)
}

#[test]
fn what_was_synced_survives_and_the_rest_is_a_mixture_of_sectors() {
    let mut lengths = std::collections::BTreeSet::new();
    let mut torn = 0;
    for seed in 0..300 {
        let storage = SimulatedStorage::new(seed);
        storage.create_directory(path("d")).unwrap();
        let file = storage.create(path("d/x")).unwrap();
        file.write_at(0, &[1; 2000]).unwrap();
        file.sync_data().unwrap();
        storage.sync_directory(path("d")).unwrap();
        file.write_at(1000, &[2; 3000]).unwrap();
        storage.crash();
        assert!(file.sync_data().is_err());
        assert!(storage.read(path("d/x")).is_err());
        storage.restart();
        assert!(file.sync_data().is_err(), "handles die with the process");
        let bytes = storage.read(path("d/x")).unwrap();
        assert_eq!(bytes[..1000], [1; 1000], "seed {seed}");
        assert!(bytes.len() == 2000 || bytes.len() == 4000);
        assert!(bytes[1000..1024].iter().all(|byte| *byte == bytes[1000]));
        lengths.insert(bytes.len());
        let sectors: Vec<_> = bytes[1024..].chunks(512).map(|sector| sector[0]).collect();
        torn += u32::from(sectors.contains(&2) && sectors.iter().any(|first| *first != 2));
    }
    assert_eq!(lengths.len(), 2);
    assert!(torn > 50, "{torn}");
}

#[test]
fn entries_are_durable_after_the_directory_was_synced() {
    let (mut lost, mut kept) = (0, 0);
    for seed in 0..100 {
        let storage = SimulatedStorage::new(seed);
        storage.create(path("old")).unwrap().sync_data().unwrap();
        storage.sync_directory(path("")).unwrap();
        storage.create(path("new")).unwrap().sync_data().unwrap();
        storage.rename(path("old"), path("renamed")).unwrap();
        storage.crash();
        storage.restart();
        let names: Vec<_> = storage
            .list(path(""))
            .unwrap()
            .into_iter()
            .map(|entry| entry.name)
            .collect();
        let renamed = names.contains(&String::from("renamed"));
        assert_ne!(
            renamed,
            names.contains(&String::from("old")),
            "a rename is atomic"
        );
        match names.contains(&String::from("new")) {
            true => kept += 1,
            false => lost += 1,
        }
    }
    assert!(lost > 10 && kept > 10, "{lost} {kept}");
}

#[test]
fn publishing_is_all_or_nothing_at_every_crash_point() {
    for seed in 0..400 {
        let storage = SimulatedStorage::new(seed);
        storage.publish(path("x"), &[1; 1500]).unwrap();
        storage.crash_after(seed % 6);
        let published = storage.publish(path("x"), &[2; 3000]).is_ok();
        storage.restart();
        let bytes = storage.read(path("x")).unwrap();
        let is_new = bytes == [2; 3000];
        assert!(is_new || (bytes == [1; 1500] && !published), "seed {seed}");
        assert!(storage.map(path("x")).unwrap()[..] == bytes[..]);
    }
}

#[test]
fn after_a_failed_sync_the_pages_are_readable_and_never_written_again() {
    let mut lost = 0;
    for seed in 0..100 {
        let storage = SimulatedStorage::new(seed);
        let file = storage.create(path("x")).unwrap();
        storage.sync_directory(path("")).unwrap();
        file.write_at(0, &[7; 512]).unwrap();
        storage.fail_sync_after(0);
        assert!(file.sync_data().is_err());
        assert_eq!(storage.read(path("x")).unwrap(), [7; 512]);
        file.sync_data().unwrap();
        file.write_at(600, &[8; 8]).unwrap();
        file.sync_data().unwrap();
        storage.restart();
        let bytes = storage.read(path("x")).unwrap();
        assert_eq!(bytes[600..], [8; 8]);
        lost += u32::from(bytes[0] != 7);
    }
    assert!((10..90).contains(&lost), "{lost}");
}

#[test]
fn a_full_disk_takes_what_fits_and_a_dead_process_loses_nothing() {
    let storage = SimulatedStorage::new(1);
    let file = storage.create(path("x")).unwrap();
    let lock = storage.lock(path("LOCK")).unwrap();
    assert!(storage.lock(path("LOCK")).is_err());
    storage.set_capacity(100);
    file.write_at(0, &[1; 60]).unwrap();
    let error = file.write_at(60, &[2; 60]).unwrap_err();
    assert_eq!(error.source.kind(), io::ErrorKind::StorageFull);
    assert_eq!(file.length().unwrap(), 100);
    storage.set_capacity(u64::MAX);
    file.write_at(60, &[2; 60]).unwrap();
    storage.kill();
    assert!(file.length().is_err());
    let _relocked = storage.lock(path("LOCK")).unwrap();
    drop(lock);
    assert!(
        storage.lock(path("LOCK")).is_err(),
        "a dead holder's drop frees nothing"
    );
    assert_eq!(storage.read(path("x")).unwrap().len(), 120);
    storage.flip_bit(path("x"), 3, 0).unwrap();
    assert_eq!(storage.read(path("x")).unwrap()[3], 0);
    assert!(storage.map(path("missing")).is_err());
    storage.create(path("empty")).unwrap();
    assert!(storage.map(path("empty")).unwrap().is_empty());
}

#[test]
fn a_removed_directory_is_gone_with_all_it_held() {
    let storage = SimulatedStorage::new(1);
    storage.create_directory(path("a/b")).unwrap();
    storage.publish(path("a/b/x"), b"x").unwrap();
    storage.publish(path("a/y"), b"y").unwrap();
    storage.rename(path("a"), path("c")).unwrap();
    assert_eq!(storage.read(path("c/b/x")).unwrap(), b"x");
    storage.remove_directory(path("c")).unwrap();
    storage.sync_directory(path("")).unwrap();
    storage.restart();
    assert!(storage.list(path("")).unwrap().is_empty());
}
