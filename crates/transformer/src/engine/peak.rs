use std::hint::black_box;

use pulp::{Simd, WithSimd};

use super::vectors;

/// Does fused multiply-adds in registers and nothing else, on this thread; returns how many floating-point operations they were.
///
/// No engine can do more of them in the same time.
pub fn multiply_adds(rounds: u64) -> u64 {
    vectors::arch().dispatch(Loop { rounds })
}

struct Loop {
    rounds: u64,
}

impl WithSimd for Loop {
    type Output = u64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> u64 {
        // More than latency times ports, and not more than there are registers.
        const SUMS: usize = 12;
        let [factor, addend] = [0.5, 1.0].map(|x| simd.splat_f32s(black_box(x)));
        let mut sums = [addend; SUMS];
        for _ in 0..self.rounds {
            sums.iter_mut().for_each(|sum| *sum = simd.mul_add_e_f32s(*sum, factor, addend));
        }
        black_box(sums);
        self.rounds * (2 * SUMS * S::F32_LANES) as u64
    }
}
