//! Files to blobs: their documents in order, read on all cores, with only a window of them in memory.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use opm_document::json::Normal;
use opm_document::{Part, Parts, StreamError, yaml};
use opm_model::Stop;
use rayon::prelude::*;

use crate::blob::{Blob, Catalog};
use crate::fields::Fault;
use crate::{Error, Origin, decode, walk};

/// How many bytes of documents are worked on at a time.
const BATCH: u64 = 1 << 20;
/// Files up to this size, in bytes, are read by the thread that works on them.
const SMALL: u64 = 1 << 20;
/// What a small file counts beside its size, since its end has to be found too.
const FILE: u64 = 4 << 10;
/// So many faults are told. What has more is no catalog.
const MANY: usize = 100;

/// Reads the whole catalog at `root`, a directory (see [`crate::files`]) or a single file. Blobs are in the order of
/// their files and, within a file, of their documents.
pub fn load(root: impl AsRef<Path>) -> Result<Catalog, Error> {
    let mut catalog = Catalog::default();
    each(&walk::files(root)?, &Stop::new(), Ok, |blob| {
        catalog.push(blob);
        Ok(())
    })?;
    Ok(catalog)
}

/// The catalog in a stream of documents, of which null ones are passed over. `name` is what errors call the stream.
pub fn parse(input: &[u8], name: Option<&Path>) -> Result<Catalog, Error> {
    let mut catalog = Catalog::default();
    for document in documents(input, name) {
        if let Some(blob) = document?.blob()? {
            catalog.push(blob);
        }
    }
    Ok(catalog)
}

/// One document that was read.
pub(crate) struct Document {
    pub(crate) value: Normal,
    pub(crate) origin: Origin,
    pub(crate) text: Vec<u8>,
}

impl Document {
    fn of(file: Option<&Arc<Path>>, mut part: Part<Normal>) -> Result<Self, Error> {
        let value = part.read().map_err(|source| syntax(file.map(AsRef::as_ref), source))?;
        Ok(Self { value, origin: Origin { file: file.cloned(), line: part.line }, text: part.text })
    }

    /// Whether it says nothing.
    pub(crate) fn is_null(&self) -> bool {
        self.value.text() == "null"
    }

    /// The blob that it is; none where it says nothing.
    fn blob(self) -> Result<Option<Blob>, Error> {
        if self.is_null() {
            return Ok(None);
        }
        let read = decode::blob(self.value, self.origin.clone());
        read.map(Some).map_err(|fault| located(&fault, self.origin, &self.text))
    }
}

/// The documents of a stream, one at a time.
pub(crate) fn documents<R: io::Read>(input: R, name: Option<&Path>) -> impl Iterator<Item = Result<Document, Error>> {
    let file: Option<Arc<Path>> = name.map(Arc::from);
    Parts::new(input).map(move |part| {
        let part = part.map_err(|error| broken(file.as_ref(), error))?;
        Document::of(file.as_ref(), part)
    })
}

/// Reads the blobs of all files. `work` is done on all cores; `take` gets what comes of it in the order of the catalog. After a
/// document that is at fault it gets nothing more, but the others are read, too, and their errors are the result, in that order:
/// of each file up to the first that is neither YAML nor JSON. After `stop` was asked for nothing more is read.
pub(crate) fn each<T: Send>(
    files: &[PathBuf],
    stop: &Stop,
    work: impl Fn(Blob) -> Result<T, Error> + Sync,
    mut take: impl FnMut(T) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut tasks = Tasks { files: files.iter(), current: None };
    let mut faults: Vec<Error> = Vec::new();
    loop {
        if stop.is_asked() {
            return Err(Error::Stopped);
        }
        let mut batch = Vec::new();
        let mut bytes = 0;
        while bytes < BATCH
            && faults.len() < MANY
            && let Some(task) = tasks.next()
        {
            bytes += task.bytes();
            batch.push(task);
        }
        if batch.is_empty() {
            faults.truncate(MANY);
            return Error::all(faults);
        }
        let results: Vec<(Vec<T>, Vec<Error>)> = batch.into_par_iter().map(|task| task.run(&work)).collect();
        for (done, errors) in results {
            if faults.is_empty() {
                done.into_iter().try_for_each(&mut take)?;
            }
            for error in errors {
                if faults.last().is_some_and(|last| last.is_final() && last.file() == error.file()) {
                    continue;
                }
                if error.is_final() {
                    tasks.leave(error.file());
                }
                faults.push(error);
            }
        }
    }
}

/// What there is to do for all files.
struct Tasks<'a> {
    files: std::slice::Iter<'a, PathBuf>,
    /// The file whose documents are being read.
    current: Option<(&'a Path, Box<dyn Iterator<Item = Task>>)>,
}

impl Tasks<'_> {
    /// Does no more for a file.
    fn leave(&mut self, file: Option<&Path>) {
        self.current.take_if(|(path, _)| Some(*path) == file);
    }
}

impl Iterator for Tasks<'_> {
    type Item = Task;

    fn next(&mut self) -> Option<Task> {
        loop {
            if let Some(task) = self.current.as_mut().and_then(|(_, tasks)| tasks.next()) {
                return Some(task);
            }
            let path = self.files.next()?;
            self.current = Some((path, tasks(path)));
        }
    }
}

