//! The command compiles components in a child of itself, and the child's limits hold.
#![cfg(target_os = "linux")]

use crate::support::{Outcome, Project, guest};
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// A number in LEB128.
fn leb(mut n: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (n & 0x7f) as u8;
        n >>= 7;
        if n == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [leb(bytes.len()), bytes.to_vec()].concat()
}

fn section(id: u8, bytes: &[u8]) -> Vec<u8> {
    [vec![id], sized(bytes)].concat()
}

/// A component of one core module with one function of this body, from i32 to i32.
fn component(body: &[u8]) -> Vec<u8> {
    let module = [
        b"\0asm\x01\0\0\0".to_vec(),
        section(1, b"\x01\x60\x01\x7f\x01\x7f"),
        section(3, b"\x01\0"),
        section(10, &[vec![1], sized(body)].concat()),
    ]
    .concat();
    [b"\0asm\x0d\0\x01\0".to_vec(), section(1, &module)].concat()
}

/// Takes long: nested blocks, each of which branches to all that are around it.
fn time_bomb(depth: usize) -> Vec<u8> {
    let mut body = vec![0];
    body.extend([0x02, 0x40].repeat(depth));
    for i in 0..depth {
        body.extend([0x20, 0, 0x0e]);
        body.extend(leb(depth - i));
        body.extend((0..depth - i).flat_map(leb));
        body.extend([0, 0x0b]);
    }
    body.extend([0x20, 0, 0x0b]);
    component(&body)
}

/// Takes much memory: 200 variables that are set in one of very many branches of a loop.
fn memory_bomb(branches: usize) -> Vec<u8> {
    const LOCALS: usize = 200;
    let mut body = [vec![1], leb(LOCALS), vec![0x7f, 0x03, 0x40]].concat();
    let local = |i: usize| leb(1 + i % LOCALS);
    for i in 0..branches {
        for (op, operand) in [
            (0x20, local(i)),
            (0x04, vec![0x40]),
            (0x20, local(i * 31)),
            (0x20, local(i * 17)),
            (0x6a, vec![]),
            (0x21, local(i * 7)),
            (0x0b, vec![]),
        ] {
            body.push(op);
            body.extend(operand);
        }
    }
    body.extend([0x20, 0, 0x0d, 0, 0x0b, 0x20, 0, 0x0b]);
    component(&body)
}

fn inspect(project: &Project, component: &[u8], limits: &str) -> Command {
    fs::write(project.path("bomb.wasm"), component).unwrap();
    let mut command = project.command(&["plugin", "inspect", "bomb.wasm"]);
    command.env("RLHOST_COMPILE_LIMITS", limits);
    command
}

#[track_caller]
fn refused(project: &Project, component: &[u8], limits: &str, words: &[&str]) {
    let outcome: Outcome = inspect(project, component, limits).output().unwrap().into();
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert_eq!(outcome.stdout, "");
    assert!(
        outcome.stderr.starts_with("error: bomb.wasm: "),
        "{}",
        outcome.stderr
    );
    for word in words {
        assert!(
            outcome.stderr.contains(word),
            "{word} is not in: {}",
            outcome.stderr
        );
    }
}

