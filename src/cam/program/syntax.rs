//! How a program is written: its parameters, and a line a step.
//!
//! A line is words as redis-cli reads them: blanks between, quotes around words with blanks (`"…"` with `\n`, `\t`, `\"`,
//! `\\` and `\xff`, `'…'` with `\'`). `name = METHOD word …` names what the step answers. In a word that is not quoted,
//! `$name` is a parameter or a named step, `$2` the second step, and `$step.column` a column of what it answered; `$$` is a
//! dollar.

/// A program as it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// The names of what it takes.
    pub parameters: Vec<String>,
    /// Its steps, in order.
    pub steps: Vec<Step>,
}

/// A step: a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What its result is called.
    pub name: Option<String>,
    /// The method.
    pub method: String,
    /// Its arguments.
    pub words: Vec<Word>,
    /// As it was written.
    pub line: String,
}

/// A word of a step, in pieces that follow each other without a blank.
#[derive(Clone, Debug, PartialEq)]
pub struct Word(pub Vec<Piece>);

/// A piece of a word.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// Bytes as they are.
    Literal(Vec<u8>),
    /// What something is when the program runs.
    Reference(Reference),
}

/// What a piece stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// What.
    pub of: Of,
    /// The column of a step's result; its first unless one is named.
    pub column: Option<String>,
    /// As it was written.
    pub text: String,
}

/// Whose value a reference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// That of a parameter, by place.
    Parameter(usize),
    /// That of a step, by place.
    Step(usize),
}

impl Word {
    /// The bytes of a word that refers to nothing.
    pub fn literal(&self) -> Option<&[u8]> {
        match &self.0[..] {
            [] => Some(b""),
            [Piece::Literal(bytes)] => Some(bytes),
            _ => None,
        }
    }

    /// All references in a word.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Reference(reference) => Some(reference),
            Piece::Literal(_) => None,
        })
    }

    /// The reference that a word is, if it is nothing else.
    pub fn reference(&self) -> Option<&Reference> {
        match &self.0[..] {
            [Piece::Reference(reference)] => Some(reference),
            _ => None,
        }
    }
}

