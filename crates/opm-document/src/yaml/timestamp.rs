//! Which plain scalars are timestamps. Documents see a string either way; a writer must put quotes around them.

/// Whether the text is a date, a date and a time, or that with a zone, in the forms the reference knows.
pub(crate) fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    let year = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if year != 4 || bytes.get(4) != Some(&b'-') {
        return false;
    }
    let mut scan = Scan { rest: &bytes[5..] };
    date(&mut scan, &bytes[..4]).is_some() && (scan.rest.is_empty() || time(&mut scan).is_some())
}

fn date(scan: &mut Scan<'_>, year: &[u8]) -> Option<()> {
    let year = year.iter().fold(0, |year, digit| year * 10 + u32::from(digit - b'0'));
    let month = scan.number(1, 12)?;
    scan.byte(b'-')?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    scan.number(1, days).map(drop)
}

fn time(scan: &mut Scan<'_>) -> Option<()> {
    let separator = scan.next()?;
    scan.number(0, 23)?;
    scan.byte(b':')?;
    scan.number(0, 59)?;
    scan.byte(b':')?;
    scan.number(0, 59)?;
    scan.decimals();
    match separator {
        // With a `T` there must be a zone, with a space there must be none.
        b'T' | b't' => zone(scan)?,
        b' ' => {}
        _ => return None,
    }
    scan.rest.is_empty().then_some(())
}

fn zone(scan: &mut Scan<'_>) -> Option<()> {
    match scan.next()? {
        b'Z' => Some(()),
        b'+' | b'-' => {
            let [hour @ .., b':', m1, m2] = scan.rest else { return None };
            let minute = [*m1, *m2];
            scan.rest = &[];
            (two_digits(hour)? <= 24 && two_digits(&minute)? <= 60).then_some(())
        }
        _ => None,
    }
}

fn two_digits(bytes: &[u8]) -> Option<u32> {
    match bytes {
        [a @ b'0'..=b'9', b @ b'0'..=b'9'] => Some(u32::from(a - b'0') * 10 + u32::from(b - b'0')),
        _ => None,
    }
}

struct Scan<'a> {
    rest: &'a [u8],
}

impl Scan<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn byte(&mut self, expected: u8) -> Option<()> {
        (self.next()? == expected).then_some(())
    }

    /// One or two digits in the range.
    fn number(&mut self, least: u32, most: u32) -> Option<u32> {
        let length = self.rest.iter().take(2).take_while(|byte| byte.is_ascii_digit()).count();
        let number = self.rest[..length].iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
        self.rest = &self.rest[length..];
        (length > 0 && (least..=most).contains(&number)).then_some(number)
    }

    /// Fractions of a second, if they are there.
    fn decimals(&mut self) {
        if let [b'.' | b',', b'0'..=b'9', ..] = self.rest {
            let digits = self.rest[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            self.rest = &self.rest[1 + digits..];
        }
    }
}
