//! What Linux denies the compiler, should a component take it over: files, sockets, programs, other processes.
//!
//! Three layers, each as far as the kernel has it: no new privileges; Landlock, which denies files, connections and
//! signals; and two filters of system calls. A kernel or container that lacks one leaves the others.

use std::collections::BTreeMap;
use std::io;

use landlock::{ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetError, Scope};
use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen as Width, SeccompCmpOp as Is, SeccompCondition,
    SeccompFilter, SeccompRule,
};

/// The newest Landlock that the rules are written for; an older kernel enforces what it knows of them.
const LANDLOCK: ABI = ABI::V10;

/// System calls that compiling takes, or that allocators and the standard library may make meanwhile.
const COMPILING: [c_long; 21] = [
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_sigaltstack,
];

/// System calls that no library makes by the way: who makes one has taken the compiler over, and the user is told.
const BREAKING_OUT: [c_long; 7] = [
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_kill,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_ptrace,
    libc::SYS_socket,
];

/// Takes the file system, the network and signals from this thread and from those that it starts from now on.
pub(super) fn leave_files_and_network() {
    let deny_all = || -> Result<(), RulesetError> {
        Ruleset::default()
            .handle_access(AccessFs::from_all(LANDLOCK))?
            .handle_access(AccessNet::from_all(LANDLOCK))?
            .scope(Scope::from_all(LANDLOCK))?
            .create()?
            .restrict_self()?;
        Ok(())
    };
    // Where it fails, a container forbids what the kernel has; the filters stand alone there.
    let _ = deny_all();
}

/// Takes from all threads of this process every system call that compiling does not need. Such a call fails with
/// `EPERM`, which libraries live with (an allocator that asks for the number of processors); one of
/// [`BREAKING_OUT`] ends the process.
pub(super) fn leave_system_calls() -> io::Result<()> {
    // What the stricter of both filters says counts. The second denies adding a third.
    let ends = BREAKING_OUT.map(|call| (call, Vec::new()));
    apply(
        ends.into(),
        SeccompAction::Allow,
        SeccompAction::KillProcess,
    )?;
    let denied = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    apply(compiling()?, denied, SeccompAction::Allow)
}

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

fn compiling() -> io::Result<Rules> {
    let mut rules: Rules = COMPILING.map(|call| (call, Vec::new())).into();
    let only = |argument, is, value: u64| -> io::Result<SeccompRule> {
        SeccompCondition::new(argument, Width::Dword, is, value)
            .and_then(|condition| SeccompRule::new(vec![condition]))
            .map_err(io::Error::other)
    };
    // The three streams, each in its direction.
    for call in [libc::SYS_read, libc::SYS_readv] {
        rules.insert(call, vec![only(0, Is::Eq, 0)?]);
    }
    for call in [libc::SYS_write, libc::SYS_writev] {
        rules.insert(call, vec![only(0, Is::Eq, 1)?, only(0, Is::Eq, 2)?]);
    }
    // Memory that is executable is for running code, not for compiling it.
    let executable = libc::PROT_EXEC.unsigned_abs().into();
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        rules.insert(call, vec![only(2, Is::MaskedEq(executable), 0)?]);
    }
    // An abort is a signal to oneself.
    let own = u64::from(std::process::id());
    rules.insert(libc::SYS_tgkill, vec![only(0, Is::Eq, own)?]);
    Ok(rules)
}

