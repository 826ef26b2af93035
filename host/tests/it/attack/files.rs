//! Files that are none, or not the ones that they seem to be.

use std::fs::{self, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use rlhost_host::{Error, Image, SampleReader, files, golden};

use crate::guest::{Folder, HOST};

fn named_pipe(folder: &Folder, name: &str) -> PathBuf {
    let path = folder.path().join(name);
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    path
}

/// Nobody writes to the pipes here: whoever waits for them waits for ever.
#[test]
fn pipes_and_devices_are_not_read_as_files() {
    let folder = Folder::new();
    let pipe = named_pipe(&folder, "a.jsonl");
    let row = r#"{"response": "x", "images": "a.jsonl"}"#;
    let rows = folder.file("rows.jsonl", row.as_bytes());
    let zero = Path::new("/dev/zero");
    let row = SampleReader::open(rows).unwrap().next().unwrap();
    let errors: [Error; 7] = [
        Image::open(&pipe).unwrap_err(),
        Image::open(zero).unwrap_err(),
        SampleReader::open(&pipe).unwrap_err(),
        SampleReader::open(zero).unwrap_err(),
        golden::read(folder.path()).unwrap_err(),
        HOST.load(&pipe).err().unwrap(),
        row.unwrap_err(),
    ];
    for error in errors {
        let text = error.to_string();
        let named = text.contains("a named pipe") || text.contains("a device");
        assert!(named && text.contains("a regular file"), "{text}");
    }
    // What the shell opens may be a pipe; a row can't name it.
    assert!(files::open_given(Path::new("/dev/fd/0")).is_ok());
    assert!(files::open(Path::new("/dev/fd/0")).is_err());
}

#[test]
fn a_file_of_a_terabyte_is_refused_by_its_size() {
    let folder = Folder::new();
    let path = folder.file("huge.jpg", b"\xff\xd8\xff\xda\0\x08\x01\x01\0\0\x3f\0");
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(1 << 40).unwrap();
    let error = Image::open(&path).unwrap_err().to_string();
    assert!(error.contains("1099511627776 bytes"), "{error}");
    let error = HOST.load(&path).err().unwrap().to_string();
    assert!(error.contains("1099511627776"), "{error}");
}

#[test]
fn a_row_that_never_ends_is_refused_at_once() {
    let endless = BufReader::new(io::repeat(b'x'));
    let error = SampleReader::new(endless, "rows.jsonl").next().unwrap();
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("rows.jsonl:1: the row has more than"),
        "{error}"
    );
}

#[test]
fn a_file_is_written_under_a_name_that_nobody_knew() {
    let folder = Folder::new();
    let victim = folder.file("victim", b"precious");
    let path = folder.path().join("out");
    for name in [".out.partial", ".out.tmp"] {
        symlink(&victim, folder.path().join(name)).unwrap();
    }
    // Another one writes the same file meanwhile.
    files::replace(&path, |file| {
        file.write_all(b"first, ")?;
        files::replace(&path, |other| other.write_all(b"other"))?;
        assert_eq!(fs::read(&path)?, b"other");
        file.write_all(b"whole")
    })
    .unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"first, whole");
    let failed = files::replace(&path, |file| {
        file.write_all(b"half")?;
        Err(io::Error::other("no"))
    });
    assert!(failed.is_err());
    assert_eq!(fs::read(&path).unwrap(), b"first, whole");
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);
}

#[test]
fn what_is_written_to_is_no_link() {
    let folder = Folder::new();
    let victim = folder.file("victim", b"precious");
    let (link, second) = (folder.path().join("link"), folder.path().join("second"));
    let nowhere = folder.path().join("nowhere");
    symlink(&victim, &link).unwrap();
    symlink("not there", &nowhere).unwrap();
    fs::hard_link(&victim, &second).unwrap();
    for path in [&link, &nowhere, &second, &named_pipe(&folder, "pipe")] {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        let error = files::open_own(path, &options).unwrap_err().to_string();
        assert!(error.contains("link") || error.contains("pipe"), "{error}");
    }
    assert!(!folder.path().join("not there").exists());
    let own = folder.path().join("own");
    for _ in 0..2 {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        let mut file = files::open_own(&own, &options).unwrap();
        file.write_all(b"x").unwrap();
    }
    assert_eq!(fs::read(&own).unwrap(), b"xx");
}

#[test]
fn a_file_is_read_up_to_its_bound() {
    let folder = Folder::new();
    let path = folder.file("four", b"1234");
    assert_eq!(files::read(&path, 4).unwrap(), b"1234");
    assert!(files::read(&path, 3).is_err());
    let mut lines = BufReader::new(&b"12\n345\n"[..]);
    let mut line = Vec::new();
    assert_eq!(files::read_line(&mut lines, &mut line, 3).unwrap(), Some(3));
    assert_eq!(files::read_line(&mut lines, &mut line, 3).unwrap(), None);
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}
