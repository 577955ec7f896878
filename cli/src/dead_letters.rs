//! `annulus dead-letters`: what killed whoever received it, to standard output.
//!
//! A letter is discarded only after write(2) has taken it whole: who is killed before leaves it in
//! the ring, to be written again. Who discards the last one of a drained ring removes that, as its
//! last receiver would have.

use crate::address::Address;
use crate::args::{self, Args};
use crate::descriptor::Stop;
use crate::exit::{Failure, ManyFault, Status, note};
use crate::limit::Limit;
use crate::output::{self, Form, Output};
use crate::{meet, recv, units, usage};
use annulus::error::Severed;
use annulus::ring::mpmc::DeadLetter;
use annulus::segment::JoinError;
use annulus::{Attach, Segment};
use lexopt::prelude::{Long, Short, Value};

/// How often a message was delivered that is a dead letter.
const DELIVERIES: u32 = 16;

struct Asked {
    address: Address,
    form: Form,
    discard: bool,
    limit: Limit,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<Status, Failure> {
    let Some(asked) = parse(args)? else { return usage::show(usage::DEAD_LETTERS) };
    let mut output = Output::new(asked.form)?;
    let segment = open(&asked)?;
    let told = |error| cut_off(&asked.address, error);
    for letter in segment.dead_letters().map_err(told)? {
        match write(&mut output, &letter, asked.limit) {
            None if asked.discard => {
                // Somebody else may have discarded it meanwhile.
                segment.discard_dead_letter(letter.position).map_err(told)?;
            }
            None => {}
            Some(Stop::Closed) => return Ok(Status::Done),
            Some(stop) => return Err(output::failed(stop)),
        }
    }
    tell_of_others(&asked, &segment)?;
    if asked.discard && !asked.address.keep {
        recv::unlink(&asked.address, &segment);
    }
    Ok(Status::Done)
}

/// What else there is: letters to come, and what no participant writes.
fn tell_of_others(asked: &Asked, segment: &Segment) -> Result<(), Failure> {
    let address = || asked.address.to_string();
    let Some(seen) = segment.occupancy() else { return Ok(()) };
    let count = seen.worn_out + seen.last_delivered;
    if count > 0 {
        let fault = ManyFault::ToComeLetters { count };
        note(&Failure::Many { address: address(), fault });
    }
    let corrupted =
        |corruption| Failure::Join { address: address(), error: JoinError::Corrupted(corruption) };
    seen.corruption.map_or(Ok(()), |corruption| Err(corrupted(corruption)))
}

fn parse(mut args: Args) -> Result<Option<Asked>, Failure> {
    let (mut address, mut raw, mut meta, mut discard) = (None, false, false, false);
    let mut deadline = None;
    while let Some(arg) = args.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(None),
            Long("raw") => raw = true,
            Long("meta") => meta = true,
            Long("discard") => discard = true,
            Long("deadline") => deadline = args.option("--deadline", units::span)?,
            Value(word) if address.is_none() => address = Some(args::address(word)?),
            other => {
                let error = other.unexpected();
                return Err(args.refused(error));
            }
        }
    }
    let form = Form::of(raw, meta, &args)?;
    let address = address.ok_or(args.missing("an address"))?;
    Ok(Some(Asked { address, form, discard, limit: Limit::after(deadline) }))
}

/// The ring; whoever's it is, if it is only looked at.
fn open(asked: &Asked) -> Result<Segment, Failure> {
    let Asked { address, discard, .. } = asked;
    let any_owner = address.any_owner || !discard;
    let choice = meet::waiting(address, Attach::default().any_owner(any_owner).prefault(false));
    let bytes = meet::bytes_of(&address.backing);
    let attached = Segment::attach(&address.backing, &choice);
    let segment = attached.map_err(|error| meet::failed(address, error, bytes))?;
    meet::check_found(address, &segment)?;
    if segment.mpmc_geometry().is_none() {
        return Err(Failure::Many { address: address.to_string(), fault: ManyFault::NoLetters });
    }
    Ok(segment)
}

/// Writes a letter. What stopped it, if it is not written whole.
fn write(output: &mut Output, letter: &DeadLetter, limit: Limit) -> Option<Stop> {
    output.clear();
    let bytes = &letter.bytes;
    // SAFETY: the letter is there until the next `clear`, which is before the next write.
    unsafe { output.push(letter.position, DELIVERIES, bytes.as_ptr(), bytes.len()) };
    output.write(limit).stop
}

fn cut_off(address: &Address, cause: Severed) -> Failure {
    Failure::Join { address: address.to_string(), error: JoinError::Severed(cause) }
}
