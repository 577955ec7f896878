//! What `--help` and `--version` say.

use crate::exit::{Failure, Status};
use crate::print;

/// `annulus --help`.
pub(crate) const ALL: &str = "\
annulus: rings in shared memory, from one process to another.

usage: annulus COMMAND [OPTION...] [ARGUMENT...]

  send    send lines, or blocks of bytes, from files or standard input
  recv    receive messages to standard output
  ls      list the rings in shared memory
  inspect show all there is to see of one ring
  dead-letters   write what killed whoever received it, and discard it
  rm      remove rings that nobody holds, by address
  gc      remove all rings that nobody holds
  bench   measure this machine, and Annulus on it
  doctor  say what of this machine costs latency or will fail, and what to do

  annulus COMMAND --help    more about one of them
  annulus --version         the versions of the program and of the shared bytes

An ADDRESS is shm:NAME, or NAME alone: the ring /dev/shm/annulus.NAME; or file:PATH. A NAME has
1 to 200 of A-Z a-z 0-9 . _ -. Options follow as ?key=value&key=value:
  ring=mpmc        a ring of many senders and many receivers, each message to one of these; spsc,
                   one of both, when it is created with none asked for
  slots=4096       of an mpmc ring, how many messages it holds: a power of two from 64 on
  payload=256      of an mpmc ring, its longest message in bytes; fixed=yes: all have that length
  participants=128 of an mpmc ring, how many may take part at a time: 1000 at most
  delivery=D       of an mpmc ring, what becomes of a message whose receiver dies: it goes to
                   another one (at-least-once), or it is given up (at-most-once)
                   Created with none asked for it has 4096, 256, 128, at-least-once and fixed=no
  producers=one    of an mpmc ring, one sender at a time, which is faster than several may be;
  consumers=one    one receiver at a time, likewise; many unless it is created with this
  dead-letters=8   of an mpmc ring, room for so many messages that sixteen receivers died over
  capacity=64KiB   an spsc ring's size, a power of two from 64 to 1GiB; 1MiB when it is created
                   with none asked for; a ring that exists must have the one asked for
  keep=yes         recv leaves the ring when it is closed and drained
  owner=any        a ring of another user will do
  release=each     recv writes and releases one message at a time
  pages=2MiB       huge pages of that size, for file:PATH on a hugetlbfs
  node=0           a new ring's memory comes from that NUMA node
  wait=park        how its sides wait, wake=futex what wakes sleepers, barrier=fence how none is
                   missed: as 'send --help' says; a ring that exists must have what is asked for
Sizes are bytes, or have KiB, MiB or GiB. Times have us, ms, s or min, or are `forever`.

Exit status: 0 done, 1 error, 2 usage, 3 a peer died, 4 deadline passed, 5 corrupted or truncated
segment, 6 exists, busy or refused. Output that nobody reads any more: 0.
";

/// `annulus send --help`.
pub(crate) const SEND: &str = "\
usage: annulus send [OPTION...] [--chunk N] ADDRESS [FILE...]
       annulus send [OPTION...] --count N [--rate R] [--size B] ADDRESS

Sends each line of the files as a message, without its newline; the last line may lack one, and
an empty line is an empty message. Standard input is read for `-` and when there is no file. The
ring is created, or joined if it exists and has no sender, or is one of many (?ring=mpmc): then
several may send at once. What is unread in it stays.

  --chunk N      send blocks of N bytes instead; the last one of each file may be shorter
  --deadline T   give up after T, with status 4; `forever` unless given
  --persist      a receiver that leaves or dies does not end the sending: wait for the next one
  --wait W       how both sides wait in a new ring: spin (look all the time: the fastest, and a
                 core for each who waits), spin-park (look for up to 50 us, then sleep) or park
                 (sleep at once); spin-park unless given. A ring that exists must have it
  --wake M       what wakes who sleeps: futex (unless given), posix-sem (a semaphore in the ring's
                 memory), sysv-sem (a set in the kernel, for shm: only) or event (raw_sync's: NOT
                 crash-safe). With spin-park or park
  --barrier B    how who sleeps is not missed: fence (some nanoseconds for each message) or
                 membarrier (nothing for a message, more for a sleep); unless given, membarrier
                 where the system has it. With spin-park or park

