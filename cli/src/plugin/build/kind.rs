//! Rewards and algorithms: whether a plugin's source is of the world that its manifest names.

use super::manifest;
use anyhow::{Result, bail};
use std::path::Path;
use wit_parser::{Resolve, WorldId};

/// What a plugin is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Reward,
    Algorithm,
}

impl Kind {
    /// What a world's components are; `None` where it exports both or neither.
    pub fn of(resolve: &Resolve, world: WorldId) -> Option<Self> {
        let exports = |interface: &str| {
            let mut keys = resolve.worlds[world].exports.keys();
            keys.any(|key| {
                let name = resolve.name_world_key(key);
                name.split('@').next() == Some(interface)
            })
        };
        match (
            exports("rlhost:plugin/reward"),
            exports("rlhost:plugin/objective"),
        ) {
            (true, false) => Some(Self::Reward),
            (false, true) => Some(Self::Algorithm),
            _ => None,
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Reward => Self::Algorithm,
            Self::Algorithm => Self::Reward,
        }
    }

    /// With its article.
    fn name(self) -> &'static str {
        match self {
            Self::Reward => "a reward",
            Self::Algorithm => "an algorithm",
        }
    }
}

/// How the sources of a language are told apart.
pub struct Marks {
    /// What the files' names end in.
    pub extension: &'static str,
    /// A text that the source of a reward has, and one that an algorithm's has.
    pub reward: &'static str,
    pub algorithm: &'static str,
    /// The world of a new reward.
    pub reward_world: &'static str,
}

/// Refuses a source that has what the other kind of plugin has, and nothing of this one: compilers would only say
/// which names they miss.
pub fn check(
    folder: &Path,
    about: &manifest::About,
    kind: Option<Kind>,
    marks: &Marks,
) -> Result<()> {
    let Some(kind) = kind else {
        return Ok(());
    };
    let mut texts = String::new();
    for extension in [marks.extension, "h"] {
        for name in manifest::sources(folder, extension)? {
            let path = folder.join(name);
            let bytes = super::read(&path)?;
            texts.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
    let has = |kind| match kind {
        Kind::Reward => texts.contains(marks.reward),
        Kind::Algorithm => texts.contains(marks.algorithm),
    };
    if has(kind) || !has(kind.other()) {
        return Ok(());
    }
    let (theirs, world, option) = match kind.other() {
        Kind::Reward => ("algorithms", marks.reward_world, "algorithm"),
        Kind::Algorithm => ("rewards", "algorithm", "reward"),
    };
    bail!(
        "{}: plugin.world = \"{}\" is a world of {theirs}, but the source in src is that of {}: either the line should be \
         `world = \"{world}\"`, or the source one as `rlhost plugin new --world {option}` makes it",
        folder.join(manifest::NAME).display(),
        about.world,
        kind.other().name(),
    );
}
