//! The files of a bundle, as somebody has read them.

/// One entry of a bundle's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name in the directory.
    pub name: String,
    /// Its content, or why there is none: it is a directory, too large, a link that leads elsewhere, …
    pub content: Result<Vec<u8>, String>,
}

impl File {
    /// A file with this content.
    pub fn new(name: impl Into<String>, content: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), content: Ok(content.into()) }
    }
}

/// The directories of a bundle that mean something, each with all its entries in the order of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// The entries of `manifests/`; `None` where there is no such directory.
    pub manifests: Option<Vec<File>>,
    /// The entries of `metadata/`; `None` where there is no such directory.
    pub metadata: Option<Vec<File>>,
}