impl Program {
    /// Reads parameters, as `(a b)` or `(a, b)` in one word or several, and the lines behind them.
    ///
    /// # Errors
    /// It is not written so; the message says where and what was expected.
    pub fn parse<'t>(words: impl IntoIterator<Item = &'t str>) -> Result<Self, String> {
        let mut words = words.into_iter();
        let mut inside = String::new();
        loop {
            let word = words.next().ok_or_else(|| match inside.is_empty() {
                true => {
                    "arguments: expected them in parentheses such as (x k) or (), got nothing more"
                        .to_owned()
                }
                false => format!(
                    "arguments: expected a closing parenthesis behind '{}'",
                    shown(&inside)
                ),
            })?;
            if inside.is_empty() && !word.trim_start().starts_with('(') {
                return Err(format!(
                    "arguments: expected them in parentheses such as (x k) or (), got '{}'",
                    shown(word)
                ));
            }
            inside.push_str(word.trim());
            inside.push(' ');
            if word.trim_end().ends_with(')') {
                break;
            }
        }
        let inside = inside.trim();
        let inside = &inside[1..inside.len() - 1];
        let mut parameters: Vec<String> = Vec::new();
        for name in inside
            .split([' ', ',', '\t', '\n'])
            .filter(|name| !name.is_empty())
        {
            if !is_name(name) || parameters.iter().any(|known| known == name) {
                return Err(format!(
                    "arguments: expected names of letters, digits and _, each once, got '{}'",
                    shown(name)
                ));
            }
            parameters.push(name.to_owned());
        }
        let mut program = Self {
            parameters,
            steps: Vec::new(),
        };
        for line in words {
            let at = program.steps.len() + 1;
            let step = program
                .step(line)
                .map_err(|message| format!("step {at}: {message}"))?;
            program.steps.push(step);
        }
        Ok(program)
    }

    /// Reads what [`Display`](std::fmt::Display) writes.
    ///
    /// # Errors
    /// It is not written so.
    pub fn of_text(text: &str) -> Result<Self, String> {
        Self::parse(text.lines())
    }

    fn step(&self, line: &str) -> Result<Step, String> {
        if line.contains('\n') || line.contains('\r') {
            return Err("expected one line; a word has a line's end as \"\\n\"".to_owned());
        }
        let tokens = tokens(line)?;
        let plain = |at: usize| {
            let token = tokens.get(at)?;
            match &token[..] {
                [Raw::Plain(text)] => Some(text.as_str()),
                _ => None,
            }
        };
        let (name, first) = match (plain(0), plain(1)) {
            (Some(name), Some("=")) => {
                let is_known = self.parameters.iter().any(|known| known == name)
                    || self
                        .steps
                        .iter()
                        .any(|step| step.name.as_deref() == Some(name));
                if !is_name(name) || is_known {
                    return Err(format!(
                        "expected a name of letters, digits and _ that nothing else has before =, got '{}'",
                        shown(name)
                    ));
                }
                (Some(name.to_owned()), 2)
            }
            _ => (None, 0),
        };
        let method = plain(first).ok_or_else(|| {
            "expected a method such as LANCE.TOPK or 0x0060, and its arguments".to_owned()
        })?;
        let words = tokens[(first + 1).min(tokens.len())..].iter();
        let words = words
            .map(|token| self.word(token))
            .collect::<Result<_, _>>()?;
        Ok(Step {
            name,
            method: method.to_owned(),
            words,
            line: line.trim().to_owned(),
        })
    }

    fn word(&self, token: &[Raw]) -> Result<Word, String> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut put = |piece: Piece| match (pieces.last_mut(), piece) {
            (Some(Piece::Literal(before)), Piece::Literal(more)) => before.extend(more),
            (_, piece) => pieces.push(piece),
        };
        for raw in token {
            match raw {
                Raw::Quoted(bytes) => put(Piece::Literal(bytes.clone())),
                Raw::Plain(text) => {
                    let mut rest = text.as_str();
                    while let Some(at) = rest.find('$') {
                        put(Piece::Literal(rest.as_bytes()[..at].to_vec()));
                        rest = &rest[at + 1..];
                        if let Some(after) = rest.strip_prefix('$') {
                            put(Piece::Literal(b"$".to_vec()));
                            rest = after;
                            continue;
                        }
                        let (reference, length) = self.reference(rest)?;
                        put(Piece::Reference(reference));
                        rest = &rest[length..];
                    }
                    put(Piece::Literal(rest.as_bytes().to_vec()));
                }
            }
        }
        pieces.retain(|piece| *piece != Piece::Literal(Vec::new()));
        Ok(Word(pieces))
    }

    /// The reference that text behind a dollar begins with, and how long it is.
    fn reference(&self, text: &str) -> Result<(Reference, usize), String> {
        let word = |text: &str| {
            let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
            end.unwrap_or(text.len())
        };
        let end = word(text);
        let name = &text[..end];
        let parameter = self.parameters.iter().position(|known| known == name);
        let step = || {
            let named = self.steps.iter();
            let mut named = named.map(|step| step.name.as_deref());
            named.position(|known| known == Some(name))
        };
        let numbered = || {
            let number: usize = name.parse().ok()?;
            (1..=self.steps.len()).contains(&number).then(|| number - 1)
        };
        let of = match parameter {
            Some(at) => Of::Parameter(at),
            None => Of::Step(step().or_else(numbered).ok_or_else(|| {
                format!(
                    "expected $ before an argument ({}) or an earlier step ({}), got '${}'; a dollar is $$",
                    match &self.parameters[..] {
                        [] => "there are none".to_owned(),
                        some => some.join(", "),
                    },
                    match self.steps.len() {
                        0 => "there is none".to_owned(),
                        1 => "1".to_owned(),
                        n => format!("1 to {n}"),
                    },
                    shown(name)
                )
            })?),
        };
        let column = text[end..]
            .strip_prefix('.')
            .map(|rest| &rest[..word(rest)]);
        let column = column.filter(|column| !column.is_empty());
        if let (Of::Parameter(_), Some(column)) = (of, column) {
            return Err(format!(
                "expected a column of a step, and ${name} is an argument, got '.{}'; quotes end a word: $x\".y\"",
                shown(column)
            ));
        }
        let length = end + column.map_or(0, |column| column.len() + 1);
        let reference = Reference {
            of,
            column: column.map(str::to_owned),
            text: format!("${}", &text[..length]),
        };
        Ok((reference, length))
    }
}

/// As it is stored: parameters, and a line a step.
impl std::fmt::Display for Program {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "({})", self.parameters.join(" "))?;
        self.steps
            .iter()
            .try_for_each(|step| write!(out, "\n{}", step.line))
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

fn shown(text: &str) -> std::borrow::Cow<'_, str> {
    crate::operand::shown(text.as_bytes())
}

/// A part of a word: what was quoted is as it is.
enum Raw {
    Plain(String),
    Quoted(Vec<u8>),
}

