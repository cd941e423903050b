//! Boots a real kernel with this program in it, in an emulator that needs no hardware virtualisation.
//!
//! `-icount` makes guest time a count of instructions and skips idle time: waiting for minutes costs nothing, and a busy
//! machine makes no difference to the guest. An instruction takes 1 ns, so the kernel gets the frequency of its TSC, 1 GHz, as a
//! parameter and need not measure it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// Modules that are loaded before the program starts. WireGuard is not: one test is about a kernel without it.
const MODULES: [&str; 5] = ["veth", "dummy", "nf_tables", "tun", "af_packet"];
/// The first line of a guest that booted.
const STARTED: &str = "GUEST STARTED";
/// The last line of the guest, with the exit code of the program.
const VERDICT: &str = "GUEST EXIT ";
/// Limits the time of a guest that hangs. Nothing takes nearly as long.
const LIMIT_SECONDS: &str = "2400";

/// Selects the machine that is emulated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Machine {
    /// A `microvm`: it boots fastest.
    Small,
    /// A PC, which can be suspended. It then sleeps in real time, until its real-time clock wakes it.
    #[allow(dead_code, reason = "not every crate needs it")]
    Pc,
}

/// Describes a guest.
pub(crate) struct Guest<'a> {
    /// The name of this program in the guest, and of the image.
    pub(crate) name: &'a str,
    /// Programs of this machine to copy, with their libraries.
    pub(crate) programs: &'a [&'a str],
    /// Other files to copy: source and destination.
    pub(crate) files: &'a [(PathBuf, &'a str)],
    /// Environment variables, `NAME=value`.
    pub(crate) environment: &'a [&'a str],
    /// Arguments of the program.
    pub(crate) arguments: &'a [String],
    /// Memory in MiB.
    pub(crate) memory: u32,
    /// The emulated machine.
    pub(crate) machine: Machine,
}

/// Boots a guest, passes every line of its output to `each`, and returns the exit code of its program.
pub(crate) fn run(guest: &Guest<'_>, each: impl FnMut(&str)) -> ExitCode {
    match boot(guest, each) {
        Ok(code) => code,
        Err(error) => {
            println!("cannot test on a real kernel: {error}");
            println!("tests/run --install installs what it needs");
            ExitCode::FAILURE
        }
    }
}

fn boot(guest: &Guest<'_>, mut each: impl FnMut(&str)) -> Result<ExitCode, String> {
    let target = target()?;
    let kernel = kernel(&target.join("vm/root"))?;
    let root = tempfile::tempdir_in(target.join("vm")).map_err(|error| format!("target/vm: {error}"))?;
    pack(root.path(), &kernel, guest)?;
    let image = target.join("vm").join(format!("{}.initrd", guest.name));
    archive(root.path(), &image)?;

    let machine = match guest.machine {
        Machine::Small => "microvm,accel=tcg,rtc=on",
        // Without graphics it would write what its firmware does to the console.
        Machine::Pc => "pc,accel=tcg,graphics=on",
    };
    for is_retry in [false, true] {
        match emulate(guest, machine, &kernel.image, &image, &mut each)? {
            Some(code) => return Ok(code),
            None if is_retry => break,
            None => println!("the guest did not boot; trying once more"),
        }
    }
    Err("the guest did not boot, twice".to_owned())
}

