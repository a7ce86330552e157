//! One TLS configuration a backend, for HTTP and WebSocket alike: the system's certificates, a CA of one's own beside them.

use std::{error::Error as StdError, io, path::Path, sync::Arc};

use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{
        CertificateDer, PrivateKeyDer, ServerName, UnixTime,
        pem::{self, PemObject},
    },
};
use rustls_platform_verifier::Verifier;

use super::{ClientCertificate, Endpoint};
use crate::model::backend::TlsFault;

/// The configuration for this address. Plain HTTP gets one that trusts nobody, which is cheap to make.
pub(super) fn config(endpoint: &Endpoint) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|e| format!("TLS cannot be used: {e}"))?;
    if endpoint.base.scheme() != "https" {
        return Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth());
    }
    let verifier: Arc<dyn ServerCertVerifier> = if endpoint.insecure_skip_verify {
        Arc::new(AcceptAny(provider))
    } else {
        let extra = own_certificates(endpoint)?;
        Arc::new(Verifier::new_with_extra_roots(extra, provider).map_err(|e| format!("certificates cannot be verified: {e}"))?)
    };
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let Some(files) = &endpoint.client else {
        return Ok(builder.with_no_client_auth());
    };
    let (chain, key) = client_certificate(files)?;
    let cannot = |e| format!("the client certificate {} with the key {}: {e}", files.cert_file.display(), files.key_file.display());
    builder.with_client_auth_cert(chain, key).map_err(cannot)
}

/// The same for HTTP, which may agree on HTTP/2; a WebSocket may not.
pub(super) fn with_alpn(config: &ClientConfig) -> ClientConfig {
    let mut config = config.clone();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config
}

fn own_certificates(endpoint: &Endpoint) -> Result<Vec<CertificateDer<'static>>, String> {
    let Some(path) = &endpoint.ca_file else {
        return Ok(Vec::new());
    };
    certificates(path).map_err(|e| format!("the CA file {}: {e}", path.display()))
}

fn client_certificate(files: &ClientCertificate) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), String> {
    let chain = certificates(&files.cert_file).map_err(|e| format!("the client certificate {}: {e}", files.cert_file.display()))?;
    let key = PrivateKeyDer::from_pem_file(&files.key_file).map_err(|e| match e {
        pem::Error::NoItemsFound => format!("the client key {}: holds no private key in PEM form", files.key_file.display()),
        e => format!("the client key {}: {e}", files.key_file.display()),
    })?;
    Ok((chain, key))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let told = |e: pem::Error| e.to_string();
    let found: Vec<_> = CertificateDer::pem_file_iter(path).map_err(told)?.collect::<Result<_, _>>().map_err(told)?;
    if found.is_empty() { Err("holds no certificate in PEM form".to_owned()) } else { Ok(found) }
}

/// What TLS says of a failed connection, when it is TLS that failed.
pub(super) fn fault(e: &(dyn StdError + 'static)) -> Option<(TlsFault, String)> {
    find(e).map(|tls| (fault_of(tls), words(tls)))
}

fn find<'e>(e: &'e (dyn StdError + 'static)) -> Option<&'e Error> {
    if let Some(tls) = e.downcast_ref::<Error>() {
        return Some(tls);
    }
    // The source of an IO error is its content's source: the content itself is only reached by `get_ref`.
    match e.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(content) => find(content),
        None => e.source().and_then(find),
    }
}

fn fault_of(error: &Error) -> TlsFault {
    use AlertDescription as Alert;
    match error {
        Error::InvalidCertificate(why) => match why {
            // Another key under the same name is another authority: one that was renewed.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => TlsFault::UnknownIssuer,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => TlsFault::WrongName,
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => TlsFault::WrongTime,
            _ => TlsFault::Other,
        },
        Error::AlertReceived(
            Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnknownCA
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::CertificateUnknown
            | Alert::AccessDenied,
        ) => TlsFault::ClientCertificate,
        _ => TlsFault::Other,
    }
}

fn words(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(_) if fault_of(error) == TlsFault::UnknownIssuer => {
            "its certificate is of an authority that is not trusted here".to_owned()
        }
        Error::InvalidCertificate(CertificateError::NotValidForNameContext { expected, presented }) => {
            // Written as `DnsName("a.example")`.
            let names: Vec<&str> = presented.iter().map(|name| name.split('"').nth(1).unwrap_or(name)).collect();
            let names = if names.is_empty() { "no name".to_owned() } else { names.join(", ") };
            format!("its certificate is for {names}, not for {}", expected.to_str())
        }
        Error::InvalidCertificate(why) => format!("its certificate is refused: {why}"),
        Error::AlertReceived(alert) if fault_of(error) == TlsFault::ClientCertificate => {
            format!("it refuses our certificate, or that we have none ({alert:?})")
        }
        Error::InvalidMessage(_) => "it does not speak TLS there".to_owned(),
        other => other.to_string(),
    }
}

/// `insecure_skip_verify`: the signature is still checked, the certificate is not.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
