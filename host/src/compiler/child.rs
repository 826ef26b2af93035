//! The child's side: limit itself, read, compile, write.

use std::io::{self, Read, Write};
use std::process::ExitCode;

use super::CompileLimits;
#[cfg(target_os = "linux")]
use super::jail;
use crate::names::is_plain;
use crate::{engine, vet};

/// Exit code for a component that is not valid; what is wrong stands on standard output.
pub(super) const INVALID: u8 = 65;
/// Exit code for want of memory.
pub(super) const NO_MEMORY: u8 = 71;
/// Exit code for whatever else went wrong; standard error says what.
const FAILED: u8 = 70;
/// Threads that compile. More would mostly wait for memory.
const MAX_THREADS: usize = 16;
/// Files that may be open: the three standard streams, and what the standard library reads for a moment.
#[cfg(unix)]
const MAX_FILES: u64 = 16;

/// Compiles the component on standard input and writes its code to standard output, as the program of
/// [`Compiler::Child`](super::Compiler::Child) does. `limits` is the argument that the parent adds.
///
/// First it limits this whole process: to the limits' processor time and address space, no files to
/// write, no core dump, no further processes. It closes all files but the three standard streams. On Linux it
/// ends with its parent and keeps only the system calls that compiling takes: it can neither read files, nor reach
/// the network, other programs or processes, as far as the kernel has the means. Call it at the start of `main`,
/// before anything else runs.
pub fn compile_child(limits: &str) -> ExitCode {
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        // Standard error may be closed; the exit code still tells.
        let said = format!("{what}: {error}").replace(|c| !is_plain(c) || c == '\n', "\u{fffd}");
        let _ = writeln!(io::stderr(), "{said}");
        ExitCode::from(FAILED)
    };
    let limits: CompileLimits = match limits.parse() {
        Ok(limits) => limits,
        Err(error) => return failed("limits", &error),
    };
    #[cfg(unix)]
    close_inherited();
    // Threads first: none can be started once the limits hold. How many, files of the system say.
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    #[cfg(target_os = "linux")]
    jail::leave_files_and_network();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.min(MAX_THREADS));
    if let Err(error) = pool.build_global() {
        return failed("threads", &error);
    }
    if let Err(error) = restrict(&limits) {
        return failed("this process can't be limited", &error);
    }
    let mut component = Vec::new();
    let most = limits.component.saturating_add(1);
    if let Err(error) = io::stdin().lock().take(most).read_to_end(&mut component) {
        return failed("standard input", &error);
    }
    let engine = match engine::for_compiling() {
        Ok(engine) => engine,
        Err(error) => return failed("engine", &error),
    };
    let vetted = vet::check(&component).map_err(wasmtime::Error::msg);
    let (bytes, code) = match vetted.and_then(|()| engine.precompile_component(&component)) {
        Ok(code) => (code, ExitCode::SUCCESS),
        Err(error) if error.is::<wasmtime::OutOfMemory>() => return ExitCode::from(NO_MEMORY),
        Err(error) => (format!("{error:#}").into_bytes(), ExitCode::from(INVALID)),
    };
    let mut out = io::stdout().lock();
    match out.write_all(&bytes).and_then(|()| out.flush()) {
        Ok(()) => code,
        Err(error) => failed("standard output", &error),
    }
}

/// Closes what the parent left open to its children, knowingly or not.
#[cfg(unix)]
#[allow(unsafe_code)]
fn close_inherited() {
    const FIRST: std::os::fd::RawFd = 3;
    #[cfg(target_os = "linux")]
    {
        // SAFETY: this process has opened nothing yet that it would use again.
        let closed = unsafe { libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, 0) };
        if closed == 0 {
            return;
        }
    }
    let Ok(open) = std::fs::read_dir("/dev/fd") else {
        return;
    };
    let numbers = open
        .flatten()
        .filter_map(|file| file.file_name().to_str()?.parse().ok());
    // The folder itself is among them, and is closed by then.
    let numbers: Vec<std::os::fd::RawFd> = numbers.filter(|&number| number >= FIRST).collect();
    for number in numbers {
        // SAFETY: as above.
        unsafe { rustix::io::close(number) };
    }
}

/// Takes from this process whatever a compiler does not need.
#[cfg(unix)]
fn restrict(limits: &CompileLimits) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let limit = |resource, soft: u64, hard: u64| {
        // A limit that is already lower stays.
        let inherited = getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let set = setrlimit(
            resource,
            Rlimit {
                current: Some(soft.min(inherited)),
                maximum: Some(hard.min(inherited)),
            },
        );
        match set {
            // Some systems know a limit only by name.
            Err(_) if !cfg!(target_os = "linux") => Ok(()),
            other => other.map_err(io::Error::from),
        }
    };
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, Signal};
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // The limit below does not keep a program that collects core dumps from getting one.
        rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    }
    limit(Resource::Core, 0, 0)?;
    limit(Resource::Fsize, 0, 0)?;
    limit(Resource::Nofile, MAX_FILES, MAX_FILES)?;
    // The second is for the signal, which tells time from other ends.
    let cpu = limits.cpu_seconds;
    limit(Resource::Cpu, cpu, cpu.saturating_add(1))?;
    limit(Resource::As, limits.memory, limits.memory)?;
    limit(Resource::Nproc, 0, 0)?;
    #[cfg(target_os = "linux")]
    jail::leave_system_calls()?;
    Ok(())
}

/// Elsewhere the parent's clock is the only limit.
#[cfg(not(unix))]
fn restrict(_: &CompileLimits) -> io::Result<()> {
    Ok(())
}