/// Runs the emulator, and returns the exit code of the guest's program; `None` if the guest did not boot.
fn emulate(
    guest: &Guest<'_>,
    machine: &str,
    kernel: &Path,
    image: &Path,
    mut each: impl FnMut(&str),
) -> Result<Option<ExitCode>, String> {
    let mut emulator = Command::new("timeout")
        .args(["--kill-after=10", LIMIT_SECONDS, "qemu-system-x86_64"])
        // Without these two the emulator counts every byte of a copy as an instruction.
        .args(["-cpu", "max,erms=off,fsrm=off", "-icount", "shift=0,sleep=off", "-smp", "1"])
        .args(["-m", &guest.memory.to_string()])
        .args(["-nodefaults", "-no-user-config", "-nographic", "-serial", "stdio", "-no-reboot", "-M", machine])
        .arg("-kernel")
        .arg(kernel)
        .arg("-initrd")
        .arg(image)
        .arg("-append")
        .arg("console=ttyS0 quiet panic=-1 reboot=t mitigations=off tsc=reliable tsc_early_khz=1000000")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("qemu-system-x86_64: {error}"))?;
    let (mut has_started, mut verdict) = (false, None);
    let stdout = emulator.stdout.take().ok_or("no output of the emulator")?;
    for line in BufReader::new(stdout).split(b'\n') {
        let line = String::from_utf8_lossy(&line.map_err(|error| error.to_string())?).trim_end().to_owned();
        match line.strip_prefix(VERDICT) {
            Some(code) => verdict = code.parse::<u8>().ok(),
            None if line == STARTED => has_started = true,
            None => each(&line),
        }
    }
    let _ = emulator.wait();
    match verdict {
        Some(code) => Ok(Some(code.into())),
        None if has_started => Err("the guest ended without an exit code".to_owned()),
        None => Ok(None),
    }
}

/// Returns `target/`, in which this program is.
pub(crate) fn target() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    own.ancestors().nth(3).map(Path::to_owned).ok_or_else(|| "this program is not in target/PROFILE/deps".to_owned())
}

struct Kernel {
    root: PathBuf,
    version: String,
    image: PathBuf,
}

/// Finds the unpacked kernel package.
fn kernel(root: &Path) -> Result<Kernel, String> {
    let modules = root.join("lib/modules");
    let version = fs::read_dir(&modules)
        .map_err(|error| format!("no unpacked kernel in {}: {error}", modules.display()))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .max()
        .ok_or_else(|| format!("no kernel in {}", modules.display()))?;
    let image = root.join("boot").join(format!("vmlinuz-{version}"));
    if !image.exists() {
        return Err(format!("{}: no such file", image.display()));
    }
    Ok(Kernel { root: root.to_owned(), version, image })
}

/// Writes the guest's file system into a directory.
fn pack(root: &Path, kernel: &Kernel, guest: &Guest<'_>) -> Result<(), String> {
    // The directory becomes the guest's root, and its unprivileged users have to be able to enter that.
    fs::set_permissions(root, fs::Permissions::from_mode(0o755)).map_err(|error| error.to_string())?;
    for directory in ["bin", "sbin", "usr/bin", "usr/sbin", "proc", "sys", "dev", "tmp", "run", "etc", "modules"] {
        fs::create_dir_all(root.join(directory)).map_err(|error| error.to_string())?;
    }
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    put(root, &own, &format!("usr/bin/{}", guest.name))?;
    put(root, &program("busybox")?, "bin/busybox")?;
    // busybox's own shell prefers its own `ip` and `ping` to anything on the PATH.
    put(root, &program("dash")?, "bin/dash")?;
    for name in guest.programs {
        put(root, &program(name)?, &format!("usr/sbin/{name}"))?;
    }
    for (from, to) in guest.files {
        put(root, from, to)?;
    }
    let order = modules(root, kernel)?;
    let (environment, arguments) = (guest.environment.join(" "), guest.arguments.join(" "));
    let name = guest.name;
    let init = format!(
        "#!/bin/busybox sh\n\
         /bin/busybox --install -s /bin; ln -sf dash /bin/sh; rm -f /bin/ip /bin/ping\n\
         mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs run /run\n\
         mkdir -p /var /run/netns; ln -s /run /var/run\n\
         export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp\n\
         for m in {order}; do insmod /modules/$m; done\n\
         echo {STARTED}\n\
         {environment} {name} {arguments}\n\
         echo {VERDICT}$?\n\
         poweroff -f\n"
    );
    let path = root.join("init");
    fs::write(&path, init).map_err(|error| error.to_string())?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).map_err(|error| error.to_string())?;
    Ok(())
}

