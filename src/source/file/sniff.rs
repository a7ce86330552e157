//! What a file is, by how it begins: its name says nothing.

use crate::source::trace_file;

/// Bytes that are looked at.
pub(in crate::source) const HEAD: usize = 16 << 10;

/// What the bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) enum Content {
    /// Lines.
    Text,
    /// Compressed by gzip.
    Gzip,
    /// Compressed by zstd.
    Zstd,
    /// Something else: what it is and what to do with it.
    Other(&'static str),
}

/// Beginnings that name what follows.
const MAGIC: [(&[u8], Content); 14] = [
    (b"\x1f\x8b", Content::Gzip),
    (b"\x28\xb5\x2f\xfd", Content::Zstd),
    (b"BZh", Content::Other("is compressed by bzip2: bzcat FILE | redline open -")),
    (b"\xfd7zXZ\0", Content::Other("is compressed by xz: xzcat FILE | redline open -")),
    (b"\x04\x22\x4d\x18", Content::Other("is compressed by lz4: lz4cat FILE | redline open -")),
    (b"PK\x03\x04", Content::Other("is a zip archive: unzip -p FILE | redline open -")),
    (b"7z\xbc\xaf\x27\x1c", Content::Other("is a 7z archive: 7z e -so FILE | redline open -")),
    (b"LPKSHHRH", Content::Other("is a systemd journal: journalctl --file FILE -o json | redline open -")),
    (b"\x7fELF", Content::Other("is a program, not a log")),
    (b"\x89PNG", Content::Other("is a picture, not a log")),
    (b"%PDF", Content::Other("is a PDF, not a log")),
    (b"SQLite format 3\0", Content::Other("is a database, not a log")),
    (b"\xff\xfe", Content::Other("is UTF-16: iconv -f UTF-16 -t UTF-8 FILE | redline open -")),
    (b"\xfe\xff", Content::Other("is UTF-16: iconv -f UTF-16 -t UTF-8 FILE | redline open -")),
];

/// A skippable frame may stand before the others.
const SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];
/// Where a tar archive says that it is one.
const TAR: std::ops::Range<usize> = 257..262;
/// What a file is that begins like this.
pub(in crate::source) fn content(head: &[u8]) -> Content {
    if let Some((_, content)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
        return *content;
    }
    if head.get(1..4) == Some(&SKIPPABLE) && head[0] & 0xf0 == 0x50 {
        return Content::Zstd;
    }
    if head.get(TAR) == Some(b"ustar") {
        return Content::Other("is a tar archive: tar -xOf FILE | redline open -");
    }
    text(head)
}

/// What the bytes are once they are not compressed any more.
pub(in crate::source) fn text(head: &[u8]) -> Content {
    // A file that was emptied under its writer begins with zero bytes.
    let start = head.iter().position(|b| *b != 0).unwrap_or(head.len());
    let head = &head[start..];
    let is_control = |b: &&u8| **b < 0x20 && !matches!(**b, b'\n' | b'\r' | b'\t' | 0x0c | 0x1b | 0x08);
    let controls = head.iter().filter(is_control).count();
    if controls > head.len() / 10 {
        return Content::Other("is not text: redline open reads logs");
    }
    if trace_file::sniff(head).is_some() {
        return Content::Other("is a trace, not a log: write it into a file, and open that");
    }
    Content::Text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(head: &[u8]) -> &'static str {
        match content(head) {
            Content::Text => "text",
            Content::Gzip => "gzip",
            Content::Zstd => "zstd",
            Content::Other(why) => why,
        }
    }

    #[test]
    fn what_a_file_is_shows_in_its_first_bytes() {
        for (head, is) in [
            (&b""[..], "text"),
            (b"2026-11-22 05:01:02 x\n", "text"),
            (b"\x1b[32mINFO\x1b[0m caf\xc3\xa9 \xff\n", "text"),
            (b"{\"spans\":3,\"msg\":\"x\"}\n{\"spans\":4}\n", "text"),
            (b"{\"msg\":\"resourceSpans\"}\n", "text"),
            (b"\x1f\x8b\x08\0", "gzip"),
            (b"\x28\xb5\x2f\xfd\x04", "zstd"),
            (b"\x53\x2a\x4d\x18\0", "zstd"),
            (b"\x7fELF\x02", "is a program, not a log"),
            (b"\x01\x02\x03\x04\x05\x06abc", "is not text: redline open reads logs"),
        ] {
            assert_eq!(told(head), is, "{:?}", String::from_utf8_lossy(head));
        }
        let mut holed = vec![0; 4096];
        holed.extend_from_slice(b"2026-11-22 05:01:02 after the file was emptied\n");
        assert_eq!(told(&holed), "text");
        for trace in ["{\"resourceSpans\":[{", "{\n  \"batches\": [{\"resource\": {", "{\"data\":[{\"traceID\":\"ab\",\"spans\":["] {
            assert!(told(trace.as_bytes()).starts_with("is a trace"), "{trace}");
        }
    }
}
