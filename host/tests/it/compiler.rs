//! Compilers in children, played here by shell scripts; `tests/it/compiler.rs` has the real one.
#![cfg(unix)]

use std::path::Path;
use std::time::{Duration, Instant};

use rlhost_host::{ChildCompiler, CompileFault, CompileLimits, Compiler, Error, Host};

use crate::guest::{Folder, Guest};

/// What loading a valid component comes to when `script` is the compiler.
fn load(script: &str, limits: CompileLimits) -> Error {
    let bytes = Guest::default().component();
    load_bytes("/bin/sh", script, limits, &bytes)
}

fn load_bytes(program: &str, script: &str, limits: CompileLimits, bytes: &[u8]) -> Error {
    let compiler = Compiler::Child(ChildCompiler {
        program: program.into(),
        arguments: vec!["-c".into(), script.into()],
        limits,
    });
    let host = Host::builder()
        .threads(1)
        .cache(None)
        .compiler(compiler)
        .build()
        .unwrap();
    let error = host
        .load(&Folder::new().file("guest.wasm", bytes))
        .unwrap_err();
    let text = error.to_string();
    assert!(text.contains("guest.wasm: "), "{text}");
    error
}

fn fault(script: &str, limits: CompileLimits) -> CompileFault {
    match load(script, limits) {
        Error::Compile { fault, .. } => fault,
        other => panic!("{script}: {other}"),
    }
}

