//! An authority for the webhooks of one operator, and certificates of it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use opm_bundle::{Serving, Sign};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

/// How long certificates hold.
const DAYS: u64 = 365;
/// Clocks of clusters may be behind.
const SLACK: Duration = Duration::from_hours(1);

/// An authority whose key is forgotten with it, so that nobody can make further certificates of it.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    now: Duration,
}

/// Parameters of a certificate that holds from now on.
fn params(name: &str, now: Duration) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + now.saturating_sub(SLACK);
    params.not_after = epoch + now + Duration::from_hours(DAYS * 24);
    params
}

impl Authority {
    /// A new authority.
    pub(super) fn new() -> anyhow::Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
        let mut params = params("webhook CA", now);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().context("make a key")?;
        let issuer = CertifiedIssuer::self_signed(params, key).context("make a certificate authority")?;
        Ok(Self { issuer, now })
    }
}

impl Sign for Authority {
    fn sign(&self, hosts: &[String]) -> Result<Serving, String> {
        let make = || -> Result<Serving, rcgen::Error> {
            let mut params = params("webhook", self.now);
            for host in hosts {
                params.subject_alt_names.push(rcgen::SanType::DnsName(host.as_str().try_into()?));
            }
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            params.use_authority_key_identifier_extension = true;
            let key = KeyPair::generate()?;
            let certificate = params.signed_by(&key, &self.issuer)?;
            Ok(Serving { authority: self.issuer.pem(), certificate: certificate.pem(), key: key.serialize_pem() })
        };
        make().map_err(|why| why.to_string())
    }
}
