//! Runs a server under test, and clients that can send arbitrary bytes. Every wait is for a condition, and has a timeout.

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

/// Timeout of every wait. It is longer than every timeout of the server, also on a busy machine.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(45);

/// Owns a running `wgstat serve`. It is killed on drop.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    stderr: Arc<Mutex<String>>,
    reader: Option<thread::JoinHandle<()>>,
}

/// Describes how a server exited.
pub(crate) struct Stopped {
    pub(crate) status: ExitStatus,
    /// Time from the signal to the exit.
    pub(crate) time: Duration,
    /// Its standard error.
    pub(crate) stderr: String,
}

impl Server {
    /// Starts a server on a free port of 127.0.0.1. The arguments may add more addresses.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(wgstat());
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments);
        Self::run(command)
    }

    /// Runs a command that starts a server on TCP, and waits until it listens.
    pub(crate) fn run(mut command: Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("a server starts");
        let stderr = Arc::new(Mutex::new(String::new()));
        let (sender, listening) = mpsc::channel();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let reader = thread::spawn({
            let stderr = Arc::clone(&stderr);
            move || {
                let mut line = Vec::new();
                while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                    let text = String::from_utf8_lossy(&line).into_owned();
                    stderr.lock().unwrap().push_str(&text);
                    let address = text.split_once("listening on http").and_then(|(_, url)| url.split_once("://"));
                    if let Some(address) =
                        address.and_then(|(_, rest)| rest.trim_end().trim_end_matches('/').parse().ok())
                    {
                        // Only the first address is received.
                        let _ = sender.send(address);
                    }
                    line.clear();
                }
            }
        });
        let Ok(address) = listening.recv_timeout(TIMEOUT) else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("the server does not listen; its stderr: {}", stderr.lock().unwrap());
        };
        Self { child, address, stderr, reader: Some(reader) }
    }

    /// Returns the first address that it listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns its PID.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }

    /// Returns its standard error so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Stops it with SIGTERM, as systemd does.
    pub(crate) fn stop(mut self) -> Stopped {
        let start = Instant::now();
        self.signal(Signal::SIGTERM);
        let status = eventually("the server exits", || self.child.try_wait().unwrap());
        let time = start.elapsed();
        self.reader.take().unwrap().join().unwrap();
        Stopped { status, time, stderr: self.stderr() }
    }

    /// Sends one request on a new connection.
    pub(crate) fn get(&self, path: &str) -> Response {
        self.client().get(path).unwrap_or_else(|error| panic!("{path}: {error}; its stderr: {}", self.stderr()))
    }

    /// Returns a new connection.
    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address).unwrap_or_else(|error| panic!("{error}; its stderr: {}", self.stderr()))
    }

    /// Returns the value of a series in `/metrics`.
    pub(crate) fn metric(&self, series: &str) -> f64 {
        metric(&self.get("/metrics").text(), series)
    }

    /// Returns how often it refused something for this reason.
    pub(crate) fn refused(&self, reason: &str) -> f64 {
        self.metric(&format!("wgstat_http_refused_total{{reason=\"{reason}\"}}"))
    }

    /// Returns a number from /proc/PID/status.
    fn status(&self, key: &str) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).unwrap();
        value.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Returns its resident memory, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.status("VmRSS") * 1024
    }

    /// Returns its number of threads.
    pub(crate) fn threads(&self) -> u64 {
        self.status("Threads")
    }

    /// Returns its number of open file descriptors. Only root can see them, because the process is not dumpable.
    pub(crate) fn descriptors(&self) -> usize {
        let directory = format!("/proc/{}/fd", self.pid());
        fs::read_dir(&directory).unwrap_or_else(|error| panic!("{directory}: {error}: run the tests as root")).count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Polls until the closure returns a value. `condition` describes it in the panic message.
pub(crate) fn eventually<T>(condition: &str, mut poll: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = poll() {
            return found;
        }
        assert!(start.elapsed() < TIMEOUT, "not within {TIMEOUT:?}: {condition}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Returns the value of a series, given with its labels.
pub(crate) fn metric(text: &str, series: &str) -> f64 {
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {series} in {text}")).parse().unwrap()
}

/// Holds a complete response.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Whether it is HTTP/1.0: by default the connection closes.
    is_http10: bool,
    /// Names are in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// Returns the value of a header field that may occur once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert!(values.next().is_none(), "repeated: {name} in {:?}", self.headers);
        value
    }

    /// Returns the body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// Returns the code of an error document.
    pub(crate) fn code(&self) -> String {
        let document = crate::common::document(&self.body);
        document["error"]["code"].as_str().unwrap_or_else(|| panic!("no error: {document}")).to_owned()
    }

    /// Returns whether the server closes the connection after it.
    pub(crate) fn is_last(&self) -> bool {
        match self.header("connection") {
            Some(value) => value == "close",
            None => self.is_http10,
        }
    }
}

/// Holds a connection. It can send arbitrary bytes.
pub(crate) struct Client<S = TcpStream> {
    pub(crate) stream: S,
    /// Bytes that were read after the last response.
    rest: Vec<u8>,
}

impl Client {
    /// Connects. Reads and writes time out after [`TIMEOUT`].
    pub(crate) fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        Ok(Self::over(stream))
    }

    /// Closes the connection with a TCP reset.
    pub(crate) fn reset(self) {
        rustix::net::sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO)).unwrap();
    }
}

