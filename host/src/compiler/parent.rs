//! The parent's side: start the child, feed it, wait for it no longer than allowed, judge its end.

use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::child::{INVALID, NO_MEMORY};
use super::{ChildCompiler, CompileFault, CompileLimits};

/// Bytes of the child's standard error that are kept.
const MAX_MESSAGE: u64 = 4_000;
/// How long a child whose output has ended may take to end itself.
const GRACE: Duration = Duration::from_secs(5);

/// What the child wrote.
pub(super) enum Compiled {
    /// Serialised code.
    Code(Vec<u8>),
    /// What is wrong with the component.
    Invalid(String),
}

/// A child that is ended when nobody waits for it any more.
struct Guarded(Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        // It may have ended by itself; waiting for it leaves no zombie in either case.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Has a component compiled.
pub(super) fn compile(
    compiler: &ChildCompiler,
    component: &Arc<Vec<u8>>,
) -> Result<Compiled, CompileFault> {
    let limits = &compiler.limits;
    let size = component.len() as u64;
    if size > limits.component {
        return Err(CompileFault::ComponentTooLarge {
            size,
            limit: limits.component,
        });
    }
    let cannot_start = |source| CompileFault::Start {
        program: compiler.program.clone(),
        source,
    };
    let mut command = Command::new(&compiler.program);
    command
        .args(&compiler.arguments)
        .arg(limits.to_string())
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = Guarded(command.spawn().map_err(cannot_start)?);
    let deadline = Instant::now().checked_add(limits.wall());

    // Each stream has a thread, so that no full pipe stops the others. None is waited for beyond the
    // deadline: a process that the child left behind could hold a pipe open.
    let (stdin, stdout, stderr) = (
        child.0.stdin.take(),
        child.0.stdout.take(),
        child.0.stderr.take(),
    );
    let component = Arc::clone(component);
    let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
        thread::Builder::new()
            .name(name.to_owned())
            .stack_size(256 << 10)
            .spawn(work)
    };
    let feed = move || {
        if let Some(mut stdin) = stdin {
            // A child that ends before it has read all says why by its end.
            let _ = stdin.write_all(&component);
        }
    };
    spawn("rlhost-compile-in", Box::new(feed)).map_err(cannot_start)?;
    let (code_to, code_from) = mpsc::channel();
    let most = limits.code.saturating_add(1);
    let collect = move || {
        // The receiver may have given up.
        let _ = code_to.send(read(stdout, most));
    };
    spawn("rlhost-compile-out", Box::new(collect)).map_err(cannot_start)?;
    let (message_to, message_from) = mpsc::channel();
    let listen = move || {
        let Some(mut stderr) = stderr else { return };
        let _ = message_to.send(read(Some(&mut stderr), MAX_MESSAGE));
        // A child that says more must not wait for a reader.
        let _ = io::copy(&mut stderr, &mut io::sink());
    };
    spawn("rlhost-compile-err", Box::new(listen)).map_err(cannot_start)?;

    let too_long = CompileFault::WallTime {
        seconds: limits.wall_seconds,
    };
    let code = match receive(&code_from, deadline) {
        Ok(code) => code.unwrap_or_default(),
        Err(RecvTimeoutError::Timeout) => return Err(too_long),
        Err(RecvTimeoutError::Disconnected) => Vec::new(),
    };
    if code.len() as u64 > limits.code {
        return Err(CompileFault::CodeTooLarge { limit: limits.code });
    }
    let grace = Instant::now() + GRACE;
    let deadline = deadline.map_or(grace, |deadline| deadline.max(grace));
    let Some(status) = wait(&mut child.0, deadline).map_err(cannot_start)? else {
        return Err(too_long);
    };
    if status.success() {
        return Ok(Compiled::Code(code));
    }
    if status.code() == Some(INVALID.into()) {
        return Ok(Compiled::Invalid(
            String::from_utf8_lossy(&code).into_owned(),
        ));
    }
    let message = receive(&message_from, Some(Instant::now() + GRACE));
    let message = message.ok().and_then(Result::ok).unwrap_or_default();
    Err(judge(status, &String::from_utf8_lossy(&message), limits))
}

fn read(from: Option<impl Read>, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        from.take(most).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn receive<T>(from: &mpsc::Receiver<T>, deadline: Option<Instant>) -> Result<T, RecvTimeoutError> {
    match deadline {
        Some(deadline) => from.recv_timeout(deadline.saturating_duration_since(Instant::now())),
        None => from.recv().map_err(|_| RecvTimeoutError::Disconnected),
    }
}

/// Waits for the child's end; `None` if the deadline comes first.
fn wait(child: &mut Child, deadline: Instant) -> io::Result<Option<ExitStatus>> {
    let mut pause = Duration::from_micros(100);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}

/// What the end of a child means that has neither compiled nor found the component invalid.
fn judge(status: ExitStatus, message: &str, limits: &CompileLimits) -> CompileFault {
    let memory = CompileFault::Memory {
        bytes: limits.memory,
    };
    // The standard library's words when an allocation fails.
    if status.code() == Some(NO_MEMORY.into()) || message.contains("memory allocation of") {
        return memory;
    }
    let signal = signal(status);
    match signal {
        Some(SIGXCPU) => CompileFault::CpuTime {
            seconds: limits.cpu_seconds,
        },
        Some(SIGKILL) => CompileFault::Killed {
            how: "SIGKILL: perhaps the machine is out of memory".to_owned(),
        },
        #[cfg(target_os = "linux")]
        Some(libc::SIGSYS) => CompileFault::BrokeOut,
        Some(signal @ (SIGHUP | SIGINT | SIGTERM)) => CompileFault::Killed {
            how: format!("signal {signal}"),
        },
        _ => CompileFault::Crashed {
            how: signal.map_or_else(
                || status.to_string(),
                |signal| format!("signal {signal} ({})", name(signal)),
            ),
            message: message.to_owned(),
        },
    }
}

// These numbers are the same on all systems that have the signals.
const SIGHUP: i32 = 1;
const SIGINT: i32 = 2;
const SIGKILL: i32 = 9;
const SIGTERM: i32 = 15;
const SIGXCPU: i32 = 24;

fn name(signal: i32) -> &'static str {
    match signal {
        4 => "illegal instruction",
        6 => "abort",
        8 => "arithmetic error",
        11 => "invalid memory access",
        _ => "unexpected",
    }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}
