//! The sandbox host: engine, threads and compiled code, shared by all plugins.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use rayon::ThreadPool;
use wasmtime::Engine;

use crate::cache::CodeCache;
use crate::compiler::Compiler;
use crate::net::Clock;
use crate::pool::{self, MOST_THREADS};
use crate::{
    AskedLimits, Error, Inspected, LimitSettings, Limits, Plugin, PluginRef, Result, Search, engine,
};

/// The most fuel for a sample that a plugin may ask for: ten seconds or more.
const MOST_FUEL: u64 = 100_000_000_000;
/// The most memory that a plugin may ask for.
const MOST_MEMORY: u64 = 1 << 30;

/// Runs reward plugins. Clones share engine and threads.
///
/// Guests run only on the host's own threads, whose stacks are large enough for them; a call of
/// [`Scorer::score`](crate::Scorer::score) waits for those.
#[derive(Clone)]
pub struct Host(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) threads: ThreadPool,
    /// Threads for calls that may wait for others; started when the first such call comes.
    waiting: OnceLock<ThreadPool>,
    waiting_threads: usize,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    /// What a plugin may ask for.
    pub(crate) most: AskedLimits,
    pub(crate) cache: CodeCache,
    pub(crate) compiler: Compiler,
    search: Search,
    found_by_chance: fn(&Path),
}

impl Host {
    /// Starts to describe a host. Every setting has a default.
    pub fn builder() -> HostBuilder {
        HostBuilder::default()
    }

    /// Loads a plugin by path or name, compiles it (or takes its code from the cache), checks that it is
    /// of the world `rlhost:plugin/reward-plugin`, and asks it to describe itself.
    ///
    /// Its limits are what it asks for, within the bound of [`HostBuilder::most`], and otherwise the host's.
    pub fn load(&self, plugin: impl Into<PluginRef>) -> Result<Plugin> {
        self.load_with(plugin, &LimitSettings::default())
    }

    /// The same with limits that take precedence over what the plugin asks for, and over the bound.
    ///
    /// # Errors
    /// [`Error::AsksTooMuch`] where it asks for more than it may and nothing is set; all others of loading.
    pub fn load_with(
        &self,
        plugin: impl Into<PluginRef>,
        settings: &LimitSettings,
    ) -> Result<Plugin> {
        let path = self.find(&plugin.into())?;
        Plugin::load(self, &path, settings)
    }

    /// Loads a component by path or name, whether it is a reward plugin or an
    /// [algorithm](crate::algorithm), and says all about it.
    pub fn inspect(&self, plugin: impl Into<PluginRef>) -> Result<Inspected> {
        self.inspect_with(plugin, &LimitSettings::default())
    }

    /// The same with limits, as for [`Host::load_with`].
    pub fn inspect_with(
        &self,
        plugin: impl Into<PluginRef>,
        settings: &LimitSettings,
    ) -> Result<Inspected> {
        let path = self.find(&plugin.into())?;
        Inspected::load(self, &path, settings)
    }

    /// The file of a plugin of this path or name.
    pub(crate) fn find(&self, plugin: &PluginRef) -> Result<PathBuf> {
        let search = &self.0.search;
        let path = search.find(plugin)?;
        if matches!(plugin, PluginRef::Name(_)) && search.is_found_by_chance(&path) {
            (self.0.found_by_chance)(&path);
        }
        Ok(path)
    }

    /// The threads for calls that may wait for others, so that waiting holds nobody else up.
    pub(crate) fn waiting(&self) -> Result<&ThreadPool> {
        if let Some(threads) = self.0.waiting.get() {
            return Ok(threads);
        }
        let threads = pool::threads(self.0.waiting_threads, self.0.limits.stack as usize)?;
        Ok(self.0.waiting.get_or_init(|| threads))
    }

    /// The limits of plugins that ask for nothing.
    pub fn limits(&self) -> Limits {
        self.0.limits
    }

    /// Runs `work` on one of the host's threads and waits for it. Scoring inside it starts at once on
    /// that thread, which spares callers that score one sample at a time the way to a thread and back.
    pub fn install<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        self.0.threads.install(work)
    }

    /// The number of threads that guests run on.
    pub fn threads(&self) -> usize {
        self.0.threads.current_num_threads()
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("threads", &self.threads())
            .field("limits", &self.0.limits)
            .finish_non_exhaustive()
    }
}

/// Settings of a [`Host`].
///
/// ```
/// use std::time::Duration;
/// use rlhost_host::{Host, Limits};
///
/// let host = Host::builder()
///     .threads(2)
///     .limits(Limits { fuel: 100_000_000, ..Limits::default() })
///     .deadline(Duration::from_secs(10))
///     .build()?;
/// assert_eq!(host.threads(), 2);
/// # Ok::<(), rlhost_host::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct HostBuilder {
    threads: Option<usize>,
    waiting: usize,
    limits: Limits,
    most: AskedLimits,
    deadline: Duration,
    cache: Option<PathBuf>,
    compiler: Compiler,
    search: Search,
    found_by_chance: fn(&Path),
    sessions: u32,
}

