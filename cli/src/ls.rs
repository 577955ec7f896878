//! `annulus ls`: the rings in shared memory, who is there, and in which state they are.
//!
//! Each ring is mapped and looked at, and no role is taken: nobody notices. What has a ring's name
//! and is no file (a link, a FIFO) is in a sender's way, so it is listed with the rest.

use crate::address::Kind;
use crate::args::Args;
use crate::exit::{Failure, Status};
use crate::inspect::Crowd;
use crate::units::Bytes;
use crate::{meet, print, usage};
use annulus::ring::{Role, Standing};
use annulus::segment::{Listed, Name, RoleSurvey, SegmentError, Shape, Survey, list};
use annulus::{Attach, Backing, Segment, Wait};
use lexopt::prelude::{Long, Short};
use serde_json::{Value, json};
use std::os::unix::fs::MetadataExt;
use std::time::UNIX_EPOCH;
use std::{fs, io};

/// The form of a JSON line. It changes when a field's meaning does.
const SCHEMA: &str = "annulus.ls/1";

/// Where rings with a name are, and what the names of their files begin with.
const FOLDER: &str = "/dev/shm";
const PREFIX: &str = "annulus.";

/// The columns of the table.
const HEADS: [&str; 6] = ["NAME", "OWNER", "CAPACITY", "STATE", "SENDER", "RECEIVER"];

/// A ring, or a file with a ring's name.
struct Row {
    listed: Listed,
    seen: Result<Seen, SegmentError>,
}

/// What a look at a ring showed.
struct Seen {
    capacity: u64,
    wait: Wait,
    /// That of its records, if it takes one type only.
    shape: Option<Shape>,
    survey: Survey,
    /// Of a ring of many.
    crowd: Option<Crowd>,
}

/// Runs the command.
pub(crate) fn run(mut args: Args) -> Result<Status, Failure> {
    let mut json = false;
    while let Some(arg) = args.next()? {
        match arg {
            Short('h') | Long("help") => return usage::show(usage::LS),
            Long("json") => json = true,
            other => {
                let error = other.unexpected();
                return Err(args.refused(error));
            }
        }
    }
    let files = list().map_err(Failure::List)?;
    let mut rows: Vec<Row> = files.into_iter().filter_map(Row::look).collect();
    rows.extend(no_files().map_err(Failure::List)?);
    rows.sort_by(|a, b| a.listed.name.cmp(&b.listed.name));
    if json {
        let lines = rows.iter().map(|row| format!("{}\n", row.json()));
        print::all(&lines.collect::<String>())?;
    } else {
        print::all(&table(&rows))?;
    }
    Ok(Status::Done)
}

/// What stands in shared memory under the name of a ring and is no regular file.
fn no_files() -> io::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for entry in fs::read_dir(FOLDER)? {
        let entry = entry?;
        let file = entry.file_name();
        let name = file.to_str().and_then(|file| Name::new(file.strip_prefix(PREFIX)?).ok());
        // Of a link this is the link's own; what is gone meanwhile is not there.
        let (Some(name), Ok(metadata)) = (name, entry.metadata()) else { continue };
        if metadata.is_file() {
            continue;
        }
        let (uid, bytes, modified) = (metadata.uid(), metadata.len(), metadata.modified()?);
        let listed = Listed { name, uid, bytes, modified };
        rows.push(Row { listed, seen: Err(SegmentError::NotRegular) });
    }
    Ok(rows)
}

impl Row {
    /// Looks at a ring; `None` if it is gone meanwhile.
    fn look(listed: Listed) -> Option<Row> {
        // Without bringing its memory in: it is only looked at.
        let choice = Attach::default().any_owner(true).prefault(false);
        let seen = match Segment::attach(&Backing::Named(listed.name.clone()), &choice) {
            Ok(segment) => Ok(Seen {
                capacity: segment.capacity(),
                wait: segment.waiting().policy(),
                shape: segment.shape(),
                survey: segment.survey(),
                crowd: Crowd::of(&segment),
            }),
            Err(SegmentError::NotFound) => return None,
            Err(error) => Err(error),
        };
        Some(Row { listed, seen })
    }

