//! Where things are in the project, and cargo as it is called here.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// The checkout that the tasks work on.
pub struct Project {
    /// Its root folder, absolute.
    pub root: PathBuf,
    /// Cargo's build folder: `CARGO_TARGET_DIR` or `target` in the root.
    pub target: PathBuf,
}

impl Project {
    /// The checkout that this program was built from.
    pub fn find() -> Result<Self> {
        // Cargo sets the variable for `cargo run` too: that is right where the checkout has moved.
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .unwrap_or_else(|| OsString::from(env!("CARGO_MANIFEST_DIR")));
        let root = Path::new(&manifest)
            .parent()
            .context("the folder of xtask has no parent")?
            .to_owned();
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => std::path::absolute(folder)?,
            None => root.join("target"),
        };
        Ok(Self { root, target })
    }

    /// Where built guest components lie.
    pub fn guests(&self) -> PathBuf {
        self.target.join("guests")
    }

    /// The manifest of the guests' workspace.
    pub fn guest_workspace(&self) -> PathBuf {
        self.root.join("reward-plugins/Cargo.toml")
    }

    /// The build folder of the guests' native tests and lints.
    pub fn guest_workspace_target(&self) -> PathBuf {
        self.target.join("guest-workspace")
    }

    /// The cargo that runs this program, in the root folder.
    pub fn cargo(&self) -> Command {
        let mut command = Command::new(cargo_program());
        command.current_dir(&self.root);
        command
    }

    /// The command `rlhost` as it was built, in the root folder.
    pub fn rlhost(&self) -> Command {
        let mut command = Command::new(self.target.join("debug/rlhost"));
        command.current_dir(&self.root);
        command
    }
}

/// Path of the cargo that runs this program.
pub(crate) fn cargo_program() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}