impl Default for HostBuilder {
    fn default() -> Self {
        Self {
            threads: None,
            waiting: 32,
            limits: Limits::default(),
            most: AskedLimits {
                fuel: Some(MOST_FUEL),
                memory: Some(MOST_MEMORY),
            },
            deadline: Duration::from_mins(10),
            cache: CodeCache::default_folder(),
            compiler: Compiler::InProcess,
            search: Search::from_env(),
            found_by_chance: |_| {},
            sessions: 16,
        }
    }
}

impl HostBuilder {
    /// How many threads guests run on, at most 1,024. Default: one for each processor.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// How many calls of plugins that were granted a judge or a retriever run, and mostly wait, at a time; at
    /// most 1,024. Default: 32.
    #[must_use]
    pub fn waiting(mut self, calls: usize) -> Self {
        self.waiting = calls;
        self
    }

    /// The limits of plugins that ask for nothing. Their `stack` holds for all guests of the host.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The most that a plugin may ask for; `None` for no bound but that of [`Limits`]. Default: 1e11 fuel and 1 GiB of memory.
    #[must_use]
    pub fn most(mut self, most: AskedLimits) -> Self {
        self.most = most;
        self
    }

    /// Processor time after which a call over one sample with the default fuel is given up as
    /// [`HostFault`](crate::Outcome::HostFault); with n times the fuel (because of its limit, or because
    /// it is over n samples) a call has n times as long, up to 60 times a sample. It is only a safety net:
    /// fuel decides verdicts, so this must be far longer than a guest takes to use up its fuel. What counts is
    /// the time of the call's own thread, so that the machine's load does not decide either. The clock on
    /// the wall ends a call only after 30 times as long, for what hangs and takes no processor.
    /// Default: ten minutes.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The folder for compiled code; `None` to compile always. Default: `$RLHOST_CACHE_DIR`, else
    /// `$XDG_CACHE_HOME/rlhost`, else `~/.cache/rlhost`.
    #[must_use]
    pub fn cache(mut self, folder: Option<PathBuf>) -> Self {
        self.cache = folder;
        self
    }

    /// Who compiles components whose code is not in the cache. Default: [`Compiler::InProcess`].
    #[must_use]
    pub fn compiler(mut self, compiler: Compiler) -> Self {
        self.compiler = compiler;
        self
    }

    /// Where plugins are looked for by name. Default: [`Search::from_env`].
    #[must_use]
    pub fn search(mut self, search: Search) -> Self {
        self.search = search;
        self
    }

    /// Is told of a plugin by name that lies in a folder which nobody named: one above the current folder
    /// ([`Search::from_env`]).
    #[must_use]
    pub fn on_found_by_chance(mut self, tell: fn(&Path)) -> Self {
        self.found_by_chance = tell;
        self
    }

    /// How many [sessions](crate::Session) may live at once. A plugin with several memories counts as many
    /// times. Each takes 4 GiB of address space, but memory only as far as the plugin writes to it. Where
    /// there are more than some 10,000, the operating system must allow enough mappings
    /// (`vm.max_map_count` of Linux). Default: 16.
    #[must_use]
    pub fn sessions(mut self, sessions: u32) -> Self {
        self.sessions = sessions;
        self
    }

    /// Builds the host and starts its threads.
    pub fn build(self) -> Result<Host> {
        self.limits.validate()?;
        let threads = match self.threads {
            Some(threads) => bounded(threads, "threads")?,
            None => thread::available_parallelism()
                .map_or(1, usize::from)
                .min(MOST_THREADS),
        };
        let waiting = bounded(self.waiting, "waiting calls")?;
        let stack = usize::try_from(self.limits.stack).map_err(|_| {
            Error::Limits(format!(
                "stack = {}: too large for this machine",
                self.limits.stack
            ))
        })?;
        // A call may hold a nested one: an interpreter's.
        let slots = 2 * (threads + waiting) as u32;
        let engine = engine::build(stack, slots, self.sessions)?;
        let clock = Clock::start(&engine, self.deadline)?;
        Ok(Host(Arc::new(Shared {
            engine,
            threads: pool::threads(threads, stack)?,
            waiting: OnceLock::new(),
            waiting_threads: waiting,
            clock,
            limits: self.limits,
            most: self.most,
            cache: CodeCache::new(self.cache),
            compiler: self.compiler,
            search: self.search,
            found_by_chance: self.found_by_chance,
        })))
    }
}

/// A number of threads, if it is one that a machine can start.
fn bounded(count: usize, what: &str) -> Result<usize> {
    let rule = match count {
        0 => "at least 1 is needed".to_owned(),
        _ if count > MOST_THREADS => format!(
            "at most {MOST_THREADS} can be; leave it out for the default, or give as many as the machine \
             has processors"
        ),
        _ => return Ok(count),
    };
    Err(Error::Engine(format!("{count} {what} asked for; {rule}")))
}
