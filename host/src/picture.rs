//! Pictures as rows of data name them: a file, a data URL, or bytes.
//!
//! ```
//! use std::path::Path;
//! use rlhost_host::Picture;
//!
//! let folder = Path::new("data");
//! let file = Picture::named("images/7.png", folder)?;
//! assert_eq!(file.to_string(), "data/images/7.png");
//! assert!(Picture::named("https://example.com/7.png", folder).unwrap_err().contains("download"));
//! # Ok::<(), String>(())
//! ```

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::{Error, Image, Result};

/// Base64 with or without its padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The most characters of a name that a message shows.
const SHOWN: usize = 120;

/// A picture that a row of data names, not opened yet. Its text ([`fmt::Display`]) names it again: the path of
/// the file, or a data URL that holds the bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Picture(Source);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Source {
    File(PathBuf),
    /// A data URL.
    Data(Arc<str>),
}

impl Picture {
    /// A picture by its name: a path, relative to `folder`, a `file://` URL, or a `data:` URL in base64.
    ///
    /// # Errors
    /// A message that names the form which is not read, such as an address on the web, and the way out.
    pub fn named(name: &str, folder: &Path) -> Result<Self, String> {
        if let Some(rest) = strip_scheme(name, "data:") {
            let (media, _) = rest
                .split_once(',')
                .ok_or_else(|| format!("{:?} is a data URL without a comma", clipped(name)))?;
            if !media.ends_with(";base64") {
                return Err(format!(
                    "{:?} is a data URL that is not in base64: write data:image/png;base64,…",
                    clipped(name)
                ));
            }
            return Ok(Self(Source::Data(name.into())));
        }
        if let Some(rest) = strip_scheme(name, "file://") {
            let path = rest.strip_prefix("localhost").unwrap_or(rest);
            let path = percent_decoded(path).filter(|path| path.starts_with('/'));
            let path = path.ok_or_else(|| {
                format!(
                    "{:?} is no file:// URL of this machine: write file:///folder/picture.png, or \
                     the path alone",
                    clipped(name)
                )
            })?;
            return Ok(Self(Source::File(path.into())));
        }
        match name.split_once("://") {
            Some((scheme, _)) if is_scheme(scheme) => Err(format!(
                "{:?} is a URL, and nothing is downloaded while a run goes: download the picture \
                 and give the path of the file",
                clipped(name)
            )),
            _ if name.is_empty() => Err("the path of an image is empty".into()),
            _ => Ok(Self(Source::File(folder.join(name)))),
        }
    }

    /// A picture as a value of JSON: a name, or an object with `bytes` in base64, `path` or `url`, as data sets
    /// of Hugging Face have it. Bytes take precedence.
    ///
    /// # Errors
    /// As for [`Picture::named`].
    pub fn from_json(value: &Value, folder: &Path) -> Result<Self, String> {
        let object = match value {
            Value::String(name) => return Self::named(name, folder),
            Value::Object(object) => object,
            Value::Null => return Err("an image is null: leave it out of the list".into()),
            Value::Array(_) => {
                return Err(
                    "an image is a list (of pixels?): write the picture to a PNG or JPEG file and \
                     give its path"
                        .into(),
                );
            }
            other => return Err(format!("an image is {other}, and not a path")),
        };
        let given = |key: &str| object.get(key).filter(|value| !value.is_null());
        match (given("bytes"), given("path").or_else(|| given("url"))) {
            (Some(Value::String(text)), _) if strip_scheme(text, "data:").is_some() => {
                Self::named(text, folder)
            }
            (Some(Value::String(text)), _) => {
                Ok(Self(Source::Data(format!("data:;base64,{text}").into())))
            }
            (Some(_), _) => Err(
                "an image's \"bytes\" are no text: write them in base64, or write the picture to a \
                 file and give its path"
                    .into(),
            ),
            (None, Some(Value::String(name))) => Self::named(name, folder),
            (None, _) => Err(
                "an image is an object without \"bytes\" (base64), \"path\" or \"url\": give the \
                 path of a file"
                    .into(),
            ),
        }
    }

    /// The pictures of a column: one, a list, or none where it is null.
    ///
    /// # Errors
    /// As for [`Picture::named`].
    pub fn list(column: &RawValue, folder: &Path) -> Result<Vec<Self>, String> {
        match serde_json::from_str(column.get()) {
            Ok(Value::Null) => Ok(Vec::new()),
            Ok(Value::Array(values)) => values
                .iter()
                .map(|value| Self::from_json(value, folder))
                .collect(),
            Ok(value @ (Value::String(_) | Value::Object(_))) => {
                Ok(vec![Self::from_json(&value, folder)?])
            }
            _ => Err("expected the path of an image or a list of paths".into()),
        }
    }

