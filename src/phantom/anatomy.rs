//! Everything of the head that is not the braincase: where each bone, cavity and soft part lies.
//!
//! Coordinates are mm of the head frame (x left, y back, z up, origin 75 mm below the vertex) of an average
//! adult, read off the Visible Human male CT and typical dimensions; x ≥ 0 stands for both sides.

use super::shape::Shape;

/// What fills a cavity of the skull.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fill {
    /// Air of a sinus, the ear canal or the throat.
    Air,
    /// Air between mucous membranes, conchae and septum.
    Nose,
    /// Fat behind the eye.
    Fat,
    /// Soft tissue: brain stem, nerves.
    Soft,
}

/// What ends a cavity or its wall before its own surface does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Limit {
    None,
    /// The wall ends at the orbit's rim: open to the front.
    OrbitRim,
    /// The cavity stays between the tables of the vault.
    Tables,
}

/// A hollow of the skull.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cavity {
    pub shape: Shape,
    /// Bony wall laid around it, mm; 0 for none.
    pub wall_mm: f64,
    pub limit: Limit,
    pub fill: Fill,
}

/// Bodies of one head.
pub(super) struct Anatomy {
    /// Joined to the braincase; cavities are cut out of them.
    pub skull: Vec<Shape>,
    /// Jaw and neck bones: whole.
    pub loose: Vec<Shape>,
    pub teeth: Vec<Shape>,
    pub cavities: Vec<Cavity>,
    /// Outer body beside scalp over the braincase.
    pub soft: Vec<Shape>,
    pub eyes: Vec<(Shape, f64)>,
    /// Mastoid: bone with air cells.
    pub mastoid: Shape,
}

/// A chain of round cones through points with radii.
fn chain(points: &[([f64; 3], f64)]) -> impl Iterator<Item = Shape> + '_ {
    points.windows(2).map(|w| Shape::cone(w[0].0, w[0].1, w[1].0, w[1].1))
}

impl Anatomy {
    pub(super) fn new() -> Self {
        let mastoid = Shape::ellipsoid([52.0, 28.0, -45.0], [9.5, 13.0, 15.0]);
        Self {
            skull: skull(mastoid),
            loose: loose(),
            teeth: teeth(),
            cavities: cavities(),
            soft: soft(),
            eyes: eyes(),
            mastoid,
        }
    }
}

fn skull(mastoid: Shape) -> Vec<Shape> {
    let mut bones = vec![
        mastoid,
        // Petrous pyramid, sphenoid body, occipital condyle.
        Shape::cone([53.0, 17.0, -37.0], 8.5, [16.0, 3.0, -38.0], 6.5),
        Shape::ellipsoid([0.0, -13.0, -40.0], [17.0, 17.0, 11.0]),
        Shape::ellipsoid([20.0, 26.0, -52.0], [6.0, 10.0, 6.0]),
        // Hard palate, body of the maxilla, its root on the cheekbone, cheekbone.
        Shape::block([0.0, -45.0, -82.0], [19.0, 19.0, 2.2], 2.0),
        Shape::ellipsoid([25.0, -50.0, -70.0], [19.0, 20.5, 18.0]),
        Shape::ellipsoid([19.0, -63.0, -71.0], [12.0, 9.0, 14.0]),
        Shape::cone([34.0, -56.0, -66.0], 8.0, [50.0, -52.0, -62.0], 7.0),
        Shape::ellipsoid([52.0, -51.0, -59.0], [6.5, 9.0, 11.0]),
        Shape::cone([26.0, -24.0, -64.0], 6.0, [25.0, -26.0, -88.0], 5.5),
        // Pterygoid plates.
        Shape::cone([16.0, -14.0, -48.0], 3.5, [17.0, -12.0, -80.0], 2.2),
    ];
    // Supraorbital rim, glabella, nasal bones, frontal process of the maxilla, infraorbital rim.
    let brow = [
        ([6.0, -82.0, -26.0], 5.0),
        ([24.0, -78.5, -22.0], 4.5),
        ([38.0, -71.0, -22.0], 4.5),
        ([50.0, -58.0, -28.0], 4.5),
    ];
    let nose = [([2.0, -82.5, -28.0], 4.0), ([3.5, -84.0, -42.0], 2.6), ([5.0, -87.0, -54.0], 1.8)];
    let process = [([9.0, -81.0, -32.0], 3.5), ([13.0, -76.0, -58.0], 3.6), ([17.0, -65.0, -80.0], 5.0)];
    let below = [([14.0, -74.0, -58.0], 3.4), ([32.0, -69.0, -61.0], 4.2), ([50.0, -56.0, -58.0], 5.0)];
    // Lateral orbital rim, zygomatic arch.
    let side = [([50.0, -58.0, -28.0], 4.2), ([53.0, -54.0, -43.0], 4.2), ([52.0, -52.0, -60.0], 6.5)];
    let bridge = [
        ([54.0, -46.0, -60.0], 5.0),
        ([62.0, -28.0, -56.0], 3.4),
        ([64.0, -8.0, -50.0], 3.2),
        ([60.0, 8.0, -44.0], 4.5),
    ];
    for line in [&brow[..], &nose, &process, &below, &side, &bridge] {
        bones.extend(chain(line));
    }
    // Alveolar process of the upper jaw.
    bones.extend(arch(-88.0, 27.0, 5.5));
    bones.extend(arch(-80.0, 25.0, 6.0));
    bones
}

