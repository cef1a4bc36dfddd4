use rayon::prelude::*;

/// Points of one leaf are searched one after the other.
const LEAF: usize = 12;

/// Points in space that answer how far the nearest of them is: a k-d tree laid out in one array.
///
/// Source: J. L. Bentley, Multidimensional binary search trees used for associative searching (1975).
pub(super) struct Points {
    /// In tree order: the middle of each range is its node.
    points: Vec<[f64; 3]>,
    /// Axis a node divides along.
    axis: Vec<u8>,
}

impl Points {
    pub(super) fn new(mut points: Vec<[f64; 3]>) -> Self {
        let mut axis = vec![0u8; points.len()];
        divide(&mut points, &mut axis);
        Self { points, axis }
    }

    /// Distance from each position to the nearest point; infinite when there are no points.
    pub(super) fn distances(&self, from: &[[f64; 3]]) -> Vec<f64> {
        let one = |p: &[f64; 3]| {
            let mut best = f64::INFINITY;
            self.search(p, 0, self.points.len(), &mut best);
            best.sqrt()
        };
        from.par_iter().with_min_len(512).map(one).collect()
    }

    fn search(&self, p: &[f64; 3], low: usize, high: usize, best: &mut f64) {
        if high - low <= LEAF {
            for q in &self.points[low..high] {
                *best = best.min(squared(p, q));
            }
            return;
        }
        let middle = low + (high - low) / 2;
        let node = &self.points[middle];
        *best = best.min(squared(p, node));
        let axis = usize::from(self.axis[middle]);
        let gap = p[axis] - node[axis];
        let (near, far) =
            if gap < 0.0 { ((low, middle), (middle + 1, high)) } else { ((middle + 1, high), (low, middle)) };
        self.search(p, near.0, near.1, best);
        if gap * gap < *best {
            self.search(p, far.0, far.1, best);
        }
    }
}

fn squared(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    (0..3).map(|k| (a[k] - b[k]) * (a[k] - b[k])).sum()
}

/// Orders a range around its middle along its longest side, and so on below.
fn divide(points: &mut [[f64; 3]], axis: &mut [u8]) {
    if points.len() <= LEAF {
        return;
    }
    let extent = |k: usize| {
        let (low, high) = points.iter().fold((f64::MAX, f64::MIN), |(l, h), p| (l.min(p[k]), h.max(p[k])));
        high - low
    };
    let sides = [extent(0), extent(1), extent(2)];
    let longest = (0..3).max_by(|&a, &b| sides[a].total_cmp(&sides[b])).unwrap_or(0);
    let middle = points.len() / 2;
    points.select_nth_unstable_by(middle, |a, b| a[longest].total_cmp(&b[longest]));
    axis[middle] = longest as u8;
    let (left, right) = points.split_at_mut(middle);
    let (left_axis, right_axis) = axis.split_at_mut(middle);
    rayon::join(|| divide(left, left_axis), || divide(&mut right[1..], &mut right_axis[1..]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_a_search_through_all_points() {
        // A lattice with ties and a few far points.
        let lattice = (0..700).map(|i| [(i % 10) as f64 * 0.45, (i / 10 % 10) as f64, (i / 100) as f64 * 0.625]);
        let points: Vec<[f64; 3]> = lattice.chain([[100.0, -3.0, 7.0], [-40.0, 0.0, 0.0]]).collect();
        let tree = Points::new(points.clone());
        let from: Vec<[f64; 3]> =
            (0..400).map(|i| [(i % 23) as f64 - 5.0, (i % 17) as f64 * 0.7, (i % 7) as f64]).collect();
        for (p, found) in from.iter().zip(tree.distances(&from)) {
            let expected = points.iter().map(|q| squared(p, q)).fold(f64::INFINITY, f64::min).sqrt();
            assert_eq!(found, expected);
        }
        assert!(Points::new(Vec::new()).distances(&from)[0].is_infinite());
    }
}
