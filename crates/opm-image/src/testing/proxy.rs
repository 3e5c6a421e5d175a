//! A network that fails: a proxy between a client and a registry, which harms requests and counts bytes.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use super::chance::Chance;

/// Bodies are passed on in pieces of this size, in bytes.
const PIECE: usize = 8 << 10;

/// The longest head of a message, in bytes.
const LONGEST_HEAD: u64 = 64 << 10;

/// How long a request is left without an answer before the connection ends.
const HANG: Duration = Duration::from_millis(300);

/// What a request may suffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Harm {
    /// The connection ends before anything is passed on.
    HangUp,
    /// The connection ends in the middle of the request's body; without a body, before the answer.
    CutRequest,
    /// The connection ends in the middle of the answer's body, of which the head has told the whole length; without a body,
    /// before the answer.
    CutAnswer,
    /// A byte of the request's body is another one when it arrives.
    FlipRequest,
    /// A byte of the answer's body is another one when it arrives.
    FlipAnswer,
    /// Bodies arrive in small pieces, with pauses.
    Trickle,
    /// Nothing is answered for a while, and then the connection ends.
    Hang,
    /// 429, with `Retry-After: 0`.
    TooManySeconds,
    /// 429, with a date in `Retry-After` that is less than a second away.
    TooManyDate,
    /// 429 and nothing else.
    TooManyBare,
    /// 429, of which only the body says `toomanyrequests`.
    TooManyBody,
    /// 500, 502, 503 or 504.
    Broken,
}

impl Harm {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::HangUp,
        Self::CutRequest,
        Self::CutAnswer,
        Self::FlipRequest,
        Self::FlipAnswer,
        Self::Trickle,
        Self::Hang,
        Self::TooManySeconds,
        Self::TooManyDate,
        Self::TooManyBare,
        Self::TooManyBody,
        Self::Broken,
    ];
}

/// What went through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests by method, the harmed ones among them.
    pub requests: BTreeMap<String, u64>,
    /// Bytes of each blob that clients sent, whatever became of them, by digest.
    pub sent: BTreeMap<String, u64>,
    /// Bytes of pieces of blobs whose last request has not come.
    pub unfinished: u64,
    /// Harmed requests by what they suffered.
    pub harmed: BTreeMap<Harm, u64>,
}

impl Traffic {
    /// All bytes of blobs that clients sent.
    pub fn sent_bytes(&self) -> u64 {
        self.sent.values().sum::<u64>() + self.unfinished
    }

    /// Requests that are to change something.
    pub fn writes(&self) -> u64 {
        let reads = ["GET", "HEAD"];
        self.requests.iter().filter(|(method, _)| !reads.contains(&method.as_str())).map(|(_, count)| count).sum()
    }
}

#[derive(Debug)]
struct State {
    chance: Chance,
    /// One of so many requests is harmed; none if 0.
    one_in: u64,
    /// Harms that are still to happen.
    left: u64,
    traffic: Traffic,
    /// Bytes of uploads in pieces, by their path.
    pieces: BTreeMap<String, u64>,
    ticks: u64,
}

#[derive(Debug)]
struct Shared {
    upstream: String,
    stopped: AtomicBool,
    state: Mutex<State>,
}

