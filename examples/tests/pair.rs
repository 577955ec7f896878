//! The examples work, whichever of them is started first.

use annulus_testkit::{Child, Scratch, eventually};
use std::process::Command;
use std::time::Duration;

const SENDER: &str = env!("CARGO_BIN_EXE_sender");
const RECEIVER: &str = env!("CARGO_BIN_EXE_receiver");

#[test]
fn sender_and_receiver_pass_all_prices_on_and_leave_nothing() {
    for order in [[SENDER, RECEIVER], [RECEIVER, SENDER]] {
        let ring = Scratch::new();
        let mut children = order.map(|path| Child::spawn(Command::new(path).arg(ring.name())));
        let mut said = children
            .each_mut()
            .map(|child| child.wait_within(Duration::from_secs(60)).assert_success().stdout());
        said.sort();
        assert_eq!(
            said,
            ["1000000 prices received, the highest was 104.99\n", "1000000 prices sent\n"]
        );
        assert!(!ring.path().exists());
    }
}

#[test]
fn quotes_of_one_type_go_from_one_process_to_another() {
    let ring = Scratch::new();
    let start =
        |side| Child::spawn(Command::new(env!("CARGO_BIN_EXE_quotes")).args([side, ring.name()]));
    let mut send = start("send");
    eventually(Duration::from_secs(60), || ring.path().exists());
    let mut recv = start("recv");
    let long = Duration::from_secs(60);
    assert_eq!(send.wait_within(long).assert_success().stdout(), "1000000 quotes sent\n");
    let received = "1000000 quotes received, the highest bid was 104.99\n";
    assert_eq!(recv.wait_within(long).assert_success().stdout(), received);
}

#[test]
fn two_rings_are_received_from_by_epoll_and_removed() {
    let rings = [Scratch::new(), Scratch::new()];
    let start = |args: &[&str]| Child::spawn(Command::new(env!("CARGO_BIN_EXE_epoll")).args(args));
    let names = rings.each_ref().map(Scratch::name);
    let mut recv = start(&["recv", names[0], names[1]]);
    let long = Duration::from_secs(60);
    eventually(long, || rings.iter().all(|ring| ring.path().exists()));
    let mut senders = names.map(|name| start(&["send", name]));
    let said = recv.wait_within(long).assert_success().stdout();
    for (sender, name) in senders.iter_mut().zip(names) {
        sender.wait_within(long).assert_success();
        assert!(said.contains(&format!("{name}: 1000 messages\n")), "{said}");
    }
    assert!(rings.iter().all(|ring| !ring.path().exists()));
}
