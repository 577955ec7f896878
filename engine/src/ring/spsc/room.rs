//! Where the next record goes: finding room in the ring, and waiting for it.

use super::super::gate::Standing;
use super::super::spin::{Spin, Turn};
use super::super::word;
use super::super::{Position, Role};
use super::Producer;
use crate::error::{SendError, What};
use crate::layout::{CELL, CONSUMER_GATE};
use crate::sync::{Deadline, Memory, Ordering, Outside};

impl<M: Memory> Producer<M> {
    /// Where a message of `len` bytes would start if it fits now, or why it does not.
    #[inline]
    pub(super) fn find_room(&mut self, len: usize) -> Result<Position, SendError> {
        let record = self.record_for(len)?;
        match self.room(record) {
            Some(start) => Ok(start),
            None => self.look_for_room(record)?.ok_or(SendError::Full),
        }
    }

    /// Where a message of `len` bytes will start, when it fits and there was no need to wait or
    /// a quarter of the ring is free.
    #[inline]
    pub(super) fn wait_for_room(
        &mut self,
        len: usize,
        deadline: Deadline,
    ) -> Result<Position, SendError> {
        let record = self.record_for(len)?;
        match self.room(record) {
            Some(start) => Ok(start),
            None => self.wait(record, deadline),
        }
    }

    /// The bytes of ring that a message of `len` takes.
    #[inline]
    pub(super) fn record_for(&self, len: usize) -> Result<u64, SendError> {
        let limit = self.area.longest_message();
        if len > limit {
            return Err(SendError::TooLarge { limit: limit as u32 });
        }
        Ok(word::record_bytes(len as u64))
    }

    /// Where a record of `record` bytes would start, if it fits by what is known here.
    #[inline]
    fn room(&self, record: u64) -> Option<Position> {
        let to_end = self.area.to_end(self.tail);
        let skip = if record <= to_end { 0 } else { to_end };
        let start = self.tail + skip;
        // Rule 8: to the last cell.
        let fits = start + record <= self.room_end;
        // ORDERING: Relaxed, as in `send_short`.
        let open = self.area.gate(Role::Consumer, Ordering::Relaxed).is_open();
        (fits && open).then_some(start)
    }

    /// Reads `head` anew, then looks for room. An error says that there never will be any.
    #[cold]
    pub(super) fn look_for_room(&mut self, record: u64) -> Result<Option<Position>, SendError> {
        if let Some((poison, _)) = self.poison {
            return Err(poison);
        }
        self.publish_counters();
        // ORDERING: Acquire: behind a gate of zero stands the mark of a removal by force.
        match self.area.gate(Role::Consumer, Ordering::Acquire).standing() {
            Standing::Vacant | Standing::Joined(_) => {}
            Standing::Closed(_) => return Err(SendError::PeerClosed),
            Standing::Invalid => return Err(self.gate_lost()),
        }
        // ORDERING: Acquire, edge H: the consumer's reads come before our next writes.
        let head = self.area.head(Ordering::Acquire);
        let oldest = self.room_end - self.area.capacity();
        if head < oldest || head > self.tail || !head.is_multiple_of(CELL) {
            return Err(self.poisoned(SendError::Corrupted(What::Head), head));
        }
        self.room_end = head + self.area.capacity();
        Ok(self.room(record))
    }

    /// Waits until the record fits and a quarter of the ring is free.
    #[cold]
    #[inline(never)]
    fn wait(&mut self, record: u64, deadline: Deadline) -> Result<Position, SendError> {
        let room = self.look_until_room(record, deadline);
        self.sleeper.rise(&self.area);
        room
    }

