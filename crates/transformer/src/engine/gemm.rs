//! Products of small matrices that lie in a cache: C = A B, tile by tile in registers.
//!
//! Written once over [`pulp::Simd`]: AVX-512, AVX2, NEON and a portable path.

#![expect(
    unsafe_code,
    reason = "registers are filled from unaligned memory; `multiply` checks that it is there"
)]

use pulp::{Arch, Simd, WithSimd};

use crate::padding::PAD;

/// A matrix to read: element (i, j) is `values[i * row + j * column]`.
#[derive(Clone, Copy)]
pub(crate) struct Left<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) row: usize,
    pub(crate) column: usize,
}

/// Rows of a matrix, `stride` apart.
#[derive(Clone, Copy)]
pub(crate) struct Right<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) stride: usize,
}

/// What a product is added to.
#[derive(Clone, Copy)]
pub(crate) enum Onto<'a> {
    Nothing,
    /// What stands in the result.
    Itself,
    /// One row for all.
    Row(&'a [f32]),
    /// One row for all, and a matrix with the strides of the result.
    RowAndMatrix(&'a [f32], &'a [f32]),
}

/// Writes `onto + a b` into `c`: `[m, k] [k, n] -> [m, n]`, with n a multiple of [`PAD`] and rows of `c` `stride` apart.
pub(crate) fn multiply(
    arch: Arch,
    [m, k, n]: [usize; 3],
    a: Left<'_>,
    b: Right<'_>,
    (c, stride): (&mut [f32], usize),
    onto: Onto<'_>,
) {
    if m == 0 {
        return;
    }
    let last = |rows: usize, stride: usize, columns: usize| (rows - 1) * stride + columns;
    assert!(n.is_multiple_of(PAD) && n <= stride && last(m, stride, n) <= c.len());
    if k > 0 {
        assert!(
            (m - 1) * a.row + (k - 1) * a.column < a.values.len() && last(k, b.stride, n) <= b.values.len()
        );
    }
    let c = c.as_mut_ptr();
    let null = std::ptr::null();
    let (row, matrix) = match onto {
        Onto::Nothing => (null, null),
        Onto::Itself => (null, c.cast_const()),
        Onto::Row(row) => {
            assert!(n <= row.len());
            (row.as_ptr(), null)
        }
        Onto::RowAndMatrix(row, matrix) => {
            assert!(n <= row.len() && last(m, stride, n) <= matrix.len());
            (row.as_ptr(), matrix.as_ptr())
        }
    };
    let (left, right) = (a.values.as_ptr(), b.values.as_ptr());
    arch.dispatch(Product {
        m,
        k,
        n,
        left,
        a_row: a.row,
        a_column: a.column,
        right,
        b_row: b.stride,
        c,
        stride,
        row,
        matrix,
    });
}

/// Checked pointers and strides.
struct Product {
    m: usize,
    k: usize,
    n: usize,
    left: *const f32,
    a_row: usize,
    a_column: usize,
    right: *const f32,
    b_row: usize,
    c: *mut f32,
    stride: usize,
    /// Null where nothing is added.
    row: *const f32,
    matrix: *const f32,
}

impl WithSimd for Product {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // Rows and vectors of a tile: as many sums as there are registers for, beside one row of B.
        match S::F32_LANES {
            16 => {
                let mut at = 0;
                while at + 64 <= self.n {
                    self.columns::<S, 6, 4>(simd, at);
                    at += 64;
                }
                while at + 32 <= self.n {
                    self.columns::<S, 12, 2>(simd, at);
                    at += 32;
                }
                if at < self.n {
                    self.columns::<S, 12, 1>(simd, at);
                }
            }
            8 => (0..self.n).step_by(16).for_each(|at| self.columns::<S, 6, 2>(simd, at)),
            4 => (0..self.n).step_by(16).for_each(|at| self.columns::<S, 6, 4>(simd, at)),
            lanes => (0..self.n).step_by(4 * lanes).for_each(|at| self.columns::<S, 2, 4>(simd, at)),
        }
    }
}

