use super::*;

const SIZE: [u32; 2] = [800, 600];

fn head() -> (Point3<f64>, Point3<f64>) {
    (Point3::new(-80.0, -110.0, -70.0), Point3::new(80.0, 90.0, 90.0))
}

#[test]
fn front_shows_the_patients_right_on_the_left_and_superior_up() {
    let camera = Camera::standard(StandardView::Front, head(), SIZE);
    let centre = camera.pixel(&camera.target_mm, SIZE).unwrap().0;
    assert!((centre[0] - 400.0).abs() < 1e-9 && (centre[1] - 300.0).abs() < 1e-9);
    let right = camera.pixel(&Point3::new(-60.0, -10.0, 10.0), SIZE).unwrap().0;
    assert!(right[0] < 400.0 - 50.0, "the patient's right (−x) is at {right:?}");
    let top = camera.pixel(&Point3::new(0.0, -10.0, 80.0), SIZE).unwrap().0;
    assert!(top[1] < 300.0 - 50.0);
    let nose = camera.pixel(&Point3::new(0.0, -100.0, 10.0), SIZE).unwrap().1;
    assert!(nose < camera.pixel(&Point3::new(0.0, 80.0, 10.0), SIZE).unwrap().1);
}

#[test]
fn the_other_standard_views_face_the_way_their_names_say() {
    let pixel = |view, p: [f64; 3]| Camera::standard(view, head(), SIZE).pixel(&Point3::from(p), SIZE).unwrap().0;
    // Left: the nose (−y) points to the screen's left; right: to its right; back: the patient's left is on the left.
    assert!(pixel(StandardView::Left, [0.0, -100.0, 10.0])[0] < 350.0);
    assert!(pixel(StandardView::Right, [0.0, -100.0, 10.0])[0] > 450.0);
    assert!(pixel(StandardView::Back, [60.0, 0.0, 10.0])[0] < 350.0);
    // Top: the nose is up and the patient's right on the right; bottom: nose up, right on the left.
    assert!(pixel(StandardView::Top, [0.0, -100.0, 10.0])[1] < 250.0);
    assert!(pixel(StandardView::Top, [-60.0, 0.0, 10.0])[0] > 450.0);
    assert!(pixel(StandardView::Bottom, [0.0, -100.0, 10.0])[1] < 250.0);
    assert!(pixel(StandardView::Bottom, [-60.0, 0.0, 10.0])[0] < 350.0);
}

#[test]
fn a_framed_box_touches_the_margin_and_stays_inside() {
    for view in StandardView::ALL {
        for size in [[800, 600], [300, 900]] {
            let camera = Camera::standard(view, head(), size);
            let mut largest = 0.0f64;
            for corner in 0..8 {
                let (low, high) = head();
                let p = Point3::from(Vector3::from_fn(|k, _| if (corner >> k) & 1 == 0 { low[k] } else { high[k] }));
                let [x, y] = camera.pixel(&p, size).unwrap().0;
                let half = [f64::from(size[0]) / 2.0, f64::from(size[1]) / 2.0];
                largest = largest.max(((x - half[0]) / half[0]).abs()).max(((y - half[1]) / half[1]).abs());
            }
            assert!((largest - (1.0 - FRAME_MARGIN)).abs() < 1e-9, "{view:?} {size:?}: {largest}");
        }
    }
}

#[test]
fn rays_and_pixels_are_inverse_and_agree_with_three_d() {
    let camera = Camera { azimuth_deg: 33.0, elevation_deg: -21.0, ..Camera::default() }.framed(head(), SIZE);
    let theirs = camera.three_d(SIZE, head());
    for pixel in [[10.0, 20.0], [400.0, 300.0], [777.0, 580.0]] {
        let ray = camera.ray(pixel, SIZE);
        let p = ray.origin + ray.direction * 431.0;
        let back = camera.pixel(&p, SIZE).unwrap().0;
        assert!((back[0] - pixel[0]).abs() < 1e-8 && (back[1] - pixel[1]).abs() < 1e-8);
        let other = theirs.pixel_at_position(vec3(p.x as f32, p.y as f32, p.z as f32));
        // three-d counts y from the bottom, in f32.
        assert!((f64::from(other.x) - pixel[0]).abs() < 0.02);
        assert!((600.0 - f64::from(other.y) - pixel[1]).abs() < 0.02);
    }
}