/// A proxy for HTTP/1.1 on a free port of the loopback interface, until it is dropped.
///
/// Which requests are harmed, and how, follows from a seed and the order in which they come.
#[derive(Debug)]
pub struct Proxy {
    host: String,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Passes everything on to a registry, unharmed at first.
    pub fn start(upstream: &str, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let state = State {
            chance: Chance::new(seed),
            one_in: 0,
            left: 0,
            traffic: Traffic::default(),
            pieces: BTreeMap::new(),
            ticks: 0,
        };
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            stopped: AtomicBool::new(false),
            state: Mutex::new(state),
        });
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if of_thread.stopped.load(Ordering::Relaxed) {
                    break;
                }
                let shared = Arc::clone(&of_thread);
                std::thread::spawn(move || shared.serve(&client));
            }
        });
        Self { host, shared, thread: Some(thread) }
    }

    /// Address and port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Harms one of `one_in` requests from now on, `most` at most; none if either is 0.
    pub fn harm(&self, one_in: u64, most: u64) {
        let mut state = self.shared.state();
        (state.one_in, state.left) = (one_in, most);
    }

    /// What went through since the start or the last call.
    pub fn take_traffic(&self) -> Traffic {
        let mut state = self.shared.state();
        let mut traffic = std::mem::take(&mut state.traffic);
        traffic.unfinished = state.pieces.values().sum();
        traffic
    }

    /// A number that grows with every request and every piece of a body.
    pub fn ticks(&self) -> u64 {
        self.shared.state().ticks
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for somebody to come.
        drop(TcpStream::connect(&self.host));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The beginning of a message.
#[derive(Debug)]
struct Head {
    lines: Vec<String>,
    /// What `Content-Length` says.
    length: Option<u64>,
}

impl Head {
    /// Reads one; `None` when the other side has nothing more to say.
    fn read(from: &mut impl io::BufRead) -> io::Result<Option<Self>> {
        let (mut lines, mut length) = (Vec::new(), None);
        let mut from = from.take(LONGEST_HEAD);
        loop {
            let mut line = String::new();
            if from.read_line(&mut line)? == 0 {
                return Ok(None);
            }
            let line = line.trim_end();
            if line.is_empty() {
                return Ok(Some(Self { lines, length }));
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().ok();
            }
            lines.push(line.to_owned());
        }
    }

    fn word(&self, at: usize) -> &str {
        self.lines.first().and_then(|line| line.split(' ').nth(at)).unwrap_or_default()
    }

    /// The same without what is said of the connection, and with `more`.
    fn write(&self, to: &mut impl Write, more: &str) -> io::Result<()> {
        let about = |line: &&String| line.to_ascii_lowercase().starts_with("connection:");
        let mut lines: Vec<&str> = self.lines.iter().filter(|line| !about(line)).map(String::as_str).collect();
        lines.extend((!more.is_empty()).then_some(more));
        lines.extend(["", ""]);
        to.write_all(lines.join("\r\n").as_bytes())
    }
}

/// How a body is passed on.
#[derive(Default)]
struct Course {
    /// After how many bytes the connection ends.
    cut: Option<u64>,
    /// Which byte is changed.
    flip: Option<u64>,
    pause: Duration,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves one client to the end of its connection.
    fn serve(&self, client: &TcpStream) {
        // An error is the end of a connection, here as in any network.
        let _ended = self.exchange_all(client);
        let _closed = client.shutdown(Shutdown::Both);
    }

    fn exchange_all(&self, client: &TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        let mut reader = BufReader::new(client.try_clone()?);
        while let Some(request) = Head::read(&mut reader)? {
            if !self.exchange(&request, &mut reader, client)? {
                break;
            }
        }
        Ok(())
    }

    /// What a request is to suffer, and a number for the details.
    fn fate(&self, method: &str) -> (Option<Harm>, u64) {
        let mut state = self.state();
        state.ticks += 1;
        *state.traffic.requests.entry(method.to_owned()).or_default() += 1;
        let one_in = state.one_in;
        if one_in == 0 || state.left == 0 || state.chance.below(one_in) > 0 {
            return (None, 0);
        }
        state.left -= 1;
        let harm = Harm::ALL[usize::try_from(state.chance.below(Harm::ALL.len() as u64)).unwrap()];
        *state.traffic.harmed.entry(harm).or_default() += 1;
        (Some(harm), state.chance.number())
    }

    /// Passes on one request and its answer. False when the connection has to end.
    fn exchange(&self, request: &Head, client: &mut BufReader<TcpStream>, mut back: &TcpStream) -> io::Result<bool> {
        let method = request.word(0).to_owned();
        let upload = Upload::of(&method, request.word(1));
        let length = request.length.unwrap_or(0);
        let (harm, number) = self.fate(&method);
        if let Some((head, body)) = harm.and_then(|harm| complaint(harm, number)) {
            // What is under way is lost, as it is with real servers.
            self.relay(client, Some(length), &mut io::sink(), &Course::default(), upload.as_ref())?;
            back.write_all(head.as_bytes())?;
            back.write_all(if method == "HEAD" { b"" } else { body.as_bytes() })?;
            return Ok(true);
        }
        match harm {
            Some(Harm::HangUp) => return Ok(false),
            Some(Harm::Hang) => {
                std::thread::sleep(HANG);
                return Ok(false);
            }
            _ => {}
        }
        let somewhere = |length: u64| if length == 0 { 0 } else { number % length };
        let pause = if harm == Some(Harm::Trickle) { Duration::from_millis(5) } else { Duration::ZERO };
        let mut upstream = TcpStream::connect(&self.upstream)?;
        upstream.set_nodelay(true)?;
        request.write(&mut upstream, "Connection: close")?;
        let course = Course {
            cut: (harm == Some(Harm::CutRequest)).then(|| somewhere(length)),
            flip: (harm == Some(Harm::FlipRequest)).then(|| somewhere(length)),
            pause,
        };
        if !self.relay(client, Some(length), &mut upstream, &course, upload.as_ref())? {
            return Ok(false);
        }
        if let Some(upload) = &upload {
            upload.finish(&mut self.state());
        }
        let mut answers = BufReader::new(upstream);
        let Some(answer) = Head::read(&mut answers)? else { return Ok(false) };
        let bodiless = method == "HEAD" || matches!(answer.word(1), "204" | "304");
        let expected = if bodiless { Some(0) } else { answer.length };
        if harm == Some(Harm::CutAnswer) && expected == Some(0) {
            return Ok(false);
        }
        // Without a length, the end of the connection is the end of the body.
        answer.write(&mut back, if expected.is_none() { "Connection: close" } else { "" })?;
        let course = Course {
            cut: (harm == Some(Harm::CutAnswer)).then(|| somewhere(expected.unwrap_or(PIECE as u64))),
            flip: (harm == Some(Harm::FlipAnswer)).then(|| somewhere(expected.unwrap_or(1))),
            pause,
        };
        let whole = self.relay(&mut answers, expected, &mut back, &course, None)?;
        Ok(whole && expected.is_some())
    }

    /// Passes a body on. True when that was all of it; without a length, the other side says what all is.
    fn relay(
        &self,
        from: &mut impl Read,
        length: Option<u64>,
        to: &mut impl Write,
        course: &Course,
        upload: Option<&Upload>,
    ) -> io::Result<bool> {
        let (mut piece, mut passed) = (vec![0; PIECE], 0);
        loop {
            let end = course.cut.or(length).unwrap_or(u64::MAX);
            let most = usize::try_from((end - passed).min(PIECE as u64)).unwrap();
            // A reader with a buffer waits for more even when nothing is wanted.
            let read = if most == 0 { 0 } else { from.read(&mut piece[..most])? };
            if read == 0 {
                return Ok(course.cut.is_none() && length.is_none_or(|length| passed == length));
            }
            let bytes = &mut piece[..read];
            if let Some(at) = course.flip.filter(|at| (passed..passed + read as u64).contains(at)) {
                bytes[usize::try_from(at - passed).unwrap()] ^= 1;
            }
            passed += read as u64;
            let mut state = self.state();
            state.ticks += 1;
            if let Some(upload) = upload {
                upload.count(&mut state, read as u64);
            }
            drop(state);
            to.write_all(bytes)?;
            std::thread::sleep(course.pause);
        }
    }
}

/// A request that carries a blob, or a piece of one.
struct Upload {
    path: String,
    /// Known at the end only.
    digest: Option<String>,
}

impl Upload {
    fn of(method: &str, target: &str) -> Option<Self> {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let sends = matches!(method, "POST" | "PATCH" | "PUT") && path.contains("/blobs/uploads/");
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        let digest = pairs.find(|(key, _)| key == "digest").map(|(_, value)| value.into_owned());
        sends.then(|| Self { path: path.to_owned(), digest })
    }

    fn count(&self, state: &mut State, bytes: u64) {
        let counts = match &self.digest {
            Some(digest) => state.traffic.sent.entry(digest.clone()),
            None => state.pieces.entry(self.path.clone()),
        };
        *counts.or_default() += bytes;
    }

    /// What came in pieces is known by its name now.
    fn finish(&self, state: &mut State) {
        if let Some(digest) = &self.digest
            && let Some(bytes) = state.pieces.remove(&self.path)
        {
            *state.traffic.sent.entry(digest.clone()).or_default() += bytes;
        }
    }
}

/// The answer of a server that does not do what it is asked: head and body.
fn complaint(harm: Harm, number: u64) -> Option<(String, &'static str)> {
    const TOO_MANY: &str = "429 Too Many Requests";
    const BROKEN: [&str; 4] =
        ["500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"];
    let retry = |wait: &str| format!("Retry-After: {wait}\r\n");
    let (status, header, body) = match harm {
        Harm::TooManySeconds => (TOO_MANY, retry("0"), ""),
        Harm::TooManyDate => (TOO_MANY, retry(&httpdate::fmt_http_date(SystemTime::now())), ""),
        Harm::TooManyBare => (TOO_MANY, String::new(), ""),
        Harm::TooManyBody => (
            TOO_MANY,
            String::new(),
            r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"toomanyrequests: slow down"}]}"#,
        ),
        Harm::Broken => (BROKEN[usize::try_from(number % 4).unwrap()], String::new(), "<html>"),
        _ => return None,
    };
    Some((format!("HTTP/1.1 {status}\r\n{header}Content-Length: {}\r\n\r\n", body.len()), body))
}
