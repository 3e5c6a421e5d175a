//! What the machine and its user have settled about images, read when it is first needed.

use std::sync::{Arc, OnceLock};

use crate::cache::Cache;
use crate::client::Client;
use crate::environment::Environment;
use crate::error::ErrorKind;
use crate::options::{Options, Tls};
use crate::policy::Policy;
use crate::registries::Registries;
use crate::transport::Transport;

/// The settings of a client, and what follows from them.
#[derive(Debug)]
pub(crate) struct Settings {
    environment: Environment,
    registries: OnceLock<Registries>,
    policy: OnceLock<Option<Policy>>,
    cache: Option<Cache>,
    unverified: OnceLock<Arc<Transport>>,
    plain: OnceLock<Arc<Transport>>,
}

impl Settings {
    pub(crate) fn new(options: &Options, environment: &Environment) -> Self {
        Self {
            environment: environment.clone(),
            registries: OnceLock::new(),
            policy: OnceLock::new(),
            cache: Cache::new(&options.cache, environment),
            unverified: OnceLock::new(),
            plain: OnceLock::new(),
        }
    }
}

/// The value in the cell, made if it is not there. What fails is tried again next time.
fn once<T>(cell: &OnceLock<T>, make: impl FnOnce() -> Result<T, ErrorKind>) -> Result<&T, ErrorKind> {
    if let Some(value) = cell.get() {
        return Ok(value);
    }
    let value = make()?;
    Ok(cell.get_or_init(|| value))
}

impl Client {
    pub(crate) fn registries(&self) -> Result<&Registries, ErrorKind> {
        let settings = self.settings();
        once(&settings.registries, || Registries::load(&settings.environment))
    }

    pub(crate) fn policy(&self) -> Result<Option<&Policy>, ErrorKind> {
        let settings = self.settings();
        once(&settings.policy, || Policy::load(&settings.environment)).map(Option::as_ref)
    }

    pub(crate) fn cache(&self) -> Option<&Cache> {
        self.settings().cache.as_ref()
    }

    /// The ways to a registry, the safest first: as the options say, and without trust and encryption where a registry is
    /// said to be insecure.
    pub(crate) fn ways(&self, insecure: bool) -> Result<Vec<Arc<Transport>>, ErrorKind> {
        let settings = self.settings();
        let way = |cell, tls| {
            let options = || Options { tls, ..self.options().clone() };
            once(cell, || Transport::new(&options(), settings.environment.clone()).map(Arc::new)).cloned()
        };
        Ok(match (self.options().tls, insecure) {
            (_, false) | (Tls::PlainHttp, _) => vec![self.shared_transport()],
            (Tls::SkipVerify, true) => vec![self.shared_transport(), way(&settings.plain, Tls::PlainHttp)?],
            (Tls::Verify, true) => {
                vec![way(&settings.unverified, Tls::SkipVerify)?, way(&settings.plain, Tls::PlainHttp)?]
            }
        })
    }
}
