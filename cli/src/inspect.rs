//! `annulus inspect`: all there is to see of one ring, while it is in use and afterwards.
//!
//! No role is taken and nothing is stored: nobody notices. So a ring whose processes are gone is
//! a record of how they ended. What is damaged is told by the status, and what can be read of it
//! is printed all the same. Who takes part in a ring of many is told by `mpmc`.

mod mpmc;

pub(crate) use mpmc::Crowd;

use crate::address::Address;
use crate::args::{self, Args};
use crate::clock::rfc3339;
use crate::exit::{Failure, Status, one_line};
use crate::units::Bytes;
use crate::{ls, meet, print, usage};
use annulus::layout::{Header, KIND_MPMC, KIND_SPSC};
use annulus::ring::{Position, Standing, Waiting};
use annulus::segment::{Inspection, JoinError, RoleSurvey, SegmentError};
use annulus::{Attach, Backing, Segment, Wake};
use lexopt::prelude::{Long, Short, Value as Word};
use serde_json::{Value, json};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{self, PathBuf};

/// The form of the JSON object. It changes when a field's meaning does.
const SCHEMA: &str = "annulus.inspect/1";

/// The file that a ring is in.
struct File {
    path: PathBuf,
    owner: u32,
    mode: u32,
    bytes: u64,
}

/// A ring that was looked at.
struct Seen {
    header: Header,
    waiting: Waiting,
    longest: usize,
    inspection: Inspection,
    /// Of a ring of many.
    crowd: Option<Crowd>,
}

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<Status, Failure> {
    let Some((address, json)) = parse(args)? else { return usage::show(usage::INSPECT) };
    print::check()?;
    let file = File::at(&address.backing);
    let seen = match open(&address) {
        Ok(segment) => Ok(Seen {
            header: segment.header(),
            waiting: segment.waiting(),
            longest: segment.longest_message(),
            inspection: segment.inspect(),
            crowd: Crowd::of(&segment),
        }),
        Err(failure) => Err(failure),
    };
    match (&seen, file) {
        // Nothing there, or nothing that was ever ours to tell of.
        (Err(failure), _) if failure.status() != Status::Corrupted => {}
        (_, None) => {}
        (seen, Some(file)) if json => print::all(&format!("{}\n", object(&address, &file, seen)))?,
        (seen, Some(file)) => print::all(&text(&address, &file, seen))?,
    }
    verdict(&address, &seen?.inspection)
}

fn parse(mut args: Args) -> Result<Option<(Address, bool)>, Failure> {
    let (mut address, mut json) = (None, false);
    while let Some(arg) = args.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(None),
            Long("json") => json = true,
            Word(word) if address.is_none() => address = Some(args::address(word)?),
            other => {
                let error = other.unexpected();
                return Err(args.refused(error));
            }
        }
    }
    let address = address.ok_or(args.missing("an address"))?;
    Ok(Some((address, json)))
}

/// The ring, whoever it belongs to: it is only looked at, and its memory is not brought in.
fn open(address: &Address) -> Result<Segment, Failure> {
    let choice = meet::waiting(address, Attach::default().any_owner(true).prefault(false));
    let bytes = meet::bytes_of(&address.backing);
    let attached = Segment::attach(&address.backing, &choice);
    let segment = attached.map_err(|error| meet::failed(address, error, bytes))?;
    meet::check_found(address, &segment)?;
    Ok(segment)
}

/// What one would be told who joined this ring.
fn verdict(address: &Address, seen: &Inspection) -> Result<Status, Failure> {
    let error = match (seen.severed, seen.corruption) {
        (Some(severed), _) => JoinError::Severed(severed),
        (None, Some(corruption)) => JoinError::Corrupted(corruption),
        (None, None) => return Ok(Status::Done),
    };
    Err(Failure::Join { address: address.to_string(), error })
}

impl File {
    fn at(backing: &Backing) -> Option<File> {
        let path = match backing {
            Backing::Named(name) => name.path(),
            Backing::File(path) => path::absolute(path).unwrap_or_else(|_| path.clone()),
            Backing::Memfd => return None,
        };
        let metadata: Metadata = path.symlink_metadata().ok()?;
        let (owner, mode, bytes) = (metadata.uid(), metadata.mode() & 0o7777, metadata.len());
        Some(File { path, owner, mode, bytes })
    }
}