/// The dental arch at a height: a parabola open to the back, half as a chain of cones.
fn arch(z: f64, to_x: f64, radius_mm: f64) -> Vec<Shape> {
    let points: Vec<_> = (0..=6).map(|i| (arch_point(to_x * i as f64 / 6.0, z), radius_mm)).collect();
    chain(&points).collect()
}

fn arch_point(x: f64, z: f64) -> [f64; 3] {
    [x, -63.0 + 0.055 * x * x, z]
}

fn loose() -> Vec<Shape> {
    let mut bones = arch(-113.0, 25.0, 4.8);
    // Body and ramus of the mandible, coronoid and condylar process.
    bones.extend(chain(&[
        ([0.0, -60.0, -124.0], 6.5),
        ([22.0, -46.0, -122.0], 5.5),
        ([38.0, -22.0, -116.0], 5.5),
        ([46.0, 0.0, -104.0], 5.0),
    ]));
    bones.extend(chain(&[([24.0, -40.0, -116.0], 5.0), ([38.0, -18.0, -108.0], 5.0)]));
    bones.extend(chain(&[([46.0, -2.0, -104.0], 5.0), ([47.0, -6.0, -80.0], 4.0), ([49.0, 2.0, -56.0], 4.5)]));
    bones.extend(chain(&[([44.0, -16.0, -104.0], 4.0), ([46.0, -20.0, -64.0], 2.5)]));
    bones.push(Shape::block([46.3, -9.0, -86.0], [3.6, 12.0, 20.0], 3.0));
    bones.extend(arch(-119.0, 22.0, 5.5));
    // Atlas, axis with dens, third to fifth vertebra; the neck runs down and back in this frame.
    let down = [0.0, 0.42, -0.9];
    bones.push(Shape::ring([0.0, 36.0, -65.0], down, 17.5, 3.6));
    bones.push(Shape::ellipsoid([20.0, 30.0, -63.0], [8.0, 9.0, 6.5]));
    bones.push(Shape::cone([0.0, 21.0, -62.0], 4.5, [0.0, 29.0, -80.0], 8.0));
    for i in 0..4 {
        let (y, z) = (30.0 + 7.5 * i as f64, -82.0 - 17.0 * i as f64);
        bones.push(Shape::block([0.0, y, z], [10.0, 8.5, 6.5], 2.5));
        bones.push(Shape::ring([0.0, y + 16.0, z - 3.0], down, 12.0, 3.0));
        bones.push(Shape::cone([0.0, y + 27.0, z - 6.0], 3.2, [0.0, y + 38.0, z - 12.0], 3.0));
        bones.push(Shape::ellipsoid([17.0, y + 9.0, z], [6.0, 7.0, 6.0]));
    }
    bones
}

