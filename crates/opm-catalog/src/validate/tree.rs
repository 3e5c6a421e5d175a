//! Findings as a tree of text.

use super::Finding;

#[derive(Default)]
struct Node {
    text: String,
    children: Vec<Node>,
}

impl Node {
    /// The child with this text, made if there is none.
    fn child(&mut self, text: String) -> &mut Self {
        let at = self.children.iter().position(|child| child.text == text).unwrap_or_else(|| {
            self.children.push(Self { text, children: Vec::new() });
            self.children.len() - 1
        });
        &mut self.children[at]
    }

    fn write(&self, prefix: &str, below: &str, out: &mut String) {
        out.push_str(prefix);
        out.push_str(&self.text);
        out.push_str(if self.children.is_empty() { "\n" } else { ":\n" });
        for (index, child) in self.children.iter().enumerate() {
            let (branch, bar) =
                if index + 1 < self.children.len() { ("├── ", "│   ") } else { ("└── ", "    ") };
            child.write(&format!("{below}{branch}"), &format!("{below}{bar}"), out);
        }
    }
}

/// The findings below their packages, channels and bundles, each in the order in which it comes up. A finding ends in
/// where its blob is, if that is known.
pub(super) fn text(findings: &[Finding]) -> String {
    let mut root = Node { text: "invalid index".to_owned(), children: Vec::new() };
    for finding in findings {
        let mut node = &mut root;
        for (kind, name) in [("package", &finding.package), ("channel", &finding.channel), ("bundle", &finding.bundle)]
        {
            if let Some(name) = name {
                node = node.child(format!("invalid {kind} {name:?}"));
            }
        }
        let place = match (&finding.file, finding.line) {
            (Some(file), Some(line)) => format!(" ({}, line {line})", file.display()),
            (Some(file), None) => format!(" ({})", file.display()),
            (None, Some(line)) => format!(" (line {line})"),
            (None, None) => String::new(),
        };
        node.children.push(Node { text: format!("{}{place}", finding.message), children: Vec::new() });
    }
    let mut out = String::new();
    root.write("", "", &mut out);
    out.trim().to_owned()
}
