//! `cargo xtask cuda-build`: builds rlhost with its CUDA feature.
//!
//! Neither a GPU nor an installed CUDA is needed: compiler, headers and libraries come as wheels from
//! `PyPI` (1.2 GB) into `target/cuda`. CUDA 13.0 on purpose: code of a newer one does not load under a
//! driver of 13.0. To run the result, the machine with the GPU needs the driver and the libraries
//! cublas, cublasLt, curand, cudart and nvrtc of CUDA 13.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process;
use crate::project::Project;

/// Wheels that make up the toolkit.
const WHEELS: [&str; 8] = [
    "nvidia-cuda-nvcc==13.0.*",
    "nvidia-nvvm==13.0.*",
    "nvidia-cuda-crt==13.0.*",
    "nvidia-cuda-runtime==13.0.*",
    "nvidia-cuda-cccl==13.0.*",
    "nvidia-cublas==13.0.*",
    "nvidia-curand<10.5",
    "nvidia-cuda-nvrtc==13.0.*",
];

/// Libraries to link with, and the versions that their files carry.
const LIBRARIES: [(&str, u32); 5] = [
    ("cublas", 13),
    ("cublasLt", 13),
    ("curand", 10),
    ("cudart", 13),
    ("nvrtc", 13),
];

/// Options of `cargo xtask cuda-build`.
#[derive(clap::Args)]
pub struct Options {
    /// Compute capability of the GPU, without the dot: 80 is Ampere, 90 is Hopper
    #[arg(long, default_value_t = 90)]
    compute_cap: u32,
    /// Optimise across crates, as a release does
    #[arg(long)]
    release: bool,
}

/// The toolkit on disk.
struct Toolkit {
    /// What `CUDA_HOME` is elsewhere.
    home: PathBuf,
    /// A folder of libraries under the names that a linker looks for.
    stubs: PathBuf,
}

/// Installs the toolkit where it is not there yet, then builds.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let folder = project.target.join("cuda");
    let toolkit = install(&folder).context("cannot install the CUDA toolkit")?;
    let host = host_triple()?;
    let build = folder.join("build");
    let mut cargo = project.cargo();
    cargo
        .args(["build", "--package", "rlhost", "--features", "cuda"])
        // With a target named, the flags below don't reach build scripts, which must run here.
        .args(["--target", &host])
        .arg("--target-dir")
        .arg(&build);
    if options.release {
        cargo.arg("--release");
    }
    for name in [
        "CUDA_HOME",
        "CUDA_PATH",
        "CUDA_ROOT",
        "CUDA_TOOLKIT_ROOT_DIR",
    ] {
        cargo.env(name, &toolkit.home);
    }
    cargo
        .env("CUDA_COMPUTE_CAP", options.compute_cap.to_string())
        .env("PATH", before(&toolkit.home.join("bin"), "PATH")?)
        .env("LIBRARY_PATH", before(&toolkit.stubs, "LIBRARY_PATH")?)
        .env("CARGO_ENCODED_RUSTFLAGS", flags(&toolkit.stubs));
    process::run(&mut cargo)?;
    let profile = if options.release { "release" } else { "debug" };
    println!(
        "built {}",
        build.join(host).join(profile).join("rlhost").display()
    );
    Ok(())
}

fn install(folder: &Path) -> Result<Toolkit> {
    let environment = folder.join("venv");
    let stubs = folder.join("stubs");
    let ready = folder.join("ready");
    if !ready.exists() {
        fs::create_dir_all(&stubs)?;
        process::run(
            Command::new("python3")
                .args(["-m", "venv"])
                .arg(&environment),
        )?;
        process::run(
            Command::new(environment.join("bin/pip"))
                .args(["install", "--quiet"])
                .args(WHEELS),
        )?;
        let home = toolkit_home(&environment)?;
        for (name, version) in LIBRARIES {
            let stub = stubs.join(format!("lib{name}.so"));
            // What an interrupted run has left.
            let _ = fs::remove_file(&stub);
            symlink(home.join(format!("lib/lib{name}.so.{version}")), stub)?;
        }
        driver_stub(&stubs)?;
        fs::write(ready, "")?;
    }
    Ok(Toolkit {
        home: toolkit_home(&environment)?,
        stubs,
    })
}

/// The wheels' folder in the virtual environment; the version of Python is a part of its path.
fn toolkit_home(environment: &Path) -> Result<PathBuf> {
    fs::read_dir(environment.join("lib"))?
        .flatten()
        .map(|entry| entry.path().join("site-packages/nvidia/cu13"))
        .find(|home| home.is_dir())
        .with_context(|| format!("there is no CUDA 13 in {}", environment.display()))
}

/// An empty library under the name of the driver's, which comes with the driver only: it is enough
/// to link with.
fn driver_stub(stubs: &Path) -> Result<()> {
    let source = stubs.join("driver.c");
    fs::write(&source, "void rlhost_driver_stub(void) {}\n")?;
    process::run(
        Command::new("cc")
            .args(["-shared", "-Wl,-soname,libcuda.so.1", "-o"])
            .arg(stubs.join("libcuda.so"))
            .arg(source),
    )
}

/// Flags that link with the stubs; symbols that the empty driver lacks are found when it runs.
fn flags(stubs: &Path) -> OsString {
    let mut flags = OsString::from("-Lnative=");
    flags.push(stubs);
    for argument in [
        "-Wl,--unresolved-symbols=ignore-in-object-files",
        "-Wl,--no-as-needed",
        "-lcuda",
    ] {
        flags.push("\x1f-Clink-arg=");
        flags.push(argument);
    }
    flags
}

/// `folder`, then what the environment variable has.
fn before(folder: &Path, variable: &str) -> Result<OsString> {
    let present = std::env::var_os(variable).unwrap_or_default();
    let folders = std::iter::once(folder.to_owned())
        .chain(std::env::split_paths(&present).filter(|path| !path.as_os_str().is_empty()));
    Ok(std::env::join_paths(folders)?)
}

fn host_triple() -> Result<String> {
    let version = process::output(Command::new("rustc").arg("-vV")).context("cannot run rustc")?;
    version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .context("rustc does not say what machine it is for")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_survive_spaces() {
        let flags = flags(Path::new("/a b/stubs"));
        let parts: Vec<_> = flags
            .to_str()
            .into_iter()
            .flat_map(|text| text.split('\x1f'))
            .collect();
        assert_eq!(parts[0], "-Lnative=/a b/stubs");
        assert_eq!(parts.last(), Some(&"-Clink-arg=-lcuda"));
    }
}