    /// The picture's file, where it lies in one.
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            Source::File(path) => Some(path),
            Source::Data(_) => None,
        }
    }

    /// Reads and decodes it, as [`Image::open`] does.
    pub fn open(&self) -> Result<Image> {
        let url = match &self.0 {
            Source::File(path) => return Image::open(path),
            Source::Data(url) => url,
        };
        let payload = url.split_once(',').map_or("", |(_, payload)| payload);
        let compact: String = payload.split_ascii_whitespace().collect();
        let named = |message: String| Error::Image {
            path: clipped(url).into(),
            message,
        };
        let bytes = BASE64
            .decode(compact)
            .map_err(|error| named(format!("the image's bytes are no base64: {error}")))?;
        Image::decode(&bytes).map_err(|error| match error {
            Error::Image { message, .. } => named(message),
            other => other,
        })
    }
}

impl fmt::Display for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::File(path) => path.display().fmt(f),
            Source::Data(url) => f.write_str(url),
        }
    }
}

/// What follows a scheme, which may be written in any case.
fn strip_scheme<'a>(name: &'a str, scheme: &str) -> Option<&'a str> {
    let (start, rest) = name.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// A URL's path with its escapes (`%20`) resolved; `None` where one is broken.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The beginning of a name that may hold a whole picture.
fn clipped(name: &str) -> String {
    match name.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn named(name: &str) -> Result<String, String> {
        Picture::named(name, Path::new("data")).map(|picture| picture.to_string())
    }

    /// Percent-encoding of RFC 3986, and the host part of RFC 8089.
    #[test]
    fn names_are_paths_and_urls_of_files() {
        for (name, expected) in [
            ("a b/ä.png", "data/a b/ä.png"),
            ("/tmp/a.png", "/tmp/a.png"),
            ("file:///tmp/a%20b/%C3%A4.png", "/tmp/a b/ä.png"),
            ("FILE://localhost/tmp/a.png", "/tmp/a.png"),
            ("100%.png", "data/100%.png"),
        ] {
            assert_eq!(named(name).unwrap(), expected);
        }
        for (name, part) in [
            ("https://example.com/a.png", "is a URL"),
            ("s3://bucket/a.png", "is a URL"),
            ("file://other/a.png", "file://"),
            ("file:///a%zz.png", "file://"),
            ("data:image/png,abc", "not in base64"),
            ("data:image/png;base64", "comma"),
            ("", "empty"),
        ] {
            let message = named(name).unwrap_err();
            assert!(message.contains(part), "{name}: {message}");
        }
    }

    #[test]
    fn objects_name_files_and_hold_bytes() {
        let read = |value: Value| Picture::from_json(&value, Path::new("data"));
        let text = |value| read(value).unwrap().to_string();
        assert_eq!(text(json!({"bytes": null, "path": "a.png"})), "data/a.png");
        assert_eq!(text(json!({"url": "file:///a.png"})), "/a.png");
        let bytes = json!({"bytes": "QUJD", "path": "a.png"});
        assert_eq!(text(bytes), "data:;base64,QUJD");
        for (value, part) in [
            (json!(null), "null"),
            (json!([[1, 2], [3, 4]]), "a list"),
            (json!({"bytes": [137, 80], "path": null}), "base64"),
            (json!({"width": 3}), "\"path\""),
            (json!(3), "3"),
        ] {
            let message = read(value).unwrap_err();
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn bytes_are_decoded_and_broken_ones_named() {
        // One red pixel.
        let mut png = std::io::Cursor::new(Vec::new());
        let pixel = image::RgbImage::from_pixel(1, 1, image::Rgb([255, 0, 0]));
        pixel.write_to(&mut png, image::ImageFormat::Png).unwrap();
        let text = BASE64.encode(png.into_inner());
        let open = |url: &str| Picture::named(url, Path::new("")).unwrap().open();
        for url in [
            format!("data:image/png;base64,{text}"),
            format!("data:;base64,{}", text.trim_end_matches('=')),
            format!("data:image/png;base64,{}\n{}", &text[..8], &text[8..]),
        ] {
            assert_eq!(open(&url).unwrap().rgb(), [255, 0, 0]);
        }
        let error = open("data:;base64,!!").unwrap_err().to_string();
        assert!(error.contains("no base64"), "{error}");
        let long = open(&format!("data:;base64,{}", "QUJD".repeat(100)));
        let error = long.unwrap_err().to_string();
        assert!(
            error.contains("PNG or JPEG") && error.len() < 400,
            "{error}"
        );
    }
}