A trial, for 'recv --check', has messages of its own making instead of files:
  --count N      N of them; `forever` never ends
  --rate R       R a second, each at its time: a late one does not shift the rest, and all are
                 sent until the run has caught up; as fast as they go unless given
  --size B       of B bytes, 8 at least, 64 unless given; B..C for lengths from B to C. Those of
                 less than 40 bytes have no room for the time at which they were sent

Waits while the ring is full, also when no receiver has come yet. A receiver that leaves in the
middle ends it with status 1; one that dies ends it with status 3, when the ring is full; not so
with --persist: then the next receiver goes on, and after a death a few messages come again.

At the end of the input it closes the ring. If it fails or is stopped (Ctrl-C) it does not close
it: the receiver gets what was sent, and status 3, since there may have been more to come.
";

/// `annulus recv --help`.
pub(crate) const RECV: &str = "\
usage: annulus recv [OPTION...] [--raw | --meta] [--follow] ADDRESS
       annulus recv [OPTION...] --check [--json] ADDRESS

Writes each message to standard output as a line, and ends when the sender has closed and all is
written; then it removes the ring, if that is one in shared memory.

  --raw          write the messages' bytes and nothing between them
  --meta         write lines of POSITION TAB ATTEMPT TAB MESSAGE; a position names a message for
                 good, and ATTEMPT is 1 if a receiver that died may have written it before
  --wait-for T   wait this long for something to receive, then status 4; 10s unless given
  --wait W       the sides of the ring must wait by spin, spin-park or park; as its sender chose
                 unless given
  --wake M       what wakes them must be futex, posix-sem, sysv-sem or event; the same
  --deadline T   give up after T, with status 4; `forever` unless given
  --follow       go on with the next sender, for ever
  --producers N  wait first until N senders have come to the ring, those that left included, as
                 long as --wait-for says: of a ring of many, which else ends when all have left
  --count N      end after N messages; the rest stays in the ring
  --check        receive a trial of 'send --count': check every byte and the order, and write how
                 much came, how fast, and, if it was sent with --rate, how long messages took one
                 way; also when it ends early, by Ctrl-C too
  --json         write that as one JSON object

A message is released after write(2) has taken it; 8 of them, or an eighth of the ring, at a
time. So when recv is killed or stopped (Ctrl-C), no message is lost, and so many come again to
the next one. When nobody reads the output any more it ends with status 0, and what was not
written stays in the ring. If the sender died: status 3, after all that it had sent.

Of a ring of many several receivers share the messages, each written and released by itself. One
whose receiver is killed comes to another one, and ATTEMPT says how often it did. A message that
its sender died in is missing: its position is told on standard error, as is what is given up or
left as a dead letter, and none of these changes the status. The end comes when all senders have
left and all receivers have written what they took; the last one to leave removes the ring, also
when a sender has died (status 3). There is no --check.

With --check, a wrong byte, a missing message or one that comes again is status 5, since the ring
did not hold what was sent; a message that is none of the trial is status 1. It stays in the ring.
`repeated` counts those that a receiver that died may have seen before: 8 at most.
";

/// `annulus ls --help`.
pub(crate) const LS: &str = "\
usage: annulus ls [--json]

Lists the rings in shared memory: name, owner, capacity, state, and the processes that send and
receive. What has a ring's name and cannot be opened, or is no ring, is listed with the reason.
Of a ring of many the capacity is its slots and the longest message, such as 4096x256.

  --json   one JSON object a line

States: new (no sender yet), open (a sender is there), closed (the sender has closed, messages
may be unread), spent (closed, drained, and a receiver was told), dead (the sender died).
";

/// `annulus inspect --help`.
pub(crate) const INSPECT: &str = "\
usage: annulus inspect [--json] ADDRESS

Shows one ring: its file and whose it is, its kind and size, both sides, and what is unread. It
takes no part and changes nothing, so it can be asked at any time, and after all processes have
ended. A ring that is damaged: status 5, and what can be read is shown all the same.

  --json   one JSON object

wait       how its sides wait, waking what wakes one that sleeps, and barrier how who sleeps is not
           missed: see 'send --help'
