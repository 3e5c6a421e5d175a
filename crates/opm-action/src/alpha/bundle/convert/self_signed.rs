//! An authority for the webhooks of one operator, and certificates of it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use opm_bundle::{Serving, Sign};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};

/// Clocks of clusters may be behind.
const SLACK: Duration = Duration::from_hours(1);

/// An authority whose key is forgotten with it, so that nobody can make further certificates of it.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    validity: Validity,
}

/// When certificates begin and cease to hold, since 1970.
#[derive(Clone, Copy)]
struct Validity {
    from: Duration,
    until: Duration,
}

fn params(name: &str, validity: Validity) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + validity.from;
    params.not_after = epoch + validity.until;
    params
}

impl Authority {
    /// A new authority, which holds for so many days as what it signs.
    pub(super) fn new(days: u32) -> anyhow::Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
        let validity =
            Validity { from: now.saturating_sub(SLACK), until: now + Duration::from_hours(u64::from(days) * 24) };
        let mut params = params("webhook CA", validity);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().context("make a key")?;
        let issuer = CertifiedIssuer::self_signed(params, key).context("make a certificate authority")?;
        Ok(Self { issuer, validity })
    }
}

impl Sign for Authority {
    fn sign(&self, hosts: &[String]) -> Result<Serving, String> {
        let make = || -> Result<Serving, rcgen::Error> {
            let mut params = params("webhook", self.validity);
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
