//! One instance for many samples.

use std::fmt;
use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::Instance;

use crate::capability::exchanges_digest;
use crate::guest::GuestState;
use crate::instance::{self, Budget, Failure};
use crate::receipt::input_digest;
use crate::scorer::{MadeOf, Notes};
use crate::{Error, Outcome, Result, Sample, Scope, Scored, Scorer, lower, verdict};

/// An instance of a plugin that lives on and scores many samples, one after another.
///
/// **Samples are not isolated from each other**: whatever the plugin keeps from one sample (a counter, a
/// cache, a leak, damage that a hostile response did) is there for the next. So scores may depend on what
/// came before, and a receipt can't be made again from its sample alone; its `engine` ends in
/// `,instance=reused` to say so. Use a session only for a plugin that you trust *and* on responses that you
/// trust, where the few microseconds of a fresh instance matter. [`Scorer::score`] isolates.
///
/// What still holds: the plugin has no way out, and every call has the scorer's fuel, time and output anew.
/// The memory limit is for the whole life of the session.
///
/// ```no_run
/// # use rlhost_host::{Host, Limits, Sample, Scorer};
/// # fn main() -> Result<(), rlhost_host::Error> {
/// let host = Host::builder().sessions(1).build()?;
/// let scorer = Scorer::new(&host.load("math")?, &serde_json::Map::new(), Limits::default())?;
/// let mut session = scorer.session()?;
/// for response in ["<answer>12</answer>", "<answer>13</answer>"] {
///     println!("{:?}", session.score(&Sample::single(response, "\"12\""))?.total);
/// }
/// # Ok(())
/// # }
/// ```
pub struct Session {
    scorer: Scorer,
    engine: Arc<str>,
    store: Store<GuestState>,
    instance: Instance,
    ended: Option<Failure>,
}

impl Session {
    /// Instantiates the scorer's plugin.
    pub(crate) fn start(scorer: &Scorer) -> Result<Self> {
        let plugin = scorer.plugin();
        let fail = |message: String| Error::Session {
            plugin: plugin.info().name.clone(),
            message,
        };
        if plugin.info().scope != Scope::Sample {
            return Err(fail("its scope is not `sample`".to_owned()));
        }
        let host = &plugin.host().0;
        let limits = scorer.limits();
        let mut store = instance::store(&host.engine, scorer.state(Vec::new()));
        let started = plugin.host().install(|| {
            instance::call_in(&mut store, Budget::new(host, &limits, 1), |store| {
                Ok(plugin.prepared().start(store)?.instance)
            })
        });
        let instance = started.answer.map_err(|failure| {
            let Failure {
                outcome, message, ..
            } = failure;
            fail(format!("it did not start: {outcome}: {message}"))
        })?;
        Ok(Self {
            engine: format!("{},instance=reused", scorer.engine()).into(),
            scorer: scorer.clone(),
            store,
            instance,
            ended: None,
        })
    }

    /// Scores a sample in this instance.
    ///
    /// A call that the engine had to stop (a trap, no fuel left, too much memory or output) yields its
    /// outcome and ends the session: every later call is an [`Error::Session`]. An abstention, a failure
    /// that the plugin reports and a verdict that breaks the contract do not.
    ///
    /// The guest runs on a thread of the host's own; where that takes too long on the way there and back,
    /// call this inside of [`Host::install`](crate::Host::install).
    pub fn score(&mut self, sample: &Sample) -> Result<Scored> {
        let plugin = self.scorer.plugin();
        if let Some(Failure {
            outcome, message, ..
        }) = &self.ended
        {
            return Err(Error::Session {
                plugin: plugin.info().name.clone(),
                message: format!("it ended with {outcome}: {message}; start another"),
            });
        }
        let samples = std::slice::from_ref(sample);
        let limits = self.scorer.limits();
        let (host, params) = (&plugin.host().0, self.scorer.params());
        let guest = plugin.prepared().guest(self.instance);
        let store = &mut self.store;
        let state = store.data_mut();
        state.begin(&limits);
        state.images.clone_from(&sample.images);
        let call = plugin.host().install(|| {
            instance::call_in(store, Budget::new(host, &limits, 1), |store| {
                lower::with_arguments(samples, &[], params, |arguments| {
                    let answers = guest.score(store, arguments);
                    answers.map_err(|error| instance::judge(&error, Outcome::Trap))
                })
            })
        });
        self.ended = call.answer.as_ref().err().cloned();
        let notes = Notes {
            fuel: call.fuel,
            log: call.log,
            exchanges: call.exchanges,
        };
        let answer = call
            .answer
            .and_then(|answers| verdict::check_all(answers, samples, plugin.info()))
            // There is exactly one, as `check_all` made sure.
            .and_then(|mut answers| answers.swap_remove(0));
        let input = input_digest(sample, 0, params);
        let made_of = MadeOf {
            input,
            call: None,
            exchanges: exchanges_digest(&notes.exchanges),
        };
        let mut scored = self.scorer.scored(answer, notes, made_of);
        scored.receipt.engine = Arc::clone(&self.engine);
        Ok(scored)
    }

    /// Whether a call ended the session.
    pub fn has_ended(&self) -> bool {
        self.ended.is_some()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("scorer", &self.scorer)
            .field("has_ended", &self.has_ended())
            .finish_non_exhaustive()
    }
}