/// Copies a program and the libraries it loads.
fn put(root: &Path, program: &Path, destination: &str) -> Result<(), String> {
    let copy = |from: &Path, to: &Path| {
        fs::create_dir_all(to.parent().unwrap())
            .and_then(|()| fs::copy(from, to).map(drop))
            .map_err(|error| format!("{}: {error}", from.display()))
    };
    copy(program, &root.join(destination))?;
    let listed = Command::new("ldd").arg(program).output().map_err(|error| format!("ldd: {error}"))?;
    for word in String::from_utf8_lossy(&listed.stdout).split_whitespace().filter(|word| word.starts_with('/')) {
        let to = root.join(word.trim_start_matches('/'));
        if !to.exists() {
            copy(Path::new(word), &to)?;
        }
    }
    Ok(())
}

fn program(name: &str) -> Result<PathBuf, String> {
    let path = std::env::var("PATH").unwrap_or_default() + ":/usr/sbin:/sbin";
    path.split(':')
        .map(|directory| Path::new(directory).join(name))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| format!("{name}: no such program"))
}

/// Copies [`MODULES`] and WireGuard's module with their dependencies, and returns the names of the former in loading order.
fn modules(root: &Path, kernel: &Kernel) -> Result<String, String> {
    let depmod = Command::new(program("depmod")?).arg("-b").arg(&kernel.root).arg(&kernel.version).status();
    if !depmod.map_err(|error| format!("depmod: {error}"))?.success() {
        return Err("depmod failed".to_owned());
    }
    let mut copied = BTreeSet::new();
    let mut load = |module: &str| -> Result<Vec<String>, String> {
        let listed = Command::new(program("modprobe")?)
            .args(["-S", &kernel.version, "-d"])
            .arg(&kernel.root)
            .args(["--show-depends", module])
            .output()
            .map_err(|error| format!("modprobe: {error}"))?;
        let mut names = Vec::new();
        for path in String::from_utf8_lossy(&listed.stdout).lines().filter_map(|line| line.strip_prefix("insmod ")) {
            // Options of the module may follow its path.
            let path = Path::new(path.split_whitespace().next().unwrap_or_default());
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let plain = name.trim_end_matches(".xz").to_owned();
            if copied.insert(plain.clone()) {
                let to = root.join("modules").join(&plain);
                if path.extension().is_some_and(|extension| extension == "xz") {
                    let unpacked =
                        Command::new("xz").arg("-dc").arg(path).output().map_err(|error| format!("xz: {error}"))?;
                    fs::write(&to, unpacked.stdout).map_err(|error| error.to_string())?;
                } else {
                    fs::copy(path, &to).map_err(|error| format!("{}: {error}", path.display()))?;
                }
                names.push(plain);
            }
        }
        Ok(names)
    };
    let mut order = Vec::new();
    for module in MODULES {
        order.extend(load(module)?);
    }
    let wireguard = load("wireguard")?;
    if wireguard.is_empty() {
        return Err("the unpacked kernel has no WireGuard module".to_owned());
    }
    fs::write(root.join("modules/wireguard.order"), wireguard.join("\n")).map_err(|error| error.to_string())?;
    Ok(order.join(" "))
}

/// Packs a directory in the format that the kernel unpacks at boot.
fn archive(root: &Path, image: &Path) -> Result<(), String> {
    let file = fs::File::create(image).map_err(|error| format!("{}: {error}", image.display()))?;
    let packed = Command::new("sh")
        .args(["-c", "find . | cpio --quiet -o -H newc"])
        .current_dir(root)
        .stdout(file)
        .status()
        .map_err(|error| format!("cpio: {error}"))?;
    if packed.success() { Ok(()) } else { Err("cpio failed: is it installed?".to_owned()) }
}

/// Loads the WireGuard module in the guest, unless it is loaded already.
pub(crate) fn load_wireguard() {
    let order = fs::read_to_string("/modules/wireguard.order").unwrap();
    for module in order.lines() {
        sh(&format!(
            "grep -q '^{} ' /proc/modules || insmod /modules/{module}",
            module.trim_end_matches(".ko").replace('-', "_")
        ));
    }
}

/// Runs a shell command that has to succeed, and returns its output.
pub(crate) fn sh(script: &str) -> String {
    let output = Command::new("sh").args(["-c", script]).output().unwrap();
    assert!(
        output.status.success(),
        "{script}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}
