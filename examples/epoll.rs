//! Receives from two rings in one thread, by epoll(7), which could wait for sockets as well:
//!
//! ```text
//! cargo run --release --bin epoll recv left right
//! cargo run --release --bin epoll send left
//! cargo run --release --bin epoll send right
//! ```

use annulus::segment::{Name, Pollable, Readiness, Removal, RemoveError, remove};
use annulus::{Attach, Backing, Config, Consumer, Deadline, RecvError, Segment, Wait};
use std::error::Error;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::thread::sleep;
use std::time::Duration;

const MESSAGES: u64 = 1_000;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["send", name] => send(name),
        ["recv", left, right] => recv([left, right]),
        _ => Err("say 'send NAME' or 'recv NAME NAME'".into()),
    }
}

fn send(name: &str) -> Result<(), Box<dyn Error>> {
    let ring = Backing::Named(Name::new(name)?);
    let segment = Segment::attach(&ring, &Attach::default())?;
    let mut producer = segment.producer()?;
    for number in 0..MESSAGES {
        producer.send(&number.to_le_bytes(), Deadline::NEVER)?;
        if number % 100 == 0 {
            sleep(Duration::from_millis(1));
        }
    }
    Ok(())
}

fn recv(names: [&str; 2]) -> Result<(), Box<dyn Error>> {
    // SAFETY: takes no pointer.
    let epoll = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
    if epoll < 0 {
        return Err(io::Error::last_os_error().into());
    }
    // SAFETY: the kernel has just given it to us.
    let epoll = unsafe { OwnedFd::from_raw_fd(epoll) };

    let mut consumers = Vec::new();
    for (index, name) in names.into_iter().enumerate() {
        // The rings' sides have to sleep, or nobody would wake us.
        let config = Config::spsc(64 * 1024).wait(Wait::SpinThenPark);
        let segment = Segment::create(&Backing::Named(Name::new(name)?), &config)?;
        let consumer = Pollable::new(segment.consumer()?)?;
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: index as u64 };
        let (epoll, fd) = (epoll.as_raw_fd(), consumer.as_raw_fd());
        // SAFETY: the event is valid for the call to read.
        if unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, &mut event) } < 0 {
            return Err(io::Error::last_os_error().into());
        }
        consumers.push(Some(consumer));
    }

    let mut received = [0; 2];
    // Everything that is there is taken, and the descriptor armed, before it is waited for.
    let mut ready = vec![0, 1];
    loop {
        for index in ready {
            let Some(consumer) = &mut consumers[index] else { continue };
            if !take_all(consumer, &mut received[index])? {
                println!("{}: {} messages", names[index], received[index]);
                // Closes the descriptor, which epoll then forgets.
                consumers[index] = None;
                remove_spent(names[index])?;
            }
        }
        if consumers.iter().all(Option::is_none) {
            return Ok(());
        }
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; 2];
        // SAFETY: room for two events.
        let count = unsafe { libc::epoll_wait(epoll.as_raw_fd(), events.as_mut_ptr(), 2, -1) };
        // None, if a signal came.
        ready = events.iter().take(count.max(0) as usize).map(|event| event.u64 as usize).collect();
    }
}

/// Takes what there is, until there is nothing and the descriptor is armed. False at the end.
fn take_all(consumer: &mut Pollable<Consumer>, next: &mut u64) -> Result<bool, Box<dyn Error>> {
    let mut buffer = [0; 8];
    loop {
        match consumer.try_recv(&mut buffer) {
            Ok(_) if u64::from_le_bytes(buffer) == *next => *next += 1,
            Ok(_) => return Err("a message is missing".into()),
            Err(RecvError::Closed) => return Ok(false),
            Err(RecvError::Empty) => {
                if consumer.arm()? == Readiness::Pending {
                    return Ok(true);
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// The sender may still hold the ring for the moment that it takes to leave.
fn remove_spent(name: &str) -> Result<(), Box<dyn Error>> {
    while let Err(error) = remove(&Name::new(name)?, Removal::Spent) {
        match error {
            RemoveError::Held { .. } => sleep(Duration::from_millis(1)),
            error => return Err(error.into()),
        }
    }
    Ok(())
}
