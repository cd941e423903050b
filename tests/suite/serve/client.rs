//! A server under test, and clients of it that can say anything. Nothing here waits for ever, and nothing waits for a time:
//! only for something to happen.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::lab::wgstat;

/// Longer than anything here takes on a busy machine, and than every deadline of the server.
pub(crate) const PATIENCE: Duration = Duration::from_secs(45);

/// A `wgstat serve` that runs; it is killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    remarks: Arc<Mutex<String>>,
    reader: Option<thread::JoinHandle<()>>,
}

/// How a server ended.
pub(crate) struct Stopped {
    pub(crate) status: ExitStatus,
    /// From the signal to the end.
    pub(crate) time: Duration,
    /// All that it said.
    pub(crate) stderr: String,
}

impl Server {
    /// Starts it in the network namespace of this machine, on a port that was free; more addresses may be among the arguments.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(wgstat());
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments);
        Self::run(command)
    }

    /// Runs a command that ends up serving on TCP, and returns when it does.
    pub(crate) fn run(mut command: Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("a server starts");
        let remarks = Arc::new(Mutex::new(String::new()));
        let (sender, listening) = mpsc::channel();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let reader = thread::spawn({
            let remarks = Arc::clone(&remarks);
            move || {
                let mut line = Vec::new();
                while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                    let text = String::from_utf8_lossy(&line).into_owned();
                    remarks.lock().unwrap().push_str(&text);
                    let address = text.split_once("listening on http").and_then(|(_, url)| url.split_once("://"));
                    if let Some(address) =
                        address.and_then(|(_, rest)| rest.trim_end().trim_end_matches('/').parse().ok())
                    {
                        // Only the first is waited for.
                        let _ = sender.send(address);
                    }
                    line.clear();
                }
            }
        });
        let Ok(address) = listening.recv_timeout(PATIENCE) else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("it does not listen; it says: {}", remarks.lock().unwrap());
        };
        Self { child, address, remarks, reader: Some(reader) }
    }

    /// Where it listens; the first address, where there are more.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }

    /// What it has said so far.
    pub(crate) fn stderr(&self) -> String {
        self.remarks.lock().unwrap().clone()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Ends it as systemd does.
    pub(crate) fn stop(mut self) -> Stopped {
        let start = Instant::now();
        self.signal(Signal::SIGTERM);
        let status = eventually("the server ends", || self.child.try_wait().unwrap());
        let time = start.elapsed();
        self.reader.take().unwrap().join().unwrap();
        Stopped { status, time, stderr: self.stderr() }
    }

    /// One request on a connection of its own.
    pub(crate) fn get(&self, path: &str) -> Response {
        self.client().get(path).unwrap_or_else(|error| panic!("{path}: {error}; it says: {}", self.stderr()))
    }

    /// A new connection.
    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address).unwrap_or_else(|error| panic!("{error}; it says: {}", self.stderr()))
    }

    /// The value of one series in what it exposes now.
    pub(crate) fn metric(&self, series: &str) -> f64 {
        metric(&self.get("/metrics").text(), series)
    }

    /// How often it refused something for this reason.
    pub(crate) fn refused(&self, reason: &str) -> f64 {
        self.metric(&format!("wgstat_http_refused_total{{reason=\"{reason}\"}}"))
    }

    fn status(&self, key: &str) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).unwrap();
        value.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Resident memory, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.status("VmRSS") * 1024
    }

    pub(crate) fn threads(&self) -> u64 {
        self.status("Threads")
    }

    /// Open file descriptors. The program may not be traced, so only root sees them.
    pub(crate) fn descriptors(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.pid());
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder}: {error}: run the tests as root")).count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Looks again and again, until there is something.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The value of one series: name and labels as they are exposed.
pub(crate) fn metric(text: &str, series: &str) -> f64 {
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {series} in {text}")).parse().unwrap()
}

