//! How much a compressed page unpacks to, found out before the reader unpacks it: some codecs are believed by none.

use std::io::{Read, sink};

use parquet::basic::Compression;

/// Bytes that one stored byte can become, at most, in codecs whose reader unpacks until it ends, not until there is what
/// was announced; one in the others. Of LZ4 the frames of Hadoop and those of LZ4 itself are such.
fn most_times(codec: Compression) -> u64 {
    match codec {
        Compression::GZIP(_) => 1_032,
        Compression::BROTLI(_) => u64::MAX,
        Compression::LZ4 => 256,
        _ => 1,
    }
}

/// Says why pages of this codec cannot be read, where they cannot.
pub(crate) fn unreadable(codec: Compression) -> Option<String> {
    (codec == Compression::LZO)
        .then(|| format!("its pages are compressed with {codec}, which is not read; ZSTD is"))
}

/// Tells whether a page could unpack to more than `most` bytes, so that it has to be looked at.
pub(crate) fn may_exceed(codec: Compression, stored: u64, most: u64) -> bool {
    stored.saturating_mul(most_times(codec)) > most
}

/// Tells whether bytes unpack to more than `size`; what cannot be unpacked at all is left to the reader to refuse.
pub(crate) fn exceeds(codec: Compression, bytes: &[u8], size: u64) -> bool {
    let count = |unpacked: &mut dyn Read| {
        std::io::copy(&mut unpacked.take(size.saturating_add(1)), &mut sink()).is_ok_and(|bytes| bytes > size)
    };
    match codec {
        Compression::GZIP(_) => count(&mut flate2::read::MultiGzDecoder::new(bytes)),
        Compression::BROTLI(_) => count(&mut brotli::Decompressor::new(bytes, 4096)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_page_that_unpacks_to_more_than_it_says_is_found() {
        let zeros = vec![0; 1 << 20];
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&zeros).expect("it packs");
        let gzip = gzip.finish().expect("it packs");
        let mut packed = Vec::new();
        let mut brotli = brotli::CompressorWriter::new(&mut packed, 4096, 9, 22);
        brotli.write_all(&zeros).expect("it packs");
        drop(brotli);
        for (codec, bytes) in
            [(Compression::GZIP(Default::default()), gzip), (Compression::BROTLI(Default::default()), packed)]
        {
            assert!(bytes.len() < 2_000, "{codec}: {} bytes", bytes.len());
            assert!(!exceeds(codec, &bytes, 1 << 20), "{codec}");
            assert!(exceeds(codec, &bytes, (1 << 20) - 1), "{codec}");
            assert!(!exceeds(codec, &bytes[..bytes.len() / 2], 1 << 20), "{codec}: cut short");
        }
        assert!(may_exceed(Compression::LZ4, 1 << 23, 1 << 30) && !may_exceed(Compression::SNAPPY, 9, 9));
    }
}