impl Product {
    /// Computes the columns of `V` vectors from `at` on.
    #[inline(always)]
    fn columns<S: Simd, const R: usize, const V: usize>(&self, simd: S, at: usize) {
        let mut row = 0;
        // Eight rows, a short sequence, are one tile or two of four: six would leave two that go one by one.
        while row + R <= self.m && (R > 8 || self.m - row != 8) {
            self.tile::<S, R, V>(simd, row, at);
            row += R;
        }
        while R > 8 && row + 8 <= self.m {
            self.tile::<S, 8, V>(simd, row, at);
            row += 8;
        }
        while row + 4 <= self.m {
            self.tile::<S, 4, V>(simd, row, at);
            row += 4;
        }
        while row < self.m {
            self.tile::<S, 1, V>(simd, row, at);
            row += 1;
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const R: usize, const V: usize>(&self, simd: S, row: usize, at: usize) {
        let lanes = S::F32_LANES;
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        // SAFETY: `multiply` has checked that all rows below m, all columns below n and all k of them lie in the slices
        // that the pointers come from, and tiles go no further; vectors are read and written unaligned.
        unsafe {
            let (left, right) = (self.left.add(row * self.a_row), self.right.add(at));
            for p in 0..self.k {
                let mut vectors = [simd.splat_f32s(0.0); V];
                for (v, vector) in vectors.iter_mut().enumerate() {
                    *vector = right.add(p * self.b_row + v * lanes).cast::<S::f32s>().read_unaligned();
                }
                for (r, sums) in sums.iter_mut().enumerate() {
                    let x = simd.splat_f32s(*left.add(r * self.a_row + p * self.a_column));
                    for (sum, vector) in sums.iter_mut().zip(vectors) {
                        *sum = simd.mul_add_e_f32s(x, vector, *sum);
                    }
                }
            }
            for (r, sums) in sums.iter().enumerate() {
                for (v, sum) in sums.iter().enumerate() {
                    let place = (row + r) * self.stride + at + v * lanes;
                    let mut sum = *sum;
                    if !self.row.is_null() {
                        sum = simd
                            .add_f32s(sum, self.row.add(at + v * lanes).cast::<S::f32s>().read_unaligned());
                    }
                    if !self.matrix.is_null() {
                        sum = simd.add_f32s(sum, self.matrix.add(place).cast::<S::f32s>().read_unaligned());
                    }
                    self.c.add(place).cast::<S::f32s>().write_unaligned(sum);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_any_shape_are_those_of_three_loops() {
        let value = |i: usize| ((i * 2_654_435_761 % 1000) as f32 - 500.0) / 500.0;
        for m in [1, 2, 5, 6, 8, 13, 14, 40] {
            for k in [0, 1, 3, 17] {
                for n in [16, 32, 48, 64, 112, 128] {
                    let (a_row, b_row, stride) = (k + 3, n + 16, n + 32);
                    let a: Vec<f32> = (0..m * a_row).map(value).collect();
                    let b: Vec<f32> = (0..k.max(1) * b_row).map(|i| value(i + 7)).collect();
                    let before: Vec<f32> = (0..m * stride).map(|i| value(i + 11)).collect();
                    let row: Vec<f32> = (0..n).map(|i| value(i + 13)).collect();
                    let other: Vec<f32> = (0..m * stride).map(|i| value(i + 17)).collect();
                    for onto in
                        [Onto::Nothing, Onto::Itself, Onto::Row(&row), Onto::RowAndMatrix(&row, &other)]
                    {
                        let mut c = before.clone();
                        let left = Left { values: &a, row: a_row, column: 1 };
                        let right = Right { values: &b, stride: b_row };
                        multiply(Arch::new(), [m, k, n], left, right, (&mut c, stride), onto);
                        for i in 0..m {
                            for j in 0..stride {
                                let at = i * stride + j;
                                let product: f64 = (0..k)
                                    .map(|p| {
                                        f64::from(a[i * a_row + p]) * f64::from(b[p * b_row + j.min(n - 1)])
                                    })
                                    .sum();
                                let expected = match onto {
                                    _ if j >= n => f64::from(before[at]),
                                    Onto::Nothing => product,
                                    Onto::Itself => product + f64::from(before[at]),
                                    Onto::Row(row) => product + f64::from(row[j]),
                                    Onto::RowAndMatrix(row, other) => {
                                        product + f64::from(row[j]) + f64::from(other[at])
                                    }
                                };
                                assert!((f64::from(c[at]) - expected).abs() < 1e-5, "{m} {k} {n} at {i} {j}");
                            }
                        }
                    }
                }
            }
        }
    }
}
