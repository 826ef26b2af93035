//! What componentize-qjs says of a plugin, told by the plugin's own files.

use std::fs;
use std::path::Path;

/// Modules of Node.js, which are often imported without `node:`.
const NODE: &[&str] = &[
    "assert",
    "async_hooks",
    "buffer",
    "child_process",
    "cluster",
    "console",
    "constants",
    "crypto",
    "dgram",
    "diagnostics_channel",
    "dns",
    "events",
    "fs",
    "http",
    "http2",
    "https",
    "inspector",
    "module",
    "net",
    "os",
    "path",
    "perf_hooks",
    "process",
    "punycode",
    "querystring",
    "readline",
    "stream",
    "string_decoder",
    "timers",
    "tls",
    "tty",
    "url",
    "util",
    "v8",
    "vm",
    "wasi",
    "worker_threads",
    "zlib",
];

/// The tool's words without those about itself, places as seen from the plugin's folder. `made` is where the copy
/// lies that was compiled.
pub fn cleared(said: &str, made: &Path) -> String {
    let made = format!("{}/", made.display());
    let mut text = String::new();
    for line in said.trim().lines() {
        // Of the modules that are made for each build.
        if line.contains("(/main.js:") {
            continue;
        }
        let mut line = line.strip_prefix("Error: : ").unwrap_or(line);
        // `Failed to evaluate user JavaScript module: Failed to declare JavaScript module: …`
        while let Some((step, rest)) = line.split_once(": ")
            && step.starts_with("Failed to ")
            && step.contains(" JavaScript module")
        {
            line = rest;
        }
        let mut line = line.replace(&made, "");
        for before in [" ", "(", "'"] {
            line = line.replace(&format!("{before}/src/"), &format!("{before}src/"));
        }
        text += &line;
        text.push('\n');
    }
    text
}

/// What to do about the error, if that is known.
pub fn hint(said: &str, folder: &Path, world: &str) -> Option<String> {
    if said.contains("require is not defined") {
        return Some(
            "modules are ECMAScript's: `import { name } from \"./file.js\"` in the place of `require`".to_owned(),
        );
    }
    let (_, rest) = said.split_once("Error resolving module '")?;
    let (module, rest) = rest.split_once("' from '")?;
    let file = rest.split_once('\'')?.0.trim_start_matches('/');
    let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
    let is_named = |line: &str| {
        ['"', '\'']
            .iter()
            .any(|quote| line.contains(&format!("{quote}{module}{quote}")))
    };
    let place = match text.lines().position(is_named) {
        Some(line) => format!("{file}:{}", line + 1),
        None => file.to_owned(),
    };
    let root = module.split('/').next().unwrap_or_default();
    let advice = if module.starts_with("./") || module.starts_with("../") {
        "there is no such file: a path is seen from the file that imports, leads to a file in src, and has its ending (.js)".to_owned()
    } else if module.starts_with("node:") || NODE.contains(&root) {
        "it is Node.js's, and there is none in the component, nor files, a network or processes. There are ECMAScript's \
         own objects and `console`".to_owned()
    } else if module.contains(':') && !module.contains("//") {
        format!(
            "the world `{world}`, which plugin.toml names, imports no such interface: wit/ says what it imports"
        )
    } else {
        "packages of npm are not found by their names. Make one file of the package in src \
         (npx esbuild PACKAGE --bundle --format=esm --outfile=src/PACKAGE.js) and import it by its path (./PACKAGE.js)"
            .to_owned()
    };
    Some(format!("{place} imports \"{module}\": {advice}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// As componentize-qjs 0.4.5 says it.
    const MISSING: &str = "Error: : Failed to evaluate user JavaScript module: Failed to declare JavaScript module: Error: \
        Error resolving module 'MODULE' from '/src/score.js': filesystem module not found: failed to resolve JavaScript \
        import \"MODULE\" from /x/target/plugin-build/src/score.js\n";

    #[test]
    fn words_about_the_tool_are_left_out() {
        let made = Path::new("/x/target/plugin-build");
        let said = "Error: : Failed to evaluate user JavaScript module: Failed to finish JavaScript module evaluation: \
                    Error: cannot read property 'x' of null\n    at f (/src/score.js:1:6)\n    at <anonymous> (/main.js:5:13)\n\n";
        assert_eq!(
            cleared(said, made),
            "Error: cannot read property 'x' of null\n    at f (src/score.js:1:6)\n"
        );
        let said = "Error: : Failed to evaluate JavaScript module: Error: Could not find export 'x' in module '/src/a.js'\n";
        assert_eq!(
            cleared(said, made),
            "Error: Could not find export 'x' in module 'src/a.js'\n"
        );
        let told = cleared(&MISSING.replace("MODULE", "fs"), made);
        assert!(
            told.starts_with("Error: Error resolving module 'fs' from 'src/score.js'"),
            "{told}"
        );
        assert!(!told.contains("plugin-build"), "{told}");
    }

    #[test]
    fn modules_that_are_not_there_are_named_with_their_place() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("src")).unwrap();
        for (module, way_out) in [
            ("fs", "Node.js"),
            ("node:path", "Node.js"),
            ("fs/promises", "Node.js"),
            ("lodash", "npx esbuild"),
            ("@scope/words", "npx esbuild"),
            ("./words", "(.js)"),
            ("wasi:http/types@0.2.12", "the world `mine`"),
        ] {
            let source = format!("// A reward.\nimport x from '{module}';\n");
            fs::write(folder.path().join("src/score.js"), source).unwrap();
            let told = hint(&MISSING.replace("MODULE", module), folder.path(), "mine").unwrap();
            assert!(
                told.starts_with(&format!("src/score.js:2 imports \"{module}\": ")),
                "{told}"
            );
            assert!(told.contains(way_out), "{told}");
        }
        assert_eq!(hint("Error: odd\n", folder.path(), "mine"), None);
    }
}