/// One answer, whole.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// HTTP/1.0: where nothing else is said, the connection ends.
    is_old: bool,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The value of a header field that stands there once, or not at all.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert!(values.next().is_none(), "twice: {name} in {:?}", self.headers);
        value
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// The code of an error in our shape.
    pub(crate) fn code(&self) -> String {
        let document = crate::common::document(&self.body);
        document["error"]["code"].as_str().unwrap_or_else(|| panic!("no error: {document}")).to_owned()
    }

    /// Whether no other answer comes on this connection.
    pub(crate) fn is_last(&self) -> bool {
        match self.header("connection") {
            Some(word) => word == "close",
            None => self.is_old,
        }
    }
}

/// A connection that stays open, and on which anything can be said.
pub(crate) struct Client<S = TcpStream> {
    pub(crate) stream: S,
    /// What was read beyond the last answer.
    rest: Vec<u8>,
}

impl Client {
    /// Connects; nothing takes longer than [`PATIENCE`].
    pub(crate) fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self::over(stream))
    }

    /// Goes away without a word: whatever the other side still says is answered with a reset.
    pub(crate) fn reset(self) {
        rustix::net::sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO)).unwrap();
    }
}

impl<S: Read + Write> Client<S> {
    /// Speaks over a stream that is connected already.
    pub(crate) fn over(stream: S) -> Self {
        Self { stream, rest: Vec::new() }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())?;
        self.stream.flush()
    }

    /// A usual GET, and its answer.
    pub(crate) fn get(&mut self, path: &str) -> io::Result<Response> {
        self.request(path, &[])
    }

    /// A GET with more header fields, and its answer.
    pub(crate) fn request(&mut self, path: &str, fields: &[&str]) -> io::Result<Response> {
        self.send(get(path, fields))?;
        self.response()
    }

    /// Reads exactly one answer, which has to be well-formed.
    pub(crate) fn response(&mut self) -> io::Result<Response> {
        self.read_response(true)
    }

    /// Reads exactly one answer to HEAD: its body stays away.
    pub(crate) fn response_to_head(&mut self) -> io::Result<Response> {
        self.read_response(false)
    }

    fn read_response(&mut self, has_body: bool) -> io::Result<Response> {
        let end = loop {
            match self.rest.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(place) => break place,
                None => self.fill()?,
            }
        };
        let head = String::from_utf8(self.rest.drain(..end + 4).collect()).expect("a head is ASCII");
        let mut lines = head.trim_end_matches("\r\n").split("\r\n");
        let first = lines.next().unwrap();
        let status = first.strip_prefix("HTTP/1.1 ").or_else(|| first.strip_prefix("HTTP/1.0 "));
        let status = status.and_then(|rest| rest.get(..3)?.parse().ok()).unwrap_or_else(|| panic!("{head:?}"));
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").unwrap_or_else(|| panic!("{line:?} in {head:?}")))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let is_old = first.starts_with("HTTP/1.0");
        let mut response = Response { status, is_old, headers, body: Vec::new() };
        if has_body {
            let length = response.header("content-length").unwrap_or_else(|| panic!("no content-length: {head:?}"));
            let length: usize = length.parse().unwrap();
            while self.rest.len() < length {
                self.fill()?;
            }
            response.body = self.rest.drain(..length).collect();
        }
        Ok(response)
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer)? {
            0 if self.rest.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            0 => Err(io::Error::other(format!("half an answer: {:?}", String::from_utf8_lossy(&self.rest)))),
            read => {
                self.rest.extend_from_slice(&buffer[..read]);
                Ok(())
            }
        }
    }

    /// Whether the other side closes the connection, and says nothing more.
    pub(crate) fn is_closed(&mut self) -> bool {
        if !self.rest.is_empty() {
            return false;
        }
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(read) => read == 0,
            Err(error) => is_gone(&error),
        }
    }
}

/// Whether that is what a closed connection says.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

/// The bytes of a usual request.
pub(crate) fn get(path: &str, fields: &[&str]) -> Vec<u8> {
    let mut text = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n");
    for field in fields {
        text.push_str(field);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text.into_bytes()
}