    fn cells(&self) -> [String; 6] {
        let (name, owner) = (self.listed.name.to_string(), self.listed.uid.to_string());
        match &self.seen {
            Ok(Seen { survey, crowd: Some(crowd), .. }) => [
                name,
                owner,
                crowd.size(),
                state(survey).to_owned(),
                crowd.processes(Role::Producer),
                crowd.processes(Role::Consumer),
            ],
            Ok(Seen { capacity, survey, .. }) => [
                name,
                owner,
                Bytes(*capacity).to_string(),
                state(survey).to_owned(),
                process(&survey.producer),
                process(&survey.consumer),
            ],
            Err(error) => {
                let unknown = || "-".to_owned();
                [name, owner, unknown(), error.to_string(), unknown(), unknown()]
            }
        }
    }

    fn json(&self) -> Value {
        let modified = self.listed.modified.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut object = json!({
            "schema": SCHEMA,
            "name": self.listed.name.as_str(),
            "owner": self.listed.uid,
            "bytes": self.listed.bytes,
            "modified": modified.as_secs(),
        });
        match &self.seen {
            Ok(Seen { capacity, wait, shape, survey, crowd }) => {
                let kind = if crowd.is_some() { Kind::Mpmc } else { Kind::Spsc };
                object["kind"] = json!(kind.to_string());
                object["capacity"] = json!(capacity);
                object["wait"] = json!(wait.to_string());
                object["record_bytes"] = json!(shape.map(|shape| shape.bytes));
                // As text: a number of 64 bits is more than many readers of JSON take.
                object["type_hash"] = json!(shape.map(|shape| format!("{:016x}", shape.hash)));
                object["state"] = json!(state(survey));
                object["head"] = json!(survey.head);
                object["closed_at"] = json!(survey.closed_at);
                object["sender"] = role(&survey.producer);
                object["receiver"] = role(&survey.consumer);
                if let (Value::Object(all), Some(crowd)) = (&mut object, crowd) {
                    all.extend(crowd.fields());
                }
            }
            Err(error) => {
                object["error"] = json!({
                    "code": error.code(),
                    "text": error.to_string(),
                })
            }
        }
        object
    }
}

/// A line for each ring; nothing at all for none.
fn table(rows: &[Row]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut lines = vec![HEADS.map(str::to_owned)];
    lines.extend(rows.iter().map(Row::cells));
    // The reason why a ring cannot be opened may be long: it widens no column.
    let width = |column: usize| {
        let widths = lines.iter().map(|cells| cells[column].len());
        widths.filter(|width| *width <= 40 || column == 0).max().unwrap_or(0)
    };
    let widths: [usize; 6] = std::array::from_fn(width);
    let line = |cells: &[String; 6]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}  "));
        format!("{}\n", padded.collect::<String>().trim_end())
    };
    lines.iter().map(line).collect()
}

/// In one word, by what the sender did last.
pub(crate) fn state(survey: &Survey) -> &'static str {
    match survey.producer.standing {
        _ if meet::is_spent(survey) => "spent",
        Standing::Vacant => "new",
        Standing::Joined(_) if survey.producer.held => "open",
        Standing::Joined(_) => "dead",
        Standing::Closed(_) => "closed",
        Standing::Invalid => "corrupted",
    }
}

/// Who holds a role.
fn process(role: &RoleSurvey) -> String {
    if role.held { role.pid.to_string() } else { "-".to_owned() }
}

fn role(role: &RoleSurvey) -> Value {
    let state = match role.standing {
        Standing::Vacant => "none",
        Standing::Joined(_) if role.held => "joined",
        Standing::Joined(_) => "dead",
        Standing::Closed(_) => "closed",
        Standing::Invalid => "corrupted",
    };
    json!({
        "held": role.held,
        "state": state,
        "pid": role.pid,
        "since_ns": role.since_ns,
        "generation": role.generation,
    })
}
