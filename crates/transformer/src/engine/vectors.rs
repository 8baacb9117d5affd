//! Loops compiled for the vectors at hand.

use std::sync::OnceLock;

use pulp::{Arch, Simd};

use crate::{Error, Result};

static ARCH: OnceLock<Arch> = OnceLock::new();

/// Returns the vectors that engines work with.
pub(super) fn arch() -> Arch {
    *ARCH.get_or_init(Arch::new)
}

/// Holds engines to narrower vectors than the processor has: `avx2` or `none`. Comes before the first engine.
///
/// Other vectors add up in another order, and so to other bits; held to the same ones, different processors give the same.
///
/// # Errors
/// [`Error::Isa`] when this processor has none of that name, or there is an engine.
pub fn hold_to(isa: &str) -> Result<()> {
    let arch = match isa {
        "none" => Arch::Scalar,
        #[cfg(target_arch = "x86_64")]
        "avx2" if let Some(simd) = pulp::x86::V3::try_new() => Arch::V3(simd),
        _ => {
            return Err(Error::Isa(format!(
                "expected `none`, or `avx2` on a processor that has it, found {isa:?}"
            )));
        }
    };
    ARCH.set(arch).map_err(|_| Error::Isa("too late, an engine is at work".to_owned()))
}

/// Returns the name of the vectors that engines work with: `avx512`, `avx2`, `neon` or `none`.
pub fn isa() -> &'static str {
    struct Name;

    impl pulp::WithSimd for Name {
        type Output = &'static str;

        fn with_simd<S: Simd>(self, _simd: S) -> &'static str {
            match S::F32_LANES {
                16 => "avx512",
                8 => "avx2",
                4 if cfg!(target_arch = "aarch64") => "neon",
                _ => "none",
            }
        }
    }

    arch().dispatch(Name)
}

/// Makes functions whose loops are compiled for every width of vectors; the first argument picks one. `S` is the width at hand,
/// and the first name stands for it.
///
/// A closure would not do: it is a function of its own, compiled for the oldest machine.
macro_rules! for_all_vectors {
    ($(
        $(#[$meta:meta])*
        fn $name:ident<'a>($simd:ident, $($argument:ident: $type:ty),* $(,)?) -> $result:ty $body:block
    )*) => {$(
        $(#[$meta])*
        pub(crate) fn $name<'a>(arch: pulp::Arch, $($argument: $type),*) -> $result {
            struct Call<'a> { $($argument: $type),* }

            impl<'a> pulp::WithSimd for Call<'a> {
                type Output = $result;

                #[inline(always)]
                fn with_simd<S: pulp::Simd>(self, $simd: S) -> $result {
                    let Call { $($argument),* } = self;
                    $body
                }
            }

            arch.dispatch(Call { $($argument),* })
        }
    )*};
}
pub(crate) use for_all_vectors;

/// Returns the vectors that hold the first elements of a row, which is padded to whole ones.
#[inline(always)]
pub(super) fn vectors<S: Simd>(row: &[f32], width: usize) -> &[S::f32s] {
    S::as_simd_f32s(&row[..width.next_multiple_of(S::F32_LANES)]).0
}

/// As [`vectors`].
#[inline(always)]
pub(super) fn vectors_mut<S: Simd>(row: &mut [f32], width: usize) -> &mut [S::f32s] {
    S::as_mut_simd_f32s(&mut row[..width.next_multiple_of(S::F32_LANES)]).0
}

/// Returns 0, 1, 2, ...
#[inline(always)]
pub(super) fn ramp<S: Simd>(simd: S) -> S::f32s {
    let numbers: [f32; 16] = std::array::from_fn(|at| at as f32);
    simd.partial_load_f32s(&numbers[..S::F32_LANES])
}

/// Cephes' expf: e^x is 2^n e^r, with n the integer next to x / ln 2, and e^r is 1 + r + r^2 p(r).
///
/// 1.5 x 2^23: adding it leaves an integer in the lowest bits.
const ROUND: f32 = 12_582_912.0;
/// ln 2 in two parts.
const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
/// Coefficients of p, from the highest power down.
const POWERS: [f32; 6] = [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];

/// Returns the exponentials of numbers up to 88, within 2 units in the last place; of those below -87, that of -87, and no
/// number of none.
#[inline(always)]
pub(super) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    const BIASED: f32 = ROUND + 127.0; // leaves the biased exponent in the lowest bits
    let splat = |x| simd.splat_f32s(x);
    let least = splat(-87.0);
    let x = simd.select_f32s(simd.less_than_f32s(x, least), least, x);
    let shifted = simd.mul_add_e_f32s(x, splat(std::f32::consts::LOG2_E), splat(BIASED));
    let n = simd.sub_f32s(shifted, splat(BIASED));
    let r = simd.negate_mul_add_e_f32s(n, splat(LN_2[0]), x);
    let r = simd.negate_mul_add_e_f32s(n, splat(LN_2[1]), r);
    let p = POWERS[1..].iter().fold(splat(POWERS[0]), |p, c| simd.mul_add_e_f32s(p, r, splat(*c)));
    let p = simd.add_f32s(simd.mul_add_e_f32s(simd.mul_f32s(p, r), r, r), splat(1.0));
    let exponent = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(23));
    simd.mul_f32s(p, simd.transmute_f32s_u32s(exponent))
}

/// As [`exp`] of one number, without fused operations; free of branches, so that loops over it become vector code.
#[inline(always)]
pub(super) fn exp_of_one(x: f32) -> f32 {
    let x = if x < -87.0 { -87.0 } else { x };
    let x = if x > 88.0 { 88.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN_2[0] - n * LN_2[1];
    let p = POWERS[1..].iter().fold(POWERS[0], |p, c| p * r + c);
    let exponent = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
    (p * r * r + r + 1.0) * f32::from_bits(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    for_all_vectors! {
        fn exp_of_all<'a>(simd, x: &'a mut [f32]) -> () {
            let width = x.len();
            vectors_mut::<S>(x, width).iter_mut().for_each(|x| *x = exp(simd, *x));
        }
    }

    #[test]
    fn exp_is_exact_to_two_units_in_the_last_place_and_keeps_nan() {
        let all: Vec<f32> = (-870_000..880_000).map(|i| i as f32 * 1e-4).collect();
        let mut found = all.clone();
        exp_of_all(Arch::new(), &mut found);
        for (x, found) in all.into_iter().zip(found) {
            let exact = f64::from(x).exp();
            for found in [found, exp_of_one(x)] {
                assert!((f64::from(found) - exact).abs() / exact < 2.4e-7, "{x}: {found} {exact}");
            }
        }
        assert!(exp_of_one(f32::NAN).is_nan() && exp_of_one(f32::NEG_INFINITY) < 2e-38);
        let mut edges = [f32::NAN, f32::NEG_INFINITY, -1e30, -88.0, 0.0].repeat(16);
        exp_of_all(Arch::new(), &mut edges);
        for edge in edges.chunks(5) {
            assert!(
                edge[0].is_nan() && edge[1..4].iter().all(|y| (0.0..2e-38).contains(y)) && edge[4] == 1.0
            );
        }
    }
}
