//! Random commands, and how loosely their replies are to be compared.

use super::client::Value;

/// How two replies are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Loosely {
    /// They are the same.
    Exactly,
    /// The same members in any order.
    Unordered,
    /// The same pairs in any order.
    UnorderedPairs,
    /// Numbers that are so close.
    Within(i64),
    /// Both have something, or neither; arrays have as many members.
    BothOrNeither,
}

impl Loosely {
    pub fn are_alike(self, ours: &Value, theirs: &Value) -> bool {
        match (self, ours, theirs) {
            (_, Value::Error(ours), Value::Error(theirs)) => ours == theirs,
            (Self::Unordered, Value::Array(ours), Value::Array(theirs)) => {
                sorted(ours, 1) == sorted(theirs, 1)
            }
            (Self::UnorderedPairs, Value::Array(ours), Value::Array(theirs)) => {
                sorted(ours, 2) == sorted(theirs, 2)
            }
            (Self::Within(most), Value::Integer(ours), Value::Integer(theirs)) => {
                ours == theirs || (*ours >= 0 && *theirs >= 0 && (ours - theirs).abs() <= most)
            }
            (Self::BothOrNeither, Value::Array(ours), Value::Array(theirs)) => {
                ours.len() == theirs.len()
            }
            (Self::BothOrNeither, ours, theirs) => {
                std::mem::discriminant(ours) == std::mem::discriminant(theirs)
            }
            _ => ours == theirs,
        }
    }
}

/// Members in order, so many at a time; in nested arrays too, as in a page of a scan.
fn sorted(items: &[Value], size: usize) -> Vec<Vec<Value>> {
    let inner = |item: &Value| match item {
        Value::Array(items) => Value::Array(sorted(items, size).concat()),
        item => item.clone(),
    };
    let mut groups: Vec<Vec<Value>> = items
        .chunks(size)
        .map(|group| group.iter().map(inner).collect())
        .collect();
    groups.sort();
    groups
}

/// A command and how to compare its replies.
#[derive(Debug, Clone)]
pub struct Request {
    pub arguments: Vec<Vec<u8>>,
    pub how: Loosely,
    /// Where the cursor is, if all pages are to be read.
    pub scan: Option<usize>,
}

impl Request {
    pub fn exactly<const N: usize>(words: [&str; N]) -> Self {
        let arguments = words.map(|word| word.as_bytes().to_vec()).to_vec();
        let (how, scan) = (how_to_compare(&arguments), None);
        Self {
            arguments,
            how,
            scan,
        }
    }

    pub fn words(line: &str) -> Self {
        let arguments: Vec<_> = line
            .split(' ')
            .map(|word| word.as_bytes().to_vec())
            .collect();
        let (how, scan) = (how_to_compare(&arguments), None);
        Self {
            arguments,
            how,
            scan,
        }
    }
}

/// Times are compared with room for a slow machine.
const TOLERANCE_MS: i64 = 5_000;

fn how_to_compare(arguments: &[Vec<u8>]) -> Loosely {
    let name = String::from_utf8_lossy(&arguments[0]).to_lowercase();
    match name.as_str() {
        "keys" | "scan" | "hkeys" | "hvals" => Loosely::Unordered,
        "hgetall" | "hscan" => Loosely::UnorderedPairs,
        "ttl" | "expiretime" => Loosely::Within(TOLERANCE_MS / 1_000),
        "pttl" | "pexpiretime" => Loosely::Within(TOLERANCE_MS),
        "randomkey" | "hrandfield" | "object" | "memory" => Loosely::BothOrNeither,
        _ => Loosely::Exactly,
    }
}

