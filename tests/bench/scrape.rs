//! Measures a server in a load's namespace: its scrapes, system calls and memory.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use super::vm::sh;

/// The first argument of this program when it measures a server.
pub(super) const ROLE: &str = "scrape";
/// A scrape without compression.
pub(super) const PLAIN: &str = "wgstat serve: /metrics";
/// A scrape in gzip, which Prometheus asks for.
pub(super) const GZIP: &str = "wgstat serve: /metrics in gzip";
/// The server after its first scrape.
pub(super) const IDLE: &str = "wgstat serve: idle";

const SCRAPES: [(&str, &str); 2] = [(PLAIN, ""), (GZIP, "Accept-Encoding: gzip\r\n")];
const ADDRESS: &str = "127.0.0.1:9586";
const WARM_UPS: u32 = 3;
/// Scrapes whose system calls are counted. Counting costs instructions, so these are not timed.
const TRACED: u32 = 10;
/// The kernel's histogram of system calls per thread.
const TRIGGER: &str = "hist:keys=common_pid:size=4096";
const TRACING: &str = "/run/tracing";

/// Mounts tracefs, which counts system calls.
pub(super) fn mount_tracing() {
    // Not below /sys, which `ip netns exec` mounts again.
    sh(&format!("mkdir {TRACING} && mount -t tracefs tracefs {TRACING}"));
}

/// Measures the given number of scrapes of each kind.
pub(super) fn run(load: &str, scrapes: u32) -> ExitCode {
    let server = Command::new("wgstat").arg("serve").stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let server = Server(server);
    let mut client = BufReader::new(connect());
    scrape(&mut client, "");
    std::thread::sleep(Duration::from_secs(3));
    println!("RESULT\t{load}\t{IDLE}\trss_kib\t{}", server.resident_kib());
    for (name, header) in SCRAPES {
        for _ in 0..WARM_UPS {
            scrape(&mut client, header);
        }
        let before = server.cpu_ns();
        for _ in 0..scrapes {
            scrape(&mut client, header);
        }
        let cpu_us = (server.cpu_ns() - before) / u64::from(scrapes) / 1000;
        println!("RESULT\t{load}\t{name}\tcpu_us\t{cpu_us}");
        println!("RESULT\t{load}\t{name}\trss_kib\t{}", server.resident_kib());
    }
    for (name, header) in SCRAPES {
        let syscalls = server.syscalls_during(|| (0..TRACED).for_each(|_| scrape(&mut client, header)));
        println!("RESULT\t{load}\t{name}\tsyscalls\t{}", syscalls.div_ceil(u64::from(TRACED)));
    }
    ExitCode::SUCCESS
}

/// A running server. It is killed on drop.
struct Server(Child);

impl Server {
    /// Returns the directories of the server's threads in /proc.
    fn threads(&self) -> Vec<PathBuf> {
        fs::read_dir(format!("/proc/{}/task", self.0.id())).unwrap().map(|entry| entry.unwrap().path()).collect()
    }

    /// Returns the CPU time of all threads in nanoseconds, the kernel's work for them included.
    fn cpu_ns(&self) -> u64 {
        let cpu_ns = |thread: &PathBuf| {
            let times = fs::read_to_string(thread.join("schedstat")).unwrap();
            times.split(' ').next().unwrap().parse::<u64>().unwrap()
        };
        self.threads().iter().map(cpu_ns).sum()
    }

    /// Returns the resident memory in KiB, counted page by page: `VmRSS` in `status` is not exact.
    fn resident_kib(&self) -> String {
        let pages = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.0.id())).unwrap();
        let line = pages.lines().find_map(|line| line.strip_prefix("Rss:")).unwrap();
        line.trim().trim_end_matches(" kB").to_owned()
    }

    /// Returns the number of system calls that the server's threads make during `work`.
    fn syscalls_during(&self, work: impl FnOnce()) -> u64 {
        let event = Path::new(TRACING).join("events/raw_syscalls/sys_enter");
        fs::write(event.join("trigger"), TRIGGER).unwrap();
        work();
        let histogram = fs::read_to_string(event.join("hist")).unwrap();
        fs::write(event.join("trigger"), format!("!{TRIGGER}")).unwrap();
        let threads: Vec<String> =
            self.threads().iter().map(|thread| thread.file_name().unwrap().to_string_lossy().into_owned()).collect();
        // `{ common_pid:        123 } hitcount:        456`
        let counts = histogram.lines().filter_map(|line| {
            let (key, count) = line.strip_prefix("{ common_pid:")?.split_once("} hitcount:")?;
            threads.iter().any(|thread| thread == key.trim()).then(|| count.trim().parse::<u64>().unwrap())
        });
        counts.sum()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn connect() -> TcpStream {
    for _ in 0..1000 {
        match TcpStream::connect(ADDRESS) {
            Ok(stream) => return stream,
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
    panic!("nothing listens on {ADDRESS}");
}

/// Sends one request with the given header line, and reads the whole response.
fn scrape(client: &mut BufReader<TcpStream>, header: &str) {
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {ADDRESS}\r\n{header}\r\n");
    client.get_mut().write_all(request.as_bytes()).unwrap();
    let mut length = 0;
    let mut line = String::new();
    let mut is_status_line = true;
    while line != "\r\n" {
        line.clear();
        client.read_line(&mut line).unwrap();
        assert!(!is_status_line || line.starts_with("HTTP/1.1 200 "), "{line}");
        is_status_line = false;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    assert!(length > 0);
    client.read_exact(&mut vec![0; length]).unwrap();
}
