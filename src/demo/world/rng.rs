//! Keyed random numbers: cheap, reproducible, independent of the order of questions.

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finaliser of splitmix64: every input bit reaches every output bit.
pub const fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// A number for a key and a purpose.
pub const fn hash(key: u64, salt: u64) -> u64 {
    mix(key.wrapping_add(salt.wrapping_mul(GOLDEN)).wrapping_add(GOLDEN))
}

/// A number in `0..1` from 64 random bits.
pub fn unit(x: u64) -> f64 {
    (x >> 11) as f64 / (1u64 << 53) as f64
}

/// splitmix64 as a stream.
#[derive(Clone, Copy, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The stream of a key and a purpose.
    pub const fn new(key: u64, salt: u64) -> Self {
        Self(hash(key, salt))
    }

    /// The next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// The next number below `n`.
    pub fn below(&mut self, n: u32) -> u32 {
        (((self.next() >> 32) * u64::from(n)) >> 32) as u32
    }

    /// Whether an event of this probability happens.
    pub fn chance(&mut self, p: f32) -> bool {
        (unit(self.next()) as f32) < p
    }
}

/// Quantiles kept of a distribution; values between them are interpolated.
const STEPS: usize = 256;

/// A log-normal distribution of durations, given by its median and 99th percentile.
#[derive(Clone, Debug)]
pub struct Dist {
    quantiles: [f32; STEPS + 1],
}

impl Dist {
    /// From milliseconds. A zero median is always zero.
    pub fn new(median_ms: f64, p99_ms: f64) -> Self {
        let sigma = if median_ms > 0.0 { (p99_ms / median_ms).ln() / 2.326_347_9 } else { 0.0 };
        let mut quantiles = [0.0; STEPS + 1];
        for (i, q) in quantiles.iter_mut().enumerate() {
            let p = (i as f64 / STEPS as f64).clamp(0.000_5, 0.999_5);
            *q = (median_ms * 1e6 * (sigma * normal_quantile(p)).exp()) as f32;
        }
        Self { quantiles }
    }

    /// A duration in nanoseconds for 64 random bits.
    pub fn sample(&self, bits: u64) -> f32 {
        let i = (bits >> 56) as usize;
        let fraction = ((bits >> 32) & 0xff_ffff) as f32 / 16_777_216.0;
        self.quantiles[i] + (self.quantiles[i + 1] - self.quantiles[i]) * fraction
    }
}

/// The quantile function of the standard normal distribution (Acklam's approximation, relative error 1e-9).
pub fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -39.696_830_286_653_76,
        220.946_098_424_520_5,
        -275.928_510_446_968_7,
        138.357_751_867_269,
        -30.664_798_066_147_16,
        2.506_628_277_459_239,
    ];
    const B: [f64; 5] =
        [-54.476_098_798_224_06, 161.585_836_858_040_9, -155.698_979_859_886_6, 66.801_311_887_719_72, -13.280_681_552_885_72];
    const C: [f64; 6] = [
        -0.007_784_894_002_430_293,
        -0.322_396_458_041_136_5,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] = [0.007_784_695_709_041_462, 0.322_467_129_070_039_8, 2.445_134_137_142_996, 3.754_408_661_907_416];
    let tail = |q: f64| {
        (((((C[0] * q + C[1]) * q + C[2]) * q + C[3]) * q + C[4]) * q + C[5]) / ((((D[0] * q + D[1]) * q + D[2]) * q + D[3]) * q + 1.0)
    };
    if p < 0.024_25 {
        return tail((-2.0 * p.ln()).sqrt());
    }
    if p > 1.0 - 0.024_25 {
        return -tail((-2.0 * (1.0 - p).ln()).sqrt());
    }
    let q = p - 0.5;
    let r = q * q;
    (((((A[0] * r + A[1]) * r + A[2]) * r + A[3]) * r + A[4]) * r + A[5]) * q
        / (((((B[0] * r + B[1]) * r + B[2]) * r + B[3]) * r + B[4]) * r + 1.0)
}

/// A bijection of 64 bits that looks random, keyed.
pub const fn scramble(x: u64, key: u64) -> u64 {
    mix(x ^ key)
}

/// The inverse of [`scramble`].
pub const fn unscramble(mut x: u64, key: u64) -> u64 {
    x ^= (x >> 31) ^ (x >> 62);
    x = x.wrapping_mul(0x3196_42b2_d24d_8ec3);
    x ^= (x >> 27) ^ (x >> 54);
    x = x.wrapping_mul(0x96de_1b17_3f11_9089);
    (x ^ (x >> 30) ^ (x >> 60)) ^ key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scrambling_is_undone() {
        for x in [0, 1, 77, u64::MAX, 0x1234_5678_9abc_def0] {
            assert_eq!(unscramble(scramble(x, 99), 99), x);
        }
    }

    #[test]
    fn a_distribution_has_its_median_and_its_99th_percentile() {
        let dist = Dist::new(350.0, 700.0);
        let mut rng = Rng::new(1, 2);
        let mut all: Vec<f32> = (0..50_000).map(|_| dist.sample(rng.next())).collect();
        all.sort_unstable_by(f32::total_cmp);
        assert!((all[25_000] / 350e6 - 1.0).abs() < 0.01, "median {}", all[25_000]);
        assert!((all[49_500] / 700e6 - 1.0).abs() < 0.03, "p99 {}", all[49_500]);
    }
}