#[test]
fn a_component_that_takes_long_to_compile_is_refused() {
    let start = Instant::now();
    refused(
        &Project::empty(),
        &time_bomb(1500),
        "cpu_seconds=1",
        &[
            "more than 1 s of processor time",
            "RLHOST_COMPILE_LIMITS=cpu_seconds=2",
        ],
    );
    assert!(
        start.elapsed() < Duration::from_mins(1),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn a_component_that_takes_much_memory_to_compile_is_refused() {
    refused(
        &Project::empty(),
        &memory_bomb(400_000),
        "memory=2147483648",
        &[
            "more than 2147483648 bytes of memory",
            "RLHOST_COMPILE_LIMITS=memory=4294967296",
        ],
    );
}

#[test]
fn a_component_that_takes_long_on_the_wall_clock_is_refused() {
    refused(
        &Project::empty(),
        &time_bomb(1500),
        "wall_seconds=1",
        &["longer than 1 s", "RLHOST_COMPILE_LIMITS=wall_seconds=2"],
    );
}

#[test]
fn a_file_beyond_the_limit_is_refused() {
    // The way out that it names is one.
    let bomb = time_bomb(10);
    let size = bomb.len();
    let says = format!("{size} bytes, more than 100");
    let way_out = format!("RLHOST_COMPILE_LIMITS=component={size} ");
    refused(
        &Project::empty(),
        &bomb,
        "component=100",
        &[says.as_str(), way_out.as_str()],
    );
}

#[test]
fn an_invalid_component_is_told_as_such() {
    let mut bytes = time_bomb(2);
    *bytes.last_mut().unwrap() = 0;
    refused(
        &Project::empty(),
        &bytes,
        "",
        &["corrupt or unsupported component"],
    );
}

#[test]
fn senseless_limits_are_refused() {
    let project = Project::empty();
    let mut command = inspect(&project, &time_bomb(2), "cpu_minutes=1");
    let outcome: Outcome = command.output().unwrap().into();
    assert_eq!(outcome.code, Some(2));
    for word in [
        "RLHOST_COMPILE_LIMITS",
        "`cpu_minutes=1`",
        "cpu_seconds, memory",
    ] {
        assert!(outcome.stderr.contains(word), "{}", outcome.stderr);
    }
}

#[test]
fn the_least_memory_suffices_for_the_standard_plugins() {
    let project = Project::empty();
    let plugin = guest("math");
    let mut command = project.command(&["plugin", "inspect", &plugin]);
    let outcome: Outcome = command
        .env("RLHOST_CACHE_DIR", project.path("cache"))
        .env("RLHOST_COMPILE_LIMITS", "memory=2147483648")
        .output()
        .unwrap()
        .into();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    // What the child compiled is kept.
    assert_eq!(
        fs::read_dir(project.path("cache/compiled"))
            .unwrap()
            .count(),
        1
    );
}

/// The first child of a process.
fn child_of(parent: &Child) -> Option<u32> {
    let pid = parent.id();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

/// Whether a process runs; one that ended and was not waited for does not.
fn runs(pid: u32) -> bool {
    let status = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    status.is_ok_and(|status| {
        let state = status
            .rsplit(") ")
            .next()
            .and_then(|rest| rest.chars().next());
        state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
    })
}

/// The limit of a process, as the system tells it.
fn limit(pid: u32, name: &str) -> String {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
    line[name.len()..]
        .split_whitespace()
        .next()
        .unwrap()
        .to_owned()
}

#[test]
fn the_child_is_limited_and_ends_with_its_parent() {
    for signal in ["-INT", "-KILL"] {
        let project = Project::empty();
        let mut parent = inspect(&project, &time_bomb(2000), "cpu_seconds=50")
            .spawn()
            .unwrap();
        let mut child = None;
        let start = Instant::now();
        while child.is_none() || limit(child.unwrap(), "Max processes") != "0" {
            assert!(start.elapsed() < Duration::from_mins(1));
            child = child_of(&parent);
            std::thread::sleep(Duration::from_millis(5));
        }
        let child = child.unwrap();
        for (name, value) in [
            ("Max cpu time", "50"),
            ("Max address space", "4294967296"),
            ("Max file size", "0"),
            ("Max core file size", "0"),
            ("Max open files", "16"),
        ] {
            assert_eq!(limit(child, name), value, "{name}");
        }
        // The shell's own: a machine may have no program `kill`.
        let kill = Command::new("sh")
            .args(["-c", &format!("kill {signal} {}", parent.id())])
            .status();
        assert!(kill.unwrap().success());
        parent.wait().unwrap();
        let start = Instant::now();
        while runs(child) {
            assert!(
                start.elapsed() < Duration::from_secs(10),
                "the child outlives {signal}"
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A field of a task's status, as the system tells it.
fn status(task: &Path, field: &str) -> Option<String> {
    let status = fs::read_to_string(task.join("status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    Some(line.trim().to_owned())
}

#[test]
fn the_child_reads_its_component_in_a_jail() {
    let project = Project::empty();
    let component = time_bomb(10);
    // Whoever starts rlhost may have left files open; here a copy of standard error, which is closed itself.
    let script = "exec \"$0\" compile-component '' 9>&2 2>&-";
    let command = project.command(&[]);
    let mut child = Command::new("sh")
        .args(["-c", script])
        .arg(command.get_program())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let (closed, wait) = mpsc::channel();
    std::thread::spawn(move || closed.send(stderr.read_to_end(&mut Vec::new())));
    wait.recv_timeout(Duration::from_mins(1))
        .expect("the child has closed what it inherited")
        .unwrap();

    // It waits for its component now, or will soon.
    let tasks = Path::new("/proc").join(child.id().to_string()).join("task");
    let filtered = |field: &str, wanted: &str| {
        let mut tasks = fs::read_dir(&tasks).unwrap().flatten().peekable();
        tasks.peek().is_some()
            && tasks.all(|task| status(&task.path(), field).as_deref() == Some(wanted))
    };
    // A system without filters has no such line; a container may have filters of its own.
    let own = status(Path::new("/proc/self"), "Seccomp_filters:");
    if let Some(own) = own.and_then(|own| own.parse::<u32>().ok()) {
        let start = Instant::now();
        while !filtered("Seccomp_filters:", &(own + 2).to_string()) {
            assert!(start.elapsed() < Duration::from_mins(1), "no filters");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(filtered("Seccomp:", "2") && filtered("NoNewPrivs:", "1"));
    }
    child.stdin.take().unwrap().write_all(&component).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.starts_with(b"\x7fELF"));
}