    fn look_until_room(&mut self, record: u64, deadline: Deadline) -> Result<Position, SendError> {
        let mut spin = Spin::until_on_time(self.area.memory(), deadline, self.budget);
        let (mut patient, mut waits) = (true, false);
        loop {
            let start = self.look_for_room(record)?;
            let known_end = self.room_end;
            let free = known_end - self.tail;
            if let Some(start) = start
                && (free >= self.area.capacity() / 4 || !patient)
            {
                return Ok(start);
            }
            if !waits {
                waits = true;
                // Who lies to be told by a descriptor may be waiting for other room.
                self.sleeper.rise(&self.area);
                self.tally.begin_wait(&self.area, Role::Producer);
            }
            // ORDERING: Relaxed: only whether to look properly.
            let oldest = known_end - self.area.capacity();
            let came = || self.area.head(Ordering::Relaxed) != oldest;
            let mut turn = spin.turns(self.area.memory(), self.cadence.apart_pauses, came);
            if turn == Turn::Came {
                self.budget.was_enough();
            }
            if turn == Turn::Park {
                turn = self.park(record, deadline);
            }
            match turn {
                Turn::Came | Turn::Park => {}
                // The consumer is not streaming: take what fits.
                Turn::Vain => patient = false,
                Turn::TimedOut => return start.ok_or(SendError::Timeout),
                Turn::Ask => {
                    patient = false;
                    if let Some(end) = self.ask_outside() {
                        // Once more: the peer may have released before it went.
                        return self.look_for_room(record)?.ok_or(end);
                    }
                }
            }
        }
    }

    /// Sleeps until a quarter of the ring is free and the record fits, or as long as is good at
    /// once.
    #[cold]
    fn park(&mut self, record: u64, deadline: Deadline) -> Turn {
        self.budget.was_vain();
        let (_, wanted) = self.heads_for(record);
        let area = &self.area;
        self.sleeper.park(area, wanted, deadline, || {
            // ORDERING: Relaxed: only whether to look properly.
            area.head(Ordering::Relaxed) < wanted && area.is_worth_waiting_for(Role::Consumer)
        })
    }

    /// Where `head` has to be for the record to fit, and where for a quarter of the ring to be free
    /// as well.
    pub(super) fn heads_for(&self, record: u64) -> (Position, Position) {
        let to_end = self.area.to_end(self.tail);
        let skip = if record <= to_end { 0 } else { to_end };
        let head_for = |bytes: u64| (self.tail + bytes).saturating_sub(self.area.capacity());
        (head_for(skip + record), head_for((skip + record).max(self.area.capacity() / 4)))
    }

    /// Why waiting for room is in vain, if it is.
    pub(super) fn ask_outside(&mut self) -> Option<SendError> {
        let before = self.area.participant(Role::Consumer);
        match self.area.memory().outside() {
            Outside::PeerAlive => None,
            Outside::Severed(severed) => Some(self.poisoned(SendError::Severed(severed), 0)),
            // One who joins between the probe and a single look at the gate would be called
            // dead: so it has to have stood there before the probe.
            Outside::PeerGone => {
                // And a gate that was closed in good order was closed before the role was given
                // up, which the kernel's lock orders.
                let after = self.area.participant(Role::Consumer);
                match after.0.standing() {
                    Standing::Vacant => None,
                    Standing::Joined(_) if after != before => None,
                    Standing::Joined(_) => Some(SendError::PeerDead),
                    Standing::Closed(_) => Some(SendError::PeerClosed),
                    Standing::Invalid => Some(self.gate_lost()),
                }
            }
        }
    }

    /// The consumer's gate shows nothing: the mapping was cut off, or somebody scribbled.
    fn gate_lost(&mut self) -> SendError {
        match self.area.memory().outside() {
            Outside::Severed(severed) => self.poisoned(SendError::Severed(severed), 0),
            _ => self.poisoned(SendError::Corrupted(What::Gate), CONSUMER_GATE as u64),
        }
    }

    /// Remembers `error` for good. Without known room every call comes by `look_for_room`.
    fn poisoned(&mut self, error: SendError, at: u64) -> SendError {
        self.poison = Some((error, at));
        self.room_end = 0;
        (self.short_end, self.fenced_end) = (0, 0);
        error
    }
}
