//! Findings as a tree of text.

use std::collections::BTreeMap;

use super::Finding;

#[derive(Default)]
struct Node {
    text: String,
    children: Vec<Node>,
    /// Where the children are that may have children themselves.
    branches: BTreeMap<String, usize>,
}

impl Node {
    fn leaf(text: String) -> Self {
        Self { text, ..Self::default() }
    }

    /// The branch with this text, made if there is none.
    fn branch(&mut self, text: String) -> &mut Self {
        let next = self.children.len();
        let at = *self.branches.entry(text).or_insert_with_key(|text| {
            self.children.push(Self::leaf(text.clone()));
            next
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
    let mut root = Node::leaf("invalid index".to_owned());
    for finding in findings {
        let mut node = &mut root;
        for (kind, name) in [("package", &finding.package), ("channel", &finding.channel), ("bundle", &finding.bundle)]
        {
            if let Some(name) = name {
                node = node.branch(format!("invalid {kind} {name:?}"));
            }
        }
        let place = match (&finding.file, finding.line) {
            (Some(file), Some(line)) => format!(" ({}, line {line})", file.display()),
            (Some(file), None) => format!(" ({})", file.display()),
            (None, Some(line)) => format!(" (line {line})"),
            (None, None) => String::new(),
        };
        node.children.push(Node::leaf(format!("{}{place}", finding.message)));
    }
    let mut out = String::new();
    root.write("", "", &mut out);
    out.trim().to_owned()
}