impl<S: Read + Write> Client<S> {
    /// Wraps a connected stream.
    pub(crate) fn over(stream: S) -> Self {
        Self { stream, rest: Vec::new() }
    }

    /// Sends bytes.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())?;
        self.stream.flush()
    }

    /// Sends a GET and reads the response.
    pub(crate) fn get(&mut self, path: &str) -> io::Result<Response> {
        self.request(path, &[])
    }

    /// Sends a GET with more header fields and reads the response.
    pub(crate) fn request(&mut self, path: &str, fields: &[&str]) -> io::Result<Response> {
        self.send(get(path, fields))?;
        self.response()
    }

    /// Reads one response, which must be well-formed.
    pub(crate) fn response(&mut self) -> io::Result<Response> {
        self.read_response(true)
    }

    /// Reads one response to HEAD, which has no body.
    pub(crate) fn response_to_head(&mut self) -> io::Result<Response> {
        self.read_response(false)
    }

    /// Reads one response.
    fn read_response(&mut self, has_body: bool) -> io::Result<Response> {
        let end = loop {
            match self.rest.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(index) => break index,
                None => self.fill()?,
            }
        };
        let head = String::from_utf8(self.rest.drain(..end + 4).collect()).expect("a header is ASCII");
        let mut lines = head.trim_end_matches("\r\n").split("\r\n");
        let first = lines.next().unwrap();
        let status = first.strip_prefix("HTTP/1.1 ").or_else(|| first.strip_prefix("HTTP/1.0 "));
        let status = status.and_then(|rest| rest.get(..3)?.parse().ok()).unwrap_or_else(|| panic!("{head:?}"));
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").unwrap_or_else(|| panic!("{line:?} in {head:?}")))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let is_http10 = first.starts_with("HTTP/1.0");
        let mut response = Response { status, is_http10, headers, body: Vec::new() };
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

    /// Reads more bytes.
    fn fill(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        match self.stream.read(&mut buffer)? {
            0 if self.rest.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            0 => Err(io::Error::other(format!("incomplete response: {:?}", String::from_utf8_lossy(&self.rest)))),
            read => {
                self.rest.extend_from_slice(&buffer[..read]);
                Ok(())
            }
        }
    }

    /// Waits for the next byte. Returns whether the server closes the connection without sending one.
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

/// Returns whether an error means that the connection is closed.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

/// Returns the bytes of a GET request.
pub(crate) fn get(path: &str, fields: &[&str]) -> Vec<u8> {
    let mut text = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n");
    for field in fields {
        text.push_str(field);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text.into_bytes()
}
