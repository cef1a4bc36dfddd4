use super::Volume;

/// Connected pieces of a mask.
#[derive(Clone, Debug)]
pub struct Components {
    /// 0 for background, else the piece's number from 1, in the order of its first voxel.
    pub labels: Volume<u32>,
    /// Voxels of each piece; `sizes[0]` is piece 1.
    pub sizes: Vec<usize>,
}

/// A run of set voxels along x.
struct Run {
    start: u32,
    end: u32,
    root: u32,
}

/// Labels the connected pieces of the nonzero voxels: neighbours by face, or also by edge and corner when
/// `corners` is set (6 or 26 neighbours).
pub fn label_components(mask: &Volume<u8>, corners: bool) -> Components {
    let [nx, ny, nz] = mask.grid.size;
    let mut runs: Vec<Run> = Vec::new();
    let mut row_start = Vec::with_capacity(ny * nz + 1);
    let reach = u32::from(corners);
    for z in 0..nz {
        for y in 0..ny {
            let row = row_start.len();
            row_start.push(runs.len());
            let line = &mask.data[row * nx..(row + 1) * nx];
            push_runs(line, &mut runs);
            let (first, last) = (row_start[row], runs.len());
            let mut join = |other_row: usize| {
                let (mut a, mut b) = (first, row_start[other_row]);
                let b_end = row_start[other_row + 1];
                while a < last && b < b_end {
                    if runs[a].start < runs[b].end + reach && runs[b].start < runs[a].end + reach {
                        union(&mut runs, a, b);
                    }
                    if runs[a].end < runs[b].end { a += 1 } else { b += 1 }
                }
            };
            if y > 0 {
                join(row - 1);
            }
            if z > 0 {
                join(row - ny);
                if corners {
                    if y > 0 {
                        join(row - ny - 1);
                    }
                    if y + 1 < ny {
                        join(row - ny + 1);
                    }
                }
            }
        }
    }
    row_start.push(runs.len());
    let mut number = vec![0u32; runs.len()];
    let mut sizes = Vec::new();
    let mut labels = Volume::filled(mask.grid.clone(), 0u32);
    for row in 0..ny * nz {
        for r in row_start[row]..row_start[row + 1] {
            let root = find(&mut runs, r);
            if number[root] == 0 {
                sizes.push(0);
                number[root] = sizes.len() as u32;
            }
            let (start, end) = (runs[r].start as usize, runs[r].end as usize);
            sizes[number[root] as usize - 1] += end - start;
            labels.data[row * nx + start..row * nx + end].fill(number[root]);
        }
    }
    Components { labels, sizes }
}

/// The mask of the largest connected piece (the first of several equal ones); empty stays empty.
pub fn largest_component(mask: &Volume<u8>, corners: bool) -> Volume<u8> {
    let found = label_components(mask, corners);
    let best =
        found.sizes.iter().enumerate().max_by_key(|&(i, &n)| (n, usize::MAX - i)).map_or(0, |(i, _)| i as u32 + 1);
    found.labels.map(|l| u8::from(l != 0 && l == best))
}

fn push_runs(line: &[u8], runs: &mut Vec<Run>) {
    let mut x = 0;
    while x < line.len() {
        if line[x] == 0 {
            x += 1;
            continue;
        }
        let start = x;
        while x < line.len() && line[x] != 0 {
            x += 1;
        }
        let root = runs.len() as u32;
        runs.push(Run { start: start as u32, end: x as u32, root });
    }
}

fn find(runs: &mut [Run], mut r: usize) -> usize {
    while runs[r].root as usize != r {
        let up = runs[runs[r].root as usize].root;
        runs[r].root = up;
        r = up as usize;
    }
    r
}

fn union(runs: &mut [Run], a: usize, b: usize) {
    let (a, b) = (find(runs, a), find(runs, b));
    // The smaller index becomes the root, so that numbering follows the first voxel.
    if a < b {
        runs[b].root = a as u32;
    } else {
        runs[a].root = b as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Grid;

    #[test]
    fn corner_contact_joins_only_with_26_neighbours() {
        let grid = Grid::axis_aligned([4, 4, 4], [1.0; 3], Default::default());
        let mut mask = Volume::filled(grid, 0u8);
        for p in [(0, 0, 0), (1, 1, 1), (3, 3, 3), (3, 2, 3)] {
            let offset = mask.grid.offset(p.0, p.1, p.2);
            mask.data[offset] = 1;
        }
        assert_eq!(label_components(&mask, false).sizes, vec![1, 1, 2]);
        assert_eq!(label_components(&mask, true).sizes, vec![2, 2]);
        let largest = largest_component(&mask, false);
        assert_eq!(largest.data.iter().filter(|&&v| v == 1).count(), 2);
        assert_eq!(largest.at(3, 3, 3), 1);
    }

    #[test]
    fn a_u_shape_is_one_piece() {
        let grid = Grid::axis_aligned([5, 3, 1], [1.0; 3], Default::default());
        let data = vec![1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 1, 1, 1, 0, 1];
        let found = label_components(&Volume::new(grid, data), false);
        assert_eq!(found.sizes, vec![7, 3]);
    }
}
