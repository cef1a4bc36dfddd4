//! The word for an outline's shape, and the smallest rectangle around it.

use super::outline::shoelace;
use nalgebra::Vector2;

type Point = Vector2<f64>;

/// Below this overlap with every plain shape an outline is irregular.
const LEAST_OVERLAP: f64 = 0.86;
/// Longer against wider than this is not a circle or a square any more.
const ROUND_ASPECT: f64 = 1.2;
/// Sides within this angle are parallel, degrees.
const PARALLEL_DEG: f64 = 12.0;

/// `circle`, `oval`, `square`, `rectangle`, `triangle`, `trapezoid` or `irregular`: the plain shape of the same area
/// that overlaps the outline most (intersection over union), the ellipse of equal second moments, the smallest
/// rectangle, the largest triangle and quadrilateral inside, each brought to the outline's area.
pub(super) fn shape_word(outline: &[Point]) -> &'static str {
    let area = area(outline);
    let hull = thinned(&hull(outline), 36);
    if outline.len() < 8 || hull.len() < 4 || area <= 0.0 {
        return "irregular";
    }
    let (centre, long, ratio) = moments(outline);
    let ellipse = ellipse(&centre, &long, ratio, area);
    let (rectangle, sides) = smallest_rectangle(outline);
    let rectangle = scaled_to(&rectangle, area);
    let triangle = scaled_to(&largest_polygon(&hull, 3), area);
    let quad = largest_polygon(&hull, 4);
    let aspect = sides[0] / sides[1].max(1e-9);
    let round = if ratio < ROUND_ASPECT { "circle" } else { "oval" };
    let right = if aspect < ROUND_ASPECT { "square" } else { "rectangle" };
    let mut candidates = vec![(round, ellipse), (right, rectangle), ("triangle", triangle)];
    if is_trapezoid(&quad) {
        candidates.push(("trapezoid", scaled_to(&quad, area)));
    }
    let mut best = ("irregular", LEAST_OVERLAP);
    for (word, polygon) in &candidates {
        let share = overlap(outline, polygon);
        if share > best.1 {
            best = (word, share);
        }
    }
    best.0
}

/// Corners and sides (long, short) of the rectangle of least area around the points.
pub(super) fn smallest_rectangle(points: &[Point]) -> (Vec<Point>, [f64; 2]) {
    let hull = hull(points);
    let mut best = (f64::INFINITY, Vec::new(), [0.0; 2]);
    for i in 0..hull.len() {
        let edge = hull[(i + 1) % hull.len()] - hull[i];
        let Some(u) = edge.try_normalize(1e-12) else { continue };
        let v = Point::new(-u.y, u.x);
        let range = |axis: &Point| {
            hull.iter().map(|p| p.dot(axis)).fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)))
        };
        let ((u0, u1), (v0, v1)) = (range(&u), range(&v));
        let (w, h) = (u1 - u0, v1 - v0);
        if w * h < best.0 {
            let corner = |a: f64, b: f64| u * a + v * b;
            best = (w * h, vec![corner(u0, v0), corner(u1, v0), corner(u1, v1), corner(u0, v1)], [w.max(h), w.min(h)]);
        }
    }
    (best.1, best.2)
}

fn area(polygon: &[Point]) -> f64 {
    shoelace(&polygon.iter().map(|p| (p.x, p.y)).collect::<Vec<_>>()).abs()
}

/// Convex hull, counter-clockwise (Andrew's monotone chain).
fn hull(points: &[Point]) -> Vec<Point> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)));
    let turn = |a: &Point, b: &Point, c: &Point| (b - a).perp(&(c - a));
    let chain = |points: &mut dyn Iterator<Item = &Point>| {
        let mut out: Vec<Point> = Vec::new();
        for p in points {
            while out.len() > 1 && turn(&out[out.len() - 2], &out[out.len() - 1], p) <= 0.0 {
                out.pop();
            }
            out.push(*p);
        }
        out.pop();
        out
    };
    let mut lower = chain(&mut sorted.iter());
    lower.extend(chain(&mut sorted.iter().rev()));
    lower
}