/// The table: the ring's own lines, then a column for each side.
fn text(address: &Address, file: &File, seen: &Result<Seen, Failure>) -> String {
    let mut lines = vec![
        ("ring", address.to_string()),
        ("file", format!("{}, {} bytes", file.path.display(), file.bytes)),
        ("owner", format!("user {}, mode {:04o}", file.owner, file.mode)),
    ];
    let Ok(Seen { header, waiting, longest, inspection, crowd }) = seen else {
        return table(&lines);
    };
    let Inspection { survey, backlog, .. } = inspection;
    let about = if backlog.exact { "" } else { "about " };
    lines.extend([
        ("kind", format!("{}, ABI {}", kind(header), header.abi_version)),
        ("capacity", format!("{}, messages to {longest} bytes", Bytes(header.capacity))),
        ("cell", format!("{} bytes, pages of {}", header.cell_bytes, header.page_bytes)),
        ("wait", waiting.policy().to_string()),
        ("waking", caution(*waiting)),
        ("barrier", barrier(*waiting)),
        ("segment", segment_id(header)),
        ("state", ls::state(survey).to_owned()),
    ]);
    if let Some(crowd) = crowd {
        lines.extend(crowd.lines());
    }
    lines.extend([(
        "unread",
        format!("{about}{} messages, {} bytes", backlog.messages, backlog.bytes),
    )]);
    if let Some(at) = survey.closed_at {
        lines.push(("closed at", at.to_string()));
    }
    if let Some(corruption) = inspection.corruption {
        lines.push(("damaged", format!("{}, at {}", corruption.what, corruption.at)));
    }
    if let Some(crowd) = crowd {
        return table(&lines) + "\n" + &crowd.table();
    }
    let positions = [backlog.tail, backlog.head];
    table(&lines) + "\n" + &sides([&survey.producer, &survey.consumer], positions)
}

fn table(lines: &[(&str, String)]) -> String {
    lines.iter().map(|(name, value)| format!("{name:10}  {}\n", one_line(value))).collect()
}

fn sides(sides: [&RoleSurvey; 2], positions: [Position; 2]) -> String {
    let each = |cell: &dyn Fn(&RoleSurvey) -> String| sides.map(cell);
    let known = |side: &RoleSurvey, word: u64| match side.generation {
        0 => "-".to_owned(),
        _ => word.to_string(),
    };
    let rows = [
        ("", ["SENDER".to_owned(), "RECEIVER".to_owned()]),
        ("state", each(&|side| state(side).to_owned())),
        ("pid", each(&|side| known(side, side.pid))),
        ("since", each(&|side| since(side).unwrap_or("-".to_owned()))),
        ("generation", each(&|side| side.generation.to_string())),
        ("position", positions.map(|position| position.to_string())),
        ("messages", each(&|side| side.messages.to_string())),
        ("bytes", each(&|side| side.bytes.to_string())),
        ("waits", each(&|side| side.waits.to_string())),
        ("backstop", each(&|side| side.backstop.to_string())),
    ];
    let line = |(name, [sender, receiver]): &(&str, [String; 2])| {
        format!("{name:10}  {sender:24}  {receiver}\n")
    };
    rows.iter().map(line).collect()
}

