// Ambient occlusion from the depth of the opaque surfaces (M. McGuire et al., Scalable Ambient Obscurance, 2012).
// DEPTH_TEXTURE is replaced by the texture type of the sample count.
@group(1) @binding(0) var depths: DEPTH_TEXTURE;

const RADIUS_MM: f32 = 16.0;
// Over which the surface's slope is taken, and how high a step may be that shades nothing.
const SLOPE_MM: f32 = 2.0;
const STEP_MM: f32 = 0.7;
const SAMPLES: u32 = 20u;
const STRENGTH_MM: f32 = 6.0;

@vertex
fn vs_ambient(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    return covering(index);
}

fn depth_at(pixel: vec2<i32>) -> f32 {
    let inside = clamp(pixel, vec2<i32>(0), vec2<i32>(frame.size.xy) - vec2<i32>(1));
    return textureLoad(depths, inside, 0);
}

// Distance in front of the eye, mm.
fn distance_of(depth: f32) -> f32 {
    return frame.projection[3][2] / (depth + frame.projection[2][2]);
}

fn position_at(pixel: vec2<i32>) -> vec3<f32> {
    let d = -distance_of(depth_at(pixel));
    let ndc = (vec2<f32>(pixel) + 0.5) * frame.size.zw * 2.0 - 1.0;
    return vec3<f32>(-ndc.x * frame.tangent.x * d, ndc.y * frame.tangent.y * d, d);
}

// Of the two differences to the neighbours the shorter one lies on the same surface.
fn shorter(a: vec3<f32>, b: vec3<f32>) -> vec3<f32> {
    return select(b, a, abs(a.z) < abs(b.z));
}

@fragment
fn fs_ambient(@builtin(position) place: vec4<f32>) -> @location(0) vec4<f32> {
    let pixel = vec2<i32>(place.xy);
    if depth_at(pixel) >= 1.0 {
        return vec4<f32>(1.0);
    }
    let p = position_at(pixel);
    let px_a_mm = 0.5 * frame.size.y / (frame.tangent.y * -p.z);
    // The slope over some mm, so that the steps of voxels do not shade each other.
    let base = clamp(i32(round(SLOPE_MM * px_a_mm)), 1, 12);
    let x = vec2<i32>(base, 0);
    let y = vec2<i32>(0, base);
    let dx = shorter(position_at(pixel + x) - p, p - position_at(pixel - x));
    let dy = shorter(position_at(pixel + y) - p, p - position_at(pixel - y));
    let normal = normalize(cross(dy, dx));
    let reach_px = clamp(RADIUS_MM * px_a_mm, 3.0, 160.0);
    // The turn repeats every 4 × 4 pixels, so that the blur of that size removes it.
    let cell = vec2<f32>(pixel % vec2<i32>(4));
    let turn = gradient_noise(cell * 7.31 + 3.0) * 6.2831853;
    var sum = 0.0;
    for (var i = 0u; i < SAMPLES; i++) {
        let t = (f32(i) + 0.5) / f32(SAMPLES);
        let angle = f32(i) * 2.3999632 + turn;
        let offset = vec2<f32>(cos(angle), sin(angle)) * sqrt(t) * reach_px;
        let other = pixel + vec2<i32>(round(offset));
        if depth_at(other) >= 1.0 {
            continue;
        }
        let v = position_at(other) - p;
        let squared = dot(v, v);
        let f = max(RADIUS_MM * RADIUS_MM - squared, 0.0);
        let height = dot(v, normal) - STEP_MM;
        sum += f * f * f * max(height / (squared + 1.0), 0.0);
    }
    let r3 = RADIUS_MM * RADIUS_MM * RADIUS_MM;
    let light = max(0.0, 1.0 - sum * 5.0 * STRENGTH_MM / (r3 * r3 * f32(SAMPLES)));
    return vec4<f32>(light);
}
