//! `ip("10.0.0.0/8")`: addresses in lines and labels, found the way Loki finds them.

use std::net::IpAddr;

/// Addresses that are looked for.
#[derive(Debug)]
pub(super) enum IpPattern {
    One(IpAddr),
    /// First and last.
    Range(IpAddr, IpAddr),
}

impl IpPattern {
    /// An address, a network, or two addresses with a `-` between.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let pattern = || {
            if let Ok(one) = text.parse() {
                return Some(Self::One(one));
            }
            if let Some((address, bits)) = text.split_once('/') {
                return network(address.parse().ok()?, bits);
            }
            let (first, last) = text.split_once('-')?;
            let (first, last): (IpAddr, IpAddr) = (first.parse().ok()?, last.parse().ok()?);
            (first.is_ipv4() == last.is_ipv4() && first <= last).then_some(Self::Range(first, last))
        };
        pattern().ok_or_else(|| format!("ip: invalid pattern: {text:?}"))
    }

    fn contains(&self, address: IpAddr) -> bool {
        match self {
            Self::One(one) => *one == address,
            Self::Range(first, last) => first.is_ipv4() == address.is_ipv4() && (*first..=*last).contains(&address),
        }
    }

    /// Whether such an address is in a text.
    pub(super) fn is_in(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let allowed: fn(&u8) -> bool = if begins_v4(rest) {
                |b| b.is_ascii_digit() || *b == b'.'
            } else if begins_v6(rest) {
                |b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.')
            } else {
                at += 1;
                continue;
            };
            let length = rest.iter().take_while(|b| allowed(b)).count();
            // Only ASCII was taken.
            if text[at..at + length].parse().is_ok_and(|address| self.contains(address)) {
                return true;
            }
            at += length + 1;
        }
        false
    }
}

fn network(address: IpAddr, bits: &str) -> Option<IpPattern> {
    let is_plain = !bits.is_empty() && bits.bytes().all(|b| b.is_ascii_digit()) && (bits.len() == 1 || !bits.starts_with('0'));
    let bits: u32 = bits.parse().ok().filter(|_| is_plain)?;
    Some(match address {
        IpAddr::V4(v4) => {
            let host = u32::MAX.checked_shr(bits).unwrap_or(0);
            let first = v4.to_bits() & !host;
            (bits <= 32).then(|| IpPattern::Range(IpAddr::V4(first.into()), IpAddr::V4((first | host).into())))?
        }
        IpAddr::V6(v6) => {
            let host = u128::MAX.checked_shr(bits).unwrap_or(0);
            let first = v6.to_bits() & !host;
            (bits <= 128).then(|| IpPattern::Range(IpAddr::V6(first.into()), IpAddr::V6((first | host).into())))?
        }
    })
}

fn begins_v4(text: &[u8]) -> bool {
    matches!(text, [digit, rest @ ..] if rest.len() >= 3 && digit.is_ascii_digit() && rest[..3].contains(&b'.'))
}

fn begins_v6(text: &[u8]) -> bool {
    let Some(five) = text.get(..5) else { return false };
    let hex = five.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    (five.starts_with(b"::") && five[2].is_ascii_hexdigit()) || (1..=4).contains(&hex) && five[hex] == b':'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_texts() {
        for (pattern, text, found) in [
            ("10.0.0.5", "10.0.0.5 - GET /y", true),
            ("10.0.0.5", "from 10.0.0.55 to 10.0.0.6", false),
            ("10.0.0.0/30", "x=10.0.0.3,", true),
            ("10.0.0.0/30", "x=10.0.0.4,", false),
            ("10.0.0.2-10.0.0.9", "10.0.0.9", true),
            ("0.0.0.0/0", "2.4.6", false),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("2001:db8::/32", "peer 2001:db8::1 left", true),
            ("::1", "[::1]:80", true),
            ("::/0", "10.0.0.1", false),
        ] {
            assert_eq!(IpPattern::new(pattern).unwrap().is_in(text), found, "{pattern} in {text}");
        }
        for wrong in ["", "10.0.0", "10.0.0.0/33", "10.0.0.0/01", "10.0.0.9-10.0.0.1", "x", "10.0.0.1-::1"] {
            assert!(IpPattern::new(wrong).is_err(), "{wrong}");
        }
    }
}
