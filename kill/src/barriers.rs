//! What a message and a release execute in a ring whose sides may sleep, while nobody does:
//! instruction by instruction, so that a barrier or a system call on the way is seen whatever the
//! compiler made of the code. And in a ring of many, where a send and a receive are one locked
//! instruction each, and not one more for being repaired exactly.

use crate::scene::Trouble;
use crate::step::{STEPS_MAX, Stand, Victim};
use crate::{begin, finished};
use annulus::{Attach, Backing, Barrier, Config, Segment, Slots, Wait};

/// Messages that are sent, and received with the release of eight, in one course.
pub const MESSAGES: u64 = 16;

/// What was executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Executed {
    /// Instructions.
    pub instructions: u64,
    /// Among them barriers: fences, and what locks the bus.
    pub barriers: u64,
    /// And system calls.
    pub calls: u64,
}

/// What sending 16 messages of 56 bytes takes in a ring that waits so.
pub fn sending(wait: Wait, barrier: Barrier) -> Result<Executed, Trouble> {
    let segment = segment(wait, barrier)?;
    // A reader, so that the ring is open at that side.
    let reader = segment.consumer()?;
    let fd = segment.share_fd()?;
    let executed = executed(|| {
        let segment = Segment::from_fd(fd, &Attach::default()).expect("a good segment");
        let mut producer = segment.producer().expect("nobody has the role");
        // The first one looks for room.
        producer.try_send(&[0; 56]).expect("there is room");
        begin();
        for number in 1..=MESSAGES {
            producer.try_send(&[number as u8; 56]).expect("there is room");
        }
        finished(MESSAGES);
    });
    drop(reader);
    executed
}

/// What receiving them takes.
pub fn receiving(wait: Wait, barrier: Barrier) -> Result<Executed, Trouble> {
    let segment = segment(wait, barrier)?;
    let mut producer = segment.producer()?;
    for number in 0..=MESSAGES {
        producer.try_send(&[number as u8; 56])?;
    }
    let fd = segment.share_fd()?;
    let executed = executed(|| {
        let segment = Segment::from_fd(fd, &Attach::default()).expect("a good segment");
        let mut consumer = segment.consumer().expect("nobody has the role");
        let mut buffer = [0; 56];
        consumer.try_recv(&mut buffer).expect("it is there");
        begin();
        for _ in 0..MESSAGES {
            consumer.try_recv(&mut buffer).expect("it is there");
        }
        finished(MESSAGES);
    });
    drop(producer);
    executed
}

/// What sending them takes in a ring of many, where nobody competes.
pub fn sending_of_many() -> Result<Executed, Trouble> {
    let fd = segment_of_many()?.share_fd()?;
    executed(|| {
        let segment = Segment::from_fd(fd, &Attach::default()).expect("a good segment");
        let mut producer = segment.mpmc_producer().expect("there is a seat");
        begin();
        for number in 1..=MESSAGES {
            producer.try_send(&[number as u8; 56]).expect("there is room");
        }
        finished(MESSAGES);
    })
}

/// What receiving and releasing them takes.
pub fn receiving_of_many() -> Result<Executed, Trouble> {
    let segment = segment_of_many()?;
    let mut producer = segment.mpmc_producer()?;
    for number in 0..=MESSAGES {
        producer.try_send(&[number as u8; 56])?;
    }
    let fd = segment.share_fd()?;
    executed(|| {
        let segment = Segment::from_fd(fd, &Attach::default()).expect("a good segment");
        let mut consumer = segment.mpmc_consumer().expect("there is a seat");
        let mut buffer = [0; 56];
        // The first one looks at all slots.
        consumer.try_recv(&mut buffer).expect("it is there");
        begin();
        for _ in 0..MESSAGES {
            consumer.try_recv(&mut buffer).expect("it is there");
        }
        finished(MESSAGES);
    })
}

fn segment_of_many() -> Result<Segment, Trouble> {
    let config = Config::mpmc(Slots::of(64, 56).of_one_length()).wait(Wait::Spin);
    Ok(Segment::create(&Backing::Memfd, &config)?)
}

fn segment(wait: Wait, barrier: Barrier) -> Result<Segment, Trouble> {
    let config = Config::spsc(4096).wait(wait);
    let config = if wait == Wait::Spin { config } else { config.barrier(barrier) };
    Ok(Segment::create(&Backing::Memfd, &config)?)
}

fn executed(life: impl FnOnce()) -> Result<Executed, Trouble> {
    let mut victim = Victim::start(life)?;
    let mut executed = Executed::default();
    // Ends: a course is some thousand instructions.
    while executed.instructions < STEPS_MAX {
        let next = victim.instruction()?;
        executed.instructions += 1;
        executed.barriers += u64::from(is_barrier(next));
        executed.calls += u64::from(next[..2] == [0x0f, 0x05]);
        if let Stand::Finished(MESSAGES) = victim.step()? {
            victim.kill()?;
            return Ok(executed);
        }
    }
    Err("it comes to no end".into())
}

/// Whether the instruction that begins so orders memory: a fence, a `lock`, or an exchange with
/// memory, which locks by itself.
fn is_barrier(instruction: [u8; 8]) -> bool {
    const LOCK: u8 = 0xf0;
    // Segments, sizes and repetitions, and what 64-bit code puts before an instruction.
    let is_prefix = |byte: u8| {
        matches!(byte, 0x26 | 0x2e | 0x36 | 0x3e | 0x40..=0x4f | 0x64..=0x67)
            || matches!(byte, 0xf2 | 0xf3)
    };
    let bytes = instruction.into_iter().skip_while(|byte| is_prefix(*byte));
    match bytes.take(3).collect::<Vec<u8>>()[..] {
        [LOCK, ..] => true,
        [0x0f, 0xae, operand] => matches!(operand, 0xe8 | 0xf0 | 0xf8),
        [0x86 | 0x87, operand, _] => operand < 0xc0,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_barrier;

    #[test]
    fn barriers_are_told_from_what_looks_like_them() {
        let padded = |bytes: &[u8]| std::array::from_fn(|i| bytes.get(i).copied().unwrap_or(0x90));
        for barrier in [
            &[0x0f, 0xae, 0xf0][..],
            &[0x0f, 0xae, 0xe8],
            &[0xf0, 0x83, 0x0c, 0x24, 0x00],
            &[0x48, 0x87, 0x07],
            &[0x66, 0xf0, 0x0f, 0xc1, 0x07],
        ] {
            assert!(is_barrier(padded(barrier)), "{barrier:x?}");
        }
        for other in [
            &[0x0f, 0xae, 0x38][..],
            &[0x48, 0x87, 0xc8],
            &[0x48, 0x89, 0x07],
            &[0xf3, 0x90],
            &[0x0f, 0x0d, 0x08],
        ] {
            assert!(!is_barrier(padded(other)), "{other:x?}");
        }
    }
}
