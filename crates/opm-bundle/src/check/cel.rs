//! The grammar of the Common Expression Language, as far as it takes to find slips in the rules of constraints.
//!
//! Rules are parsed, and names that nothing declares are found: there is one variable, `properties`, and those that macros
//! (`exists`, `all`, …) bring along. Functions are not looked up, and types are not checked.

/// How deep expressions may be nested.
const DEEPEST: usize = 100;

/// Operators of two operands from the weakest to the strongest; what is alike binds from the left.
const BINARY: &[&[&str]] =
    &[&["||"], &["&&"], &["<=", ">=", "==", "!=", "<", ">", "in"], &["+", "-"], &["*", "/", "%"]];

/// Methods whose first argument is a variable that holds in the others.
const MACROS: &[&str] = &["all", "exists", "exists_one", "existsOne", "map", "filter"];

const RESERVED: &[&str] = &[
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// What is wrong with an expression.
pub(super) fn check(text: &str) -> Result<(), String> {
    let mut parser = Parser { text, rest: text, scope: vec!["properties"], depth: 0 };
    parser.blanks();
    parser.expression()?;
    if parser.rest.is_empty() { Ok(()) } else { Err(parser.unexpected()) }
}

struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
    scope: Vec<&'a str>,
    depth: usize,
}

type Parsed<T = ()> = Result<T, String>;

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

impl<'a> Parser<'a> {
    fn column(&self) -> usize {
        self.text[..self.text.len() - self.rest.len()].chars().count() + 1
    }

    fn unexpected(&self) -> String {
        match self.rest.chars().next() {
            None => "the expression ends too early".to_owned(),
            Some(c) => format!("unexpected {c:?} at character {}", self.column()),
        }
    }

