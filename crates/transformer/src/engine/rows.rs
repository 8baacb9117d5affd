//! What happens between two products, row by row: every function has its gradient beside it.
//!
//! What pads a row to whole vectors is 0 and stays so.

use super::dropout::Rule;
use super::vectors::{exp, exp_of_one, for_all_vectors, ramp, vectors, vectors_mut};
use crate::ActFn;
use crate::padding::padded;

/// Returns what the vectors of the first elements of a row have behind those.
fn padding(row: &mut [f32], width: usize) -> &mut [f32] {
    &mut row[width..padded(width)]
}

for_all_vectors! {
    /// Writes the sum of two rows for each token: its own, and that of its place in a sequence of so many.
    #[expect(clippy::too_many_arguments, reason = "slices of one arena, and their widths")]
    fn embed<'a>(
        simd,
        tokens: &'a [u32],
        positions: usize,
        width: usize,
        stride: usize,
        of_tokens: &'a [f32],
        of_positions: &'a [f32],
        y: &'a mut [f32],
    ) -> () {
        let rows = y.chunks_mut(stride).zip(tokens).zip((0..positions).cycle());
        for ((y, token), position) in rows {
            let token = vectors::<S>(&of_tokens[*token as usize * stride..], width);
            let position = vectors::<S>(&of_positions[position * stride..], width);
            for ((y, token), position) in vectors_mut::<S>(y, width).iter_mut().zip(token).zip(position) {
                *y = simd.add_f32s(*token, *position);
            }
        }
    }

    /// Adds rows to the gradients of what was added up.
    #[expect(clippy::too_many_arguments, reason = "slices of one arena, and their widths")]
    fn embed_back<'a>(
        simd,
        tokens: &'a [u32],
        positions: usize,
        width: usize,
        stride: usize,
        of_tokens: &'a mut [f32],
        of_positions: &'a mut [f32],
        dy: &'a [f32],
    ) -> () {
        let rows = dy.chunks(stride).zip(tokens).zip((0..positions).cycle());
        for ((dy, token), position) in rows {
            let token = vectors_mut::<S>(&mut of_tokens[*token as usize * stride..], width);
            let position = vectors_mut::<S>(&mut of_positions[position * stride..], width);
            for ((dy, token), position) in vectors::<S>(dy, width).iter().zip(token).zip(position) {
                *token = simd.add_f32s(*token, *dy);
                *position = simd.add_f32s(*position, *dy);
            }
        }
    }

    /// Normalizes rows of `width` elements, `stride` apart: writes the normalized ones, one over their scale, and weight times
    /// them plus bias.
    #[expect(clippy::too_many_arguments, reason = "slices of one arena, and their widths")]
    fn normalize<'a>(
        simd,
        x: &'a [f32],
        width: usize,
        stride: usize,
        normal: &'a mut [f32],
        inverse: &'a mut [f32],
        y: &'a mut [f32],
        weight: &'a [f32],
        bias: &'a [f32],
        eps: f32,
    ) -> () {
        let (zero, per_element) = (simd.splat_f32s(0.0), 1.0 / width as f32);
        let (weight, bias) = (vectors::<S>(weight, width), vectors::<S>(bias, width));
        let rows = x.chunks(stride).zip(normal.chunks_mut(stride)).zip(y.chunks_mut(stride)).zip(inverse);
        for (((x, row), y), inverse) in rows {
            let x = vectors::<S>(x, width);
            let total = x.iter().fold(zero, |total, x| simd.add_f32s(total, *x));
            let mean = simd.splat_f32s(simd.reduce_sum_f32s(total) * per_element);
            for (x, normal) in x.iter().zip(vectors_mut::<S>(row, width)) {
                *normal = simd.sub_f32s(*x, mean);
            }
            padding(row, width).fill(0.0);
            let normal = vectors_mut::<S>(row, width);
            let squares = normal.iter().fold(zero, |total, x| simd.mul_add_e_f32s(*x, *x, total));
            *inverse = 1.0 / (simd.reduce_sum_f32s(squares) * per_element + eps).sqrt();
            let scale = simd.splat_f32s(*inverse);
            let all = normal.iter_mut().zip(vectors_mut::<S>(y, width)).zip(weight).zip(bias);
            for (((normal, y), weight), bias) in all {
                *normal = simd.mul_f32s(*normal, scale);
                *y = simd.mul_add_e_f32s(*normal, *weight, *bias);
            }
        }
    }

    /// Adds the gradient of the rows that were normalized to `dx`, and those of weight and bias to theirs. `dy` is used up.
    #[expect(clippy::too_many_arguments, reason = "slices of one arena, and their widths")]
    fn normalize_back<'a>(
        simd,
        dy: &'a mut [f32],
        width: usize,
        stride: usize,
        normal: &'a [f32],
        inverse: &'a [f32],
        weight: &'a [f32],
        d_weight: &'a mut [f32],
        d_bias: &'a mut [f32],
        dx: &'a mut [f32],
    ) -> () {
        let (zero, per_element) = (simd.splat_f32s(0.0), 1.0 / width as f32);
        let weight = vectors::<S>(weight, width);
        let (d_weight, d_bias) = (vectors_mut::<S>(d_weight, width), vectors_mut::<S>(d_bias, width));
        let rows = dy.chunks_mut(stride).zip(normal.chunks(stride)).zip(dx.chunks_mut(stride)).zip(inverse);
        for (((dy, normal), row), inverse) in rows {
            let (dy, normal) = (vectors_mut::<S>(dy, width), vectors::<S>(normal, width));
            let (mut total, mut along) = (zero, zero);
            let gradients = d_weight.iter_mut().zip(&mut *d_bias).zip(weight);
            for ((dy, normal), ((d_weight, d_bias), weight)) in dy.iter_mut().zip(normal).zip(gradients) {
                *d_weight = simd.mul_add_e_f32s(*dy, *normal, *d_weight);
                *d_bias = simd.add_f32s(*d_bias, *dy);
                *dy = simd.mul_f32s(*dy, *weight);
                total = simd.add_f32s(total, *dy);
                along = simd.mul_add_e_f32s(*dy, *normal, along);
            }
            let mean = simd.splat_f32s(simd.reduce_sum_f32s(total) * per_element);
            let along = simd.splat_f32s(simd.reduce_sum_f32s(along) * per_element);
            let inverse = simd.splat_f32s(*inverse);
            for ((dx, dy), normal) in vectors_mut::<S>(row, width).iter_mut().zip(dy).zip(normal) {
                let across = simd.negate_mul_add_e_f32s(*normal, along, simd.sub_f32s(*dy, mean));
                *dx = simd.mul_add_e_f32s(inverse, across, *dx);
            }
            padding(row, width).fill(0.0);
        }
    }

    /// Adds rows, `stride` apart, to one.
    fn add_rows<'a>(simd, rows: &'a [f32], stride: usize, onto: &'a mut [f32]) -> () {
        let width = onto.len();
        let onto = vectors_mut::<S>(onto, width);
        for four in rows.chunks(4 * stride) {
            let mut rows = four.chunks(stride).map(|row| vectors::<S>(row, width));
            match [rows.next(), rows.next(), rows.next(), rows.next()] {
                [Some(a), Some(b), Some(c), Some(d)] => {
                    for ((((onto, a), b), c), d) in onto.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                        let four = simd.add_f32s(simd.add_f32s(*a, *b), simd.add_f32s(*c, *d));
                        *onto = simd.add_f32s(*onto, four);
                    }
                }
                fewer => {
                    for row in fewer.into_iter().flatten() {
                        onto.iter_mut().zip(row).for_each(|(onto, x)| *onto = simd.add_f32s(*onto, *x));
                    }
                }
            }
        }
    }

    /// Adds each element to another.
    fn add<'a>(_simd, x: &'a [f32], onto: &'a mut [f32]) -> () {
        onto.iter_mut().zip(x).for_each(|(onto, x)| *onto += x);
    }

    /// Multiplies the elements of rows, `stride` apart, by what dropout's rule gives for them; each row has its key.
    fn drop_out<'a>(_simd, rows: &'a mut [f32], stride: usize, keys: &'a [u32], rule: Rule) -> () {
        for (row, key) in rows.chunks_mut(stride).zip(keys) {
            row.iter_mut().zip(0..).for_each(|(x, column)| *x *= rule.factor(*key, column));
        }
    }

    /// Multiplies each element by another.
    fn scale<'a>(_simd, x: &'a mut [f32], by: &'a [f32]) -> () {
        x.iter_mut().zip(by).for_each(|(x, by)| *x *= by);
    }

    /// Writes the nonlinearity of each element into `y`, and its slope in the element's place.
    fn activate<'a>(simd, act_fn: ActFn, x: &'a mut [f32], y: &'a mut [f32]) -> () {
        let width = x.len();
        match act_fn {
            ActFn::Relu => x.iter_mut().zip(y).for_each(|(x, y)| {
                (*y, *x) = if *x > 0.0 { (*x, 1.0) } else { (0.0, 0.0) };
            }),
            ActFn::GeluNew => {
                // x σ(2u) with u = √(2/π) (x + 0.044715 x³).
                const C: f32 = 2.0 * 0.797_884_6;
                let splat = |x| simd.splat_f32s(x);
                let (one, most) = (splat(1.0), splat(88.0));
                let (x, y) = (vectors_mut::<S>(x, width), vectors_mut::<S>(y, width));
                for (place, y) in x.iter_mut().zip(y) {
                    let x = *place;
                    let square = simd.mul_f32s(x, x);
                    let minus_2u = simd.mul_f32s(x, simd.mul_add_e_f32s(splat(-C * 0.044_715), square, splat(-C)));
                    let below = exp(simd, simd.min_f32s(minus_2u, most));
                    let gate = simd.div_f32s(one, simd.add_f32s(one, below));
                    *y = simd.mul_f32s(x, gate);
                    let slope_of_2u = simd.mul_add_e_f32s(splat(3.0 * C * 0.044_715), square, splat(C));
                    let slope_of_gate = simd.mul_f32s(simd.mul_f32s(below, gate), slope_of_2u);
                    *place = simd.mul_add_e_f32s(*y, slope_of_gate, gate);
                }
            }
            ActFn::Gelu => x.iter_mut().zip(y).for_each(|(place, y)| {
                // x Φ(x); erf within 1.5e-7 (Abramowitz and Stegun 7.1.26).
                let x = *place;
                let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
                let t = 1.0 / (1.0 + 0.327_591_1 * z);
                let bell = exp_of_one(-z * z);
                let series = (((1.061_405_4 * t - 1.453_152) * t + 1.421_413_7) * t - 0.284_496_74) * t + 0.254_829_6;
                let half = 0.5 * series * t * bell;
                let below = if x > 0.0 { 1.0 - half } else { half };
                *y = x * below;
                *place = below + x * bell * 0.398_942_3;
            }),
        }
    }

    /// Turns scores, a row by key and a column by query, into each query's attention weights: those of its own key, and of
    /// those before.
    fn causal_softmax<'a>(simd, scores: &'a mut [f32], queries: usize, scale: f32) -> () {
        let scores = vectors_mut::<S>(scores, scores.len());
        let (zero, never) = (simd.splat_f32s(0.0), simd.splat_f32s(f32::NEG_INFINITY));
        let scale = simd.splat_f32s(scale);
        let columns = queries / S::F32_LANES;
        for column in 0..columns {
            let first = column * S::F32_LANES;
            let query = simd.add_f32s(ramp(simd), simd.splat_f32s(first as f32));
            let sees = |key: usize| simd.greater_than_or_equal_f32s(query, simd.splat_f32s(key as f32));
            let (seen, hidden) = scores.split_at_mut(scores.len().min((first + S::F32_LANES) * columns));
            hidden.iter_mut().skip(column).step_by(columns).for_each(|weight| *weight = zero);
            let keys = seen.len() / columns;
            let mut top = never;
            for key in 0..keys {
                let score = &mut seen[key * columns + column];
                *score = simd.select_f32s(sees(key), simd.mul_f32s(*score, scale), never);
                top = simd.max_f32s(top, *score);
            }
            let mut total = zero;
            for key in 0..keys {
                let score = &mut seen[key * columns + column];
                *score = simd.select_f32s(sees(key), exp(simd, simd.sub_f32s(*score, top)), zero);
                total = simd.add_f32s(total, *score);
            }
            let inverse = simd.div_f32s(simd.splat_f32s(1.0), total);
            for key in 0..keys {
                let score = &mut seen[key * columns + column];
                *score = simd.mul_f32s(*score, inverse);
            }
        }
    }

    /// Turns gradients of attention weights into those of scores.
    fn causal_softmax_back<'a>(
        simd,
        gradient: &'a mut [f32],
        pattern: &'a [f32],
        queries: usize,
        scale: f32,
    ) -> () {
        let (gradient, pattern) = (vectors_mut::<S>(gradient, pattern.len()), vectors::<S>(pattern, pattern.len()));
        let scale = simd.splat_f32s(scale);
        let columns = queries / S::F32_LANES;
        for column in 0..columns {
            let mut mean = simd.splat_f32s(0.0);
            for at in (column..pattern.len()).step_by(columns) {
                mean = simd.mul_add_e_f32s(gradient[at], pattern[at], mean);
            }
            for at in (column..pattern.len()).step_by(columns) {
                let beyond = simd.sub_f32s(gradient[at], mean);
                gradient[at] = simd.mul_f32s(simd.mul_f32s(scale, pattern[at]), beyond);
            }
        }
    }

    /// Turns logits of `vocabulary` tokens, rows `stride` apart, into gradients of the weighted loss; returns it, and writes
    /// the likeliest token of each row.
    fn cross_entropy<'a>(
        simd,
        logits: &'a mut [f32],
        stride: usize,
        vocabulary: usize,
        targets: &'a [u32],
        weights: &'a [f32],
        predicted: &'a mut [u32],
    ) -> f64 {
        let zero = simd.splat_f32s(0.0);
        let none = simd.splat_f32s(f32::INFINITY);
        let lanes = simd.splat_f32s(S::F32_LANES as f32);
        let mut loss = 0.0;
        let rows = logits.chunks_mut(stride).zip(targets).zip(weights).zip(predicted);
        for (((row, target), weight), predicted) in rows {
            let target = *target as usize;
            let of_target = row[target];
            padding(row, vocabulary).fill(f32::NEG_INFINITY);
            let logits = vectors_mut::<S>(row, vocabulary);
            let largest = logits.iter().fold(logits[0], |top, x| simd.max_f32s(top, *x));
            let largest = simd.reduce_max_f32s(largest);
            let top = simd.splat_f32s(largest);
            let (mut at, mut first, mut total) = (ramp(simd), none, zero);
            for x in logits {
                first = simd.min_f32s(first, simd.select_f32s(simd.equal_f32s(*x, top), at, none));
                at = simd.add_f32s(at, lanes);
                *x = exp(simd, simd.sub_f32s(*x, top));
                total = simd.add_f32s(total, *x);
            }
            // Where all are no numbers, none is the largest.
            let first = simd.reduce_min_f32s(first) as usize;
            *predicted = if first < vocabulary { first as u32 } else { 0 };
            let total = simd.reduce_sum_f32s(total);
            loss += f64::from(*weight) * f64::from(total.ln() + largest - of_target);
            let factor = simd.splat_f32s(weight / total);
            vectors_mut::<S>(row, vocabulary).iter_mut().for_each(|x| *x = simd.mul_f32s(*x, factor));
            padding(row, vocabulary).fill(0.0);
            row[target] -= weight;
        }
        loss
    }
}
