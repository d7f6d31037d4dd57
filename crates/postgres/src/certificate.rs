//! What a certificate is signed with, read from its bytes: for the hash that binds a password to it.

use aws_lc_rs::digest::{Algorithm, SHA256, SHA384, SHA512, digest};

const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;

/// The hash of a certificate that channel binding is about (RFC 5929, `tls-server-end-point`); `None` where
/// none is defined for its signature.
pub(crate) fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let hash = digest(signed_with(certificate)?, certificate);
    Some(hash.as_ref().to_vec())
}

fn signed_with(certificate: &[u8]) -> Option<&'static Algorithm> {
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (_, after) = element(certificate, SEQUENCE)?;
    let (algorithm, _) = element(after, SEQUENCE)?;
    let (identifier, _) = element(algorithm, OBJECT_IDENTIFIER)?;
    match identifier {
        // RSA with MD5, SHA-1, SHA-256, SHA-384, SHA-512: for the first two, SHA-256 is used.
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04" => Some(&SHA256),
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05" => Some(&SHA256),
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b" => Some(&SHA256),
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c" => Some(&SHA384),
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d" => Some(&SHA512),
        // ECDSA with SHA-1, SHA-256, SHA-384, SHA-512.
        b"\x2a\x86\x48\xce\x3d\x04\x01" => Some(&SHA256),
        b"\x2a\x86\x48\xce\x3d\x04\x03\x02" => Some(&SHA256),
        b"\x2a\x86\x48\xce\x3d\x04\x03\x03" => Some(&SHA384),
        b"\x2a\x86\x48\xce\x3d\x04\x03\x04" => Some(&SHA512),
        _ => None,
    }
}

/// The content of the DER element that the bytes begin with, if it has this tag; and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            let length = digits.iter().try_fold(0_usize, |length, digit| {
                length.checked_mul(256)?.checked_add(usize::from(*digit))
            });
            (length?, rest)
        }
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    (first == tag).then_some((content, after))
}

#[cfg(test)]
mod tests {
    use super::{SHA256, element, signed_with};
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    const SERVER: &[u8] = include_bytes!("../tests/tls/server.pem");

    #[test]
    fn finds_the_hash_of_a_signature() {
        let certificate = CertificateDer::from_pem_slice(SERVER).unwrap();
        assert_eq!(signed_with(&certificate), Some(&SHA256));
    }

    #[test]
    fn refuses_what_is_cut_off() {
        let certificate = CertificateDer::from_pem_slice(SERVER).unwrap();
        for length in 0..certificate.len() {
            assert_eq!(signed_with(&certificate[..length]), None, "{length}");
        }
        assert_eq!(element(&[0x30, 0x80, 0, 0], 0x30), None);
        assert_eq!(element(&[0x30, 0x85, 1, 1, 1, 1, 1], 0x30), None);
        assert_eq!(element(&[0x30, 1, 7, 8], 0x30), Some((&[7][..], &[8][..])));
    }
}
