//! Many processes over one ring, some of which are killed again and again.

use super::common::{LONG, by_name, named};
use annulus::ring::mpmc::RecvError;
use annulus::{Attach, Config, Deadline, Segment, Slots};
use annulus_testkit::{Child, Scratch, Test, this_test};
use std::collections::HashMap;
use std::io::Write;
use std::time::{Duration, Instant};

const MESSAGES: u64 = 100_000;

/// How often workers are killed at least, be all sent by then.
const KILLS_MIN: usize = 12;

fn attach(name: &str) -> Segment {
    Segment::attach(&by_name(name), &Attach::default()).unwrap()
}

/// Sends its numbers: every second one, from the first on.
fn send_numbers(name: &str, first: u64) {
    let mut producer = attach(name).mpmc_producer().unwrap();
    for number in (first..MESSAGES).step_by(2) {
        producer.send(&number.to_le_bytes(), Deadline::NEVER).unwrap();
        // So that some kills come before all is sent, however fast the machine.
        if number % 2_000 == first {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Writes a line for each message, and releases a message only then.
fn work(name: &str) {
    let mut consumer = attach(name).mpmc_consumer().unwrap();
    let mut buffer = [0; 8];
    let mut stdout = std::io::stdout().lock();
    loop {
        match consumer.recv(&mut buffer, Deadline::NEVER) {
            Ok(received) => {
                let number = u64::from_le_bytes(buffer);
                // One write, which a kill takes or leaves.
                let line = format!("{number} {} {}\n", received.position, received.attempt);
                stdout.write_all(line.as_bytes()).unwrap();
                stdout.flush().unwrap();
            }
            Err(RecvError::Closed) => return,
            Err(error) => panic!("{error}"),
        }
    }
}

fn start_worker(test: &Test, scratch: &Scratch) -> Child {
    test.spawn("works", &[scratch.name()])
}

/// What its lines say, the torn last one dropped.
fn collect(text: &str, seen: &mut HashMap<u64, Vec<(u64, u32)>>) {
    let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
    for line in whole.lines() {
        let mut fields = line.split(' ').map(|field| field.parse::<u64>().unwrap());
        let (number, position) = (fields.next().unwrap(), fields.next().unwrap());
        let attempt = fields.next().unwrap() as u32;
        seen.entry(number).or_default().push((position, attempt));
    }
}

#[test]
fn killed_workers_lose_nothing_and_what_comes_again_says_so() {
    let test = this_test!();
    test.role("sends", |args| send_numbers(&args[0], args[1].parse().unwrap()));
    test.role("works", |args| work(&args[0]));
    let scratch = Scratch::new();
    let ring = Config::mpmc(Slots::of(256, 8).of_one_length());
    let segment = Segment::create(&named(&scratch), &ring).unwrap();
    // So that nobody is told of the end before both senders have come.
    let held_open = segment.mpmc_producer().unwrap();
    let mut senders = ["0", "1"].map(|first| test.spawn("sends", &[scratch.name(), first]));
    let mut workers = [(); 3].map(|()| start_worker(&test, &scratch));
    let mut seen = HashMap::new();
    let mut kills = 0;
    let begun = Instant::now();
    while kills < KILLS_MIN || senders.iter_mut().any(|sender| sender.is_running()) {
        assert!(begun.elapsed() < LONG, "both senders end");
        std::thread::sleep(Duration::from_millis(15));
        let victim = &mut workers[kills % 3];
        victim.kill();
        kills += 1;
        let output = std::mem::replace(victim, start_worker(&test, &scratch)).wait_within(LONG);
        collect(&output.stdout(), &mut seen);
    }
    for mut sender in senders {
        sender.wait_within(LONG).assert_success();
    }
    held_open.close();
    for mut worker in workers {
        collect(&worker.wait_within(LONG).assert_success().stdout(), &mut seen);
    }
    for number in 0..MESSAGES {
        let deliveries = seen.get(&number).unwrap_or_else(|| panic!("{number} is lost"));
        let unflagged = deliveries.iter().filter(|(_, attempt)| *attempt == 0).count();
        assert!(unflagged <= 1, "{number} came again and did not say so: {deliveries:?}");
        let position = deliveries[0].0;
        assert!(deliveries.iter().all(|(at, _)| *at == position), "{number}: {deliveries:?}");
    }
    assert_eq!(seen.len() as u64, MESSAGES);
}
