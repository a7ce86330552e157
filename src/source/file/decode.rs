//! Compressed bytes, as a stream of what they stand for.

use std::{
    io::{self, BufRead, BufReader, ErrorKind, Read},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::{
    BlockDecodingStrategy, FrameDecoder,
    errors::{FrameDecoderError, ReadFrameHeaderError},
};

use super::sniff::Content;

/// Bytes that are asked for at once.
pub(super) const PIECE: usize = 128 << 10;

/// Counts what is read.
pub(super) struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R> Counted<R> {
    pub(super) fn new(inner: R, count: Arc<AtomicU64>) -> Self {
        Self { inner, count }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(to)?;
        self.count.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// What bytes of a kind stand for.
pub(in crate::source) fn decoded<'r>(content: Content, raw: impl Read + Send + 'r) -> Box<dyn Read + Send + 'r> {
    match content {
        Content::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(PIECE, raw))),
        Content::Zstd => Box::new(Frames { source: BufReader::with_capacity(PIECE, raw), decoder: FrameDecoder::new(), begun: false }),
        Content::Text | Content::Other(_) => Box::new(raw),
    }
}

/// The frames of a zstd file, one after another: `zstd -c` appends, and so do writers that rotate.
struct Frames<R> {
    source: BufReader<R>,
    decoder: FrameDecoder,
    begun: bool,
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let broken = |e| io::Error::new(ErrorKind::InvalidData, e);
        loop {
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(to);
            }
            if self.begun && !self.decoder.is_finished() {
                self.decoder.decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1)).map_err(broken)?;
            } else if self.source.fill_buf()?.is_empty() {
                return Ok(0);
            } else {
                self.begin().map_err(broken)?;
            }
        }
    }
}

impl<R: Read> Frames<R> {
    /// The next frame. One that is to be skipped is.
    fn begin(&mut self) -> Result<(), FrameDecoderError> {
        match self.decoder.init(&mut self.source) {
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                let skipped = io::copy(&mut (&mut self.source).take(u64::from(length)), &mut io::sink());
                self.begun = false;
                skipped.map(drop).map_err(|_| FrameDecoderError::FailedToSkipFrame)
            }
            begun => {
                self.begun = begun.is_ok();
                begun
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn gz(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    fn zst(text: &str) -> Vec<u8> {
        compress_to_vec(text.as_bytes(), CompressionLevel::Fastest)
    }

    fn read(content: Content, bytes: &[u8]) -> (String, Option<ErrorKind>) {
        let mut out = Vec::new();
        let error = decoded(content, bytes).read_to_end(&mut out).err().map(|e| e.kind());
        (String::from_utf8(out).unwrap(), error)
    }

    #[test]
    fn what_was_compressed_in_parts_is_read_to_its_end() {
        assert_eq!(read(Content::Gzip, &[gz("one\n"), gz("two\n")].concat()), ("one\ntwo\n".to_owned(), None));
        let skipped = b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec();
        let frames = [skipped.clone(), zst("one\n"), skipped, zst(""), zst("two\n")].concat();
        assert_eq!(read(Content::Zstd, &frames), ("one\ntwo\n".to_owned(), None));
        assert_eq!(read(Content::Text, b"as it is"), ("as it is".to_owned(), None));
    }

    #[test]
    fn what_was_cut_short_gives_what_there_is_and_says_so() {
        let text: String = (0..20_000).map(|i| format!("line {i} of many {}\n", i * 7919 % 10_007)).collect();
        for (content, bytes) in [(Content::Gzip, gz(&text)), (Content::Zstd, [zst(&text), zst(&text)].concat())] {
            let (read, error) = read(content, &bytes[..bytes.len() * 3 / 4]);
            assert!(error.is_some() && !read.is_empty() && text.repeat(2).starts_with(&read), "{content:?}");
        }
        assert_eq!(read(Content::Zstd, b"\x28\xb5\x2f\xfd\xff\xff\xff\xff").0, "");
    }
}