#[test]
fn clip_depth_runs_from_zero_to_one() {
    let camera = Camera::standard(StandardView::Left, head(), SIZE);
    let (view, projection) = camera.matrices(SIZE, head());
    let (near, far) = camera.depth_range_mm(head());
    for (depth, expected) in [(near, 0.0), (far, 1.0)] {
        let p = camera.eye_mm() - camera.axes().2 * depth;
        let clip = projection * view * p.coords.cast::<f32>().push(1.0);
        assert!((clip.z / clip.w - expected).abs() < 1e-4);
    }
}

#[test]
fn zoom_keeps_the_point_under_the_cursor_and_pan_follows_it() {
    let camera = Camera { azimuth_deg: 70.0, elevation_deg: 40.0, ..Camera::default() };
    let pixel = [123.0, 456.0];
    let p = camera.in_target_plane(pixel, SIZE);
    let closer = camera.zoomed_at(1.7, pixel, SIZE);
    let after = closer.pixel(&p, SIZE).unwrap().0;
    assert!((after[0] - pixel[0]).abs() < 1e-8 && (after[1] - pixel[1]).abs() < 1e-8);
    assert!((closer.distance_mm - 600.0 / 1.7).abs() < 1e-9);
    let moved = camera.panned(31.0, -17.0, SIZE).pixel(&p, SIZE).unwrap().0;
    assert!((moved[0] - 154.0).abs() < 1e-8 && (moved[1] - 439.0).abs() < 1e-8);
}

#[test]
fn dragging_right_turns_the_near_side_to_the_right_and_stops_at_the_poles() {
    let camera = Camera::default();
    let turned = camera.orbited(50.0, 0.0, SIZE);
    let nose = turned.pixel(&Point3::new(0.0, -100.0, 0.0), SIZE).unwrap().0;
    assert!(nose[0] > 410.0);
    let over = camera.orbited(0.0, 5000.0, SIZE);
    assert_eq!(over.elevation_deg, 90.0);
    assert!((over.axes().1 - Vector3::y()).norm() < 1e-12, "the picture's up stays defined at the pole");
}

#[test]
fn a_glide_ends_exactly_and_takes_the_short_way_round() {
    let from = Camera { azimuth_deg: 170.0, ..Camera::default() };
    let to = Camera { azimuth_deg: -170.0, distance_mm: 150.0, ..Camera::default() };
    let glide = Glide { from, to };
    assert_eq!(glide.at(0.0), from);
    assert_eq!(glide.at(GLIDE_S), to);
    let middle = glide.at(GLIDE_S / 2.0);
    assert!((middle.azimuth_deg.abs() - 180.0).abs() < 1e-9);
    assert!((middle.distance_mm - 300.0).abs() < 1e-9);
}

#[test]
fn framing_points_is_as_tight_as_can_be() {
    let points = [[-30.0, -80.0, 5.0], [60.0, 10.0, 40.0], [10.0, 90.0, -50.0], [0.0, -20.0, 88.0]].map(Point3::from);
    for (azimuth_deg, elevation_deg) in [(0.0, 0.0), (-70.0, 35.0), (180.0, 90.0)] {
        let camera = Camera { azimuth_deg, elevation_deg, ..Camera::default() }.framed_around(points, SIZE);
        let seen = points.map(|p| camera.pixel(&p, SIZE).unwrap().0);
        let share = |axis: usize, half: f64| {
            let values = seen.map(|p| (p[axis] - half) / half);
            (values.iter().copied().fold(f64::INFINITY, f64::min), values.iter().copied().fold(-1.0, f64::max))
        };
        let (x, y) = (share(0, 400.0), share(1, 300.0));
        let limit = 1.0 - FRAME_MARGIN;
        assert!(x.0 >= -limit - 1e-9 && x.1 <= limit + 1e-9 && y.0 >= -limit - 1e-9 && y.1 <= limit + 1e-9);
        let touches = |r: (f64, f64)| (r.0 + limit).abs() < 1e-9 && (r.1 - limit).abs() < 1e-9;
        assert!(touches(x) || touches(y), "{x:?} {y:?}");
    }
    let camera = Camera::default();
    assert_eq!(camera.framed_around([], SIZE), camera);
}
