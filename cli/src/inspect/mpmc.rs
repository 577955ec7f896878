//! A ring of many, as it is shown: its slots and what they hold, and who takes part.

use crate::address::delivery;
use crate::clock::rfc3339;
use annulus::Segment;
use annulus::ring::Role;
use annulus::ring::mpmc::{Geometry, Occupancy};
use annulus::segment::Attendance;
use serde_json::{Map, Value, json};

/// What a look at a ring of many showed.
pub(crate) struct Crowd {
    geometry: Geometry,
    seen: Occupancy,
    participants: Vec<Attendance>,
}

impl Crowd {
    /// Looks at a ring; `None` if it is of two sides.
    pub(crate) fn of(segment: &Segment) -> Option<Crowd> {
        let (geometry, seen) = segment.mpmc_geometry().zip(segment.occupancy())?;
        Some(Crowd { geometry, seen, participants: segment.attendances() })
    }

    /// The slots and the longest message, as one word.
    pub(crate) fn size(&self) -> String {
        format!("{}x{}", self.geometry.slots(), self.geometry.payload())
    }

    /// The processes that live in `role`, or how many if they are too many to name.
    pub(crate) fn processes(&self, role: Role) -> String {
        let all = self.participants.iter();
        let live = all.filter(|seen| seen.is_alive && seen.attendant.role == role);
        let pids: Vec<String> = live.map(|seen| seen.attendant.pid.to_string()).collect();
        match pids.len() {
            0 => "-".to_owned(),
            1..=4 => pids.join(","),
            many => format!("{many} alive"),
        }
    }

    /// The ring's own lines.
    pub(super) fn lines(&self) -> [(&'static str, String); 4] {
        let Crowd { geometry, seen, participants } = self;
        let lengths = if geometry.is_of_one_length() { "messages of" } else { "messages to" };
        let slots = format!("{}, {lengths} {} bytes", geometry.slots(), geometry.payload());
        let held = format!(
            "{} waiting, {} taken, {} being written, {} gaps",
            seen.ready, seen.taken, seen.writing, seen.gaps
        );
        let (now, most) = (participants.len(), geometry.seats());
        let delivery = delivery(geometry.delivery());
        let (letters, coming) = (seen.dead_letters, seen.worn_out);
        let letters = format!("{letters} of {} dead letters, {coming} to come", geometry.letters());
        [
            ("slots", slots + ", delivered " + delivery),
            ("held", held),
            ("letters", letters),
            ("joined", format!("{now} of {most}{}", singles(*geometry))),
        ]
    }

    /// A line for each participant.
    pub(super) fn table(&self) -> String {
        let head = ["NUMBER", "ROLE", "STATE", "PID", "SINCE", "HOLDS", "OLDEST", "LOST"];
        let rows = self.participants.iter().map(|seen| {
            let Attendance { attendant, is_alive } = seen;
            [
                attendant.participant.to_string(),
                role(attendant.role).to_owned(),
                state(*is_alive).to_owned(),
                attendant.pid.to_string(),
                rfc3339(attendant.since_ns),
                attendant.holds.to_string(),
                attendant.oldest.map_or("-".to_owned(), |oldest| oldest.to_string()),
                attendant.lost.to_string(),
            ]
        });
        let line = |[number, role, state, pid, since, holds, oldest, lost]: [String; 8]| {
            format!(
                "{number:6}  {role:8}  {state:5}  {pid:10}  {since:24}  {holds:5}  {oldest:12}  \
                 {lost}\n"
            )
        };
        std::iter::once(head.map(str::to_owned)).chain(rows).map(line).collect()
    }

    /// Adds what only a ring of many has, and takes back what its sides do not count.
    pub(super) fn add_to(&self, object: &mut Map<String, Value>) {
        for side in ["sender", "receiver"] {
            for counter in ["messages", "bytes", "waits", "backstop"] {
                object[side][counter] = Value::Null;
            }
        }
        object.extend(self.fields());
    }

    /// What only a ring of many has.
    pub(crate) fn fields(&self) -> Map<String, Value> {
        let Crowd { geometry, seen, participants } = self;
        let fields = [
            ("slots", json!(geometry.slots())),
            ("payload", json!(geometry.payload())),
            ("fixed", json!(geometry.is_of_one_length())),
            ("delivery", json!(delivery(geometry.delivery()))),
            ("single_sender", json!(geometry.is_single(Role::Producer))),
            ("single_receiver", json!(geometry.is_single(Role::Consumer))),
            ("participants_max", json!(geometry.seats())),
            ("senders_come", json!(seen.come(Role::Producer))),
            ("receivers_come", json!(seen.come(Role::Consumer))),
            ("waiting", json!(seen.ready)),
            ("taken", json!(seen.taken)),
            ("writing", json!(seen.writing)),
            ("gaps", json!(seen.gaps)),
            ("dead_letters", json!(seen.dead_letters)),
            ("worn_out", json!(seen.worn_out)),
            ("dead_letters_max", json!(geometry.letters())),
            ("participants", participants.iter().map(participant).collect()),
        ];
        fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }
}

/// Which roles one participant has at a time, for people.
fn singles(geometry: Geometry) -> &'static str {
    match [Role::Producer, Role::Consumer].map(|role| geometry.is_single(role)) {
        [false, false] => "",
        [true, false] => ", one sender at a time",
        [false, true] => ", one receiver at a time",
        [true, true] => ", one sender and one receiver at a time",
    }
}

fn participant(seen: &Attendance) -> Value {
    let Attendance { attendant, is_alive } = seen;
    json!({
        "number": attendant.participant,
        "role": role(attendant.role),
        "state": state(*is_alive),
        "pid": attendant.pid,
        "since": rfc3339(attendant.since_ns),
        "since_ns": attendant.since_ns,
        "holds": attendant.holds,
        "oldest": attendant.oldest,
        "lost": attendant.lost,
        "backstop": attendant.backstop,
    })
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Producer => "sender",
        Role::Consumer => "receiver",
    }
}

fn state(is_alive: bool) -> &'static str {
    if is_alive { "alive" } else { "dead" }
}
