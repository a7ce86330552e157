//! One TLS configuration a backend, for HTTP and WebSocket alike: the system's certificates, a CA of one's own beside them.

use std::sync::Arc;

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use rustls_platform_verifier::Verifier;

use super::Endpoint;

/// The configuration for this address. Plain HTTP gets one that trusts nobody, which is cheap to make.
pub(super) fn config(endpoint: &Endpoint) -> Result<ClientConfig, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
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
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
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
    let fail = |e: &dyn std::fmt::Display| format!("the CA file {}: {e}", path.display());
    let found: Vec<_> = CertificateDer::pem_file_iter(path).map_err(|e| fail(&e))?.collect::<Result<_, _>>().map_err(|e| fail(&e))?;
    if found.is_empty() { Err(fail(&"holds no certificate in PEM form")) } else { Ok(found) }
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
