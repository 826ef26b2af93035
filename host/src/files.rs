//! Files of others: read within bounds, and written whole.
//!
//! What is meant to be a file is a regular one: a named pipe or a device in its place would make a reader wait, or
//! read, without end. Every read has a bound. What is written gets its name when all of it is there, and under way
//! has a name that nobody could know before.
//!
//! ```
//! use rlhost_host::files;
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("notes.txt");
//! files::replace(&path, |file| std::io::Write::write_all(file, b"seen"))?;
//! assert_eq!(files::read_text(&path, files::TEXT)?, "seen");
//! assert!(files::read(&path, 3).unwrap_err().to_string().contains("at most 3"));
//! assert!(files::read(folder.path(), 3).is_err());
//! # Ok::<(), std::io::Error>(())
//! ```

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, BufRead, ErrorKind, Read};
use std::path::Path;

use tempfile::{Builder, NamedTempFile, TempDir};

/// The most bytes of a text that is read whole: a configuration, a tokenizer, a description.
pub const TEXT: u64 = 64 << 20;

/// The most bytes of a file of weights, or of an optimiser's state.
pub const WEIGHTS: u64 = 1 << 40;

/// The most bytes of a component.
pub const COMPONENT: u64 = 1 << 30;

/// The most bytes of a line of JSON Lines. Its pictures lie in files of their own.
pub const LINE: u64 = 64 << 20;

/// Opens a regular file. Nothing else is waited for.
///
/// # Errors
/// Also for whatever is no regular file; the message says what it is.
pub fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // A named pipe would be waited for until somebody writes to it. Regular files don't mind.
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
        options.custom_flags(flags.bits().cast_signed());
    }
    let file = options.read(true).open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        Ok(file)
    } else {
        Err(not_regular(kind))
    }
}

/// Opens what a user names on a command line: a regular file, or what the shell has opened already (`/dev/stdin`,
/// and `/dev/fd/63` in the place of `<(…)`), which may be a pipe.
///
/// # Errors
/// As [`open`].
pub fn open_given(path: &Path) -> io::Result<File> {
    if is_descriptor(path) {
        File::open(path)
    } else {
        open(path)
    }
}

/// Reads a regular file of at most `most` bytes.
///
/// # Errors
/// As [`open`], and for a larger file. What is no UTF-8 is no error.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    read_all(open(path)?, most)
}

/// The same for what a user names on a command line: see [`open_given`].
pub fn read_given(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    read_all(open_given(path)?, most)
}

/// Reads a regular file of text, of at most `most` bytes.
///
/// # Errors
/// As [`read`], and for what is no text in UTF-8.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    text(read(path, most)?)
}

/// The same for what a user names on a command line: see [`open_given`].
pub fn read_text_given(path: &Path, most: u64) -> io::Result<String> {
    text(read_given(path, most)?)
}

/// Appends a line to `line`, its line feed included, and returns its bytes; `None` for a line of more than `most`
/// bytes, of which the rest is still to be read. No bytes are the end.
pub fn read_line(
    reader: &mut impl BufRead,
    line: &mut Vec<u8>,
    most: u64,
) -> io::Result<Option<usize>> {
    let count = reader
        .take(most.saturating_add(1))
        .read_until(b'\n', line)?;
    Ok((count as u64 <= most).then_some(count))
}

/// A new file beside `path`, hidden and of a name of its own, to be renamed when it is whole
/// ([`NamedTempFile::persist`]). It is removed where it is dropped before.
pub fn stage(path: &Path) -> io::Result<NamedTempFile> {
    let (prefix, folder) = beside(path);
    let staged = hidden(&prefix, 0o666).tempfile_in(folder);
    staged.map_err(|error| without_name(&error))
}

/// The same for a folder: [`TempDir::keep`] it when it has been renamed.
pub fn stage_folder(path: &Path) -> io::Result<TempDir> {
    let (prefix, folder) = beside(path);
    let staged = hidden(&prefix, 0o777).tempdir_in(folder);
    staged.map_err(|error| without_name(&error))
}

