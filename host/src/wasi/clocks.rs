//! Clocks that only a guest's own doings move, and polling.

use wasmtime::component::{ComponentType, LinkerInstance, Lower, Resource};

use crate::guest::{GuestState, charge};

/// What the wall clock shows when a guest starts: 2023-11-14 22:13:20 UTC.
pub(crate) const START_SECONDS: u64 = 1_700_000_000;
/// Nanoseconds between two readings.
const TICK: u64 = 1_000;
/// Moments that a guest may wait for, in all.
const MAX_TIMERS: usize = 100_000;

/// Something that a guest can wait for.
pub(super) struct Pollable;

/// The handle of what is always ready: streams.
pub(super) const ALWAYS_READY: u32 = 0;

/// Time as a guest sees it.
#[derive(Default)]
pub(crate) struct VirtualClock {
    /// Nanoseconds since the guest started.
    now: u64,
    /// The moments that handles (from 1 on) wait for.
    timers: Vec<u64>,
}

impl VirtualClock {
    fn read(&mut self) -> u64 {
        self.now = self.now.saturating_add(TICK);
        self.now
    }

    fn wait_until(&mut self, moment: u64) -> wasmtime::Result<Resource<Pollable>> {
        if self.timers.len() >= MAX_TIMERS {
            return Err(wasmtime::Error::msg("too many timers"));
        }
        self.timers.push(moment);
        Ok(Resource::new_own(self.timers.len() as u32))
    }

    /// The moment from which a handle is ready.
    fn ready_from(&self, handle: u32) -> wasmtime::Result<u64> {
        if handle == ALWAYS_READY {
            return Ok(0);
        }
        let timer = self.timers.get(handle as usize - 1);
        timer
            .copied()
            .ok_or_else(|| wasmtime::Error::msg("a handle of no timer"))
    }

    /// Waits until one of the handles is ready: time jumps there. Returns the places of all that are.
    fn poll(&mut self, handles: &[u32]) -> wasmtime::Result<Vec<u32>> {
        let moments: Vec<u64> = handles
            .iter()
            .map(|&handle| self.ready_from(handle))
            .collect::<wasmtime::Result<_>>()?;
        let first = moments.iter().min();
        let first = *first.ok_or_else(|| wasmtime::Error::msg("polling nothing"))?;
        self.now = self.now.max(first);
        let ready = (0u32..).zip(&moments);
        Ok(ready
            .filter(|(_, moment)| **moment <= self.now)
            .map(|(place, _)| place)
            .collect())
    }
}

/// `wasi:clocks/monotonic-clock`
pub(super) fn monotonic(instance: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    instance.func_wrap("now", |mut store, (): ()| {
        charge(&mut store, 8)?;
        Ok((store.data_mut().wasi.clock.read(),))
    })?;
    instance.func_wrap("resolution", |mut store, (): ()| {
        charge(&mut store, 8)?;
        Ok((TICK,))
    })?;
    instance.func_wrap("subscribe-instant", |mut store, (moment,): (u64,)| {
        charge(&mut store, 8)?;
        Ok((store.data_mut().wasi.clock.wait_until(moment)?,))
    })?;
    instance.func_wrap("subscribe-duration", |mut store, (duration,): (u64,)| {
        charge(&mut store, 8)?;
        let clock = &mut store.data_mut().wasi.clock;
        let moment = clock.now.saturating_add(duration);
        Ok((clock.wait_until(moment)?,))
    })
}

#[derive(ComponentType, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

/// `wasi:clocks/wall-clock`
pub(super) fn wall(instance: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    instance.func_wrap("now", |mut store, (): ()| {
        charge(&mut store, 12)?;
        let now = store.data_mut().wasi.clock.read();
        let datetime = Datetime {
            seconds: START_SECONDS + now / 1_000_000_000,
            nanoseconds: (now % 1_000_000_000) as u32,
        };
        Ok((datetime,))
    })?;
    instance.func_wrap("resolution", |mut store, (): ()| {
        charge(&mut store, 12)?;
        let datetime = Datetime {
            seconds: 0,
            nanoseconds: TICK as u32,
        };
        Ok((datetime,))
    })
}

/// `wasi:io/poll`
pub(super) fn poll(instance: &mut LinkerInstance<'_, GuestState>) -> wasmtime::Result<()> {
    instance.func_wrap(
        "[method]pollable.ready",
        |mut store, (pollable,): (Resource<Pollable>,)| {
            charge(&mut store, 1)?;
            let clock = &store.data().wasi.clock;
            Ok((clock.ready_from(pollable.rep())? <= clock.now,))
        },
    )?;
    instance.func_wrap(
        "[method]pollable.block",
        |mut store, (pollable,): (Resource<Pollable>,)| {
            charge(&mut store, 1)?;
            store.data_mut().wasi.clock.poll(&[pollable.rep()])?;
            Ok(())
        },
    )?;
    instance.func_wrap(
        "poll",
        |mut store, (pollables,): (Vec<Resource<Pollable>>,)| {
            charge(&mut store, 4 * pollables.len() as u64)?;
            let handles: Vec<u32> = pollables.iter().map(Resource::rep).collect();
            Ok((store.data_mut().wasi.clock.poll(&handles)?,))
        },
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn time_jumps_to_the_first_timer_and_no_further() {
        let mut clock = VirtualClock::default();
        let hour = clock.wait_until(3_600_000_000_000).unwrap().rep();
        let second = clock.wait_until(1_000_000_000).unwrap().rep();
        assert_eq!(clock.poll(&[hour, second]).unwrap(), [1]);
        assert_eq!(clock.now, 1_000_000_000);
        // A stream is ready at once, so nothing has to pass.
        assert_eq!(clock.poll(&[hour, ALWAYS_READY]).unwrap(), [1]);
        assert_eq!(clock.now, 1_000_000_000);
        assert_eq!(clock.poll(&[hour]).unwrap(), [0]);
        assert_eq!(clock.now, 3_600_000_000_000);
        assert!(clock.poll(&[]).is_err());
        assert!(clock.poll(&[77]).is_err());
    }
}
