//! Paths inside an image: bytes, `/` between names, always from the image's root.

/// One name in a directory: not empty, no `/`, neither `.` nor `..`.
pub(crate) type Name = Box<[u8]>;

/// The names of a path, with `.` dropped and `..` clamped at the root.
pub(crate) fn clean(path: &[u8]) -> Vec<Name> {
    let mut names: Vec<Name> = Vec::new();
    for name in path.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => {
                names.pop();
            }
            name => names.push(name.into()),
        }
    }
    names
}

/// The names with `/` between them.
pub(crate) fn join<'a>(names: impl IntoIterator<Item = &'a Name>) -> Vec<u8> {
    let mut path = Vec::new();
    for name in names {
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(name);
    }
    path
}

/// For messages.
pub(crate) fn show(path: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(path).chars().take(200).collect();
    format!("`{}`", text.escape_debug())
}

/// The name as this machine's file system takes it; `None` when it cannot.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems cannot take every name")]
pub(crate) fn host(path: &[u8]) -> Option<&std::path::Path> {
    use std::os::unix::ffi::OsStrExt;
    Some(std::path::Path::new(std::ffi::OsStr::from_bytes(path)))
}

/// The name as this machine's file system takes it; `None` when it cannot.
#[cfg(not(unix))]
pub(crate) fn host(path: &[u8]) -> Option<&std::path::Path> {
    let text = std::str::from_utf8(path).ok()?;
    (!text.contains(['\\', ':', '<', '>', '"', '|', '?', '*'])).then(|| std::path::Path::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_clamped_at_the_root() {
        for (path, expected) in [
            ("a/b", "a/b"),
            ("/a//b/", "a/b"),
            ("./a/./b", "a/b"),
            ("../../etc/passwd", "etc/passwd"),
            ("a/../../b", "b"),
            ("..", ""),
            ("", ""),
            ("...", "..."),
        ] {
            assert_eq!(join(&clean(path.as_bytes())), expected.as_bytes(), "{path}");
        }
    }
}
