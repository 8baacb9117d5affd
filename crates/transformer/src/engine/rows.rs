//! What happens between two products, row by row: every function has its gradient beside it.

use super::dropout::Rule;
use super::vectors::for_all_vectors;
use crate::ActFn;
use crate::ops::real::{Real, largest, sum, sum2};

for_all_vectors! {
    /// Normalizes rows as wide as the weight, `stride` apart: writes the normalized ones, one over their scale, and weight
    /// times them plus bias.
    #[expect(clippy::too_many_arguments, reason = "slices of one arena, and their widths")]
    fn normalize<'a>(
        x: &'a [f32],
        stride: usize,
        normal: &'a mut [f32],
        inverse: &'a mut [f32],
        y: &'a mut [f32],
        weight: &'a [f32],
        bias: &'a [f32],
        eps: f32,
    ) -> () {
        let width = weight.len();
        let rows = x.chunks(stride).zip(normal.chunks_mut(stride)).zip(y.chunks_mut(stride)).zip(inverse);
        for (((x, normal), y), inverse) in rows {
            let (x, normal, y) = (&x[..width], &mut normal[..width], &mut y[..width]);
            let mean = sum(x, |x| x) / width as f32;
            let variance = sum(x, |x| (x - mean) * (x - mean)) / width as f32;
            let scale = 1.0 / (variance + eps).sqrt();
            *inverse = scale;
            for ((((x, normal), y), weight), bias) in x.iter().zip(normal).zip(y).zip(weight).zip(bias) {
                *normal = (x - mean) * scale;
                *y = *normal * weight + bias;
            }
        }
    }

    /// Adds the gradient of the rows that were normalized to `dx`, and those of weight and bias to theirs. `dy` is used up.
    #[expect(clippy::too_many_arguments, reason = "slices of one arena, and their widths")]
    fn normalize_back<'a>(
        dy: &'a mut [f32],
        stride: usize,
        normal: &'a [f32],
        inverse: &'a [f32],
        weight: &'a [f32],
        d_weight: &'a mut [f32],
        d_bias: &'a mut [f32],
        dx: &'a mut [f32],
    ) -> () {
        let width = weight.len();
        let (d_weight, d_bias) = (&mut d_weight[..width], &mut d_bias[..width]);
        let rows = dy.chunks_mut(stride).zip(normal.chunks(stride)).zip(dx.chunks_mut(stride)).zip(inverse);
        for (((dy, normal), dx), inverse) in rows {
            let (dy, normal, dx) = (&mut dy[..width], &normal[..width], &mut dx[..width]);
            let gradients = d_weight.iter_mut().zip(&mut *d_bias).zip(weight);
            for ((dy, normal), ((d_weight, d_bias), weight)) in dy.iter_mut().zip(normal).zip(gradients) {
                *d_weight += *dy * normal;
                *d_bias += *dy;
                *dy *= weight;
            }
            let mean = sum(dy, |d| d) / width as f32;
            let along = sum2(dy, normal, |d, x| d * x) / width as f32;
            for ((dx, dy), normal) in dx.iter_mut().zip(&*dy).zip(normal) {
                *dx += inverse * (dy - mean - normal * along);
            }
        }
    }

    /// Adds rows, `stride` apart, to one.
    fn add_rows<'a>(rows: &'a [f32], stride: usize, onto: &'a mut [f32]) -> () {
        for row in rows.chunks(stride) {
            onto.iter_mut().zip(row).for_each(|(onto, x)| *onto += x);
        }
    }

    /// Adds each element to another.
    fn add<'a>(x: &'a [f32], onto: &'a mut [f32]) -> () {
        onto.iter_mut().zip(x).for_each(|(onto, x)| *onto += x);
    }

    /// Leaves out elements of rows, `stride` apart, of which each has its key.
    fn leave_out<'a>(rows: &'a mut [f32], stride: usize, keys: &'a [u32], rule: Rule) -> () {
        for (row, key) in rows.chunks_mut(stride).zip(keys) {
            row.iter_mut().zip(0..).for_each(|(x, column)| *x *= rule.factor(*key, column));
        }
    }

    /// Multiplies each element by another.
    fn scale<'a>(x: &'a mut [f32], by: &'a [f32]) -> () {
        x.iter_mut().zip(by).for_each(|(x, by)| *x *= by);
    }

    /// Writes the nonlinearity of each element into `y`, and its slope in the element's place.
    fn activate<'a>(act_fn: ActFn, x: &'a mut [f32], y: &'a mut [f32]) -> () {
        let all = x.iter_mut().zip(y);
        match act_fn {
            ActFn::Relu => all.for_each(|(x, y)| (*y, *x) = if *x > 0.0 { (*x, 1.0) } else { (0.0, 0.0) }),
            ActFn::GeluNew => all.for_each(|(place, y)| {
                // x σ(2u) with u = √(2/π) (x + 0.044715 x³).
                const C: f32 = 2.0 * 0.797_884_6;
                let x = *place;
                let square = x * x;
                let below = Real::exp(-C * x * (1.0 + 0.044_715 * square));
                let gate = 1.0 / (1.0 + below);
                *y = x * gate;
                *place = gate + x * gate * (below * gate) * (C * (1.0 + 3.0 * 0.044_715 * square));
            }),
            ActFn::Gelu => all.for_each(|(place, y)| {
                // x Φ(x); erf within 1.5e-7 (Abramowitz and Stegun 7.1.26).
                let x = *place;
                let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
                let t = 1.0 / (1.0 + 0.327_591_1 * z);
                let bell = Real::exp(-z * z);
                let series = (((1.061_405_4 * t - 1.453_152) * t + 1.421_413_7) * t - 0.284_496_74) * t + 0.254_829_6;
                let half = 0.5 * series * t * bell;
                let below = if x > 0.0 { 1.0 - half } else { half };
                *y = x * below;
                *place = below + x * bell * 0.398_942_3;
            }),
        }
    }

    /// Turns scores of `width` keys into shares, row by row: `hidden` is 0 where the key may be seen, else very negative.
    fn attend<'a>(scores: &'a mut [f32], hidden: &'a [f32], width: usize, scale: f32) -> () {
        for (row, hidden) in scores.chunks_exact_mut(width).zip(hidden.chunks_exact(width)) {
            for (x, hidden) in row.iter_mut().zip(hidden) {
                *x = *x * scale + hidden;
            }
            let top = largest(row);
            for (x, hidden) in row.iter_mut().zip(hidden) {
                let seen = if *hidden < 0.0 { 0.0 } else { 1.0 };
                *x = Real::exp(*x - top) * seen;
            }
            let share = 1.0 / sum(row, |x| x);
            row.iter_mut().for_each(|x| *x *= share);
        }
    }

    /// Turns gradients of shares into those of scores.
    fn attend_back<'a>(gradient: &'a mut [f32], shares: &'a [f32], width: usize, scale: f32) -> () {
        for (row, shares) in gradient.chunks_exact_mut(width).zip(shares.chunks_exact(width)) {
            let mean = sum2(row, shares, |d, p| d * p);
            row.iter_mut().zip(shares).for_each(|(d, p)| *d = scale * p * (*d - mean));
        }
    }

    /// Turns logits of `vocabulary` tokens, rows `stride` apart, into gradients of the weighted loss; returns it, and writes
    /// the likeliest token of each row.
    fn cross_entropy<'a>(
        logits: &'a mut [f32],
        stride: usize,
        vocabulary: usize,
        targets: &'a [u32],
        weights: &'a [f32],
        best: &'a mut [u32],
    ) -> f64 {
        const LANES: usize = 16;
        let mut loss = 0.0;
        let rows = logits.chunks_mut(stride).zip(targets).zip(weights).zip(best);
        for (((row, target), weight), best) in rows {
            let row = &mut row[..vocabulary];
            let top = largest(row);
            // The first place that holds it: of a few places at a time, whether one does.
            let holds = |chunk: &&[f32]| chunk.iter().fold(false, |any, x| any | (*x == top));
            let chunk = row.chunks(LANES).take_while(|chunk| !holds(chunk)).count() * LANES;
            let place = row.get(chunk..).and_then(|rest| rest.iter().position(|x| *x == top));
            *best = place.map_or(0, |place| chunk + place) as u32;
            let target = *target as usize;
            let of_target = row[target];
            row.iter_mut().for_each(|x| *x = Real::exp(*x - top));
            let total = sum(row, |x| x);
            loss += f64::from(*weight) * f64::from(total.ln() + top - of_target);
            let share = weight / total;
            row.iter_mut().for_each(|x| *x *= share);
            row[target] -= weight;
        }
        loss
    }
}
