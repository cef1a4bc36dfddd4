/// Stretches a membrane over the pixels of a square map that are not `known`, between those that are: Laplace's
/// equation by successive over-relaxation, `rounds` times over the map; the border stays as it is.
/// Source: D. M. Young, Iterative Solution of Large Linear Systems (1971).
pub(crate) fn stretch_membrane(field: &mut [f32], known: &[bool], size: usize, rounds: usize) {
    const OVER_RELAXATION: f32 = 1.8;
    for _ in 0..rounds {
        for row in 1..size - 1 {
            for column in 1..size - 1 {
                let o = row * size + column;
                if !known[o] {
                    let mean = (field[o - 1] + field[o + 1] + field[o - size] + field[o + size]) / 4.0;
                    field[o] += OVER_RELAXATION * (mean - field[o]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn between_two_known_edges_it_is_a_plane() {
        let size = 20;
        let plane = |o: usize| (o % size) as f32 * 0.3 - (o / size) as f32 * 0.1;
        let known: Vec<bool> =
            (0..size * size).map(|o| o % size < 2 || o % size > 16 || o / size < 2 || o / size > 16).collect();
        let mut field: Vec<f32> = (0..size * size).map(|o| if known[o] { plane(o) } else { 7.0 }).collect();
        stretch_membrane(&mut field, &known, size, 200);
        assert!((0..size * size).all(|o| (field[o] - plane(o)).abs() < 1e-3));
    }
}