/// Adds a filter to those of all threads, where the kernel has filters and lets us.
fn apply(rules: Rules, otherwise: SeccompAction, listed: SeccompAction) -> io::Result<()> {
    let Ok(arch) = std::env::consts::ARCH.try_into() else {
        return Ok(());
    };
    let filter: BpfProgram = SeccompFilter::new(rules, otherwise, listed, arch)
        .and_then(TryInto::try_into)
        .map_err(io::Error::other)?;
    match seccompiler::apply_filter_all_threads(&filter) {
        // No filters in this kernel, in this emulator or for this container.
        Err(seccompiler::Error::Prctl(_) | seccompiler::Error::Seccomp(_)) => Ok(()),
        other => other.map_err(io::Error::other),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, unsafe_code)]
    use std::collections::BTreeMap;
    use std::fs::{self, File, OpenOptions};
    use std::io::{self, Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Output};
    use std::sync::mpsc;
    use std::{env, ptr, thread};

    use super::{BREAKING_OUT, COMPILING, leave_files_and_network, leave_system_calls};

    /// Which layers the process of [`attacker`] is under, and what it tries.
    const LAYER: &str = "RLHOST_TEST_LAYER";
    const TRY: &str = "RLHOST_TEST_TRY";
    /// A port and the name of an abstract socket, where somebody listens, and a folder.
    const PORT: &str = "RLHOST_TEST_PORT";
    const NAME: &str = "RLHOST_TEST_NAME";
    const FOLDER: &str = "RLHOST_TEST_FOLDER";

    type Attempt = fn() -> io::Result<()>;

    fn call(result: impl Into<i64>) -> io::Result<()> {
        if result.into() < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    fn map(protection: libc::c_int) -> io::Result<*mut libc::c_void> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a mapping of its own harms nobody.
        let at = unsafe { libc::mmap(ptr::null_mut(), 4096, protection, flags, -1, 0) };
        if at == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(at)
    }

    fn text(name: &str) -> String {
        env::var(name).unwrap()
    }

    const ATTEMPTS: [(&str, Attempt); 11] = [
        ("read a file", || {
            File::open("/proc/self/maps")?.read_exact(&mut [0])
        }),
        ("list a folder", || fs::read_dir("/").map(drop)),
        ("write a file", || {
            File::create(format!("{}/{}", text(FOLDER), text(LAYER))).map(drop)
        }),
        ("run a program", || {
            Command::new("/bin/sh")
                .args(["-c", "exit 0"])
                .status()
                .map(drop)
        }),
        ("connect", || {
            TcpStream::connect(("127.0.0.1", text(PORT).parse().unwrap())).map(drop)
        }),
        ("connect by name", || {
            UnixStream::connect_addr(&SocketAddr::from_abstract_name(text(NAME))?).map(drop)
        }),
        // SAFETY: signal 0 only asks.
        ("signal the parent", || unsafe {
            call(libc::kill(libc::getppid(), 0))
        }),
        ("start a thread", || {
            thread::Builder::new().spawn(|| ())?.join().unwrap();
            Ok(())
        }),
        ("map executable memory", || {
            map(libc::PROT_READ | libc::PROT_EXEC).map(drop)
        }),
        ("make memory executable", || {
            let at = map(libc::PROT_READ | libc::PROT_WRITE)?;
            // SAFETY: nobody else knows this mapping.
            unsafe { call(libc::mprotect(at, 4096, libc::PROT_READ | libc::PROT_EXEC)) }
        }),
        // SAFETY: asks only.
        ("ask for a limit", || unsafe {
            let mut limit = libc::rlimit {
                rlim_cur: 0,
                rlim_max: 0,
            };
            call(libc::getrlimit(libc::RLIMIT_CORE, &raw mut limit))
        }),
    ];

    fn raw(number: libc::c_long) -> io::Result<()> {
        const NONSENSE: libc::c_long = -1;
        // SAFETY: none of the calls that are tried accepts such arguments.
        call(unsafe {
            libc::syscall(
                number, NONSENSE, NONSENSE, NONSENSE, NONSENSE, NONSENSE, NONSENSE,
            )
        })
    }

    /// Tries what it is told to, under the layers that it is told, and prints how each attempt went.
    #[test]
    #[ignore = "the other tests start it, in a process of its own"]
    fn attacker() {
        let open = OpenOptions::new().read(true).write(true).open("/dev/zero");
        let mut open = open.unwrap();
        let layer = text(LAYER);
        if layer == "landlock" {
            leave_files_and_network();
        }
        // As in the child: it has threads before it has filters.
        let (go, wait) = mpsc::channel();
        let (ready, is_ready) = mpsc::channel();
        let other = thread::spawn(move || {
            ready.send(()).unwrap();
            wait.recv().map(|attempt: Attempt| attempt())
        });
        is_ready.recv().unwrap();
        if layer == "filters" {
            leave_system_calls().unwrap();
        }
        // The first line is the test harness's own.
        let mut told = vec![String::new()];
        let mut tell = |what: &str, outcome: io::Result<()>| {
            let error = outcome
                .err()
                .map_or(0, |error| error.raw_os_error().unwrap_or(-1));
            told.push(format!("{what}: {error}"));
        };
        let what = text(TRY);
        match what.strip_prefix("call ") {
            Some(number) => tell("it", raw(number.parse().unwrap())),
            None if what == "all calls" => {
                let conditional = [
                    libc::SYS_read,
                    libc::SYS_readv,
                    libc::SYS_write,
                    libc::SYS_writev,
                    libc::SYS_mmap,
                    libc::SYS_mprotect,
                    libc::SYS_tgkill,
                ];
                // What the kernel itself makes of probes in programs; filters do not see it.
                let probes = if cfg!(target_arch = "x86_64") {
                    335..337
                } else {
                    0..0
                };
                let known = [&COMPILING[..], &BREAKING_OUT, &conditional].concat();
                for number in
                    (0..600).filter(|number| !known.contains(number) && !probes.contains(number))
                {
                    tell(&number.to_string(), raw(number));
                }
            }
            None => {
                let named: Vec<_> = what.split(", ").collect();
                for (name, attempt) in ATTEMPTS.iter().filter(|(name, _)| named.contains(name)) {
                    tell(name, attempt());
                }
                tell("read another file", open.read_exact(&mut [0]));
                // SAFETY: the file takes nothing.
                let wrote = unsafe { libc::write(open.as_raw_fd(), b"x".as_ptr().cast(), 0) };
                tell("write another file", call(wrote as i64));
                go.send(ATTEMPTS[0].1).unwrap();
                tell("another thread", other.join().unwrap().unwrap());
            }
        }
        writeln!(io::stdout(), "{}", told.join("\n")).unwrap();
    }

    fn attack(layer: &str, what: &str) -> Output {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = tcp.local_addr().unwrap().port();
        let name = format!("rlhost-test-{port}");
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let _unix = UnixListener::bind_addr(&address).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let test = concat!(module_path!(), "::attacker")
            .split_once("::")
            .unwrap()
            .1;
        Command::new(env::current_exe().unwrap())
            .args(["--exact", test, "--ignored", "--nocapture"])
            .env(LAYER, layer)
            .env(TRY, what)
            .env(PORT, port.to_string())
            .env(NAME, &name)
            .env(FOLDER, folder.path())
            .output()
            .unwrap()
    }

    /// How each attempt went: an error's number, or 0.
    fn outcomes(layer: &str, what: &str) -> BTreeMap<String, i32> {
        let output = attack(layer, what);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{layer}, {what}: {output:?}");
        let lines = text.lines().filter_map(|line| line.rsplit_once(": "));
        let outcomes: BTreeMap<_, _> = lines
            .filter_map(|(name, number)| Some((name.to_owned(), number.parse().ok()?)))
            .collect();
        assert!(!outcomes.is_empty(), "{layer}, {what}: {output:?}");
        outcomes
    }

    /// What the two tests below deny is possible without them, or they would show nothing.
    #[test]
    fn without_the_jail_every_attempt_succeeds() {
        let all = ATTEMPTS.map(|(name, _)| name).join(", ");
        for (what, error) in outcomes("none", &all) {
            assert_eq!(error, 0, "{what}");
        }
    }

    #[test]
    fn landlock_denies_files_connections_and_signals() {
        // SAFETY: asks for the version of Landlock that the kernel has.
        let version = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, 0, 0, 1) };
        let denied = [
            (1, "read a file", libc::EACCES),
            (1, "another thread", libc::EACCES),
            (1, "list a folder", libc::EACCES),
            (1, "write a file", libc::EACCES),
            (1, "run a program", libc::EACCES),
            (4, "connect", libc::EACCES),
            (6, "connect by name", libc::EPERM),
            (6, "signal the parent", libc::EPERM),
        ];
        let found = outcomes("landlock", &denied.map(|(_, what, _)| what).join(", "));
        for (since, what, error) in denied {
            if version >= since {
                assert_eq!(found[what], error, "{what}");
            }
        }
    }

    /// Whether filters can be had at all.
    fn has_filters() -> bool {
        fs::read_to_string("/proc/self/status").is_ok_and(|status| status.contains("\nSeccomp:"))
    }

    #[test]
    fn the_filters_deny_files_threads_and_executable_memory() {
        if !has_filters() {
            return;
        }
        let ends = ["connect", "connect by name", "signal the parent"];
        let names = ATTEMPTS.map(|(name, _)| name);
        let denied: Vec<_> = names
            .into_iter()
            .filter(|name| !ends.contains(name))
            .collect();
        let found = outcomes("filters", &denied.join(", "));
        assert_eq!(found.len(), denied.len() + 3, "{found:?}");
        for (what, error) in found {
            assert_eq!(error, libc::EPERM, "{what}");
        }
        let all = outcomes("filters", "all calls");
        assert!(all.len() > 500, "{}", all.len());
        for (what, error) in all {
            assert_eq!(error, libc::EPERM, "system call {what}");
        }
    }

    #[test]
    fn who_breaks_out_is_ended() {
        if !has_filters() {
            return;
        }
        for number in BREAKING_OUT {
            let what = format!("call {number}");
            assert_eq!(attack("none", &what).status.signal(), None, "{what}");
            let ended = attack("filters", &what).status.signal();
            assert_eq!(ended, Some(libc::SIGSYS), "{what}");
        }
        for what in ["connect", "connect by name", "signal the parent"] {
            let ended = attack("filters", what).status.signal();
            assert_eq!(ended, Some(libc::SIGSYS), "{what}");
        }
    }
}