    fn blanks(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            let Some(comment) = self.rest.strip_prefix("//") else { return };
            self.rest = comment.find('\n').map_or("", |end| &comment[end..]);
        }
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
        self.blanks();
    }

    fn eat(&mut self, symbol: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(symbol) else { return false };
        let is_word_end = !symbol.ends_with(is_word) || !rest.starts_with(is_word);
        if is_word_end {
            self.skip(symbol.len());
        }
        is_word_end
    }

    fn expect(&mut self, symbol: &str) -> Parsed {
        if self.eat(symbol) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn expression(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("the expression is nested too deeply".to_owned());
        }
        self.binary(0)?;
        if self.eat("?") {
            self.binary(0)?;
            self.expect(":")?;
            self.expression()?;
        }
        self.depth -= 1;
        Ok(())
    }

    fn binary(&mut self, level: usize) -> Parsed {
        let Some(operators) = BINARY.get(level) else { return self.unary() };
        self.binary(level + 1)?;
        while operators.iter().any(|operator| self.eat(operator)) {
            self.binary(level + 1)?;
        }
        Ok(())
    }

    fn unary(&mut self) -> Parsed {
        if self.rest.starts_with('!') {
            while self.eat("!") {}
        } else {
            while self.eat("-") {}
        }
        self.primary()?;
        loop {
            if self.eat(".") {
                let name = self.identifier()?;
                if self.eat("(") {
                    self.arguments(MACROS.contains(&name))?;
                }
            } else if self.eat("[") {
                self.expression()?;
                self.expect("]")?;
            } else {
                return Ok(());
            }
        }
    }

    fn identifier(&mut self) -> Parsed<&'a str> {
        let end = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
        let name = &self.rest[..end];
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(self.unexpected());
        }
        if RESERVED.contains(&name) {
            return Err(format!("{name:?} at character {} is a reserved word", self.column()));
        }
        self.skip(end);
        Ok(name)
    }

    /// The arguments of a call, up to its closing parenthesis.
    fn arguments(&mut self, is_macro: bool) -> Parsed {
        let variables = self.scope.len();
        if is_macro {
            let name = self.identifier()?;
            self.scope.push(name);
            self.expect(",")?;
        }
        self.list(")", false)?;
        self.scope.truncate(variables);
        Ok(())
    }

    /// Expressions with commas between them, or pairs of them, up to a closing symbol. A comma may end a list, but no call.
    fn list(&mut self, close: &str, is_map: bool) -> Parsed {
        while !self.eat(close) {
            self.expression()?;
            if is_map {
                self.expect(":")?;
                self.expression()?;
            }
            if !self.eat(",") {
                return self.expect(close);
            }
            if close == ")" && self.rest.starts_with(')') {
                return Err(self.unexpected());
            }
        }
        Ok(())
    }

    fn primary(&mut self) -> Parsed {
        if self.eat("(") {
            self.expression()?;
            return self.expect(")");
        }
        if self.eat("[") {
            return self.list("]", false);
        }
        if self.eat("{") {
            return self.list("}", true);
        }
        if ["true", "false", "null"].iter().any(|word| self.eat(word)) || self.string()? || self.number()? {
            return Ok(());
        }
        let at = self.column();
        let is_rooted = self.eat(".");
        let name = self.identifier()?;
        if self.eat("(") {
            return self.arguments(false);
        }
        if is_rooted || self.scope.contains(&name) {
            return Ok(());
        }
        Err(format!("undeclared reference to {name:?} at character {at}; there is one variable, properties"))
    }

    fn string(&mut self) -> Parsed<bool> {
        let prefix = self.rest.find(|c| !"rRbB".contains(c)).unwrap_or(self.rest.len());
        let is_raw = self.rest[..prefix].contains(['r', 'R']);
        let body = &self.rest[prefix..];
        let Some(quote) = ["\"\"\"", "'''", "\"", "'"].iter().find(|quote| body.starts_with(**quote)) else {
            return Ok(false);
        };
        if prefix > 2 {
            return Err(self.unexpected());
        }
        let mut at = quote.len();
        loop {
            let Some(c) = body[at..].chars().next() else {
                return Err(format!("the string at character {} has no end", self.column()));
            };
            if body[at..].starts_with(*quote) {
                self.skip(prefix + at + quote.len());
                return Ok(true);
            }
            if c == '\n' && quote.len() == 1 {
                return Err(format!("the string at character {} goes over the end of its line", self.column()));
            }
            at += c.len_utf8();
            if c == '\\' && !is_raw {
                let Some(escaped) = body[at..].chars().next() else { continue };
                if !"abfnrtvxXuU01237\\?\"'`".contains(escaped) {
                    return Err(format!(
                        "the string at character {} holds the unknown escape \\{escaped}",
                        self.column()
                    ));
                }
                at += escaped.len_utf8();
            }
        }
    }

    fn number(&mut self) -> Parsed<bool> {
        let rest = self.rest;
        let is_fraction = rest.starts_with('.') && rest[1..].starts_with(|c: char| c.is_ascii_digit());
        if !rest.starts_with(|c: char| c.is_ascii_digit()) && !is_fraction {
            return Ok(false);
        }
        let mut end = rest.find(|c| !is_word(c) && c != '.').unwrap_or(rest.len());
        if rest[..end].ends_with(['e', 'E']) && rest[end..].starts_with(['+', '-']) && !rest.starts_with("0x") {
            let digits = &rest[end + 1..];
            end += 1 + digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        }
        let text = &rest[..end];
        let whole = text.strip_suffix(['u', 'U']).unwrap_or(text);
        let is_number = match whole.strip_prefix("0x").or_else(|| whole.strip_prefix("0X")) {
            Some(digits) => u64::from_str_radix(digits, 16).is_ok(),
            None => whole.parse::<u64>().is_ok() || (whole == text && text.parse::<f64>().is_ok()),
        };
        if !is_number {
            return Err(format!("{text:?} at character {} is not a number", self.column()));
        }
        self.skip(end);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn expressions() {
        for good in [
            "true",
            "properties.exists(p, p.type == 'certified')",
            "properties.exists(p, p.type == \"olm.package\" && (semver_compare(p.value.version, '1.0.0') >= 0)) || false",
            "1 + -2.5e-3 * 0x1Fu % 3 == {'a': [1, 2,], \"b\": !true}['a'][0] ? r'\\d' : b'''x'y'''",
            "'a' in ['a'] // why not\n && size(properties) > 0",
            ".properties.size() < 1",
            "'\\n\\x41'.matches('a')",
            "!!true && --1 == 1",
        ] {
            assert_eq!(super::check(good), Ok(()), "{good}");
        }
        for (bad, words) in [
            ("", "ends too early"),
            ("properties.exists(p, p.type == 'x'", "ends too early"),
            ("1 +", "ends too early"),
            ("true true", "unexpected 't' at character 6"),
            ("a == 1", "undeclared reference to \"a\""),
            ("properties.exists(p, true) && p", "undeclared reference to \"p\""),
            ("'abc", "has no end"),
            ("'a\\q'", "unknown escape"),
            ("1.2.3", "is not a number"),
            ("12abc", "is not a number"),
            ("f(1,)", "unexpected ')'"),
            ("properties.if", "reserved word"),
            ("{'a' 1}", "unexpected '1'"),
            (&"(".repeat(100_000), "too deeply"),
            (&"-".repeat(100_000), "ends too early"),
        ] {
            let why = super::check(bad).err();
            assert!(why.as_ref().is_some_and(|why| why.contains(words)), "{} {why:?}", &bad[..bad.len().min(40)]);
        }
    }
}