fn object(address: &Address, file: &File, seen: &Result<Seen, Failure>) -> Value {
    let mut object = json!({
        "schema": SCHEMA,
        "address": address.to_string(),
        "path": file.path.to_string_lossy(),
        "owner": file.owner,
        "mode": format!("{:04o}", file.mode),
        "bytes": file.bytes,
    });
    let (header, waiting, longest, inspection, crowd) = match seen {
        Ok(Seen { header, waiting, longest, inspection, crowd }) => {
            (header, *waiting, longest, inspection, crowd)
        }
        Err(failure) => {
            object["error"] = json!({ "code": code(failure), "text": failure.to_string() });
            return object;
        }
    };
    let Inspection { survey, backlog, .. } = inspection;
    let error = verdict(address, inspection).err();
    let fields = json!({
        "kind": kind(header),
        "abi": header.abi_version,
        "capacity": header.capacity,
        "longest_message": longest,
        "cell": header.cell_bytes,
        "page": header.page_bytes,
        "wait": waiting.policy().to_string(),
        "waking": waking(waiting),
        "crash_safe": is_crash_safe(waiting),
        "barrier": barrier(waiting),
        "segment": segment_id(header),
        "state": ls::state(survey),
        "unread": {
            "messages": backlog.messages,
            "bytes": backlog.bytes,
            "exact": backlog.exact,
        },
        "closed_at": survey.closed_at,
        "damaged_at": inspection.corruption.map(|corruption| corruption.at),
        "error": error.map(|error| json!({ "code": code(&error), "text": error.to_string() })),
        "sender": side(&survey.producer, backlog.tail),
        "receiver": side(&survey.consumer, backlog.head),
    });
    if let (Value::Object(all), Value::Object(fields)) = (&mut object, fields) {
        all.extend(fields);
        if let Some(crowd) = crowd {
            crowd.add_to(all);
        }
    }
    object
}

fn side(side: &RoleSurvey, position: Position) -> Value {
    json!({
        "state": state(side),
        "held": side.held,
        "pid": is_known(side).then_some(side.pid),
        "since": since(side),
        "since_ns": is_known(side).then_some(side.since_ns),
        "generation": side.generation,
        "position": position,
        "messages": side.messages,
        "bytes": side.bytes,
        "waits": side.waits,
        "backstop": side.backstop,
    })
}

/// In one or two words, what became of a side.
fn state(side: &RoleSurvey) -> &'static str {
    match (side.standing, side.held) {
        (Standing::Invalid, _) => "corrupted",
        (Standing::Vacant, true) => "joining",
        (Standing::Vacant, false) if side.generation == 0 => "never joined",
        // Left or died; a sender that came later has opened the ring for the next one.
        (Standing::Vacant, false) => "gone",
        (Standing::Joined(_), true) => "alive",
        (Standing::Joined(_), false) => "dead",
        (Standing::Closed(_), true) => "closing",
        (Standing::Closed(_), false) => "closed",
    }
}

/// Whether it is known who has the role or had it last: of a ring of many, who is there.
fn is_known(side: &RoleSurvey) -> bool {
    side.generation > 0 && side.pid != 0
}

fn since(side: &RoleSurvey) -> Option<String> {
    is_known(side).then(|| rfc3339(side.since_ns))
}

fn kind(header: &Header) -> String {
    match header.kind {
        KIND_SPSC => "spsc".to_owned(),
        KIND_MPMC => "mpmc".to_owned(),
        other => other.to_string(),
    }
}

/// What wakes who sleeps.
fn waking(waiting: Waiting) -> String {
    waiting.wake().map_or("none".to_owned(), |wake| wake.to_string())
}

/// Whether who is killed asleep or waking leaves others as they were.
fn is_crash_safe(waiting: Waiting) -> bool {
    waiting.wake().is_none_or(Wake::is_crash_safe)
}

fn caution(waiting: Waiting) -> String {
    let waking = waking(waiting);
    match is_crash_safe(waiting) {
        true => waking,
        false => waking + ", not crash-safe: who is killed in it may leave others waiting for ever",
    }
}

/// How who sleeps is not missed.
fn barrier(waiting: Waiting) -> String {
    waiting.barrier().map_or("none".to_owned(), |barrier| barrier.to_string())
}

fn segment_id(header: &Header) -> String {
    let [high, low] = header.segment_id;
    format!("{high:016x}{low:016x}")
}

/// The engine's number of what is wrong with a segment; 0 for what is none of its errors.
fn code(failure: &Failure) -> i32 {
    match failure {
        Failure::Segment { error, .. } => SegmentError::code(*error),
        Failure::Join { error, .. } => JoinError::code(*error),
        _ => 0,
    }
}
