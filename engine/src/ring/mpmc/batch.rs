//! Several messages in one pass.
//!
//! Each is claimed, shown, taken and released by itself, as ever, so a kill finds nothing that it
//! would not find otherwise; but whether anybody sleeps is asked once for some. Who is woken
//! for the first wakes the next one by the chain (`bells`).

use super::consumer::Consumer;
use super::error::{RecvError, SendError};
use super::producer::Producer;
use super::take::Taken;
use crate::ring::Role;
use crate::sync::{Crowd, Deadline};

/// So many at most until it is asked with a barrier whether anybody sleeps. Of one who slept before
/// is heard at once.
const TOGETHER: u32 = 16;

impl<M: Crowd> Producer<M> {
    /// Sends copies of all `messages` in order, waiting for room until `deadline`. Other producers'
    /// messages may come between. A barrier, if the ring's participants have one, is paid once for
    /// sixteen of them.
    ///
    /// On failure so many as the number says are in the ring, and the rest are not.
    #[inline]
    pub fn send_batch<T: AsRef<[u8]>>(
        &mut self,
        messages: &[T],
        deadline: Deadline,
    ) -> Result<(), (usize, SendError)> {
        let mut together = Together::new(self);
        for (sent, message) in messages.iter().enumerate() {
            let message = message.as_ref();
            let producer = &mut *together.handle;
            let len = producer.check_len(message.len()).map_err(|error| (sent, error))?;
            let at = match producer.find_now() {
                Some(at) => at,
                None => {
                    // Who makes room may sleep, and not know what there is to take.
                    together.tell();
                    let waited = together.handle.wait_on_time(deadline);
                    waited.map_err(|error| (sent, error))?
                }
            };
            let producer = &mut *together.handle;
            producer.who.slots().write(at.place, 0, message);
            producer.show(at, len);
            together.one_more();
        }
        Ok(())
    }
}

impl<M: Crowd> Consumer<M> {
    /// Hands up to `limit` messages that are there now, one behind the other, to `each`, in place
    /// and in order, and releases each of them when it is done with that. Returns how many; none
    /// there, or one that is being written, is the error `Empty`, and a limit of 0 does nothing.
    /// Does not block. Ends before a gap, which the next call tells, and behind a message that came
    /// back from a consumer that is gone.
    ///
    /// If `each` panics, the message that it was given is this handle's next one. A process that
    /// is killed in it has that one delivered again, to another consumer.
    #[inline]
    pub fn drain(
        &mut self,
        limit: usize,
        mut each: impl FnMut(&Taken<'_, M>),
    ) -> Result<usize, RecvError> {
        let mut together = Together::new(self);
        for count in 0..limit {
            let consumer = &mut *together.handle;
            if count == 0 {
                consumer.take_until(Deadline::PASSED)?;
            } else if !consumer.find_now() {
                return Ok(count);
            }
            let (len, hand) = (consumer.len()?, consumer.hand);
            consumer.check_hand()?;
            each(&Taken::new(consumer, hand, len));
            consumer.free(hand);
            together.one_more();
        }
        Ok(limit)
    }
}

/// A handle that tells others of what it has done.
trait Tell {
    fn tell(&mut self);

    /// Whether one of them is seen to sleep; one who is just lying down need not be.
    fn sees_sleepers(&self) -> bool;
}

impl<M: Crowd> Tell for Producer<M> {
    #[inline(always)]
    fn tell(&mut self) {
        self.who.published(Role::Consumer);
    }

    #[inline(always)]
    fn sees_sleepers(&self) -> bool {
        self.who.may_sleep(Role::Consumer)
    }
}

impl<M: Crowd> Tell for Consumer<M> {
    #[inline(always)]
    fn tell(&mut self) {
        self.who.published(Role::Producer);
    }

    #[inline(always)]
    fn sees_sleepers(&self) -> bool {
        self.who.may_sleep(Role::Producer)
    }
}

/// What was done and nobody was told of yet: they are, at the latest when this is dropped.
struct Together<'h, H: Tell> {
    handle: &'h mut H,
    untold: u32,
}

impl<'h, H: Tell> Together<'h, H> {
    #[inline(always)]
    fn new(handle: &'h mut H) -> Self {
        Together { handle, untold: 0 }
    }

    #[inline(always)]
    fn one_more(&mut self) {
        self.untold += 1;
        if self.untold == TOGETHER || self.handle.sees_sleepers() {
            self.tell();
        }
    }

    #[inline(always)]
    fn tell(&mut self) {
        if self.untold > 0 {
            self.untold = 0;
            self.handle.tell();
        }
    }
}

impl<H: Tell> Drop for Together<'_, H> {
    #[inline(always)]
    fn drop(&mut self) {
        self.tell();
    }
}
