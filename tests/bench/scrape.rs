//! In a load's namespace: a server, and scrapes of it over one connection.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

/// The first word of a run that is this.
pub(super) const ROLE: &str = "scrape";
/// What is measured: a scrape as it is, and one compressed as Prometheus asks for it.
pub(super) const SCRAPES: [(&str, &str); 2] =
    [("wgstat serve: /metrics", ""), ("wgstat serve: /metrics in gzip", "Accept-Encoding: gzip\r\n")];
/// The server by itself: resident memory after the first scrape.
pub(super) const IDLE: &str = "wgstat serve: idle";

const ADDRESS: &str = "127.0.0.1:9586";
const WARM_UPS: u32 = 3;

/// Measures on a load, so many scrapes of each kind.
pub(super) fn run(load: &str, scrapes: u32) -> ExitCode {
    let server = Command::new("wgstat").arg("serve").stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let server = Server(server);
    let mut client = BufReader::new(connect());
    scrape(&mut client, "");
    // What the first one needed, and nobody else does, is given back by now.
    std::thread::sleep(Duration::from_secs(3));
    println!("RESULT\t{load}\t{IDLE}\t0\t{}", server.resident());
    for (name, field) in SCRAPES {
        for _ in 0..WARM_UPS {
            scrape(&mut client, field);
        }
        let before = server.ran();
        for _ in 0..scrapes {
            scrape(&mut client, field);
        }
        let took = (server.ran() - before) / u64::from(scrapes) / 1000;
        println!("RESULT\t{load}\t{name}\t{took}\t{}", server.resident());
    }
    ExitCode::SUCCESS
}

/// It ends with the measurement.
struct Server(Child);

impl Server {
    /// Nanoseconds that its threads ran: in this guest, instructions, the kernel's for them included.
    fn ran(&self) -> u64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.0.id())).unwrap();
        let ran = tasks.map(|task| {
            let times = fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap();
            times.split(' ').next().unwrap().parse::<u64>().unwrap()
        });
        ran.sum()
    }

    /// KiB, page by page: what `status` has of it lags behind.
    fn resident(&self) -> String {
        let pages = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.0.id())).unwrap();
        let line = pages.lines().find_map(|line| line.strip_prefix("Rss:")).unwrap();
        line.trim().trim_end_matches(" kB").to_owned()
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

/// One request, and all of its answer.
fn scrape(client: &mut BufReader<TcpStream>, field: &str) {
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {ADDRESS}\r\n{field}\r\n");
    client.get_mut().write_all(request.as_bytes()).unwrap();
    let mut length = 0;
    let mut line = String::new();
    let mut is_first = true;
    while line != "\r\n" {
        line.clear();
        client.read_line(&mut line).unwrap();
        assert!(!is_first || line.starts_with("HTTP/1.1 200 "), "{line}");
        is_first = false;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    assert!(length > 0);
    client.read_exact(&mut vec![0; length]).unwrap();
}