/// Commands of which each has an event, or shows that it has none.
pub const EVENTFUL: &[&str] = &[
    "SET a 1",
    "SET a 2 EX 100",
    "SET a 2 KEEPTTL",
    "SET a 3 NX",
    "GET missing",
    "GETEX a PERSIST",
    "GETEX a EX 50",
    "GETEX a PXAT 1",
    "GETSET a 1",
    "SETNX a 1",
    "SETNX b 1",
    "SETEX b 100 1",
    "PSETEX b 100000 1",
    "MSET a 1 b 2 c 3",
    "MSETNX a 1 z 2",
    "MSETNX y 1 z 2",
    "APPEND a x",
    "APPEND new x",
    "SETRANGE a 3 y",
    "SETRANGE a 3 ",
    "SET n 1",
    "INCR n",
    "DECRBY n 3",
    "INCRBYFLOAT n 0.5",
    "INCR a",
    "HSET h f 1 g 2",
    "HSET h f 2",
    "HSETNX h f 2",
    "HSETNX h i 2",
    "HMSET h f 2",
    "HINCRBY h f 1",
    "HINCRBYFLOAT h f 1.5",
    "HDEL h f missing",
    "HDEL h missing",
    "HDEL h g i",
    "EXPIRE a 100",
    "EXPIRE a 100 NX",
    "PEXPIREAT a 99999999999999",
    "PERSIST a",
    "PERSIST a",
    "RENAME a b",
    "RENAMENX b c",
    "RENAMENX b d",
    "COPY d e",
    "COPY d e",
    "COPY d e REPLACE",
    "COPY d e DB 1",
    "MOVE d 1",
    "GETDEL e",
    "DEL c missing",
    "UNLINK y",
    "EXPIRE z 0",
    "MGET n missing",
    "EXISTS missing",
    "TTL missing",
    "TYPE missing",
    "HGET missing f",
    "STRLEN missing",
    "TOUCH n",
];

const KEYS: &[&[u8]] = &[b"a", b"b", b"user:1", b"user:2", b"h", b"\xff\x00\r\n", b""];
const FIELDS: &[&[u8]] = &[b"f", b"g", b"field three", b"1", b"", b"\x00\xfe"];
const VALUES: &[&[u8]] = &[
    b"",
    b"1",
    b"-7",
    b"007",
    b"+5",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"9223372036854775808",
    b"3.14",
    b"-0",
    b"-0.5",
    b"1e3",
    b"1e400",
    b"0x1F",
    b".5",
    b"5.",
    b" 1",
    b"1 ",
    b"inf",
    b"nan",
    b"text",
    b"some longer text, beyond what a short string holds in one allocation",
    b"\x00\x01\xff\r\n",
];
const INTEGERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "2",
    "5",
    "-3",
    "100",
    "9223372036854775807",
    "-9223372036854775808",
    "1.5",
    "x",
    "",
    "01",
];
const FLOATS: &[&str] = &[
    "0.1",
    "0.2",
    "-0.3",
    "1",
    "1e10",
    "1e-10",
    "3.0e3",
    "123456789.987654321",
    "-1e17",
    "1e4000",
    "inf",
    "-inf",
    "nan",
    "x",
    "",
    "1e-5000",
    "0.00000000000000001",
    "1e-18",
    "99999999999999999999",
];
const OFFSETS: &[&str] = &[
    "0", "1", "-1", "2", "-2", "3", "10", "-10", "99", "-99", "x",
];
/// Either far off or long ago, so that no command depends on how fast the servers are.
const SECONDS: &[&str] = &[
    "100",
    "200",
    "300",
    "1000",
    "100",
    "0",
    "-1",
    "-100",
    "9223372036854775807",
    "x",
    "1.5",
    "",
    "-9223372036854775808",
];
const MILLISECONDS: &[&str] = &[
    "100000",
    "200000",
    "1000000",
    "0",
    "-1",
    "9223372036854775807",
    "x",
];
const UNIX_SECONDS: &[&str] = &["4000000000", "4100000000", "1", "0", "-5", "x"];
const UNIX_MILLISECONDS: &[&str] = &["4000000000000", "4100000000000", "1", "0", "-5", "x"];
/// For SET and GETEX: what SET has expire at once, Redis still counts in DBSIZE for a while.
const FUTURE_SECONDS: &[&str] = &["4000000000", "4100000000", "0", "-5", "x"];
/// See [`FUTURE_SECONDS`].
const FUTURE_MILLISECONDS: &[&str] = &["4000000000000", "4100000000000", "0", "-5", "x"];
const PATTERNS: &[&[u8]] = &[
    b"*", b"user:*", b"?", b"[ab]", b"[^a]*", b"h\\*", b"", b"*:[1-9]", b"[a",
];