States of a side: never joined, joining, alive, closing, closed (it left in good order), dead (its
process ended and did not close), gone (closed or dead, and a new sender has come since).
A pid is the process as it saw itself; it and since are those of the last one who had the role.
Of a ring of many each participant has a line: what it holds (written by it, or in its hand), the
oldest position of that, and how many messages it gave up. What is held: waiting messages, those
taken and not yet released, those being written, and gaps that nobody was told of. Letters are
messages that nobody could be given, and those that will be such when the next receiver comes: see
'dead-letters --help'.
position   how far the sender has sent and the receiver has released, in bytes of the ring
messages, bytes, waits, backstop   counted since the ring was made, whoever had the role; told now
           and then, so behind by a ring's length at most, and what a killed process had moved
           and not told yet is missing; waits, of a receiver those longer than 64 looks;
           and sleeps that no wake ended
";

/// `annulus dead-letters --help`.
pub(crate) const DEAD_LETTERS: &str = "\
usage: annulus dead-letters [--raw | --meta] [--discard] [--deadline T] ADDRESS

Writes the dead letters of a ring of many to standard output, each as a line: messages over which
sixteen receivers died, or which they gave back, and that are not delivered any more. Takes no
part in the ring, waits for nothing, and leaves them there, unless it is told otherwise.

  --raw          write the messages' bytes and nothing between them
  --meta         write lines of POSITION TAB ATTEMPT TAB MESSAGE, as recv does
  --discard      discard each one that was written, which makes room; one whose writing is cut
                 off stays. Then a drained ring that nobody holds is removed, unless ?keep=yes
  --deadline T   give up after T, with status 4; `forever` unless given

A ring has room for 8, or for those of ?dead-letters=; further ones are lost, and told of by the
receiver that gives them up. As long as a letter is there, recv does not remove the ring. A letter
is there when the next receiver has come after the last one that died: until then its message is
told of on standard error.
";

/// `annulus rm --help`.
pub(crate) const RM: &str = "\
usage: annulus rm [--force] ADDRESS...

Removes rings in shared memory, with what is unread in them. A ring that a process holds is not
removed, nor is a file that is no ring: status 6.

  --force   also what a process holds: a sender is told at its next message, a receiver when it
            has received all that was sent; both end with status 6
";

/// `annulus gc --help`.
pub(crate) const GC: &str = "\
usage: annulus gc

Removes all rings in shared memory that no process holds, with what is unread in them, and says
which. What is not a ring, or belongs to others, stays.
";

/// `annulus bench --help`.
pub(crate) const BENCH: &str = "\
usage: annulus bench [--quick] [--json] [CASE]

Measures rings between two pinned processes, beside what the machine itself allows and what a ring
under a lock does (locked/). Takes a minute, and 90 seconds at most.

  --quick   shorter and less exact, a second or two
  --json    one JSON object a line
  CASE      only cases whose names begin so, and the limits that they are compared with

Columns of the table, times in nanoseconds:
  value     round trips (rtt): the median time; streams: what went through in a second
  ratio     of the value to the machine's own limit in the same run, near 1 is good: 1.20 is a
            fifth more time for a round trip, 0.80 a fifth less through a stream; - has no limit
  p50 p99 p99.9 max   half, 99 %, 99.9 % and all of the round trips took no longer
  wait      how both sides waited, the best of what was tried: spin (look all the time), pause:N
            (N pauses of the processor between two looks), block (in the kernel), futex, event and
            park:BARRIER (asleep until woken)
  rounds    how often it was measured; the value is the median over the rounds
";

/// `annulus doctor --help`.
pub(crate) const DOCTOR: &str = "\
usage: annulus doctor [--json]

Says what of this machine costs latency or will fail, with its value, and what to do. It reads
/proc and /sys and changes nothing.

  --json   one JSON object a line

Levels: ok; note (worth knowing, or cannot be read); warn (costs latency, or will run short); fail
(rings cannot be made). Status 1 if there is a fail, else 0.
";

/// What `annulus --version` prints.
pub(crate) fn version() -> String {
    let (version, abi) = (annulus::VERSION, annulus::layout::ABI_VERSION);
    format!("annulus {version} (ABI {abi})\n")
}

/// Prints one of these texts.
pub(crate) fn show(text: &str) -> Result<Status, Failure> {
    print::all(text)?;
    Ok(Status::Done)
}
