//! A full /dev/shm for one child, and an untouched one for everybody else.

mod common;

use annulus_testkit::{Child, Scratch, skip, small_shm, small_shm_refused, this_test};
use common::LONG;
use std::{fs, io};

#[test]
fn a_small_shm_is_full_for_its_child_and_unseen_by_others() {
    let test = this_test!();
    test.role("fills", |args| {
        assert_eq!(fs::read_dir("/dev/shm").unwrap().count(), 0, "it starts empty");
        fs::write(&args[0], [1; 64 << 10]).expect("what fits, fits");
        let more = fs::write(&args[0], [1; (64 << 10) + 1]);
        assert_eq!(more.unwrap_err().kind(), io::ErrorKind::StorageFull);
        println!("full");
        io::stdin().read_line(&mut String::new()).unwrap();
    });
    if let Some(why) = small_shm_refused() {
        skip!("{why}");
    }

    let ring = Scratch::new();
    let path = ring.path().to_str().unwrap();
    let mut command = test.command("fills", &[path]);
    let mut child = Child::spawn_fed(small_shm(&mut command, 64 << 10));
    child.line(LONG, "full");
    assert!(!ring.path().exists());
    child.close_stdin();
    child.wait_within(LONG).assert_success();
}