/// A sequence of random commands that depends on its seed alone.
pub struct Generator {
    state: u64,
    in_block: bool,
    /// How many different times from now it has made up.
    times: u64,
}

impl Generator {
    pub fn new(seed: u64) -> Self {
        Self {
            state: seed,
            in_block: false,
            times: 0,
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let x = (self.state ^ self.state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((x ^ x >> 31) % bound as u64) as usize
    }

    /// True once in so many times.
    pub fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    fn pick<T: ?Sized + AsRef<[u8]>>(&mut self, from: &[&T]) -> Vec<u8> {
        from[self.below(from.len())].as_ref().to_vec()
    }

    fn key(&mut self) -> Vec<u8> {
        self.pick(KEYS)
    }

    /// The commands of a transaction.
    pub fn block(&mut self) -> Vec<Request> {
        self.in_block = true;
        let block = (0..1 + self.below(6)).map(|_| self.request()).collect();
        self.in_block = false;
        block
    }

    /// A command, most of the time well formed.
    pub fn request(&mut self) -> Request {
        let mut arguments = self.command();
        let name = String::from_utf8_lossy(&arguments[0]).to_lowercase();
        if self.chance(25) {
            // GET alone takes more arguments than Redis's.
            if self.chance(2) && arguments.len() > 1 {
                arguments.pop();
            } else if name != "get" {
                arguments.push(self.pick(VALUES));
            }
        }
        if self.chance(6) {
            arguments[0].make_ascii_lowercase();
        }
        let cursor_at = match name.as_str() {
            "scan" => 1,
            _ => 2,
        };
        let is_scan = matches!(name.as_str(), "scan" | "hscan");
        let starts = arguments
            .get(cursor_at)
            .is_some_and(|cursor| cursor == b"0" || cursor.is_empty());
        let scans_all = is_scan && starts && !self.in_block;
        if is_scan && self.in_block && starts {
            // All on one page, whose order may differ.
            arguments.truncate(cursor_at + 1);
            arguments.extend([b"COUNT".to_vec(), b"1000".to_vec()]);
        }
        let how = how_to_compare(&arguments);
        let how = if scans_all { Loosely::Exactly } else { how };
        Request {
            arguments,
            how,
            scan: scans_all.then_some(cursor_at),
        }
    }

    fn words(&mut self, name: &str, words: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let mut arguments = vec![name.as_bytes().to_vec()];
        arguments.extend_from_slice(words);
        arguments
    }

    fn options(&mut self, options: &[(&str, &[&str])]) -> Vec<Vec<u8>> {
        let mut words = Vec::new();
        while self.chance(2) && words.len() < 6 {
            let (name, values) = options[self.below(options.len())];
            words.push(name.as_bytes().to_vec());
            // Without a number DB would take the next word for a space's name.
            if !values.is_empty() && (name == "DB" || !self.chance(30)) {
                words.push(self.pick(values));
            }
        }
        words
    }

    fn command(&mut self) -> Vec<Vec<u8>> {
        match self.below(100) {
            0..38 => self.string_command(),
            38..68 => self.hash_command(),
            _ => self.key_command(),
        }
    }

    fn string_command(&mut self) -> Vec<Vec<u8>> {
        const TIMES: [(&str, &[&str]); 4] = [
            ("EX", SECONDS),
            ("PX", MILLISECONDS),
            ("EXAT", FUTURE_SECONDS),
            ("pxat", FUTURE_MILLISECONDS),
        ];
        let (key, value) = (self.key(), self.pick(VALUES));
        match self.below(26) {
            0..4 => {
                let mut words = vec![key, value];
                let mut options =
                    vec![("NX", &[][..]), ("xx", &[]), ("GET", &[]), ("KEEPTTL", &[])];
                options.extend(TIMES);
                if self.chance(20) {
                    options.push(("PERSIST", &[]));
                }
                words.extend(self.options(&options));
                self.words("SET", &words)
            }
            4..7 => self.words("GET", &[key]),
            7 => self.words("GETDEL", &[key]),
            8 => {
                let mut options = vec![("PERSIST", &[][..])];
                options.extend(TIMES);
                let mut words = vec![key];
                words.extend(self.options(&options));
                self.words("GETEX", &words)
            }
            9 => self.words("GETSET", &[key, value]),
            10 => {
                let more = self.key();
                self.words("MGET", &[key, more])
            }
            11 | 12 => {
                let name = if self.chance(2) { "MSET" } else { "MSETNX" };
                let mut words = vec![key, value];
                while self.chance(2) {
                    let pair = [self.key(), self.pick(VALUES)];
                    words.extend(pair);
                }
                self.words(name, &words)
            }
            13 => self.words("SETNX", &[key, value]),
            14 => {
                let time = self.pick(SECONDS);
                self.words("SETEX", &[key, time, value])
            }
            15 => {
                let time = self.pick(MILLISECONDS);
                self.words("PSETEX", &[key, time, value])
            }
            16 => self.words("APPEND", &[key, value]),
            17 => self.words("STRLEN", &[key]),
            18 => {
                let (start, end) = (self.pick(OFFSETS), self.pick(OFFSETS));
                let name = if self.chance(4) { "SUBSTR" } else { "GETRANGE" };
                self.words(name, &[key, start, end])
            }
            19 => {
                let offset = self.pick(OFFSETS);
                self.words("SETRANGE", &[key, offset, value])
            }
            20 => self.words("INCR", &[key]),
            21 => self.words("DECR", &[key]),
            22 => {
                let by = self.pick(INTEGERS);
                self.words("INCRBY", &[key, by])
            }
            23 => {
                let by = self.pick(INTEGERS);
                self.words("DECRBY", &[key, by])
            }
            _ => {
                let by = self.pick(FLOATS);
                self.words("INCRBYFLOAT", &[key, by])
            }
        }
    }

    fn hash_command(&mut self) -> Vec<Vec<u8>> {
        let key = if self.chance(3) {
            self.key()
        } else {
            b"h".to_vec()
        };
        let (field, value) = (self.pick(FIELDS), self.pick(VALUES));
        match self.below(24) {
            0..4 => {
                let name = if self.chance(5) { "HMSET" } else { "HSET" };
                let mut words = vec![key, field, value];
                while self.chance(2) {
                    let pair = [self.pick(FIELDS), self.pick(VALUES)];
                    words.extend(pair);
                }
                self.words(name, &words)
            }
            4 => self.words("HGET", &[key, field]),
            5 => {
                let more = self.pick(FIELDS);
                self.words("HMGET", &[key, field, more])
            }
            6 | 7 => self.words("HGETALL", &[key]),
            8..11 => {
                let mut words = vec![key, field];
                while self.chance(2) {
                    words.push(self.pick(FIELDS));
                }
                self.words("HDEL", &words)
            }
            11 => self.words("HEXISTS", &[key, field]),
            12 => self.words("HLEN", &[key]),
            13 => self.words("HKEYS", &[key]),
            14 => self.words("HVALS", &[key]),
            15 | 16 => {
                let by = self.pick(INTEGERS);
                self.words("HINCRBY", &[key, field, by])
            }
            17 | 18 => {
                let by = self.pick(FLOATS);
                self.words("HINCRBYFLOAT", &[key, field, by])
            }
            19 => self.words("HSETNX", &[key, field, value]),
            20 => self.words("HSTRLEN", &[key, field]),
            21 => {
                let mut words = vec![key, self.pick(&["0", "0", "0", "x", ""])];
                words.extend(self.options(&[
                    ("COUNT", &["1", "2", "100", "0", "-1", "x"]),
                    ("MATCH", &["*", "f*", "?"]),
                    ("TYPE", &["hash"]),
                ]));
                self.words("HSCAN", &words)
            }
            _ => {
                let mut words = vec![key];
                if !self.chance(4) {
                    words.push(self.pick(&[
                        "0",
                        "1",
                        "2",
                        "-2",
                        "-10",
                        "100",
                        "x",
                        "-9223372036854775808",
                    ]));
                    if self.chance(2) {
                        words.push(self.pick(&["WITHVALUES", "withvalues", "WITH"]));
                    }
                }
                self.words("HRANDFIELD", &words)
            }
        }
    }

    fn key_command(&mut self) -> Vec<Vec<u8>> {
        const CONDITIONS: &[(&str, &[&str])] = &[
            ("NX", &[]),
            ("XX", &[]),
            ("GT", &[]),
            ("lt", &[]),
            ("ZZ", &[]),
        ];
        const SPACES: &[&str] = &["0", "1", "1", "-1", "99999"];
        let (key, other) = (self.key(), self.key());
        match self.below(34) {
            0 | 1 => {
                let name = if self.chance(3) { "UNLINK" } else { "DEL" };
                self.words(name, &[key, other])
            }
            2 => self.words("EXISTS", &[key, other]),
            3 => self.words("TYPE", &[key]),
            4 => {
                let pattern = self.pick(PATTERNS);
                self.words("KEYS", &[pattern])
            }
            5 | 6 => {
                let mut words = vec![self.pick(&["0", "0", "0", "0", "x", "1x"])];
                words.extend(self.options(&[
                    ("COUNT", &["1", "2", "100", "0", "-1", "x"]),
                    ("MATCH", &["*", "user:*", "?"]),
                    ("TYPE", &["hash", "STRING", "nothing"]),
                ]));
                self.words("SCAN", &words)
            }
            7 => self.words("RANDOMKEY", &[]),
            8..11 => self.words("RENAME", &[key, other]),
            11 => self.words("RENAMENX", &[key, other]),
            12..14 => {
                let mut words = vec![key, other];
                words.extend(self.options(&[("DB", SPACES), ("REPLACE", &[]), ("FOO", &[])]));
                self.words("COPY", &words)
            }
            14 | 15 => {
                let space = self.pick(SPACES);
                self.words("MOVE", &[key, space])
            }
            16 => self.words("TOUCH", &[key, other]),
            17..23 => {
                let (name, times) = [
                    ("EXPIRE", SECONDS),
                    ("PEXPIRE", MILLISECONDS),
                    ("EXPIREAT", UNIX_SECONDS),
                    ("PEXPIREAT", UNIX_MILLISECONDS),
                ][self.below(4)];
                let mut words = vec![key, self.pick(times)];
                words.extend(self.options(CONDITIONS));
                // Equal times from now would be compared with the clock.
                if words.len() > 2 && !name.ends_with("AT") {
                    self.times += 1;
                    let scale = if name == "EXPIRE" { 1 } else { 1_000 };
                    let time = (503 + 20 * self.times) * scale;
                    words[1] = match self.chance(8) {
                        true => self.pick(&["0", "-1", "x"]),
                        false => time.to_string().into_bytes(),
                    };
                }
                self.words(name, &words)
            }
            23 => self.words("TTL", &[key]),
            24 => self.words("PTTL", &[key]),
            25 => self.words("EXPIRETIME", &[key]),
            26 => self.words("PEXPIRETIME", &[key]),
            27 => self.words("PERSIST", &[key]),
            28 => {
                let what = self.pick(&["ENCODING", "refcount", "IDLETIME", "NOTHING"]);
                self.words("OBJECT", &[what, key])
            }
            29 => self.words("MEMORY", &[b"USAGE".to_vec(), key]),
            30 | 31 => self.words("DBSIZE", &[]),
            32 => {
                let space = self.pick(&["0", "0", "1"]);
                self.words("SELECT", &[space])
            }
            _ if self.chance(8) => self.words("FLUSHDB", &[]),
            _ if self.chance(12) => self.words("FLUSHALL", &[]),
            _ => self.words("DBSIZE", &[]),
        }
    }
}