fn teeth() -> Vec<Shape> {
    let mut teeth = Vec::new();
    for i in 0..7 {
        let x = 2.2 + 3.7 * i as f64;
        let width = if i < 3 { 2.0 } else { 2.9 };
        let [x, y, _] = arch_point(x, 0.0);
        teeth.push(Shape::cone([x, y, -89.0], 1.6, [x, y, -99.0], width));
        teeth.push(Shape::cone([x * 0.95, y + 1.5, -113.0], 1.6, [x * 0.95, y + 1.5, -103.5], width - 0.2));
    }
    teeth
}

fn cavities() -> Vec<Cavity> {
    let cavity = |shape, wall_mm, fill| Cavity { shape, wall_mm, limit: Limit::None, fill };
    vec![
        Cavity {
            shape: Shape::cone([33.0, -63.0, -41.5], 17.5, [14.0, -28.0, -34.5], 4.0),
            wall_mm: 2.2,
            limit: Limit::OrbitRim,
            fill: Fill::Fat,
        },
        cavity(Shape::cone([14.0, -29.0, -34.0], 2.2, [8.0, -14.0, -27.0], 2.2), 0.0, Fill::Soft),
        // Frontal, maxillary and sphenoid sinus, ethmoid cells.
        Cavity {
            shape: Shape::ellipsoid([11.0, -78.0, -11.0], [10.0, 7.0, 9.5]),
            wall_mm: 0.0,
            limit: Limit::Tables,
            fill: Fill::Air,
        },
        cavity(Shape::ellipsoid([31.0, -48.0, -74.0], [11.5, 15.0, 11.5]), 1.8, Fill::Air),
        cavity(Shape::ellipsoid([7.0, -14.0, -41.0], [5.5, 10.0, 6.5]), 1.5, Fill::Air),
        cavity(Shape::block([9.0, -52.0, -41.0], [3.2, 18.0, 5.5], 2.0), 1.0, Fill::Nose),
        cavity(Shape::block([0.0, -47.0, -62.0], [11.5, 27.0, 16.0], 8.0), 1.6, Fill::Nose),
        // Foramen magnum, ear canal, throat.
        cavity(Shape::cone([0.0, 30.0, -36.0], 15.5, [0.0, 34.0, -62.0], 15.5), 0.0, Fill::Soft),
        cavity(Shape::cone([82.0, 12.0, -44.0], 3.5, [49.0, 10.0, -43.0], 3.2), 0.0, Fill::Air),
        cavity(Shape::cone([0.0, -14.0, -66.0], 9.0, [0.0, 8.0, -130.0], 8.0), 0.0, Fill::Air),
    ]
}

fn soft() -> Vec<Shape> {
    vec![
        Shape::ellipsoid([0.0, -34.0, -72.0], [58.0, 51.0, 66.0]),
        Shape::ellipsoid([40.0, -22.0, -58.0], [35.0, 38.0, 40.0]),
        Shape::ellipsoid([28.0, -60.0, -42.0], [28.0, 26.0, 27.0]),
        Shape::ellipsoid([0.0, -48.0, -112.0], [34.0, 24.0, 26.0]),
        // Nose, ear, neck.
        Shape::cone([0.0, -82.0, -38.0], 9.0, [0.0, -93.0, -68.0], 12.0),
        Shape::ellipsoid([78.0, 17.0, -38.0], [5.0, 15.0, 28.0]),
        Shape::cone([0.0, 34.0, -45.0], 58.0, [0.0, 72.0, -150.0], 58.0),
    ]
}

fn eyes() -> Vec<(Shape, f64)> {
    vec![
        (Shape::cone([32.0, -58.0, -41.0], 2.2, [15.0, -30.0, -34.5], 1.9), 38.0),
        (Shape::ellipsoid([33.0, -67.0, -41.5], [12.0, 12.0, 12.0]), 12.0),
        (Shape::ellipsoid([33.0, -77.0, -41.5], [4.6, 2.0, 4.6]), 90.0),
    ]
}
