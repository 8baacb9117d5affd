//! Which elements an update leaves out: a function of where they stand, so that neither threads nor tiles change it.

/// Dropout of one update (Srivastava et al. 2014), on the embeddings and on the outputs of attention and MLP as in GPT-2.
///
/// What is left is divided by the share that is left, so that nothing has to change when the model is used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    /// Share of the elements that are left out, at least 0 and less than 1.
    pub rate: f64,
    /// The stream of the model's seed.
    pub seed: u64,
    /// The update.
    pub step: u64,
}

/// Where elements are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Site {
    /// The sum of token and position embeddings.
    Embed,
    /// The output of a block's attention, before it is added to the residual stream.
    AttnOut(usize),
    /// The output of a block's MLP, before it is added to the residual stream.
    MlpOut(usize),
}

/// What the elements of a row are compared with, and what those that are kept are multiplied by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) below: u32,
    pub(crate) factor: f32,
}

impl Dropout {
    /// Returns what the element in `column` of the vector at a position of a row of the batch is multiplied by: 0, or
    /// 1 / (1 - rate).
    pub fn factor(&self, site: Site, row: usize, position: usize, column: usize) -> f32 {
        self.rule().factor(self.key(site, row, position), column as u32)
    }

    pub(crate) fn rule(&self) -> Rule {
        Rule { below: (self.rate * 2.0_f64.powi(32)) as u32, factor: (1.0 / (1.0 - self.rate)) as f32 }
    }

    /// What tells the vector at one position from all others.
    pub(super) fn key(&self, site: Site, row: usize, position: usize) -> u32 {
        let site = match site {
            Site::Embed => 0,
            Site::AttnOut(layer) => 1 + 2 * layer as u64,
            Site::MlpOut(layer) => 2 + 2 * layer as u64,
        };
        let words = [self.step, site, row as u64, position as u64];
        (words.into_iter().fold(self.seed, |key, word| mix(key ^ word)) >> 32) as u32
    }
}

impl Rule {
    #[inline(always)]
    pub(super) fn factor(self, key: u32, column: u32) -> f32 {
        // A multiple of the golden ratio, finished by Wellons' hash of 32 bits with the least bias.
        let x = key.wrapping_add(column.wrapping_mul(0x9e37_79b9));
        let x = (x ^ (x >> 16)).wrapping_mul(0x21f0_aaad);
        let x = (x ^ (x >> 15)).wrapping_mul(0x735a_2d97);
        if x ^ (x >> 15) < self.below { 0.0 } else { self.factor }
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014).
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factors(dropout: Dropout, site: Site) -> Vec<f32> {
        let places = (0..40).flat_map(|row| (0..10).map(move |position| (row, position)));
        places
            .flat_map(|(row, position)| (0..64).map(move |c| dropout.factor(site, row, position, c)))
            .collect()
    }

    #[test]
    fn the_share_that_is_left_out_is_the_rate_and_the_mean_stays() {
        for rate in [0.0, 0.1, 0.5, 0.9] {
            let factors = factors(Dropout { rate, seed: 7, step: 3 }, Site::Embed);
            let n = factors.len() as f64;
            let dropped = factors.iter().filter(|&&factor| factor == 0.0).count() as f64;
            let spread = (rate * (1.0 - rate) * n).sqrt();
            assert!((dropped - rate * n).abs() <= 4.0 * spread, "{rate}: {dropped} of {n}");
            assert!(factors.iter().all(|&x| x == 0.0 || (f64::from(x) * (1.0 - rate) - 1.0).abs() < 1e-6));
        }
    }

    #[test]
    fn seeds_steps_sites_rows_and_positions_do_not_go_together() {
        let one = Dropout { rate: 0.5, seed: 7, step: 3 };
        let first = factors(one, Site::AttnOut(0));
        let n = first.len();
        let mut others = vec![
            factors(one, Site::Embed),
            factors(one, Site::MlpOut(0)),
            factors(one, Site::AttnOut(1)),
            factors(Dropout { step: 4, ..one }, Site::AttnOut(0)),
            factors(Dropout { seed: 8, ..one }, Site::AttnOut(0)),
        ];
        for shift in [1, 64, 640] {
            let mut shifted = first.clone(); // against the next column, position, row
            shifted.rotate_left(shift);
            others.push(shifted);
        }
        for other in others {
            let same = first.iter().zip(&other).filter(|(a, b)| a == b).count() as f64;
            assert!((same - n as f64 / 2.0).abs() < 4.0 * (n as f64 / 4.0).sqrt(), "{same} of {n}");
        }
    }
}
