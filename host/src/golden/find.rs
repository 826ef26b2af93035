//! Where a plugin's cases lie, and where the component of a source folder lies.

use std::path::{Path, PathBuf, absolute};

use crate::find::is_trusted;
use crate::{Error, PluginRef, Result};

/// Where plugins' sources lie in a checkout.
const SOURCES: [&str; 2] = ["reward-plugins", "tests/guests"];

/// The folder of cases of the component at `path`, found as in a checkout: `reward-plugins/NAME/cases` or
/// `tests/guests/NAME/cases` above the component, else above the current folder.
pub fn find_cases(path: &Path) -> Result<PathBuf> {
    let name = path.file_stem().unwrap_or_default();
    let component = absolute(path).map_err(|e| Error::io(path, e))?;
    let here = std::env::current_dir().map_err(|e| Error::io(".", e))?;
    let roots = component.ancestors().skip(1).chain(here.ancestors());
    let mut folders = roots.flat_map(|root| SOURCES.map(|source| root.join(source).join(name)));
    folders
        .find_map(|folder| Some(folder.join("cases")).filter(|cases| cases.is_dir()))
        .map(|cases| cases.strip_prefix(&here).map_or(cases.clone(), Path::to_owned))
        .ok_or_else(|| Error::NoCases {
            path: path.to_owned(),
            message: format!(
                "no cases found: there is no folder reward-plugins/{name}/cases or tests/guests/{name}/cases \
                 above the component or the current folder; say where they are with --cases",
                name = name.display()
            ),
        })
}

/// The component of the plugin whose source is in `folder`: `target/guests/FOLDER.wasm` in the nearest
/// folder above it that has one which is ours ([`Search::from_env`](crate::Search::from_env)), else what the folder's name means as a plugin's name.
pub fn find_component(folder: &Path) -> Result<PluginRef> {
    let folder = folder.canonicalize().map_err(|e| Error::io(folder, e))?;
    let Some(name) = folder.file_name().and_then(|name| name.to_str()) else {
        return Err(Error::NoCases {
            path: folder,
            message: "its name is none of a plugin; name the component with --plugin".to_owned(),
        });
    };
    let file = format!("{name}.wasm");
    let built = |root: &Path| {
        let component = root.join("target/guests").join(&file);
        (component.is_file() && is_trusted(&component)).then_some(component)
    };
    Ok(match folder.ancestors().find_map(built) {
        Some(path) => PluginRef::Path(path),
        None => PluginRef::Name(name.to_owned()),
    })
}