/// About `count` of the points, even along the curve.
fn thinned(points: &[Point], count: usize) -> Vec<Point> {
    if points.len() <= count {
        return points.to_vec();
    }
    let gaps: Vec<f64> = (0..points.len()).map(|i| (points[(i + 1) % points.len()] - points[i]).norm()).collect();
    let total: f64 = gaps.iter().sum();
    let mut out = Vec::new();
    let (mut passed, mut due) = (0.0, 0.0);
    for (p, gap) in points.iter().zip(&gaps) {
        if passed >= due {
            out.push(*p);
            due = passed + total / count as f64;
        }
        passed += gap;
    }
    out
}

/// Centroid, direction of the longest second moment and ratio of the two axes of a polygon.
fn moments(polygon: &[Point]) -> (Point, Point, f64) {
    let first = polygon[0];
    let (mut a, mut m) = (0.0, Point::zeros());
    let mut s = nalgebra::Matrix2::zeros();
    for i in 0..polygon.len() {
        let (p, q) = (polygon[i] - first, polygon[(i + 1) % polygon.len()] - first);
        let t = p.perp(&q) / 2.0;
        a += t;
        m += (p + q) * (t / 3.0);
        // ∫ x xᵀ over the triangle (0, p, q) = t/12 · (p pᵀ + q qᵀ + (p + q)(p + q)ᵀ)
        s += (p * p.transpose() + q * q.transpose() + (p + q) * (p + q).transpose()) * (t / 6.0 / 2.0);
    }
    let centre = m / a;
    let covariance = s / a - centre * centre.transpose();
    let eigen = covariance.symmetric_eigen();
    let k = eigen.eigenvalues.imax();
    let ratio = (eigen.eigenvalues[k] / eigen.eigenvalues[1 - k].max(1e-12)).sqrt();
    (first + centre, eigen.eigenvectors.column(k).into_owned(), ratio)
}

fn ellipse(centre: &Point, long: &Point, ratio: f64, area: f64) -> Vec<Point> {
    let b = (area / std::f64::consts::PI / ratio).sqrt();
    let across = Point::new(-long.y, long.x);
    (0..72)
        .map(|i| (f64::from(i) / 72.0 * std::f64::consts::TAU).sin_cos())
        .map(|(s, c)| centre + long * (b * ratio * c) + across * (b * s))
        .collect()
}

/// The polygon of `corners` (3 or 4) of the hull's points with the largest area.
fn largest_polygon(hull: &[Point], corners: usize) -> Vec<Point> {
    let n = hull.len();
    let mut best = (0.0, Vec::new());
    for i in 0..n {
        for j in i + 1..n {
            for k in j + 1..n {
                let base = (hull[j] - hull[i]).perp(&(hull[k] - hull[i]));
                if corners == 3 {
                    if base > best.0 {
                        best = (base, vec![hull[i], hull[j], hull[k]]);
                    }
                    continue;
                }
                for l in k + 1..n {
                    let whole = base + (hull[k] - hull[i]).perp(&(hull[l] - hull[i]));
                    if whole > best.0 {
                        best = (whole, vec![hull[i], hull[j], hull[k], hull[l]]);
                    }
                }
            }
        }
    }
    best.1
}

/// Exactly one pair of opposite sides parallel, and clearly unequal.
fn is_trapezoid(quad: &[Point]) -> bool {
    if quad.len() != 4 {
        return false;
    }
    let side = |i: usize| quad[(i + 1) % 4] - quad[i];
    let slant = |i: usize| {
        let (a, b) = (side(i).normalize(), -side(i + 2).normalize());
        a.perp(&b).abs().clamp(0.0, 1.0).asin().to_degrees()
    };
    let uneven = |i: usize| {
        let (a, b) = (side(i).norm(), side(i + 2).norm());
        a.max(b) / a.min(b).max(1e-9) > 1.3
    };
    let parallel = |i: usize| slant(i) < PARALLEL_DEG && uneven(i);
    (parallel(0) && slant(1) >= PARALLEL_DEG) || (parallel(1) && slant(0) >= PARALLEL_DEG)
}

/// A polygon scaled about its centroid to an area.
fn scaled_to(polygon: &[Point], target: f64) -> Vec<Point> {
    let own = area(polygon);
    if polygon.len() < 3 || own <= 0.0 {
        return polygon.to_vec();
    }
    let centre = moments(polygon).0;
    let k = (target / own).sqrt();
    polygon.iter().map(|p| centre + (p - centre) * k).collect()
}