/// What makes a name of its own, with these permissions less the bits of the umask, as any file or folder has.
#[cfg_attr(not(unix), expect(unused_variables))]
fn hidden(prefix: &OsStr, mode: u32) -> Builder<'_, 'static> {
    let mut builder = Builder::new();
    builder.prefix(prefix).suffix(".partial");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    builder
}

/// Writes a file of which either all or nothing is there under its name. Of two writers at one time the last one's
/// stays, whole.
///
/// # Errors
/// Whatever `write` returns, or the file that could not be written; what was there is as it was.
pub fn replace<E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut File) -> Result<(), E>,
) -> Result<(), E> {
    let mut staged = stage(path)?;
    write(staged.as_file_mut())?;
    staged.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Opens a file of ours to read and to write; creates it where it is missing, and leaves what is in it.
///
/// # Errors
/// Also where the name is a link, or one of several names of the file: whoever handed out the folder would choose
/// what is written to.
pub fn open_own(path: &Path, options: &OpenOptions) -> io::Result<File> {
    check_own(path)?;
    let mut options = options.clone();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(flags.bits().cast_signed());
    }
    let file = options.open(path)?;
    let kind = file.metadata()?.file_type();
    // A device is none that came with a folder.
    #[cfg(unix)]
    if std::os::unix::fs::FileTypeExt::is_char_device(&kind) {
        return Ok(file);
    }
    if kind.is_file() {
        Ok(file)
    } else {
        Err(not_regular(kind))
    }
}

/// Checks that what is written to under this name is here: no link, and no further name of a file that lies elsewhere
/// too. What does not exist is fine.
///
/// # Errors
/// Says which of them it is.
pub fn check_own(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if found.is_symlink() {
        let target = fs::read_link(path)?;
        return Err(refused(format!(
            "this is a link to {}, and what is written to must lie here: put a copy in its place, or remove it",
            target.display()
        )));
    }
    #[cfg(unix)]
    if found.is_file() && std::os::unix::fs::MetadataExt::nlink(&found) > 1 {
        return Err(refused(
            "the file has another name elsewhere (a hard link), and would change there too: put a copy in its place"
                .to_owned(),
        ));
    }
    Ok(())
}

/// Whether a path names what this process has open already.
fn is_descriptor(path: &Path) -> bool {
    let folders = ["/dev/fd", "/proc/self/fd"];
    cfg!(unix)
        && (path == Path::new("/dev/stdin")
            || folders
                .iter()
                .any(|folder| path.parent() == Some(Path::new(folder))))
}

fn read_all(file: File, most: u64) -> io::Result<Vec<u8>> {
    let size = file.metadata()?.len();
    let too_large = |size: &str| {
        refused(format!(
            "the file has {size} bytes, and at most {most} are read"
        ))
    };
    if size > most {
        return Err(too_large(&size.to_string()));
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(size as usize)?;
    // It may grow meanwhile, and of a pipe no size is known.
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(too_large(&format!("more than {most}")));
    }
    Ok(bytes)
}

fn text(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes)
        .map_err(|error| refused(format!("not text in UTF-8: {}", error.utf8_error())))
}

fn refused(message: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, message)
}

fn not_regular(kind: FileType) -> io::Error {
    if kind.is_dir() {
        return ErrorKind::IsADirectory.into();
    }
    #[cfg(unix)]
    let what = {
        use std::os::unix::fs::FileTypeExt;
        match () {
            () if kind.is_fifo() => "a named pipe",
            () if kind.is_socket() => "a socket",
            () => "a device",
        }
    };
    #[cfg(not(unix))]
    let what = "something else";
    refused(format!("this is {what}, and a regular file is read"))
}

/// The error without the name that the file would have had under way: it means nothing, and is another each time.
fn without_name(error: &io::Error) -> io::Error {
    let text = error.to_string();
    let end = text.rfind(" at path ").unwrap_or(text.len());
    io::Error::new(error.kind(), &text[..end])
}

/// The beginning of a hidden name beside `path`, and the folder, so that a rename stays on one file system.
fn beside(path: &Path) -> (OsString, &Path) {
    let mut prefix = OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push(".");
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    (prefix, folder)
}
