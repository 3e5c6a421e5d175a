//! Which files apply, as `containers-registries.conf(5)` and `containers-registries.conf.d(5)` say.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::environment::Environment;
use crate::error::ErrorKind;

/// The files to read, later ones over earlier ones. `$CONTAINERS_REGISTRIES_CONF` stands alone; the user's file is read
/// instead of the machine's and its drop-ins; the user's drop-ins come last in any case.
pub(super) fn files(environment: &Environment) -> Result<Vec<PathBuf>, ErrorKind> {
    if let Some(only) = &environment.containers_registries_conf {
        return Ok(vec![only.clone()]);
    }
    let user = environment.user_config_dir();
    let main = |dir: &Option<PathBuf>| dir.as_ref().map(|dir| dir.join("registries.conf")).filter(|path| path.exists());
    let mut files = Vec::new();
    if let Some(own) = main(&user) {
        files.push(own);
    } else {
        files.extend(main(&environment.system_config_dir));
        files.extend(drop_ins(environment.system_config_dir.as_deref())?);
    }
    files.extend(drop_ins(user.as_deref())?);
    Ok(files)
}

/// The `*.conf` of a directory, by name. What is no file is passed over.
fn drop_ins(dir: Option<&Path>) -> Result<Vec<PathBuf>, ErrorKind> {
    let Some(dir) = dir.map(|dir| dir.join("registries.conf.d")) else { return Ok(Vec::new()) };
    let entries = match fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(ErrorKind::io(&dir)(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(ErrorKind::io(&dir))?.path();
        if path.extension().is_some_and(|extension| extension == "conf") && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