#[test]
fn a_crash_is_told_with_its_signal_and_last_words() {
    let fault = fault(
        "echo some words >&2; kill -SEGV $$",
        CompileLimits::default(),
    );
    let text = fault.to_string();
    assert!(matches!(fault, CompileFault::Crashed { .. }), "{text}");
    assert!(
        text.contains("signal 11") && text.contains("some words"),
        "{text}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn who_is_ended_for_breaking_out_is_named() {
    let fault = fault("kill -SYS $$", CompileLimits::default());
    let text = fault.to_string();
    assert!(matches!(fault, CompileFault::BrokeOut), "{text}");
    assert!(text.contains("SECURITY.md"), "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn the_compiler_gets_nothing_of_the_environment() {
    // The shell adds variables to its own, but what the process started with stays as it was.
    let fault = fault(
        "tr '\\0' ' ' </proc/$$/environ >&2; echo that is all >&2; exit 70",
        CompileLimits::default(),
    );
    assert!(
        matches!(&fault, CompileFault::Crashed { message, .. } if message == "that is all\n"),
        "{fault}"
    );
}

#[test]
fn a_program_that_is_no_compiler_is_a_crash() {
    let fault = fault("exit 2", CompileLimits::default());
    assert!(
        matches!(&fault, CompileFault::Crashed { how, .. } if how.contains('2')),
        "{fault}"
    );
}

#[test]
fn time_and_memory_are_told_apart() {
    let limits = CompileLimits::default();
    assert!(matches!(
        fault("kill -XCPU $$", limits),
        CompileFault::CpuTime { seconds: 120 }
    ));
    let memory = "echo memory allocation of 8 bytes failed >&2; kill -ABRT $$";
    assert!(matches!(fault(memory, limits), CompileFault::Memory { .. }));
    assert!(matches!(
        fault("kill -KILL $$", limits),
        CompileFault::Killed { .. }
    ));
    assert!(matches!(
        fault("kill -INT $$; sleep 9", limits),
        CompileFault::Killed { .. }
    ));
    let text = fault("kill -XCPU $$", limits).to_string();
    assert!(
        text.contains("RLHOST_COMPILE_LIMITS=cpu_seconds=240"),
        "{text}"
    );
}

#[test]
fn a_compiler_that_hangs_is_ended() {
    let limits = CompileLimits {
        wall_seconds: 1,
        ..CompileLimits::default()
    };
    // With its output open and closed; and one that leaves a process behind that holds the pipes.
    for script in [
        "exec sleep 1000",
        "exec >&-; exec sleep 1000",
        "sleep 30 & exec sleep 1000",
    ] {
        let start = Instant::now();
        let fault = fault(script, limits);
        assert!(
            matches!(fault, CompileFault::WallTime { seconds: 1 }),
            "{script}: {fault}"
        );
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "{script}: {:?}",
            start.elapsed()
        );
    }
}

#[test]
fn output_without_end_is_cut() {
    let limits = CompileLimits {
        code: 1 << 20,
        ..CompileLimits::default()
    };
    let fault = fault("exec cat /dev/zero", limits);
    assert!(
        matches!(fault, CompileFault::CodeTooLarge { limit: 1_048_576 }),
        "{fault}"
    );
}

#[test]
fn no_full_pipe_stops_the_parent() {
    // Much is offered to a child that reads nothing, and says much that nobody wants to hear.
    let mut bytes = Guest::default().component();
    bytes.resize(8 << 20, 0);
    let script = "head -c 8000000 /dev/zero >&2; exit 65";
    let error = load_bytes("/bin/sh", script, CompileLimits::default(), &bytes);
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
}

#[test]
fn what_is_no_code_of_this_engine_is_not_loaded() {
    for script in ["exit 0", "echo nonsense", "cat"] {
        let error = load(script, CompileLimits::default());
        assert!(matches!(error, Error::Corrupt { .. }), "{script}: {error}");
    }
}

#[test]
fn large_files_are_refused_unread() {
    let limits = CompileLimits {
        component: 100,
        ..CompileLimits::default()
    };
    let fault = fault("exit 0", limits);
    assert!(
        matches!(fault, CompileFault::ComponentTooLarge { limit: 100, .. }),
        "{fault}"
    );
}

#[test]
fn a_missing_program_is_named() {
    let bytes = Guest::default().component();
    let error = load_bytes("/no/such/program", "", CompileLimits::default(), &bytes);
    assert!(error.to_string().contains("/no/such/program"), "{error}");
}

#[test]
fn the_parent_reads_the_header_itself() {
    // No child is needed to refuse what is no component.
    let error = load_bytes("/no/such/program", "", CompileLimits::default(), b"\x7fELF");
    assert!(matches!(error, Error::NotWasm { .. }), "{error}");
}

#[test]
fn no_zombie_stays() {
    let children = || {
        let tasks = std::fs::read_dir("/proc/self/task").ok()?;
        let of = |task: std::io::Result<std::fs::DirEntry>| {
            std::fs::read_to_string(task.ok()?.path().join("children")).ok()
        };
        Some(tasks.filter_map(of).collect::<String>())
    };
    if !Path::new("/proc/self/task").exists() {
        return;
    }
    let limits = CompileLimits {
        wall_seconds: 1,
        ..CompileLimits::default()
    };
    for script in [
        "exit 1",
        "kill -SEGV $$",
        "exec sleep 1000",
        "exec cat /dev/zero",
    ] {
        load(
            script,
            CompileLimits {
                code: 1000,
                ..limits
            },
        );
    }
    // Other tests of this process may have children of their own where tests share one.
    let start = Instant::now();
    while children().is_some_and(|found| !found.trim().is_empty()) {
        assert!(start.elapsed() < Duration::from_mins(1), "{:?}", children());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn limits_are_read_with_care() {
    let parse = |text: &str| text.parse::<CompileLimits>();
    assert_eq!(parse(""), Ok(CompileLimits::default()));
    let limits = parse(" cpu_seconds=3, memory=2147483648 ").unwrap();
    assert_eq!((limits.cpu_seconds, limits.memory), (3, 2 << 30));
    for (text, named) in [
        ("cpu=3", "unknown; the limits are cpu_seconds, memory"),
        ("cpu_seconds", "expected KEY=NUMBER"),
        ("cpu_seconds=0", "whole number from 1"),
        ("cpu_seconds=-1", "whole number from 1"),
        ("cpu_seconds=99999999999999999999", "whole number from 1"),
        ("memory=1000", "at least 2147483648"),
    ] {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(named), "{text}: {error}");
    }
}
