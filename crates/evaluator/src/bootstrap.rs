use statistics::{Draws, draw_clusters, draw_seeds};

/// How the bootstrap is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bootstrap {
    pub(crate) draws: u32,
    /// The same stream draws the same clusters.
    pub(crate) stream: u64,
}

impl Bootstrap {
    /// Returns the column sums of each draw of clusters.
    pub(crate) fn clusters<const W: usize>(self, clusters: &[[f64; W]]) -> Draws<W> {
        draw_clusters(clusters, self.draws, stream::key("evaluator/bootstrap/clusters", &[self.stream]))
    }
}

/// Returns the draws over seeds of the draws of each.
pub(crate) fn over_seeds<const W: usize>(seeds: &[&[[f64; W]]]) -> Draws<W> {
    draw_seeds(seeds, stream::key("evaluator/bootstrap/seeds", &[]))
}