/// What one thread does at a time.
enum Task {
    /// A whole file.
    File(Arc<Path>, u64),
    /// One document of a large file.
    Document(Arc<Path>, Part<Normal>),
    Failed(Error),
}

/// The tasks that a file comes to.
fn tasks(path: &Path) -> Box<dyn Iterator<Item = Task>> {
    let file: Arc<Path> = Arc::from(path);
    let failed = |source| Task::Failed(Error::Read { path: path.to_path_buf(), source });
    let reader = match fs::metadata(path) {
        Ok(about) if about.is_file() && about.len() <= SMALL => {
            return Box::new(std::iter::once(Task::File(file, about.len())));
        }
        Ok(_) => Steady::open(path),
        Err(source) => Err(source),
    };
    let reader = match reader {
        Ok(reader) => reader,
        Err(source) => return Box::new(std::iter::once(failed(source))),
    };
    Box::new(Parts::new(reader).map(move |part| match part {
        Ok(part) => Task::Document(file.clone(), part),
        Err(error) => Task::Failed(broken(Some(&file), error)),
    }))
}

impl Task {
    fn bytes(&self) -> u64 {
        match self {
            Self::File(_, length) => FILE + length,
            Self::Document(_, part) => part.text.len() as u64,
            Self::Failed(_) => BATCH,
        }
    }

    /// What comes of the blobs, and of the documents that are none.
    fn run<T>(self, work: impl Fn(Blob) -> Result<T, Error>) -> (Vec<T>, Vec<Error>) {
        let (mut done, mut faults) = (Vec::new(), Vec::new());
        // False after what nothing that follows can be relied on.
        let mut read = |document: Result<Document, Error>| {
            match document.and_then(Document::blob).and_then(|blob| blob.map(&work).transpose()) {
                Ok(blob) => done.extend(blob),
                Err(error) => faults.push(error),
            }
            !faults.last().is_some_and(Error::is_final)
        };
        let _goes_on = match self {
            Self::Failed(error) => read(Err(error)),
            Self::Document(file, part) => read(Document::of(Some(&file), part)),
            Self::File(file, _) => match Steady::open(&file) {
                Ok(reader) => documents(reader, Some(&file)).all(read),
                Err(source) => read(Err(Error::Read { path: file.to_path_buf(), source })),
            },
        };
        (done, faults)
    }
}

/// A file that must not change while it is read.
struct Steady {
    file: File,
    before: Metadata,
}

impl Steady {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let before = file.metadata()?;
        Ok(Self { file, before })
    }
}

impl io::Read for Steady {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = io::Read::read(&mut self.file, buffer)?;
        if read == 0 && !buffer.is_empty() && self.before.is_file() {
            let stamp = |of: &Metadata| (of.len(), of.mtime(), of.mtime_nsec());
            if stamp(&self.file.metadata()?) != stamp(&self.before) {
                return Err(io::Error::other("it was changed while it was read"));
            }
        }
        Ok(read)
    }
}

pub(crate) fn syntax(name: Option<&Path>, source: opm_document::SyntaxError) -> Error {
    Error::Syntax { file: name.map_or_else(|| PathBuf::from("the input"), Path::to_path_buf), source }
}

fn broken(file: Option<&Arc<Path>>, error: StreamError) -> Error {
    let name = file.map(AsRef::as_ref);
    match error {
        StreamError::Syntax(source) => syntax(name, source),
        StreamError::Read(source) => {
            Error::Read { path: name.map_or_else(|| PathBuf::from("the input"), Path::to_path_buf), source }
        }
    }
}

/// The error for a fault in the document that begins at `origin`.
pub(crate) fn located(fault: &Fault, mut origin: Origin, text: &[u8]) -> Error {
    let mut column = None;
    let path = fault.path();
    if !path.is_empty()
        && let Some((line, at)) = yaml::locate(text, &path)
    {
        origin.line += line - 1;
        column = Some(at);
    }
    Error::Document { origin, column, message: fault.to_string() }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::{Read, Write};

    use super::{File, Steady};

    type Change = &'static dyn Fn(&mut File);

    fn append(file: &mut File) {
        file.write_all(b"name: n\n").unwrap();
    }

    #[test]
    fn a_file_must_stay_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let cases: [(&str, Change); 4] = [
            ("it grows", &append),
            ("it shrinks", &|file| file.set_len(3).unwrap()),
            ("it is emptied", &|file| file.set_len(0).unwrap()),
            ("it has other content", &|file| {
                file.set_len(0).unwrap();
                append(file);
                file.write_all(b"schema: s\n").unwrap();
            }),
        ];
        for (name, change) in cases {
            std::fs::write(&path, "schema: s\nname: n\n").unwrap();
            // What changed long ago is no change.
            let mut file = OpenOptions::new().append(true).open(&path).unwrap();
            file.set_modified(std::time::UNIX_EPOCH).unwrap();
            let mut steady = Steady::open(&path).unwrap();
            steady.read_exact(&mut [0; 2]).unwrap();
            change(&mut file);
            let error = steady.read_to_end(&mut Vec::new()).unwrap_err();
            assert_eq!(error.to_string(), "it was changed while it was read", "{name}");
        }
        let mut text = String::new();
        Steady::open(&path).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "name: n\nschema: s\n");
    }
}