fn contains(polygon: &[Point], p: &Point) -> bool {
    let mut inside = false;
    for i in 0..polygon.len() {
        let (a, b) = (&polygon[i], &polygon[(i + 1) % polygon.len()]);
        if (a.y > p.y) != (b.y > p.y) && p.x < a.x + (p.y - a.y) / (b.y - a.y) * (b.x - a.x) {
            inside = !inside;
        }
    }
    inside
}

/// Intersection over union of two polygons, counted on a grid of about 80² points.
fn overlap(a: &[Point], b: &[Point]) -> f64 {
    let all = || a.iter().chain(b);
    let low = all().fold(Point::repeat(f64::INFINITY), |l, p| l.inf(p));
    let high = all().fold(Point::repeat(f64::NEG_INFINITY), |h, p| h.sup(p));
    let step = (high - low).max() / 80.0;
    let (mut both, mut either) = (0usize, 0usize);
    for i in 0..=80 {
        for j in 0..=80 {
            // Shifted a little, so that no point lies on a straight side.
            let p = low + Point::new(f64::from(i) + 0.37, f64::from(j) + 0.41) * step;
            let (x, y) = (contains(a, &p), contains(b, &p));
            both += usize::from(x && y);
            either += usize::from(x || y);
        }
    }
    both as f64 / either.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A polygon with points every unit along its sides, turned by 0.4 rad.
    fn walk(corners: &[(f64, f64)]) -> Vec<Point> {
        let turn = nalgebra::Rotation2::new(0.4);
        let mut out = Vec::new();
        for i in 0..corners.len() {
            let (a, b) = (corners[i], corners[(i + 1) % corners.len()]);
            let (a, b) = (Point::new(a.0, a.1), Point::new(b.0, b.1));
            let steps = (b - a).norm().ceil() as usize;
            out.extend((0..steps).map(|k| turn * (a + (b - a) * (k as f64 / steps as f64))));
        }
        out
    }

    fn round(a: f64, b: f64) -> Vec<Point> {
        (0..120)
            .map(|i| (f64::from(i) / 120.0 * std::f64::consts::TAU).sin_cos())
            .map(|(s, c)| Point::new(a * c, b * s))
            .collect()
    }

    #[test]
    fn plain_shapes_get_their_names() {
        assert_eq!(shape_word(&round(20.0, 20.0)), "circle");
        assert_eq!(shape_word(&round(30.0, 18.0)), "oval");
        assert_eq!(shape_word(&walk(&[(0.0, 0.0), (40.0, 0.0), (40.0, 38.0), (0.0, 38.0)])), "square");
        assert_eq!(shape_word(&walk(&[(0.0, 0.0), (60.0, 0.0), (60.0, 30.0), (0.0, 30.0)])), "rectangle");
        assert_eq!(shape_word(&walk(&[(0.0, 0.0), (50.0, 0.0), (20.0, 45.0)])), "triangle");
        assert_eq!(shape_word(&walk(&[(0.0, 0.0), (60.0, 0.0), (42.0, 35.0), (14.0, 35.0)])), "trapezoid");
        let l_shape = [(0.0, 0.0), (60.0, 0.0), (60.0, 20.0), (20.0, 20.0), (20.0, 60.0), (0.0, 60.0)];
        assert_eq!(shape_word(&walk(&l_shape)), "irregular");
    }

    #[test]
    fn the_smallest_rectangle_is_found_at_any_turn() {
        let (_, sides) = smallest_rectangle(&walk(&[(0.0, 0.0), (60.0, 0.0), (60.0, 30.0), (0.0, 30.0)]));
        assert!((sides[0] - 60.0).abs() < 1e-6 && (sides[1] - 30.0).abs() < 1e-6);
    }

    #[test]
    fn moments_of_an_ellipse_are_its_axes() {
        let (centre, long, ratio) = moments(&round(30.0, 15.0));
        assert!(centre.norm() < 1e-6 && long.x.abs() > 0.999 && (ratio - 2.0).abs() < 1e-3);
    }
}