/// The words of a line, each of parts that follow each other.
fn tokens(line: &str) -> Result<Vec<Vec<Raw>>, String> {
    let mut tokens = Vec::new();
    let mut token: Vec<Raw> = Vec::new();
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => {
                if !token.is_empty() {
                    tokens.push(std::mem::take(&mut token));
                }
            }
            quote @ ('"' | '\'') => token.push(Raw::Quoted(quoted(&mut chars, quote)?)),
            c => match token.last_mut() {
                Some(Raw::Plain(text)) => text.push(c),
                _ => token.push(Raw::Plain(c.into())),
            },
        }
    }
    if !token.is_empty() {
        tokens.push(token);
    }
    Ok(tokens)
}

/// What stands between quotes, of which the first was read.
fn quoted(chars: &mut impl Iterator<Item = char>, quote: char) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let unclosed = || format!("expected a closing {quote}");
    loop {
        let c = match chars.next().ok_or_else(unclosed)? {
            c if c == quote => return Ok(bytes),
            '\\' => match (chars.next().ok_or_else(unclosed)?, quote) {
                ('n', '"') => '\n',
                ('r', '"') => '\r',
                ('t', '"') => '\t',
                ('x', '"') => {
                    let mut digit = || chars.next().and_then(|c| c.to_digit(16));
                    let byte = digit().zip(digit());
                    let (high, low) = byte.ok_or("expected two hex digits behind \\x")?;
                    bytes.push((high << 4 | low) as u8);
                    continue;
                }
                (c, '\'') if c != quote && c != '\\' => {
                    bytes.push(b'\\');
                    c
                }
                (c, _) => c,
            },
            c => c,
        };
        let mut buffer = [0; 4];
        bytes.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str) -> Piece {
        Piece::Literal(text.as_bytes().to_vec())
    }

    #[test]
    fn a_program_reads_as_it_is_written() {
        let lines = [
            "(who,",
            "k)",
            "near = LANCE.NEAR $who $k",
            "VERBS.CAUSES $near.address #$1 'it''s \\' $x' \"a\\tb\\x41\" $$5 $who\".y\"",
        ];
        let program = Program::parse(lines).unwrap();
        assert_eq!(program.parameters, ["who", "k"]);
        let [first, second] = &program.steps[..] else {
            panic!("{program:?}");
        };
        assert_eq!(
            (first.name.as_deref(), &*first.method),
            (Some("near"), "LANCE.NEAR")
        );
        assert_eq!(first.words[1].reference().unwrap().of, Of::Parameter(1));
        assert_eq!(second.words.len(), 6);
        let near = second.words[0].reference().unwrap();
        assert_eq!(
            (near.of, near.column.as_deref()),
            (Of::Step(0), Some("address"))
        );
        assert_eq!(second.words[1].0.len(), 2);
        assert_eq!(second.words[2].0, [literal("its ' $x")]);
        assert_eq!(second.words[3].0, [literal("a\tbA")]);
        assert_eq!(second.words[4].0, [literal("$5")]);
        assert_eq!(second.words[5].0[1], literal(".y"));
        assert_eq!(Program::of_text(&program.to_string()), Ok(program));
    }

    #[test]
    fn what_is_not_written_so_is_told() {
        for (lines, message) in [
            (&[][..], "arguments: expected them in parentheses"),
            (
                &["x"][..],
                "arguments: expected them in parentheses such as (x k) or (), got 'x'",
            ),
            (&["(x"][..], "arguments: expected a closing parenthesis"),
            (
                &["(x x)"][..],
                "arguments: expected names of letters, digits and _, each once, got 'x'",
            ),
            (&["()", ""][..], "step 1: expected a method"),
            (&["()", "A.B 'x"][..], "step 1: expected a closing '"),
            (
                &["()", "A.B \"\\xq\""][..],
                "step 1: expected two hex digits",
            ),
            (&["()", "A.B\nC.D"][..], "step 1: expected one line"),
            (
                &["(x)", "A.B $y"][..],
                "step 1: expected $ before an argument (x) or an earlier step (there is none), got '$y'",
            ),
            (
                &["()", "A.B", "A.B $2"][..],
                "step 2: expected $ before an argument (there are none) or an earlier step (1), got '$2'",
            ),
            (
                &["(x)", "A.B $x.y"][..],
                "step 1: expected a column of a step, and $x is an argument",
            ),
            (
                &["(x)", "x = A.B"][..],
                "step 1: expected a name of letters, digits and _ that nothing else has before =",
            ),
        ] {
            let refused = Program::parse(lines.iter().copied()).unwrap_err();
            assert!(refused.starts_with(message), "{refused}");
        }
    }
}
