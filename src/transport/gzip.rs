//! Unpacks gzip where the HTTP client does not: it knows `gzip` in lower case alone, not `GZIP`, nor
//! the older `x-gzip`.

use std::io::{self, Read};

use flate2::bufread::MultiGzDecoder;

/// Why a body could not be unpacked whole. What could be is kept: it may hold an id.
#[derive(Debug)]
pub(crate) enum UnpackError {
    /// It is cut off or damaged, or no gzip at all.
    Broken { read: Vec<u8>, source: io::Error },
    /// It is larger than the limit; this is its beginning, as long as the limit.
    TooLarge { read: Vec<u8> },
}

/// Unpacks gzip, and stops at the limit: a few bytes can stand for many.
pub(crate) fn gzip_limited(bytes: &[u8], limit: usize) -> Result<Vec<u8>, UnpackError> {
    let mut read = vec![];
    if bytes.is_empty() {
        return Ok(read);
    }
    // One byte more tells a body that is as long as the limit from one that is longer.
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let outcome = MultiGzDecoder::new(bytes).take(most).read_to_end(&mut read);
    if read.len() > limit {
        read.truncate(limit);
        return Err(UnpackError::TooLarge { read });
    }
    match outcome {
        Ok(_) => Ok(read),
        Err(source) => Err(UnpackError::Broken { read, source }),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const TEXT: &[u8] = br#"{"data":{"triggerDinoaiAgentRun":{"agentSessionId":"abc"}}}"#;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(vec![], Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn what_is_whole_is_unpacked_up_to_the_limit() {
        assert_eq!(gzip_limited(&packed(TEXT), TEXT.len()).unwrap(), TEXT);
        assert_eq!(gzip_limited(&packed(TEXT), usize::MAX).unwrap(), TEXT);
        assert_eq!(gzip_limited(&packed(b""), 0).unwrap(), b"");
        assert_eq!(gzip_limited(b"", 0).unwrap(), b"");
    }

    #[test]
    fn a_body_of_several_members_is_one() {
        let (start, end) = TEXT.split_at(20);
        let members = [packed(start), packed(end)].concat();
        assert_eq!(gzip_limited(&members, 1000).unwrap(), TEXT);
    }

    #[test]
    fn what_is_over_the_limit_is_reported_as_such_and_not_unpacked() {
        let bomb = packed(&vec![b'a'; 10_000_000]);
        for limit in [0, 1, 1000] {
            let error = gzip_limited(&bomb, limit).unwrap_err();
            let UnpackError::TooLarge { read } = error else {
                panic!("{error:?}");
            };
            assert_eq!(read, vec![b'a'; limit]);
            assert!(read.capacity() <= 64 * 1024, "{}", read.capacity());
        }
        // The limit is found out before the damage.
        let cut = &bomb[..bomb.len() / 2];
        assert!(matches!(
            gzip_limited(cut, 1000),
            Err(UnpackError::TooLarge { .. })
        ));
    }

    #[test]
    fn what_is_cut_off_gives_what_could_be_read() {
        let whole = packed(TEXT);
        // The checksum and the length, which end it, are missing.
        for missing in [1, 8] {
            let error = gzip_limited(&whole[..whole.len() - missing], 1000).unwrap_err();
            let UnpackError::Broken { read, source } = error else {
                panic!("{error:?}");
            };
            assert_eq!(read, TEXT);
            assert_eq!(source.kind(), io::ErrorKind::UnexpectedEof);
        }
        // More than one window of text, so that some of it comes out before the cut.
        let numbers: String = (0..50_000).map(|number| format!("{number} ")).collect();
        let whole = packed(numbers.as_bytes());
        let error = gzip_limited(&whole[..whole.len() / 2], usize::MAX).unwrap_err();
        let UnpackError::Broken { read, .. } = error else {
            panic!("{error:?}");
        };
        assert!(read.len() > numbers.len() / 4, "{}", read.len());
        assert!(numbers.as_bytes().starts_with(&read));
    }

    #[test]
    fn what_is_no_gzip_is_broken() {
        for bytes in [TEXT, b"\x1f", &[&packed(TEXT)[..], b"more"].concat()] {
            assert!(matches!(
                gzip_limited(bytes, 1000),
                Err(UnpackError::Broken { .. })
            ));
        }
        let mut damaged = packed(TEXT);
        let checksum = damaged.len() - 8;
        damaged[checksum] ^= 1;
        let error = gzip_limited(&damaged, 1000).unwrap_err();
        let UnpackError::Broken { read, source } = error else {
            panic!("{error:?}");
        };
        assert_eq!(read, TEXT);
        assert_eq!(
            source.to_string(),
            "corrupt gzip stream does not have a matching checksum"
        );
    }
}
