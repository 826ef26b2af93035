//! The safety net: it gives a call up that takes far longer than its fuel could.
//!
//! What counts is the time that the call's thread ran on a processor, not the time that passed: on a machine
//! that is busy with other things a call takes longer by the clock and no longer by this. The clock on the wall
//! is a second and much wider net, for what takes no processor at all, such as memory that has to come back from
//! a disk. Waiting for somebody else (a judge) counts for neither.
//!
//! The engine's epochs only tell when to look. A call that ends before the first look pays nothing.

use std::thread;
use std::time::{Duration, Instant};

use wasmtime::{Engine, UpdateDeadline};

use crate::guest::Context;
use crate::limits::DEFAULT_FUEL;
use crate::{Error, Result};

/// How much longer than with the default fuel a sample may take, however much fuel it has: a fuel beyond
/// all measure must not hang a run.
const MOST_BUDGETS: u32 = 60;

/// Times the processor time that may pass on the wall: the call's thread gets a share of this much of a
/// processor at the least, or it hangs.
const WALL: u32 = 30;

/// The pace of the engine's epochs, and how long a call may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// Processor time of a call with the default fuel.
    deadline: Duration,
}

impl Clock {
    /// Starts a thread that advances the engine's epoch, for as long as the engine lives, so often that
    /// a call is stopped between `deadline` and 1.5 times that.
    pub(crate) fn start(engine: &Engine, deadline: Duration) -> Result<Self> {
        let tick = (deadline / 4).clamp(Duration::from_millis(1), Duration::from_millis(100));
        let engine = engine.weak();
        thread::Builder::new()
            .name("rlhost-epoch".to_owned())
            .stack_size(256 << 10)
            .spawn(move || {
                loop {
                    thread::sleep(tick);
                    match engine.upgrade() {
                        Some(engine) => engine.increment_epoch(),
                        None => break,
                    }
                }
            })
            .map_err(|e| Error::Engine(format!("the epoch thread can't be started: {e}")))?;
        Ok(Self { deadline })
    }

    /// Processor time for a call over so many samples with so much fuel for each: as many times the deadline
    /// as there are samples and default budgets, but at most [`MOST_BUDGETS`] for a sample.
    pub(crate) fn time_for(self, samples: u64, fuel: u64) -> Duration {
        let budgets = fuel
            .div_ceil(DEFAULT_FUEL)
            .clamp(1, u64::from(MOST_BUDGETS));
        let times = budgets.saturating_mul(samples);
        self.deadline
            .saturating_mul(u32::try_from(times).unwrap_or(u32::MAX))
    }
}

/// What is left of a call's time.
#[derive(Debug, Default)]
pub(crate) struct Net {
    /// Processor time that the call may take.
    time: Duration,
    /// When it was looked at first, less what does not count; `None` before that.
    since: Option<Moment>,
}

/// A moment by both clocks.
#[derive(Debug, Clone, Copy)]
struct Moment {
    /// Of this thread alone.
    processor: Duration,
    wall: Instant,
}

/// Time that does not count, from its start.
pub(crate) struct Pause(Option<Moment>);

impl Net {
    /// A net for a call that starts now and may take this much processor time.
    pub(crate) fn new(time: Duration) -> Self {
        Self { time, since: None }
    }

    /// The engine asks at every tick whether the call may go on.
    pub(crate) fn look(mut store: Context<'_>) -> UpdateDeadline {
        if store.data_mut().net.holds() {
            UpdateDeadline::Continue(1)
        } else {
            UpdateDeadline::Interrupt
        }
    }

    fn holds(&mut self) -> bool {
        let now = Moment::now();
        let since = self.since.get_or_insert(now);
        now.processor.saturating_sub(since.processor) < self.time
            && now.wall.saturating_duration_since(since.wall) < self.time.saturating_mul(WALL)
    }

    /// From here on time does not count.
    pub(crate) fn pause(&self) -> Pause {
        // What comes before the first look does not count anyway.
        Pause(self.since.map(|_| Moment::now()))
    }

    /// From here on it counts again.
    pub(crate) fn resume(&mut self, pause: &Pause) {
        if let (Some(since), Pause(Some(start))) = (&mut self.since, pause) {
            let now = Moment::now();
            since.processor += now.processor.saturating_sub(start.processor);
            since.wall += now.wall.saturating_duration_since(start.wall);
        }
    }
}

impl Moment {
    fn now() -> Self {
        let wall = Instant::now();
        Self {
            processor: processor_time(wall),
            wall,
        }
    }
}

/// How long this thread ran on a processor.
#[cfg(unix)]
fn processor_time(_: Instant) -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

/// Elsewhere than on Unix, the time that passed stands for it.
#[cfg(not(unix))]
fn processor_time(now: Instant) -> Duration {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    now.saturating_duration_since(*START.get_or_init(|| now))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Keeps a processor busy until this thread has had it for so long.
    fn work(time: Duration) {
        let start = Moment::now().processor;
        while Moment::now().processor.checked_sub(start).unwrap() < time {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn a_thread_that_gets_no_processor_has_as_much_time_as_before() {
        let mut net = Net::new(Duration::from_millis(20));
        assert!(net.holds());
        // Twice the time passes, in which others have the processor.
        thread::sleep(Duration::from_millis(40));
        assert!(net.holds());
        work(Duration::from_millis(20));
        assert!(!net.holds());
    }

    #[test]
    fn a_call_that_hangs_without_a_processor_meets_the_wall() {
        let mut net = Net::new(Duration::from_millis(1));
        assert!(net.holds());
        thread::sleep(Duration::from_millis(31));
        assert!(!net.holds());
    }

    #[test]
    fn what_others_are_waited_for_counts_for_neither_clock() {
        let mut net = Net::new(Duration::from_millis(5));
        assert!(net.holds());
        let pause = net.pause();
        work(Duration::from_millis(10));
        thread::sleep(Duration::from_millis(150));
        net.resume(&pause);
        assert!(net.holds());
        work(Duration::from_millis(5));
        assert!(!net.holds());
    }

    #[test]
    fn more_samples_and_more_fuel_have_more_time_within_bounds() {
        let clock = Clock {
            deadline: Duration::from_secs(1),
        };
        let seconds = |samples, fuel| clock.time_for(samples, fuel).as_secs();
        assert_eq!(seconds(1, 1), 1);
        assert_eq!(seconds(8, DEFAULT_FUEL), 8);
        assert_eq!(seconds(8, 10 * DEFAULT_FUEL), 80);
        assert_eq!(seconds(1, u64::MAX), 60);
        let endless = Clock {
            deadline: Duration::MAX,
        };
        assert_eq!(endless.time_for(u64::MAX, u64::MAX), Duration::MAX);
    }
}
